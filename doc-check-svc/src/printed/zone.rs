//! What the machine-readable zone says, position by position, as far as it was seen.

use std::fmt;

/// One position of the zone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A to Z, 0 to 9 or the filler `<`.
    Symbol(u8),
    /// Read as this symbol, but not surely: it may hold any.
    Likely(u8),
    /// Covered, washed out or illegible: it may hold any symbol.
    Unknown,
}

impl Seen {
    /// Surely this symbol or that.
    pub(super) fn is_known(self) -> bool {
        matches!(self, Self::Symbol(_))
    }

    /// The symbol is this one, as far as is known.
    pub(super) fn may_be(self, symbol: u8) -> bool {
        !self.is_known() || self == Self::Symbol(symbol)
    }

    /// It was read as this symbol, surely or not.
    pub(super) fn looks_like(self, symbol: u8) -> bool {
        self == Self::Symbol(symbol) || self == Self::Likely(symbol)
    }

    /// The symbol may be a letter or a digit.
    pub(super) fn may_be_filled(self) -> bool {
        self != Self::Symbol(b'<')
    }
}

/// Personal: shows only whether there is a symbol.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symbol(_) => "Symbol",
            Self::Likely(_) => "Likely",
            Self::Unknown => "Unknown",
        })
    }
}

/// The fields of a zone that a page may state too, each as wide as in the zone; `<` are fillers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFields {
    /// Code of the document: `P<`.
    pub document_code: Vec<Seen>,
    /// The whole field of names: `ERIKSSON<<ANNA<MARIA<<<`.
    pub name: Vec<Seen>,
    /// Document number, whole also where it continues in the optional data.
    pub number: Vec<Seen>,
    /// Code of the nationality.
    pub nationality: Vec<Seen>,
    /// Code of the issuing state.
    pub issuing_state: Vec<Seen>,
    /// YYMMDD.
    pub birth_date: Vec<Seen>,
    /// YYMMDD.
    pub expiry_date: Vec<Seen>,
    /// F, M, X or the filler.
    pub sex: Seen,
}

/// The positions without fillers at the end.
pub(super) fn trimmed(field: &[Seen]) -> &[Seen] {
    let end = field.iter().rposition(|seen| *seen != Seen::Symbol(b'<'));
    field.get(..end.map_or(0, |end| end + 1)).unwrap_or_default()
}
