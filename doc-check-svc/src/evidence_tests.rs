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
        line: 0,
        quad: Quad::default(),
        confidence: 0.99,
    })
}

fn nothing() -> Printed {
    Printed {
        surname: Agreement::NotSeen,
        given_names: Agreement::NotSeen,
        number: Agreement::NotSeen,
        birth_date: Agreement::NotSeen,
        expiry_date: Agreement::NotSeen,
        sex: Agreement::NotSeen,
        nationality: Agreement::NotSeen,
        issuing_state: Agreement::NotSeen,
        issue_date: None,
        birth_place: None,
    }
}

fn posterior(beliefs: &[Belief]) -> Posterior {
    Posterior::of(Format::Td3.shape(), beliefs).expect("a zone")
}

#[test]
fn hidden_positions_are_unknown_to_the_comparison_and_filled_by_the_print() {
    let mut beliefs = beliefs();
    // ERIK????<<ANNA, where sums have no say.
    beliefs[9..13].fill(Belief::UNKNOWN);
    let before = posterior(&beliefs);
    let name = seen(&before, &beliefs).name;
    assert_eq!(name[3], Seen::Symbol(b'K'));
    assert!(name[4..8].iter().all(|seen| *seen == Seen::Unknown));
    assert!(
        fields(&before, |_| true, &nothing())
            .iter()
            .any(|field| !field.is_sure())
    );

    let printed = Printed {
        surname: agrees("Eriksson".to_owned(), "ERIKSSON"),
        given_names: agrees("Anna Maria".to_owned(), "ANNA<MARIA"),
        ..nothing()
    };
    let after = posterior(&with_print(Format::Td3, &beliefs, &printed));
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
        let fields = fields(&posterior(beliefs), |_| true, &nothing());
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
