//! How documents of a few states look that do not exist. All are Utopia (`UTO`, ICAO 9303-3 section 5), in the manner of one
//! administration or another: what they call themselves and their fields, how they write dates and numbers, and in which colours.

use time::Date;

use super::Format;
use super::canvas::Colour;
use super::dice::Dice;

/// What a printed value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Type,
    Code,
    Number,
    Surname,
    GivenNames,
    Nationality,
    Birth,
    Sex,
    BirthPlace,
    Issue,
    Expiry,
    Authority,
    Signature,
    ValidFrom,
    Entries,
    Height,
}

/// The labels of one language in the order of [`Label`].
type Labels = [&'static str; 16];

#[rustfmt::skip]
mod labels {
    use super::Labels;

    pub(super) const ENGLISH: Labels = ["Type", "Code", "Document No.", "Surname", "Given names", "Nationality", "Date of birth", "Sex",
        "Place of birth", "Date of issue", "Date of expiry", "Authority", "Holder's signature", "Valid from", "Number of entries", "Height"];
    pub(super) const FRENCH: Labels = ["Type", "Code", "N° du document", "Nom", "Prénoms", "Nationalité", "Date de naissance", "Sexe",
        "Lieu de naissance", "Date de délivrance", "Date d'expiration", "Autorité", "Signature du titulaire", "Valable du", "Nombre d'entrées", "Taille"];
    pub(super) const GERMAN: Labels = ["Typ", "Kode", "Dokumentennr.", "Name", "Vornamen", "Staatsangehörigkeit", "Geburtsdatum", "Geschlecht",
        "Geburtsort", "Ausstellungsdatum", "Gültig bis", "Behörde", "Unterschrift", "Gültig vom", "Anzahl der Einreisen", "Größe"];
    pub(super) const SPANISH: Labels = ["Tipo", "Código", "N.º de documento", "Apellidos", "Nombre", "Nacionalidad", "Fecha de nacimiento", "Sexo",
        "Lugar de nacimiento", "Fecha de expedición", "Fecha de caducidad", "Autoridad", "Firma del titular", "Válido desde", "Número de entradas", "Estatura"];
    pub(super) const POLISH: Labels = ["Typ", "Kod", "Nr dokumentu", "Nazwisko", "Imiona", "Obywatelstwo", "Data urodzenia", "Płeć",
        "Miejsce urodzenia", "Data wydania", "Data ważności", "Organ wydający", "Podpis posiadacza", "Ważna od", "Liczba wjazdów", "Wzrost"];
    pub(super) const SWEDISH: Labels = ["Typ", "Kod", "Handlingens nr", "Efternamn", "Förnamn", "Nationalitet", "Födelsedatum", "Kön",
        "Födelseort", "Utfärdat den", "Giltigt till", "Myndighet", "Innehavarens namnteckning", "Giltigt från", "Antal inresor", "Längd"];
    pub(super) const ROMANIAN: Labels = ["Tip", "Cod", "Nr. documentului", "Nume", "Prenume", "Cetățenie", "Data nașterii", "Sex",
        "Locul nașterii", "Data emiterii", "Data expirării", "Autoritatea", "Semnătura titularului", "Valabil de la", "Număr de intrări", "Înălțime"];
}

/// How dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dates {
    /// `07 JUN 1984` (ICAO 9303-3, 3.8).
    Letters,
    /// `07 JUN/JUIN 84`: the month in two languages.
    TwoLanguages(&'static [&'static str; 12]),
    /// `07.06.1984`.
    Points,
    /// `07 06 1984`.
    Spaces,
    /// `1984-06-07`.
    Iso,
}

const ENGLISH_MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const FRENCH_MONTHS: [&str; 12] = [
    "JAN", "FÉV", "MARS", "AVR", "MAI", "JUIN", "JUIL", "AOÛT", "SEPT", "OCT", "NOV", "DÉC",
];
const POLISH_MONTHS: [&str; 12] = [
    "STY", "LUT", "MAR", "KWI", "MAJ", "CZE", "LIP", "SIE", "WRZ", "PAŹ", "LIS", "GRU",
];

