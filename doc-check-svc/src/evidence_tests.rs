use vision::geometry::Quad;

use super::*;
use crate::mrz::{SYMBOLS, index};

const LINES: [&str; 2] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
];

fn beliefs() -> Vec<Belief> {
    let sharp = |symbol: u8| {
        let mut probabilities = [0.0; SYMBOLS];
        probabilities[index(symbol).expect("a symbol")] = 1.0;
        Belief::read(&probabilities, 5e-5)
    };
    LINES.concat().bytes().map(sharp).collect()
}

fn agrees<T>(value: T, symbols: &str) -> Agreement<T> {
    Agreement::Agrees(Print {
        value,
        symbols: symbols.to_owned(),
        open: Vec::new(),
        line: 0,
        quad: Quad::default(),
        confidence: 0.99,
    })
}

fn posterior(beliefs: &[Belief]) -> Posterior {
    Posterior::of(Format::Td3.shape(), beliefs).expect("a zone")
}

#[test]
fn hidden_positions_are_unknown_to_the_comparison_and_filled_by_the_print_where_they_may_be_worn() {
    let mut beliefs = beliefs();
    // ER????ON<<ANNA, where sums have no say.
    beliefs[7..11].fill(Belief::UNKNOWN);
    let before = posterior(&beliefs);
    let name = seen(&before, &beliefs).name;
    assert_eq!(name[1], Seen::Symbol(b'R'));
    assert!(name[2..6].iter().all(|seen| *seen == Seen::Unknown));
    assert!(
        fields(&before, |_| true, &Printed::default())
            .iter()
            .any(|field| !field.is_sure())
    );

    let printed = Printed {
        surname: agrees("Eriksson".to_owned(), "ERIKSSON"),
        given_names: agrees("Anna Maria".to_owned(), "ANNA<MARIA"),
        ..Printed::default()
    };
    // Whoever hid them could have printed another name.
    let after = posterior(&with_print(Format::Td3, &beliefs, &printed, Completion::Unforgeable));
    let surname = fields(&after, |_| true, &printed)[0];
    assert!(surname.field == Stated::Surname && !surname.is_sure());

    let after = posterior(&with_print(Format::Td3, &beliefs, &printed, Completion::Worn));
    assert_eq!(after.lines, LINES);
    let fields = fields(&after, |_| true, &printed);
    assert!(fields.iter().all(FieldEvidence::is_sure), "{fields:?}");
    let surname = fields
        .iter()
        .find(|field| field.field == Stated::Surname)
        .expect("the field");
    assert_eq!(surname.print, PrintSays::Agrees);
}

#[test]
fn a_check_digit_that_was_used_up_confirms_nothing() {
    let mut beliefs = beliefs();
    let number = |beliefs: &[Belief]| {
        let fields = fields(&posterior(beliefs), |_| true, &Printed::default());
        fields
            .into_iter()
            .find(|field| field.field == Stated::Number)
            .expect("the field")
    };
    assert!(number(&beliefs).check_digit);
    beliefs[44 + 2] = Belief::UNKNOWN;
    assert!(!number(&beliefs).check_digit);
    assert_eq!(number(&beliefs).unseen, 1);
}

#[test]
fn print_that_fills_what_was_in_doubt_with_something_else_differs() {
    let mut beliefs = beliefs();
    // The 9 of L898902C3 looks much like a 9 and a little like a 4: the print's 4 may be right, until the check digits speak.
    let mut probabilities = [0.0; SYMBOLS];
    probabilities[index(b'9').expect("a symbol")] = 0.93;
    probabilities[index(b'4').expect("a symbol")] = 0.07;
    beliefs[44 + 2] = Belief::read(&probabilities, 5e-5);
    assert_eq!(seen(&posterior(&beliefs), &beliefs).number[2], Seen::Likely(b'9'));
    let says = |symbols: &str| {
        let printed = Printed {
            number: agrees(symbols.to_owned(), symbols),
            ..Printed::default()
        };
        let after = posterior(&with_print(Format::Td3, &beliefs, &printed, Completion::Unforgeable));
        let fields = fields(&after, |_| true, &printed);
        let number = fields.iter().find(|field| field.field == Stated::Number);
        number.expect("the field").print
    };
    assert_eq!(says("L898902C3"), PrintSays::Agrees);
    assert_eq!(says("L848902C3"), PrintSays::Differs);
    // An O for a 0 is no other number.
    assert_eq!(says("L8989O2C3"), PrintSays::Agrees);
}

