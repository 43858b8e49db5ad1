//! What may stand at each position after what stood before: the layout of a format, the shape of names, and check digits.

use super::belief::symbols;
use super::check_digit::{value, weight};
use super::layout::{Class, FieldKind, Format};

/// A symbol that the standard does not have at this position, but that may have been printed there nevertheless.
const UNGRAMMATICAL: f32 = 9.0;
/// A digit that no month or day begins with: printed only by mistake.
const IMPOSSIBLE_DATE: f32 = 3.0;
/// A letter after fillers that should be the end of the name: the standard never prints one.
const AFTER_NAME: f32 = 40.0;
/// A name without given names.
const NO_GIVEN_NAMES: f32 = 3.0;
/// A document code or state that begins with a rare symbol, and a number that continues in the optional data.
const RARE: f32 = 3.0;
/// The first check digit that is printed wrong: on one document in a hundred, specimens and forgeries among them, with nine wrong digits
/// to choose from.
const MISPRINT: f32 = 6.8;
/// A further digit printed wrong, and one printed right, on a document that has a wrong one: specimens mostly have several.
const MISPRINT_AGAIN: f32 = 2.9;
const RIGHT_AGAIN: f32 = 0.7;

/// Where a path stands inside a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing to remember, or the start of a name.
    Plain,
    /// Name: in the surname; after one filler in it; after the two that end it.
    Surname,
    SurnameGap,
    Separator,
    /// Name: in the given names; after one filler in them; in the fillers at the end.
    Given,
    GivenGap,
    Trailing,
    /// TD1: the number continues in the optional data; its check digit was read there.
    Long,
    LongChecked,
}

impl Mode {
    const ALL: [Self; 9] = [
        Self::Plain,
        Self::Surname,
        Self::SurnameGap,
        Self::Separator,
        Self::Given,
        Self::GivenGap,
        Self::Trailing,
        Self::Long,
        Self::LongChecked,
    ];
}

/// What a path must remember of what stood before.
#[derive(Clone, Copy)]
pub(super) struct State {
    mode: Mode,
    /// Running sum of the current field, modulo 10.
    own: u8,
    /// Running sum of the composite check digit, modulo 10.
    composite: u8,
    /// A check digit was printed wrong.
    misprinted: bool,
}

impl State {
    /// How many there are.
    pub(super) const COUNT: usize = Mode::ALL.len() * 200;

    /// A number below [`State::COUNT`].
    pub(super) fn index(self) -> usize {
        let sums = (self.mode as usize * 10 + usize::from(self.own)) * 10 + usize::from(self.composite);
        sums * 2 + usize::from(self.misprinted)
    }

    /// The state of this number.
    pub(super) fn at(index: usize) -> Option<Self> {
        Some(Self {
            mode: *Mode::ALL.get(index / 200)?,
            own: (index / 20 % 10) as u8,
            composite: (index / 2 % 10) as u8,
            misprinted: index % 2 == 1,
        })
    }
}

/// Where every path starts.
pub(super) const START: State = State {
    mode: Mode::Plain,
    own: 0,
    composite: 0,
    misprinted: false,
};

/// One position of a format.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    format: Format,
    kind: FieldKind,
    pub(super) class: Class,
    /// Position in the field.
    offset: usize,
    /// Weight in the composite sum.
    composite: Option<u32>,
    /// Sum over all symbols of what each costs, as a prior.
    priors: f64,
}

/// Up to two states in which a path may go on, with what each costs beside the symbol.
pub(super) type Steps = [Option<(State, f32)>; 2];

const NOWHERE: Steps = [None; 2];

fn only(state: State) -> Steps {
    [Some((state, 0.0)), None]
}