/// Which of the typefaces personal data are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Print {
    Sans,
    Serif,
    OnePitch,
}

/// One state's manner.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) name: &'static str,
    pub(super) second_name: &'static str,
    passport: &'static str,
    card: &'static str,
    visa: &'static str,
    languages: &'static [&'static Labels],
    pub(super) nationality: &'static str,
    pub(super) authority: &'static str,
    dates: Dates,
    /// Letters (`A`) and digits (`9`) of a document number.
    number: &'static str,
    pub(super) print: Print,
    /// Whether names are printed in capitals.
    pub(super) capitals: bool,
    pub(super) band: Colour,
    pub(super) paper: Colour,
    /// The two colours of the fine lines, which run into each other across the page.
    pub(super) lines: [Colour; 2],
}

/// The manners in which a document may be drawn; the first is that of the examples.
static MANNERS: [Manner; 6] = [
    Manner {
        name: "UTOPIA",
        second_name: "UTOPIE",
        passport: "PASSPORT / PASSEPORT",
        card: "IDENTITY CARD / CARTE D'IDENTITÉ",
        visa: "VISA",
        languages: &[&labels::ENGLISH, &labels::FRENCH],
        nationality: "UTOPIAN / UTOPIENNE",
        authority: "CITY OF ZENITH",
        dates: Dates::Letters,
        number: "A99999999",
        print: Print::Sans,
        capitals: true,
        band: [22, 74, 92],
        paper: [236, 241, 238],
        lines: [[96, 160, 170], [196, 150, 120]],
    },
    Manner {
        name: "REPUBLIK UTOPIEN",
        second_name: "REPUBLIC OF UTOPIA",
        passport: "REISEPASS / PASSPORT",
        card: "PERSONALAUSWEIS / IDENTITY CARD",
        visa: "VISUM / VISA",
        languages: &[&labels::GERMAN, &labels::ENGLISH],
        nationality: "UTOPISCH",
        authority: "STADT ZENIT",
        dates: Dates::Points,
        number: "A99AAA99A",
        print: Print::OnePitch,
        capitals: true,
        band: [92, 30, 44],
        paper: [243, 240, 232],
        lines: [[188, 120, 130], [120, 150, 140]],
    },
    Manner {
        name: "REINO DE UTOPÍA",
        second_name: "KINGDOM OF UTOPIA",
        passport: "PASAPORTE / PASSPORT",
        card: "DOCUMENTO DE IDENTIDAD",
        visa: "VISADO / VISA",
        languages: &[&labels::SPANISH, &labels::ENGLISH],
        nationality: "UTÓPICA",
        authority: "DIRECCIÓN DEL CÉNIT",
        dates: Dates::Spaces,
        number: "AAA999999",
        print: Print::Sans,
        capitals: true,
        band: [138, 78, 24],
        paper: [245, 241, 230],
        lines: [[206, 160, 90], [150, 160, 190]],
    },
    Manner {
        name: "RZECZPOSPOLITA UTOPII",
        second_name: "COMMONWEALTH OF UTOPIA",
        passport: "PASZPORT / PASSPORT",
        card: "DOWÓD OSOBISTY / IDENTITY CARD",
        visa: "WIZA / VISA",
        languages: &[&labels::POLISH, &labels::ENGLISH],
        nationality: "UTOPIJSKIE / UTOPIAN",
        authority: "WOJEWODA ZENITU",
        dates: Dates::TwoLanguages(&POLISH_MONTHS),
        number: "AA9999999",
        print: Print::Serif,
        capitals: true,
        band: [58, 44, 96],
        paper: [240, 238, 245],
        lines: [[150, 134, 190], [190, 140, 160]],
    },
    Manner {
        name: "UTOPIEN",
        second_name: "UTOPIA",
        passport: "PASS / PASSPORT",
        card: "NATIONELLT ID-KORT / IDENTITY CARD",
        visa: "VISUM / VISA",
        languages: &[&labels::SWEDISH, &labels::ENGLISH],
        nationality: "UTOPISK / UTOPIAN",
        authority: "ZENITS POLIS",
        dates: Dates::Iso,
        number: "99999999",
        print: Print::Serif,
        capitals: false,
        band: [24, 60, 120],
        paper: [235, 241, 246],
        lines: [[120, 160, 200], [170, 190, 130]],
    },
    Manner {
        name: "REPUBLICA UTOPIA",
        second_name: "RÉPUBLIQUE D'UTOPIE",
        passport: "PAȘAPORT / PASSEPORT",
        card: "CARTE DE IDENTITATE",
        visa: "VIZĂ / VISA",
        languages: &[&labels::ROMANIAN, &labels::FRENCH, &labels::ENGLISH],
        nationality: "UTOPIANĂ",
        authority: "PRIMĂRIA ZENIT",
        dates: Dates::TwoLanguages(&FRENCH_MONTHS),
        number: "999999999",
        print: Print::Sans,
        capitals: false,
        band: [30, 92, 60],
        paper: [238, 244, 236],
        lines: [[130, 180, 140], [180, 170, 110]],
    },
];

