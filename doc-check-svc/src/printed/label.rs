//! Labels: where a page says what a field is.

use std::sync::LazyLock;

use vision::text::TextLine;

use super::page::Page;
use super::pattern::{Hit, Letter, Pattern, letters};
use super::vocabulary::{Kind, LABELS};

/// A line is a label, not a value, if labels make up this share of its letters.
const LABEL_SHARE: f32 = 0.3;

/// A label on a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) kind: Kind,
    /// Place of its line among those of the page.
    pub(super) line: usize,
    /// Its characters, from and to before.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where it is along the text.
    pub(super) start: f32,
    pub(super) end: f32,
}

/// The labels of a page, and which lines are such rather than values.
pub(super) struct Labels {
    pub(super) all: Vec<Label>,
    is_label: Vec<bool>,
}

impl Labels {
    pub(super) fn of(page: &Page) -> Self {
        let mut all = Vec::new();
        let mut is_label = Vec::with_capacity(page.lines.len());
        for (number, line) in page.lines.iter().enumerate() {
            let letters = letters(&line.chars);
            let hits = hits(&letters);
            let covered: usize = hits.iter().map(|(_, hit)| hit.to - hit.from).sum();
            is_label.push(covered as f32 > LABEL_SHARE * letters.len() as f32);
            let char = |at: usize| letters.get(at).map_or(0, |letter| letter.char);
            let hits = joined(hits);
            for (at, (kind, hit)) in hits.iter().enumerate() {
                let (from, to) = (char(hit.from), char(hit.to - 1) + 1);
                // What stands before and behind is the label in other languages.
                let before = at.checked_sub(1).and_then(|at| hits.get(at));
                let start = before.map_or(line.start, |_| line.place(from));
                let end = hits
                    .get(at + 1)
                    .map_or(line.end, |(_, next)| line.place(char(next.from)));
                all.push(Label {
                    kind: *kind,
                    line: number,
                    from,
                    to,
                    start,
                    end,
                });
            }
        }
        Self { all, is_label }
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Label> {
        self.all.iter().filter(move |label| label.kind == kind)
    }

    /// The line is a label.
    pub(super) fn is_label(&self, line: usize) -> bool {
        self.is_label.get(line).copied().unwrap_or(false)
    }

    pub(super) fn on_line(&self, line: usize) -> impl Iterator<Item = &Label> {
        self.all.iter().filter(move |label| label.line == line)
    }
}

/// A line by itself is a label.
pub(super) fn is_label(line: &TextLine) -> bool {
    let page = Page::of(std::slice::from_ref(line));
    Labels::of(&page).is_label(0)
}

/// All labels, prepared once.
static PATTERNS: LazyLock<Vec<(Kind, Pattern)>> = LazyLock::new(|| {
    let of_kind = |(kind, labels): &(Kind, &'static [&'static str])| {
        let kind = *kind;
        labels.iter().map(move |label| (kind, Pattern::of(label)))
    };
    LABELS.iter().flat_map(of_kind).collect()
});

/// Labels that do not overlap, the one with the most letters read right first taken, in their order.
fn hits(letters: &[Letter]) -> Vec<(Kind, Hit)> {
    let found = PATTERNS
        .iter()
        .filter_map(|(kind, label)| Some((*kind, label.find(letters)?)));
    let mut found: Vec<(Kind, Hit)> = found.collect();
    found.sort_by_key(|(_, hit)| hit.right());
    let mut kept: Vec<(Kind, Hit)> = Vec::new();
    for (kind, hit) in found.into_iter().rev() {
        if !kept.iter().any(|(_, other)| hit.overlaps(other)) {
            kept.push((kind, hit));
        }
    }
    kept.sort_by_key(|(_, hit)| hit.from);
    kept
}

/// One label for several words, or languages, that say the same.
fn joined(hits: Vec<(Kind, Hit)>) -> Vec<(Kind, Hit)> {
    let has = |wanted| hits.iter().any(|(kind, _)| *kind == wanted);
    let names = match (has(Kind::OtherName), has(Kind::Surname), has(Kind::GivenNames)) {
        (true, ..) => Kind::OtherName,
        (_, true, true) => Kind::Name,
        (_, true, false) => Kind::Surname,
        (_, false, true) => Kind::GivenNames,
        _ => Kind::Name,
    };
    let mut joined: Vec<(Kind, Hit)> = Vec::new();
    for (mut kind, hit) in hits {
        if matches!(kind, Kind::Surname | Kind::GivenNames | Kind::Name) {
            kind = names;
        }
        match joined.last_mut().filter(|(last, _)| *last == kind) {
            Some((_, last)) => last.to = hit.to,
            None => joined.push((kind, hit)),
        }
    }
    joined
}
