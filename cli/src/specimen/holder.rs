//! Holders who do not exist: random combinations of common names, with documents that somebody like them might have.

use time::{Date, Duration};

use super::dice::Dice;
use super::names::LANGUAGES;
use super::{Format, Sex, Shift, Specimen, State};

/// What the holder's document is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// An adult's, valid today.
    Valid,
    /// An adult's, which has expired.
    Expired,
    /// A minor's, valid today.
    Minor,
}

/// A document of a new holder, without a portrait, and the code of the language of the name (ISO 639-1).
pub(crate) fn draw(
    dice: &mut Dice,
    format: Format,
    state: State,
    standing: Standing,
    today: Date,
) -> (Specimen, &'static str) {
    let (language, names) = &LANGUAGES[dice.whole(0, LANGUAGES.len() - 1)];
    let sex = if dice.chance(0.5) { Sex::F } else { Sex::M };
    let (given, surnames) = match sex {
        Sex::M => (names.male, names.male_surnames.unwrap_or(names.surnames)),
        Sex::F | Sex::X => (names.female, names.surnames),
    };
    let mut given_names = dice.pick(given).to_owned();
    if dice.chance(0.4) {
        let second = dice.pick(given);
        if given_names != second {
            given_names = format!("{given_names} {second}");
        }
    }
    let mut surname = dice.pick(surnames).to_owned();
    if dice.chance(0.08) {
        let second = dice.pick(surnames);
        if surname != second {
            surname = format!("{surname}-{second}");
        }
    }
    // One in twenty does not say which sex.
    let sex = if dice.chance(0.05) { Sex::X } else { sex };

    let days = |dice: &mut Dice, low: usize, high: usize| Duration::days(dice.whole(low, high) as i64);
    let years = match format {
        Format::Td1 | Format::Td2 | Format::Td3 if standing == Standing::Minor => 5,
        Format::Td1 | Format::Td2 | Format::Td3 => 10,
        Format::MrvA | Format::MrvB => dice.whole(1, 5),
    };
    let whole = years * 365;
    let issue = match standing {
        Standing::Valid | Standing::Minor => today - days(dice, 1, whole - 30),
        Standing::Expired => today - days(dice, whole + 2, whole + 1500),
    };
    let until = issue
        .replace_year(issue.year() + years as i32)
        .unwrap_or(issue + Duration::days(whole as i64));
    let expiry = until - Duration::days(1);
    let birth = match standing {
        Standing::Valid => today - days(dice, 18 * 366, 90 * 365),
        Standing::Expired => issue - days(dice, 18 * 366, 85 * 365),
        Standing::Minor => today - days(dice, 366, 18 * 365 - 5),
    };
    let number = state.manner().number(dice);
    let specimen = Specimen {
        format,
        state,
        surname,
        given_names,
        shift: Shift::of(format, &number),
        number,
        birth,
        birth_place: dice.pick(names.places).to_owned(),
        sex,
        // Nobody is issued a document before birth.
        issue: issue.max(birth + Duration::days(1)),
        expiry,
        portrait: None,
        printed: true,
        mrz: None,
    };
    (specimen, language)
}