/// The manner of one of the fictional administrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State(usize);

impl State {
    /// Their number.
    pub const COUNT: usize = MANNERS.len();

    /// One of them; numbers beyond the last begin again.
    #[must_use]
    pub fn of(number: usize) -> State {
        State(number % State::COUNT)
    }

    pub(super) fn manner(self) -> &'static Manner {
        &MANNERS[self.0 % State::COUNT]
    }
}

impl Manner {
    /// The heading of a document of a format.
    pub(super) fn title(&self, format: Format) -> &'static str {
        match format {
            Format::Td3 => self.passport,
            Format::Td1 | Format::Td2 => self.card,
            Format::MrvA | Format::MrvB => self.visa,
        }
    }

    /// What a field is called, in as many of the state's languages as `fits` allows, and in the first one whatever that says.
    pub(super) fn label(&self, label: Label, fits: impl Fn(&str) -> bool) -> String {
        let mut whole = String::new();
        let mut names: Vec<&str> = Vec::new();
        for language in self.languages {
            let name = language[label as usize];
            if names.contains(&name) {
                continue;
            }
            names.push(name);
            let longer = names.join(" / ");
            if !whole.is_empty() && !fits(&longer) {
                break;
            }
            whole = longer;
        }
        whole
    }

    /// A date as it is printed.
    pub(super) fn date(&self, date: Date) -> String {
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        let name = |months: &[&'static str; 12]| months[usize::from(month) - 1];
        match self.dates {
            Dates::Letters => format!("{day:02} {} {year}", name(&ENGLISH_MONTHS)),
            Dates::TwoLanguages(months) => {
                let (own, english) = (name(months), name(&ENGLISH_MONTHS));
                let both = if own == english {
                    own.to_owned()
                } else {
                    format!("{own}/{english}")
                };
                format!("{day:02} {both} {:02}", year.rem_euclid(100))
            }
            Dates::Points => format!("{day:02}.{month:02}.{year}"),
            Dates::Spaces => format!("{day:02} {month:02} {year}"),
            Dates::Iso => format!("{year}-{month:02}-{day:02}"),
        }
    }

    /// A new document number.
    pub(super) fn number(&self, dice: &mut Dice) -> String {
        // Letters that are easily taken for digits are in use, too.
        let any = |dice: &mut Dice, symbols: &str| char::from(symbols.as_bytes()[dice.whole(0, symbols.len() - 1)]);
        self.number
            .chars()
            .map(|kind| match kind {
                'A' => any(dice, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                _ => any(dice, "0123456789"),
            })
            .collect()
    }
}
