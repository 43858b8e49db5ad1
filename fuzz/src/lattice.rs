//! The posterior over zones. The input is a zone as it was seen, with any other symbol (a `?`) where nothing was; after an empty
//! line, what else was seen at single positions, counted from 0 over all lines:
//!
//! ```text
//! P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
//! L8989??C36UTO7408122F1204159ZE184226B<<<<<10
//!
//! 46 B 40
//! 47 ~ 5
//! 48 + 0
//! ```
//!
//! Position 46 was also read as B, with 40 parts to the 100 of its symbol; at 47 another symbol was printed with a probability of
//! 5 %; the print says that there is a 0 at 48.

use doc_check_svc::mrz::{
    Belief, Class, Field, FieldKind, FieldPosterior, Format, Mrz, Posterior, SYMBOLS, Shape, compose, index,
};

use crate::{TODAY, zone};

/// Doubt about sharp print, as the reader has it.
const DOUBT: f32 = 5e-5;
/// Doubt about the print, as the reader has it.
const PRINT_DOUBT: f32 = 2e-3;
/// By how much logarithms of likelihoods may differ that are the same but for the order of their sums.
const ROUNDING: f64 = 1e-3;
/// Single positions that are looked at.
const MOST_NOTES: usize = 16;

/// Probabilities are such, lines are zones of their format, sums over all zones agree with each other, and what was seen sharply
/// stands.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let zone: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).take(3).collect();
    let shape = match zone.as_slice() {
        [_, _, _] => Format::Td1.shape(),
        [first, ..] if first.len() > Format::Td2.line_length() => Format::Td3.shape(),
        _ => Format::Td2.shape(),
    };
    let notes: Vec<Note> = lines.filter_map(Note::of).take(MOST_NOTES).collect();
    let seen: Vec<Seen> = (0..shape.lines * shape.length)
        .map(|at| {
            let line = zone.get(at / shape.length).map_or("", |line| line);
            let symbol = line.as_bytes().get(at % shape.length).copied();
            let notes = notes.iter().filter(|note| note.at == at);
            notes.fold(Seen::sharply(symbol.unwrap_or(b'?')), Seen::and)
        })
        .collect();
    let beliefs: Vec<Belief> = seen.iter().map(Seen::belief).collect();
    let posterior = Posterior::of(shape, &beliefs).expect("doubt leaves some zone possible");
    possible(&posterior, shape, &beliefs);
    let field = posterior.format.fields().iter().cycle().nth(input.len());
    if let Some(field) = field {
        summed(&posterior, shape, &seen, field);
    }
    if let Some(note) = notes.first() {
        mixed(shape, seen, note.at);
    } else if is_whole(&zone) {
        assert_eq!(posterior.lines, zone, "what was seen sharply stands");
    }
}

/// What was seen at one position.
#[derive(Clone)]
struct Seen {
    weights: [f32; SYMBOLS],
    doubt: f32,
    print: Option<u8>,
}

impl Seen {
    fn sharply(symbol: u8) -> Self {
        let mut weights = [0.0; SYMBOLS];
        index(symbol).into_iter().for_each(|index| weights[index] = 1.0);
        Self {
            weights,
            doubt: DOUBT,
            print: None,
        }
    }

    fn and(mut self, note: &Note) -> Self {
        match note.what {
            What::Also { index, weight } => self.weights[index] += weight,
            What::Doubt(doubt) => self.doubt = doubt.max(DOUBT),
            What::Print(symbol) => self.print = Some(symbol),
        }
        self
    }

    /// Nothing says what stands there.
    fn is_open(&self) -> bool {
        self.weights.iter().all(|weight| *weight == 0.0) && self.print.is_none()
    }

    fn belief(&self) -> Belief {
        let sum: f32 = self.weights.iter().sum();
        let belief = if sum > 0.0 {
            Belief::read(&self.weights.map(|weight| weight / sum), self.doubt)
        } else {
            Belief::UNKNOWN
        };
        self.print
            .map_or(belief.clone(), |symbol| belief.with_print(symbol, None, PRINT_DOUBT))
    }
}

/// A line about one position.
struct Note {
    at: usize,
    what: What,
}

enum What {
    Also { index: usize, weight: f32 },
    Doubt(f32),
    Print(u8),
}

impl Note {
    fn of(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (at, what, value) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let percent = || {
            value
                .parse::<u8>()
                .ok()
                .map(|percent| f32::from(percent.min(100)) / 100.0)
        };
        let what = match what.as_bytes() {
            b"~" => What::Doubt(percent()?),
            b"+" => What::Print(value.bytes().next().filter(|symbol| index(*symbol).is_some())?),
            [symbol] => What::Also {
                index: index(*symbol)?,
                weight: percent()?,
            },
            _ => return None,
        };
        Some(Self { at, what })
    }
}