impl Slot {
    /// What a symbol costs at a position before anything was read; `None` where it cannot stand.
    pub(super) fn cost(&self, symbol: u8) -> Option<f32> {
        let expected = self.class.allows(symbol);
        match (self.kind, self.offset) {
            (FieldKind::DocumentCode, 0) => match (self.format, symbol) {
                (Format::MrvA | Format::MrvB, b'V') => Some(0.0),
                (Format::MrvA | Format::MrvB, _) | (_, b'V' | b'<') => None,
                (Format::Td3, b'P') => Some(0.0),
                (Format::Td1 | Format::Td2, b'I' | b'A' | b'C') => Some(0.0),
                (Format::Td1 | Format::Td2, b'P') => Some(UNGRAMMATICAL),
                _ if expected => Some(RARE),
                _ => None,
            },
            (FieldKind::IssuingState | FieldKind::Nationality, 0) if symbol == b'<' => Some(RARE),
            // What was printed wrong is stated, not made right.
            _ if self.class == Class::Letters => Some(if expected { 0.0 } else { UNGRAMMATICAL }),
            // No month begins with 2, no day with 4.
            (FieldKind::BirthDate | FieldKind::ExpiryDate, 2) if (b'2'..=b'9').contains(&symbol) => {
                Some(IMPOSSIBLE_DATE)
            }
            (FieldKind::BirthDate | FieldKind::ExpiryDate, 4) if (b'4'..=b'9').contains(&symbol) => {
                Some(IMPOSSIBLE_DATE)
            }
            (FieldKind::NumberCheck, _) if symbol == b'<' => {
                matches!(self.format, Format::Td1 | Format::Td2).then_some(RARE)
            }
            (FieldKind::OptionalCheck, _) if symbol == b'<' => Some(0.0),
            (FieldKind::Sex, _) if symbol == b'X' => Some(RARE),
            _ => expected.then_some(0.0),
        }
    }

    /// How likely a symbol is at a position where nothing was seen, by what it costs; in a name, where it `is_open` what stands there, a
    /// filler is as likely as all letters together, so that a hidden stretch speaks neither for long words nor, but for 2 to 1 at each
    /// position, for fillers. Adds up to 1.
    pub(super) fn unseen(&self, symbol: u8, is_open: bool) -> f64 {
        match (self.kind, symbol) {
            (FieldKind::Name, b'<') if is_open => 0.5,
            (FieldKind::Name, _) if is_open => 0.5 * self.prior(symbol) / (self.priors - self.prior(b'<')),
            _ => self.prior(symbol) / self.priors,
        }
    }

    fn prior(&self, symbol: u8) -> f64 {
        self.cost(symbol).map_or(0.0, |cost| f64::from(-cost).exp())
    }

    /// Symbols with the same number lead from each state to the same others.
    pub(super) fn transition(&self, symbol: u8) -> Option<u32> {
        let filler = u32::from(symbol == b'<');
        match self.kind {
            FieldKind::Name => Some(filler),
            FieldKind::DocumentCode | FieldKind::IssuingState | FieldKind::Nationality | FieldKind::Sex => Some(0),
            // By what they add to the sums, and whether they may be a check digit.
            _ => Some((value(symbol)? % 10 * 2 + u32::from(symbol.is_ascii_digit())) * 2 + filler),
        }
    }

    /// Where a path goes on after a symbol here. A check digit that is not that of what stood before is a misprint.
    pub(super) fn step(&self, mut state: State, symbol: u8) -> Steps {
        if self.offset == 0 {
            let continues = self.kind == FieldKind::Optional;
            state.mode = match state.mode {
                Mode::Long if continues => Mode::Long,
                // A number that began to continue must have ended with the field.
                Mode::Long => return NOWHERE,
                _ => Mode::Plain,
            };
        }
        if self.kind == FieldKind::Name {
            let (mode, cost) = name_step(state.mode, symbol);
            return [Some((State { mode, ..state }, cost)), None];
        }
        let Some(number) = value(symbol) else { return NOWHERE };
        let before = state;
        if let Some(weight) = self.composite {
            state.composite = added(before.composite, number * weight);
        }
        let is = |sum: u8| symbol == b'0' + sum;
        let holds = match self.kind {
            FieldKind::CompositeCheck => is(before.composite),
            // TD2 keeps the rest of a long number after three other fields: it is left to the composite check digit.
            FieldKind::NumberCheck if symbol == b'<' && self.format == Format::Td1 => {
                state.mode = Mode::Long;
                return only(state);
            }
            FieldKind::NumberCheck if symbol == b'<' => true,
            FieldKind::OptionalCheck if symbol == b'<' => before.own == 0,
            FieldKind::NumberCheck | FieldKind::BirthCheck | FieldKind::ExpiryCheck | FieldKind::OptionalCheck => {
                is(before.own)
            }
            FieldKind::Number | FieldKind::BirthDate | FieldKind::ExpiryDate => {
                state.own = added(
                    if self.offset == 0 { 0 } else { before.own },
                    number * weight(self.offset),
                );
                return only(state);
            }
            FieldKind::Optional => return self.optional(state, symbol, number),
            FieldKind::DocumentCode
            | FieldKind::IssuingState
            | FieldKind::Name
            | FieldKind::Nationality
            | FieldKind::Sex
            | FieldKind::SecondOptional => return only(state),
        };
        let cost = match (holds, state.misprinted) {
            (true, false) => 0.0,
            (true, true) => RIGHT_AGAIN,
            (false, false) => MISPRINT,
            (false, true) => MISPRINT_AGAIN,
        };
        let misprinted = state.misprinted || !holds;
        [
            Some((
                State {
                    own: 0,
                    misprinted,
                    ..state
                },
                cost,
            )),
            None,
        ]
    }

