//! Values: the text that a label announces.

use vision::geometry::Quad;

use super::label::{Label, Labels};
use super::page::{Line, Page};
use super::vocabulary::Kind;

/// How far below its label a value may stand, in heights of the higher of the two.
const MOST_BELOW: f32 = 3.2;

/// How many times as high as its label a value may be: stamps and other large print are higher.
const MOST_HIGHER: f32 = 4.0;

/// How far right of its label a value may stand, in heights.
const MOST_RIGHT: f32 = 20.0;

/// How far below each other lines of one value may stand, in heights.
const MOST_LEADING: f32 = 2.2;

/// Lines that one value may have.
const MOST_LINES: usize = 3;

/// Length of a short value with the margins around it, and how much of it is before where its label begins, in heights.
const SHORT: f32 = 3.0;
const BEFORE: f32 = 0.4;

/// Part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Place of the line among those of the page.
    pub(super) line: usize,
    /// Its characters, from and to before.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Where the value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// In the line of the label.
    Behind,
    Below,
    Right,
}

/// A text that may be the value of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) direction: Direction,
    /// From top to bottom; at least one.
    pub(super) parts: Vec<Part>,
}

/// The texts that the label may announce.
pub(super) fn values(page: &Page, labels: &Labels, label: &Label) -> Vec<Value> {
    let Some(line) = page.lines.get(label.line) else {
        return Vec::new();
    };
    let all = [
        behind(line, labels, label),
        below(page, labels, label, line),
        right(page, labels, label, line),
    ];
    all.into_iter().flatten().collect()
}

/// Where a short value must stand by the first label of a kind, if none of the lines does: as high as the nearest value below the
/// labels of its row. `None` without such a value.
pub(super) fn unread(page: &Page, kind: Kind) -> Option<Quad> {
    let labels = Labels::of(page);
    let label = labels.of_kind(kind).next()?;
    let line = page.lines.get(label.line)?;
    if below(page, &labels, label, line).is_some() {
        return None;
    }
    let end = row_end(page, &labels, label, line);
    let is_below =
        |other: &Line| (0.4..MOST_BELOW).contains(&((other.down - line.down) / line.height.max(other.height)));
    let others = page.lines.iter().enumerate();
    let below = others.filter(|(number, other)| !labels.is_label(*number) && is_below(other));
    let (_, nearest) = below.min_by(|(_, a), (_, b)| {
        let distance = |other: &Line| other.down - line.down + 0.1 * (other.start - label.start).abs();
        distance(a).total_cmp(&distance(b))
    })?;
    let height = nearest.height;
    let start = label.start - BEFORE * height;
    let length = (SHORT * height).min(end - start - BEFORE * height);
    Some(nearest.part(start, length))
}

/// What stands between the label and the next one on its line.
fn behind(line: &Line, labels: &Labels, label: &Label) -> Option<Value> {
    let next = labels
        .on_line(label.line)
        .map(|other| other.from)
        .filter(|from| *from >= label.to)
        .min();
    let part = Part {
        line: label.line,
        from: label.to,
        to: next.unwrap_or(line.chars.len()),
    };
    let chars = line.chars.get(part.from..part.to)?;
    let has_text = chars.iter().any(|char| char.best.character.is_alphanumeric());
    has_text.then(|| Value {
        direction: Direction::Behind,
        parts: vec![part],
    })
}

fn below(page: &Page, labels: &Labels, label: &Label, line: &Line) -> Option<Value> {
    let mut parts: Vec<Part> = Vec::new();
    let mut above = line;
    let limit = row_end(page, labels, label, line);
    // How far a part begins from where the label does.
    let aside = |part: &Part| {
        let line = page.lines.get(part.line);
        line.map_or(f32::INFINITY, |line| (line.place(part.from) - label.start).abs())
    };
    for (number, candidate) in page.lines.iter().enumerate() {
        let height = above.height.max(candidate.height);
        let gap = candidate.down - above.down;
        let reach = if parts.is_empty() { MOST_BELOW } else { MOST_LEADING };
        let is_beside = candidate.end < label.start || candidate.start > label.end.min(limit);
        if is_beside || candidate.height > MOST_HIGHER * line.height {
            continue;
        }
        if gap < 0.4 * height {
            // Of texts beside each other the one that begins about where the label does is its value.
            if let ([first], false) = (parts.as_mut_slice(), labels.is_label(number))
                && candidate.is_level_with(above)
                && let Some(part) = clipped(candidate, number, label.start - 2.5 * height, limit)
                && aside(&part) < aside(first)
            {
                (*first, above) = (part, candidate);
            }
            continue;
        }
        if gap > reach * height {
            break;
        }
        if labels.is_label(number) {
            let same = labels.on_line(number).any(|other| other.kind == label.kind);
            if same && parts.is_empty() {
                above = candidate;
                continue;
            }
            break;
        }
        let Some(part) = clipped(candidate, number, label.start - 2.5 * height, limit) else {
            continue;
        };
        parts.push(part);
        above = candidate;
        if parts.len() == MOST_LINES {
            break;
        }
    }
    (!parts.is_empty()).then_some(Value {
        direction: Direction::Below,
        parts,
    })
}

/// Where the next label of the row begins.
fn row_end(page: &Page, labels: &Labels, label: &Label, line: &Line) -> f32 {
    let level = |other: &&Label| {
        page.lines
            .get(other.line)
            .is_some_and(|other| other.is_level_with(line))
    };
    let starts = labels.all.iter().filter(level).map(|other| other.start);
    starts.filter(|start| *start >= label.end).fold(f32::INFINITY, f32::min)
}

/// The words of a line that begin between two places.
fn clipped(line: &Line, number: usize, start: f32, end: f32) -> Option<Part> {
    let chars = &line.chars;
    let is_text = |at: usize| chars.get(at).is_some_and(|char| char.best.character != ' ');
    let mut words = (0..chars.len()).filter(|&at| is_text(at) && (at == 0 || !is_text(at - 1)));
    let from = words.by_ref().find(|&at| line.place(at) >= start)?;
    // The next column begins about where its label does.
    let to = words.find(|&at| line.place(at) >= end - 0.5 * line.height);
    let inside = line.place(from) < end - 0.5 * line.height;
    inside.then_some(Part {
        line: number,
        from,
        to: to.unwrap_or(chars.len()),
    })
}

fn right(page: &Page, labels: &Labels, label: &Label, line: &Line) -> Option<Value> {
    let (number, candidate) = page
        .lines
        .iter()
        .enumerate()
        .filter(|(number, other)| *number != label.line && other.is_level_with(line))
        .filter(|(_, other)| other.height <= MOST_HIGHER * line.height)
        .filter(|(_, other)| (-0.5..MOST_RIGHT).contains(&((other.start - line.end) / line.height)))
        .min_by(|(_, a), (_, b)| a.start.total_cmp(&b.start))?;
    let is_last = labels.on_line(label.line).all(|other| other.to <= label.to);
    (is_last && !labels.is_label(number)).then(|| Value {
        direction: Direction::Right,
        parts: vec![Part {
            line: number,
            from: 0,
            to: candidate.chars.len(),
        }],
    })
}
