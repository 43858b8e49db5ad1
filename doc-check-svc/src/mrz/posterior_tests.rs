use super::*;

const PASSPORT: [&str; 2] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
];
const CARD: [&str; 3] = [
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
];

/// What sharp print of a symbol looks like.
fn sharp(symbol: u8) -> Belief {
    let mut probabilities = [0.0; SYMBOLS];
    if let Some(place) = crate::mrz::index(symbol).and_then(|index| probabilities.get_mut(index)) {
        *place = 1.0;
    }
    Belief::read(&probabilities, 5e-5)
}

fn beliefs(lines: &[&str]) -> Vec<Belief> {
    lines.concat().bytes().map(sharp).collect()
}

fn posterior(shape: Shape, beliefs: &[Belief]) -> Posterior {
    Posterior::of(shape, beliefs).expect("a zone")
}

fn probability(posterior: &Posterior, kind: FieldKind) -> f64 {
    posterior.field(kind).expect("the field").probability
}

/// Hides positions of a line, both from 1 and included as the standard counts them.
fn hide(beliefs: &mut [Belief], length: usize, line: usize, positions: std::ops::RangeInclusive<usize>) {
    for position in positions {
        beliefs[(line - 1) * length + position - 1] = Belief::UNKNOWN;
    }
}

#[test]
fn sharp_print_is_sure_in_every_field() {
    for (shape, lines) in [(Format::Td3.shape(), &PASSPORT[..]), (Format::Td1.shape(), &CARD[..])] {
        let found = posterior(shape, &beliefs(lines));
        assert_eq!(found.lines, lines);
        assert!(found.fields.iter().all(|field| field.probability > 0.99), "{found:?}");
        assert!(found.evidence.fit() > -0.2 && found.repaired() == 0);
        // What its own and the composite check digit cover is surer than a name.
        assert!(probability(&found, FieldKind::Number) > probability(&found, FieldKind::Name));
    }
}

#[test]
fn what_is_hidden_is_not_made_up() {
    // Each a stretch of what sums cannot tell, or of a field without a check digit.
    for (line, positions, kind) in [
        (1, 6..=7, FieldKind::Name),
        (1, 26..=30, FieldKind::Name),
        (2, 1..=3, FieldKind::Number),
        (2, 14..=19, FieldKind::BirthDate),
        (2, 22..=28, FieldKind::ExpiryDate),
        (2, 21..=21, FieldKind::Sex),
        // The date with its own check digit: fillers would have the same sums as nothing.
        (2, 22..=44, FieldKind::ExpiryDate),
    ] {
        let mut beliefs = beliefs(&PASSPORT);
        hide(&mut beliefs, 44, line, positions.clone());
        let found = posterior(Format::Td3.shape(), &beliefs);
        assert!(probability(&found, kind) < 0.9, "{line} {positions:?}: {found:?}");
        assert!(found.field(kind).is_some_and(|field| field.unseen > 0));
        // The others stay as sure as they were, but for what the composite digit had to tell.
        let other = if kind == FieldKind::Name {
            FieldKind::Number
        } else {
            FieldKind::Name
        };
        assert!(probability(&found, other) > 0.99);
    }
}

#[test]
fn hidden_fillers_are_fillers_where_the_name_has_surely_ended() {
    let sure = |positions: std::ops::RangeInclusive<usize>| {
        let mut beliefs = beliefs(&PASSPORT);
        hide(&mut beliefs, 44, 1, positions);
        let found = posterior(Format::Td3.shape(), &beliefs);
        assert!(found.evidence.fit() > Evidence::WELL_READ, "{found:?}");
        found.lines == PASSPORT && probability(&found, FieldKind::Name) > 0.99
    };
    // ANNA<MARIA ends at 25. One of two fillers that were seen may be a letter, of four two at least.
    assert!(sure(30..=41) && sure(36..=44));
    assert!(!sure(28..=39) && !sure(27..=38) && !sure(26..=28));
}

#[test]
fn one_hidden_digit_follows_from_two_check_digits() {
    let mut beliefs = beliefs(&PASSPORT);
    hide(&mut beliefs, 44, 2, 15..=15);
    let found = posterior(Format::Td3.shape(), &beliefs);
    assert_eq!(found.lines, PASSPORT);
    assert!(probability(&found, FieldKind::BirthDate) > 0.99, "{found:?}");
}

#[test]
fn a_check_digit_tells_look_alikes_apart_and_misprints_stay() {
    // The number has the letter O, which is read as 0.
    let lines = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "A08O26475<UTO7408122F1204159<<<<<<<<<<<<<<0<",
    ];
    let digit = |text: &str| char::from(crate::mrz::check_digit(text.bytes()).expect("symbols"));
    let number = "A08O26475";
    let lower = format!("{number}{}UTO7408122F1204159<<<<<<<<<<<<<<0", digit(number));
    let covered = format!("{}{}{}", &lower[0..10], &lower[13..20], &lower[21..43]);
    let lower = format!("{lower}{}", digit(&covered));
    let mut read = beliefs(&[lines[0], &lower]);
    read[44 + 3] = sharp(b'0');
    let found = posterior(Format::Td3.shape(), &read);
    assert_eq!(found.lines[1], lower);
    assert_eq!(found.field(FieldKind::Number).map(|field| field.repaired), Some(1));

    // Printed with a wrong digit, and read sharply: it stays.
    let wrong = PASSPORT[1].replacen("L898902C36", "L898902C35", 1);
    let found = posterior(Format::Td3.shape(), &beliefs(&[PASSPORT[0], &wrong]));
    assert_eq!(found.lines[1], wrong);
}

#[test]
fn no_state_is_made_of_a_code_that_none_has() {
    let lines = [PASSPORT[0].replacen("UTO", "BDR", 1), PASSPORT[1].to_owned()];
    let found = posterior(Format::Td3.shape(), &beliefs(&[&lines[0], &lines[1]]));
    assert_eq!(found.lines[0], lines[0]);
    // Germany's is one letter with two fillers.
    let lines = [
        PASSPORT[0].replacen("UTO", "D<<", 1),
        PASSPORT[1].replacen("UTO", "D<<", 1),
    ];
    let found = posterior(Format::Td3.shape(), &beliefs(&[&lines[0], &lines[1]]));
    assert_eq!(found.lines, lines);
    assert!(probability(&found, FieldKind::Nationality) > 0.99);
}

#[test]
fn other_text_and_nothing_are_no_zone() {
    let text = "THIS PAGE HAS NO ZONE BUT WORDS AND A LONG LINE".replace(' ', "");
    let filled: String = text.chars().cycle().take(88).collect();
    assert!(posterior(Format::Td3.shape(), &beliefs(&[&filled])).evidence.fit() < -0.5);
    let nothing = posterior(Format::Td3.shape(), &vec![Belief::UNKNOWN; 88]);
    assert!(nothing.fields.iter().all(|field| field.probability < 0.99));
    assert_eq!(nothing.evidence.seen, 0);
}