/// The lines are a zone of the format, and the figures such as they can be.
fn possible(posterior: &Posterior, shape: Shape, beliefs: &[Belief]) {
    let mrz = Mrz::parse(&posterior.lines, TODAY).expect("the lines are a zone");
    assert!(mrz.format == posterior.format && posterior.format.shape() == shape);
    let fields = posterior.format.fields();
    assert!(
        posterior
            .fields
            .iter()
            .map(|field| field.kind)
            .eq(fields.iter().map(|field| field.kind))
    );
    let symbols = posterior.lines.concat();
    for (
        field,
        FieldPosterior {
            probability,
            unseen,
            repaired,
            ..
        },
    ) in fields.iter().zip(&posterior.fields)
    {
        assert!(
            (0.0..=1.0 + ROUNDING).contains(probability),
            "{:?}: {probability}",
            field.kind
        );
        let places = range(posterior.format, field);
        let text = &symbols.as_bytes()[places.clone()];
        let hidden = beliefs[places]
            .iter()
            .filter(|belief| belief.symbol().is_none())
            .count();
        assert!(*unseen == hidden && repaired + unseen <= text.len());
        // Letters that are none are reported, not made right.
        let may_be_filler = matches!(field.kind, FieldKind::NumberCheck | FieldKind::OptionalCheck);
        let fits = |symbol: &u8| field.class().allows(*symbol) || (*symbol == b'<' && may_be_filler);
        assert!(
            field.class() == Class::Letters || text.iter().all(fits),
            "{:?}",
            field.kind
        );
    }
    assert!((0.0..=1.0 + ROUNDING).contains(&posterior.probability()));
    assert!(posterior.evidence.log_ratio.is_finite() && posterior.evidence.fit().is_finite());
    assert_eq!(
        posterior.evidence.seen,
        beliefs.iter().filter(|belief| belief.symbol().is_some()).count()
    );
}

/// The probability of a field is the share of the zones that have it, among all: what is left of the evidence when every other
/// symbol is impossible there.
fn summed(posterior: &Posterior, shape: Shape, seen: &[Seen], field: &Field) {
    // Codes of states have a prior of their own.
    if matches!(field.kind, FieldKind::IssuingState | FieldKind::Nationality) {
        return;
    }
    let symbols = posterior.lines.concat();
    // Print with these leaves two symbols possible.
    let own = &symbols[range(posterior.format, field)];
    if own.contains(['0', 'O', '1', 'I']) {
        return;
    }
    let mut only: Vec<Belief> = seen.iter().map(Seen::belief).collect();
    let mut prior = 1.0;
    for at in range(posterior.format, field) {
        only[at] = only[at].with_print(symbols.as_bytes()[at], None, 0.0);
        if field.kind == FieldKind::Name && seen[at].is_open() {
            prior *= open_to_printed(symbols.as_bytes()[at]);
        }
    }
    let only = Posterior::of(shape, &only).expect("its own lines are possible");
    if only.format == posterior.format {
        let share = prior * (only.evidence.log_ratio - posterior.evidence.log_ratio).exp();
        let stated = posterior.field(field.kind).expect("the format has it").probability;
        // A passport's zone may be a visa's, which takes a share of at most a half.
        let least = if shape == Format::Td1.shape() {
            share
        } else {
            share / 2.0
        };
        assert!(
            (least - ROUNDING..=share + ROUNDING).contains(&stated),
            "{:?}: {stated}, {share}",
            field.kind
        );
    }
}

/// How many times likelier a symbol of a name is before anything is known of its position than where print speaks of it: a filler is as
/// likely as all letters together instead of as each.
fn open_to_printed(symbol: u8) -> f64 {
    let digits = 10.0 * (-9.0f64).exp();
    let (letters, all) = (26.0 + digits, 27.0 + digits);
    if symbol == b'<' {
        all / 2.0
    } else {
        all / (2.0 * letters)
    }
}

/// The evidence of a mixture is the mixture of the evidences: the sums over all zones are linear in what was seen at a position.
fn mixed(shape: Shape, mut seen: Vec<Seen>, at: usize) {
    let Some(symbols) = seen.get(at).map(|seen| seen.weights) else {
        return;
    };
    let mut with = |weights: [f32; SYMBOLS]| {
        seen[at].weights = weights;
        let beliefs: Vec<Belief> = seen.iter().map(Seen::belief).collect();
        Posterior::of(shape, &beliefs).expect("doubt leaves some zone possible")
    };
    let sum: f32 = symbols.iter().sum();
    if sum > 0.0 {
        let other = Seen::sharply(b'0' + (at % 10) as u8).weights;
        let [one, two] = [symbols.map(|weight| weight / sum), other];
        let mut both = [0.0; SYMBOLS];
        both.iter_mut()
            .zip(one.iter().zip(&two))
            .for_each(|(both, (one, two))| *both = (one + two) / 2.0);
        let [one, two, both] = [one, two, both].map(&mut with);
        if one.format == both.format && two.format == both.format {
            let [one, two, both] = [one, two, both].map(|posterior| posterior.evidence.log_ratio);
            let mean = ((one - both).exp() + (two - both).exp()) / 2.0;
            assert!((mean - 1.0).abs() < ROUNDING, "{mean}");
        }
    }
}

/// Lines that say something whole, each symbol of it where it belongs.
fn is_whole(lines: &[&str]) -> bool {
    let Ok(mrz) = Mrz::parse(lines, TODAY) else {
        return false;
    };
    zone::said(&mrz).is_some_and(|fields| compose(&fields).is_ok_and(|again| again == lines))
}

fn range(format: Format, field: &Field) -> std::ops::Range<usize> {
    let start = field.line * format.line_length();
    start + field.start..start + field.end
}
