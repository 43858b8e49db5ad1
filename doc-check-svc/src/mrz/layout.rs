//! Where each field stands in each format, and which symbols the standard has there.
//!
//! Sources: ICAO Doc 9303 (8th edition) part 4 §4.2.2 (TD3), part 5 §4.2.2 (TD1), part 6 §4.2.2 (TD2), part 7 §4.2.2
//! (MRV-A) and §5.2.2 (MRV-B).

/// Size and arrangement of a machine-readable zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Card: three lines of 30 (9303-5).
    Td1,
    /// Card: two lines of 36 (9303-6).
    Td2,
    /// Passport: two lines of 44 (9303-4).
    Td3,
    /// Visa: two lines of 44 (9303-7).
    MrvA,
    /// Visa: two lines of 36 (9303-7).
    MrvB,
}

/// How many lines of how many symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Lines.
    pub lines: usize,
    /// Symbols in each.
    pub length: usize,
}

impl Shape {
    /// Of every format.
    pub const ALL: [Self; 3] = [Format::Td1.shape(), Format::Td2.shape(), Format::Td3.shape()];
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Td1, Self::Td2, Self::Td3, Self::MrvA, Self::MrvB];

    /// Number of lines.
    #[must_use]
    pub const fn lines(self) -> usize {
        match self {
            Self::Td1 => 3,
            Self::Td2 | Self::Td3 | Self::MrvA | Self::MrvB => 2,
        }
    }

    /// Symbols per line.
    #[must_use]
    pub const fn line_length(self) -> usize {
        match self {
            Self::Td1 => 30,
            Self::Td2 | Self::MrvB => 36,
            Self::Td3 | Self::MrvA => 44,
        }
    }

    /// Lines and symbols per line.
    #[must_use]
    pub const fn shape(self) -> Shape {
        Shape {
            lines: self.lines(),
            length: self.line_length(),
        }
    }

    /// The formats of a shape.
    pub(super) fn of_shape(shape: Shape) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |format| format.shape() == shape)
    }

    /// The format of lines of this shape; a visa's first symbol is V (9303-7 §4.2.2.1).
    #[must_use]
    pub fn of(lines: usize, length: usize, first: u8) -> Option<Self> {
        match (lines, length, first) {
            (3, 30, _) => Some(Self::Td1),
            (2, 36, b'V') => Some(Self::MrvB),
            (2, 36, _) => Some(Self::Td2),
            (2, 44, b'V') => Some(Self::MrvA),
            (2, 44, _) => Some(Self::Td3),
            _ => None,
        }
    }

    /// Its fields in reading order; together they cover every position once.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Td1 => TD1,
            Self::Td2 => TD2,
            Self::Td3 => TD3,
            Self::MrvA => MRV_A,
            Self::MrvB => MRV_B,
        }
    }

    /// The field of a kind, where the format has one.
    #[must_use]
    pub fn field(self, kind: FieldKind) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.kind == kind)
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// Kind of document: one letter and a second one or a filler.
    DocumentCode,
    /// Issuing state or organisation.
    IssuingState,
    /// Primary identifier, `<<`, secondary identifiers.
    Name,
    /// Document number.
    Number,
    /// Check digit over the number.
    NumberCheck,
    /// Nationality of the holder.
    Nationality,
    /// Date of birth, YYMMDD.
    BirthDate,
    /// Check digit over the date of birth.
    BirthCheck,
    /// F, M, or a filler.
    Sex,
    /// Date of expiry, YYMMDD.
    ExpiryDate,
    /// Check digit over the date of expiry.
    ExpiryCheck,
    /// Optional data at the issuing state's choice; TD3: personal number.
    Optional,
    /// Check digit over the optional data (TD3 only).
    OptionalCheck,
    /// Optional data in the middle line (TD1 only).
    SecondOptional,
    /// Check digit over the others and their check digits (not on visas).
    CompositeCheck,
}