#[test]
fn print_of_what_a_soiled_character_resembles_confirms_nothing() {
    let mut beliefs = beliefs();
    let mut soil = |at: usize, read: u8, other: u8| {
        let mut probabilities = [0.0; SYMBOLS];
        probabilities[index(read).expect("a symbol")] = 0.9;
        probabilities[index(other).expect("a symbol")] = 0.1;
        beliefs[at] = Belief::read(&probabilities, 5e-5);
    };
    // An 8 of L898902C3, which no check digit tells from an S, and all letters of ERIKSSON but three.
    soil(44 + 1, b'8', b'S');
    for (at, other) in [(5, b'F'), (6, b'P'), (7, b'L'), (9, b'5'), (11, b'Q')] {
        let read = LINES[0].as_bytes()[at];
        soil(at, read, other);
    }
    let number = Printed {
        number: agrees("LS98902C3".to_owned(), "LS98902C3"),
        ..Printed::default()
    };
    let name = Printed {
        surname: agrees("FPLKS5QN".to_owned(), "FPLKS5QN"),
        ..Printed::default()
    };
    for printed in [number, name] {
        let with = with_print(Format::Td3, &beliefs, &printed, Completion::Unforgeable);
        for (with, own) in with.iter().zip(&beliefs) {
            for symbol in [b'S', b'F', b'Q'] {
                assert!((with.share(symbol, Class::Any) - own.share(symbol, Class::Any)).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn symbols_that_print_does_not_tell_apart_are_no_doubt() {
    let beliefs = beliefs();
    let number = seen(&posterior(&beliefs), &beliefs).number;
    assert_eq!(number[5], Seen::Symbol(b'0'));
}

#[test]
fn a_name_ends_in_the_zone_where_its_print_does() {
    let mut beliefs = beliefs();
    // The filler behind MARIA might be a C, and MARIA<C another given name.
    for at in [25, 26] {
        let mut probabilities = [0.0; SYMBOLS];
        probabilities[index(b'<').expect("a symbol")] = 0.97;
        probabilities[index(b'C').expect("a symbol")] = 0.03;
        beliefs[at] = Belief::read(&probabilities, 5e-5);
    }
    let sure = |beliefs: &[Belief], printed: &Printed| {
        let after = posterior(&with_print(Format::Td3, beliefs, printed, Completion::Unforgeable));
        let fields = fields(&after, |_| true, printed);
        let names = fields.iter().find(|field| field.field == Stated::GivenNames);
        names.expect("the field").is_sure()
    };
    let printed = Printed {
        surname: agrees("Eriksson".to_owned(), "ERIKSSON"),
        given_names: agrees("Anna Maria".to_owned(), "ANNA<MARIA"),
        ..Printed::default()
    };
    assert!(!sure(&beliefs, &Printed::default()));
    assert!(sure(&beliefs, &printed));
    // Nothing is said of fillers that were not seen.
    beliefs[26] = Belief::UNKNOWN;
    assert!(!sure(&beliefs, &printed));
}

#[test]
fn print_decides_nothing_between_letters_that_it_does_not_tell_apart() {
    let mut beliefs = beliefs();
    // ERIKSSON or ERLKSSON.
    let mut probabilities = [0.0; SYMBOLS];
    probabilities[index(b'I').expect("a symbol")] = 0.7;
    probabilities[index(b'L').expect("a symbol")] = 0.3;
    beliefs[7] = Belief::read(&probabilities, 5e-5);
    let sure = |open: &[(usize, u8)]| {
        let mut printed = Printed {
            surname: agrees("Eriksson".to_owned(), "ERIKSSON"),
            given_names: agrees("Anna Maria".to_owned(), "ANNA<MARIA"),
            ..Printed::default()
        };
        let Agreement::Agrees(print) = &mut printed.surname else {
            return None;
        };
        print.open = open.to_vec();
        let after = posterior(&with_print(Format::Td3, &beliefs, &printed, Completion::Worn));
        let fields = fields(&after, |_| true, &printed);
        fields
            .iter()
            .find(|field| field.field == Stated::Surname)
            .map(FieldEvidence::is_sure)
    };
    assert_eq!(sure(&[]), Some(true));
    assert_eq!(sure(&[(2, b'L')]), Some(false));
    // Another letter there is none of the print's.
    assert_eq!(sure(&[(2, b'T')]), Some(true));
}

#[test]
fn of_a_worn_zone_print_fills_what_was_half_seen() {
    let printed = Printed {
        number: agrees("L898902C3".to_owned(), "L898902C3"),
        expiry_date: agrees(time::macros::date!(2012 - 04 - 15).into(), "120415"),
        surname: agrees("Eriksson".to_owned(), "ERIKSSON"),
        given_names: agrees("Anna Maria".to_owned(), "ANNA<MARIA"),
        ..Printed::default()
    };
    let sure = |hidden: std::ops::Range<usize>, field: Stated, completion| {
        let mut beliefs = beliefs();
        beliefs[hidden].fill(Belief::UNKNOWN);
        let after = posterior(&with_print(Format::Td3, &beliefs, &printed, completion));
        let fields = fields(&after, |_| true, &printed);
        let found = fields.iter().find(|found| found.field == field).expect("the field");
        (found.is_sure(), found.unseen)
    };
    // In the second line: four of a number; half of a date with its check digit.
    for (hidden, field, unseen) in [(46..50, Stated::Number, 4), (68..72, Stated::ExpiryDate, 3)] {
        assert_eq!(
            sure(hidden.clone(), field, Completion::Unforgeable),
            (false, unseen),
            "{hidden:?}"
        );
        assert_eq!(
            sure(hidden.clone(), field, Completion::Worn),
            (true, unseen),
            "{hidden:?}"
        );
    }
    // More than half of a number, of a date and of a word, although the check digits of two are seen.
    for (hidden, field) in [
        (46..51, Stated::Number),
        (65..69, Stated::ExpiryDate),
        (15..18, Stated::GivenNames),
    ] {
        assert!(!sure(hidden.clone(), field, Completion::Worn).0, "{hidden:?}");
    }
}

#[test]
fn a_sex_that_is_hidden_agrees_with_no_print() {
    let mut beliefs = beliefs();
    beliefs[44 + 20] = Belief::UNKNOWN;
    let printed = Printed {
        sex: agrees(Sex::Male, "M"),
        ..Printed::default()
    };
    let after = posterior(&with_print(Format::Td3, &beliefs, &printed, Completion::Worn));
    let fields = fields(&after, |_| true, &printed);
    let sex = fields
        .iter()
        .find(|found| found.field == Stated::Sex)
        .expect("the field");
    assert_eq!(sex.print, PrintSays::NotSeen);
}