    /// The optional data: where a long number goes on, followed by its check digit and a filler (9303-5 §4.2.2.1 note j).
    fn optional(&self, mut state: State, symbol: u8, number: u32) -> Steps {
        match state.mode {
            Mode::Long if symbol == b'<' => NOWHERE,
            Mode::Long => {
                let checked = State {
                    mode: Mode::LongChecked,
                    own: 0,
                    ..state
                };
                let is_check_digit = self.offset > 0 && symbol == b'0' + state.own;
                state.own = added(state.own, number * weight(LONG_NUMBER_STARTS + self.offset));
                [Some((state, 0.0)), is_check_digit.then_some((checked, 0.0))]
            }
            Mode::LongChecked if symbol != b'<' => NOWHERE,
            Mode::LongChecked => only(State {
                mode: Mode::Plain,
                ..state
            }),
            // Only TD3 has a check digit over its optional data.
            _ if self.format == Format::Td3 => {
                state.own = added(state.own, number * weight(self.offset));
                only(state)
            }
            _ => only(state),
        }
    }
}

/// A running sum modulo 10.
fn added(sum: u8, more: u32) -> u8 {
    u8::try_from((u32::from(sum) + more) % 10).unwrap_or_default()
}

/// Where a long number goes on: after the nine symbols of its own field.
const LONG_NUMBER_STARTS: usize = 9;

/// Surname words, two fillers, given names, fillers to the end (9303-3 §4.6).
fn name_step(mode: Mode, symbol: u8) -> (Mode, f32) {
    let filler = symbol == b'<';
    match mode {
        Mode::Plain if filler => (Mode::Plain, RARE),
        Mode::Surname if filler => (Mode::SurnameGap, 0.0),
        Mode::SurnameGap if filler => (Mode::Separator, 0.0),
        Mode::Separator if filler => (Mode::Trailing, NO_GIVEN_NAMES),
        Mode::Given if filler => (Mode::GivenGap, 0.0),
        Mode::GivenGap | Mode::Trailing if filler => (Mode::Trailing, 0.0),
        Mode::Plain | Mode::Surname | Mode::SurnameGap => (Mode::Surname, 0.0),
        Mode::Separator | Mode::Given | Mode::GivenGap => (Mode::Given, 0.0),
        _ => (Mode::Given, AFTER_NAME),
    }
}

/// The positions of a format in reading order.
pub(super) fn slots(format: Format) -> Vec<Slot> {
    let mut covered = 0;
    let mut slots = Vec::new();
    for field in format.fields() {
        for offset in 0..field.end - field.start {
            let composite = field.in_composite().then(|| weight(covered));
            covered += usize::from(field.in_composite());
            let mut slot = Slot {
                format,
                kind: field.kind,
                class: field.class(),
                offset,
                composite,
                priors: 0.0,
            };
            slot.priors = symbols().map(|symbol| slot.prior(symbol)).sum();
            slots.push(slot);
        }
    }
    slots
}