/// Which symbols a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A to Z and the filler.
    Letters,
    /// 0 to 9.
    Digits,
    /// 0 to 9, or fillers for parts that are not known (9303-3 §4.8).
    Date,
    /// A to Z, 0 to 9 and the filler.
    Any,
    /// F, M, X and the filler.
    Sex,
}

impl Class {
    /// Whether the standard has this symbol in such a field.
    #[must_use]
    pub fn allows(self, symbol: u8) -> bool {
        match self {
            Self::Letters => matches!(symbol, b'A'..=b'Z' | b'<'),
            Self::Digits => symbol.is_ascii_digit(),
            Self::Date => matches!(symbol, b'0'..=b'9' | b'<'),
            Self::Any => matches!(symbol, b'A'..=b'Z' | b'0'..=b'9' | b'<'),
            Self::Sex => matches!(symbol, b'F' | b'M' | b'X' | b'<'),
        }
    }
}

/// One field of a format.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What it holds.
    pub kind: FieldKind,
    /// Line, from 0.
    pub line: usize,
    /// First position in the line, from 0.
    pub start: usize,
    /// Position after the last.
    pub end: usize,
}

impl Field {
    /// Which symbols it may hold. Check digit fields are digits here; the two that may be a filler are
    /// [`FieldKind::NumberCheck`] (long numbers) and [`FieldKind::OptionalCheck`] (no optional data).
    #[must_use]
    pub const fn class(&self) -> Class {
        match self.kind {
            FieldKind::DocumentCode | FieldKind::IssuingState | FieldKind::Name | FieldKind::Nationality => {
                Class::Letters
            }
            FieldKind::Number | FieldKind::Optional | FieldKind::SecondOptional => Class::Any,
            FieldKind::BirthDate | FieldKind::ExpiryDate => Class::Date,
            FieldKind::Sex => Class::Sex,
            FieldKind::NumberCheck
            | FieldKind::BirthCheck
            | FieldKind::ExpiryCheck
            | FieldKind::OptionalCheck
            | FieldKind::CompositeCheck => Class::Digits,
        }
    }

    /// Whether the composite check digit covers it.
    #[must_use]
    pub const fn in_composite(&self) -> bool {
        match self.kind {
            FieldKind::Number
            | FieldKind::NumberCheck
            | FieldKind::BirthDate
            | FieldKind::BirthCheck
            | FieldKind::ExpiryDate
            | FieldKind::ExpiryCheck
            | FieldKind::Optional
            | FieldKind::OptionalCheck
            | FieldKind::SecondOptional => true,
            FieldKind::DocumentCode
            | FieldKind::IssuingState
            | FieldKind::Name
            | FieldKind::Nationality
            | FieldKind::Sex
            | FieldKind::CompositeCheck => false,
        }
    }
}

/// A field by the positions that the standard prints: from 1, both ends included.
const fn field(kind: FieldKind, line: usize, first: usize, last: usize) -> Field {
    Field {
        kind,
        line: line - 1,
        start: first - 1,
        end: last,
    }
}

const TD1: &[Field] = &[
    field(FieldKind::DocumentCode, 1, 1, 2),
    field(FieldKind::IssuingState, 1, 3, 5),
    field(FieldKind::Number, 1, 6, 14),
    field(FieldKind::NumberCheck, 1, 15, 15),
    field(FieldKind::Optional, 1, 16, 30),
    field(FieldKind::BirthDate, 2, 1, 6),
    field(FieldKind::BirthCheck, 2, 7, 7),
    field(FieldKind::Sex, 2, 8, 8),
    field(FieldKind::ExpiryDate, 2, 9, 14),
    field(FieldKind::ExpiryCheck, 2, 15, 15),
    field(FieldKind::Nationality, 2, 16, 18),
    field(FieldKind::SecondOptional, 2, 19, 29),
    field(FieldKind::CompositeCheck, 2, 30, 30),
    field(FieldKind::Name, 3, 1, 30),
];

const TD2: &[Field] = &[
    field(FieldKind::DocumentCode, 1, 1, 2),
    field(FieldKind::IssuingState, 1, 3, 5),
    field(FieldKind::Name, 1, 6, 36),
    field(FieldKind::Number, 2, 1, 9),
    field(FieldKind::NumberCheck, 2, 10, 10),
    field(FieldKind::Nationality, 2, 11, 13),
    field(FieldKind::BirthDate, 2, 14, 19),
    field(FieldKind::BirthCheck, 2, 20, 20),
    field(FieldKind::Sex, 2, 21, 21),
    field(FieldKind::ExpiryDate, 2, 22, 27),
    field(FieldKind::ExpiryCheck, 2, 28, 28),
    field(FieldKind::Optional, 2, 29, 35),
    field(FieldKind::CompositeCheck, 2, 36, 36),
];

const TD3: &[Field] = &[
    field(FieldKind::DocumentCode, 1, 1, 2),
    field(FieldKind::IssuingState, 1, 3, 5),
    field(FieldKind::Name, 1, 6, 44),
    field(FieldKind::Number, 2, 1, 9),
    field(FieldKind::NumberCheck, 2, 10, 10),
    field(FieldKind::Nationality, 2, 11, 13),
    field(FieldKind::BirthDate, 2, 14, 19),
    field(FieldKind::BirthCheck, 2, 20, 20),
    field(FieldKind::Sex, 2, 21, 21),
    field(FieldKind::ExpiryDate, 2, 22, 27),
    field(FieldKind::ExpiryCheck, 2, 28, 28),
    field(FieldKind::Optional, 2, 29, 42),
    field(FieldKind::OptionalCheck, 2, 43, 43),
    field(FieldKind::CompositeCheck, 2, 44, 44),
];

const MRV_A: &[Field] = &[
    field(FieldKind::DocumentCode, 1, 1, 2),
    field(FieldKind::IssuingState, 1, 3, 5),
    field(FieldKind::Name, 1, 6, 44),
    field(FieldKind::Number, 2, 1, 9),
    field(FieldKind::NumberCheck, 2, 10, 10),
    field(FieldKind::Nationality, 2, 11, 13),
    field(FieldKind::BirthDate, 2, 14, 19),
    field(FieldKind::BirthCheck, 2, 20, 20),
    field(FieldKind::Sex, 2, 21, 21),
    field(FieldKind::ExpiryDate, 2, 22, 27),
    field(FieldKind::ExpiryCheck, 2, 28, 28),
    field(FieldKind::Optional, 2, 29, 44),
];

const MRV_B: &[Field] = &[
    field(FieldKind::DocumentCode, 1, 1, 2),
    field(FieldKind::IssuingState, 1, 3, 5),
    field(FieldKind::Name, 1, 6, 36),
    field(FieldKind::Number, 2, 1, 9),
    field(FieldKind::NumberCheck, 2, 10, 10),
    field(FieldKind::Nationality, 2, 11, 13),
    field(FieldKind::BirthDate, 2, 14, 19),
    field(FieldKind::BirthCheck, 2, 20, 20),
    field(FieldKind::Sex, 2, 21, 21),
    field(FieldKind::ExpiryDate, 2, 22, 27),
    field(FieldKind::ExpiryCheck, 2, 28, 28),
    field(FieldKind::Optional, 2, 29, 36),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cover_every_position_once_in_reading_order() {
        for format in Format::ALL {
            let (mut line, mut position) = (0, 0);
            for field in format.fields() {
                if position == format.line_length() {
                    (line, position) = (line + 1, 0);
                }
                assert_eq!(
                    (field.line, field.start),
                    (line, position),
                    "{format:?} {:?}",
                    field.kind
                );
                position = field.end;
            }
            assert_eq!(
                (line + 1, position),
                (format.lines(), format.line_length()),
                "{format:?}"
            );
        }
    }
}
