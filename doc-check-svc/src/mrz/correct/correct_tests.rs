use std::path::Path as FilePath;

use super::*;
use crate::mrz::Mrz;

const TODAY: time::Date = time::macros::date!(2026 - 11 - 22);

const PASSPORT: [&str; 2] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
];
const CARD: [&str; 3] = [
    "IDBEL600001795<0152<<<<<<<<<<<",
    "1301014F2311207BEL<<<<<<<<<<<2",
    "SPECIMEN<<SPECIMEN<<<<<<<<<<<<",
];

/// Lines as a sure reader would read them.
fn sure(lines: &[&str]) -> Vec<Vec<Glyph>> {
    lines
        .iter()
        .map(|line| line.chars().flat_map(|read| Glyph::of(&[(read, 0.99)])).collect())
        .collect()
}

fn corrected(lines: &[&str]) -> Corrected {
    super::correct(&sure(lines)).expect("a zone")
}

#[test]
fn leaves_a_clean_zone_alone() {
    for lines in [&PASSPORT[..], &CARD[..]] {
        let result = corrected(lines);
        assert_eq!(result.lines, lines);
        assert_eq!(result.corrected, 0);
        assert!(result.check_digits_hold);
    }
}

#[test]
fn puts_letters_and_digits_where_the_standard_has_them() {
    let result = corrected(&[
        "P<UT0ER1K550N<<ANNA<MAR1A<<<<<<<<<<<<<<<<<<<",
        "L898902C36UT074O8I22F12O4I59ZEI84226B<<<<<1O",
    ]);
    assert_eq!(result.lines, PASSPORT);
    assert!(result.check_digits_hold);
    assert_eq!(result.corrected, 13);
}

#[test]
fn finds_the_length_of_filler_runs_and_reads_their_look_alikes() {
    let result = corrected(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<«<<K<c(<<",
        "L898902C36UTO7408122F1204159ZE184226B<<10",
    ]);
    assert_eq!(result.lines, PASSPORT);
    assert!(result.check_digits_hold);
    let result = corrected(&[
        "I D BEL600001795<0152<<<<",
        "1301014F2311207BEL<<<<<<<<<<<<<2",
        "SPECIMEN<<SPECIMEN",
    ]);
    assert_eq!(result.lines, CARD);
    assert!(result.check_digits_hold);
}

#[test]
fn finds_a_repeated_digit_that_was_read_once() {
    let result = corrected(&[PASSPORT[0], "L898902C36UTO740812F1204159ZE184226B<<<<<10"]);
    assert_eq!(result.lines, PASSPORT);
    assert!(result.check_digits_hold);
}

#[test]
fn uses_the_runners_up_where_the_check_digits_ask_for_them() {
    let mut glyphs = sure(&PASSPORT);
    // 8 and 3 in the date of birth, 9 in the number: no look-alikes, but the reader was in doubt.
    glyphs[1][15] = Glyph::of(&[('4', 0.6), ('0', 0.3)]).remove(0);
    glyphs[1][1] = Glyph::of(&[('6', 0.5), ('8', 0.4)]).remove(0);
    let result = super::correct(&glyphs).expect("a zone");
    assert_eq!(result.lines, PASSPORT);
    assert_eq!((result.corrected, result.check_digits_hold), (2, true));
}

#[test]
fn does_not_make_wrong_check_digits_right() {
    // One digit of the date of birth, one of the number, one check digit: each read surely, with no look-alike.
    for (place, wrong) in [(14, "9"), (2, "7"), (19, "5")] {
        let mut line = PASSPORT[1].to_owned();
        line.replace_range(place..=place, wrong);
        let result = corrected(&[PASSPORT[0], &line]);
        assert_eq!(result.lines, [PASSPORT[0], &line]);
        assert!(!result.check_digits_hold, "position {place}");
    }
}

#[test]
fn text_is_no_zone() {
    for lines in [
        &[
            "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
            "AND RUNS AWAY FROM HERE AS FAST AS IT CAN GO",
        ][..],
        &[
            "Type Code of issuing state Passport No. 1234",
            "P        UTO                       L898902C3",
        ][..],
        &["", ""][..],
        &[][..],
    ] {
        assert!(
            super::correct(&sure(lines)).is_none_or(|result| !result.check_digits_hold),
            "{lines:?}"
        );
    }
}

/// A picture's zone in the shared truth, and whether its check digits hold.
struct Truth {
    lines: Vec<String>,
    holds: bool,
}

/// The specimens of `../shared/data/documents/truth.jsonl`; `None`, with a printed line, where it is not there.
fn truth() -> Option<Vec<Truth>> {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/documents/truth.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: ../shared/data/documents/truth.jsonl is not there");
        return None;
    };
    let truth = text.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of json");
        let lines = value["mrz"].as_array().expect("lines").iter();
        let lines: Vec<String> = lines.map(|line| line.as_str().expect("a string").to_owned()).collect();
        let holds = Mrz::parse(&lines, TODAY).expect("a zone").check_digits_hold();
        Truth { lines, holds }
    });
    Some(truth.collect())
}

/// SplitMix64: the same noise on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.roll().is_multiple_of(one_in)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll()).expect("64 bits") % from.len()]
    }
}

/// Reads a line as a recogniser of words would: confuses one symbol in `one_in` that has look-alikes, one time in four surely and
/// else with the truth as runner-up, and loses count in runs of fillers.
fn misread(line: &str, one_in: u64, dice: &mut Dice) -> Vec<Glyph> {
    const CONFUSED: &[(char, &[char])] = &[
        ('0', &['O', 'D', 'o']),
        ('O', &['0', 'Q']),
        ('1', &['I', 'l', '|']),
        ('I', &['1', 'l']),
        ('2', &['Z']),
        ('Z', &['2']),
        ('5', &['S']),
        ('S', &['5', '$']),
        ('8', &['B']),
        ('B', &['8']),
        ('6', &['G', 'b']),
        ('G', &['6']),
        ('4', &['A']),
        ('7', &['T']),
        ('<', &['K', 'c', '(', 'C', ' ']),
        ('U', &['V']),
        ('C', &['c', '(']),
    ];
    let mut glyphs = Vec::new();
    let mut run = 0;
    for symbol in line.chars() {
        run = if symbol == '<' { run + 1 } else { 0 };
        if run > 3 && dice.chance(4) {
            continue;
        }
        if run > 3 && dice.chance(12) {
            glyphs.extend(Glyph::of(&[('«', 0.7), ('<', 0.2)]));
            continue;
        }
        let wrong = CONFUSED
            .iter()
            .find(|(truth, _)| *truth == symbol)
            .map(|(_, wrong)| dice.pick(wrong));
        glyphs.extend(match wrong {
            Some(wrong) if dice.chance(one_in) => match dice.chance(4) {
                true => Glyph::of(&[(wrong, 0.98)]),
                false => Glyph::of(&[(wrong, 0.6), (symbol, 0.35)]),
            },
            _ => Glyph::of(&[(symbol, 0.99)]),
        });
    }
    glyphs
}

/// How many of the specimens are read whole, how many have check digits that hold but another text, of how many.
fn recovered(one_in: u64, rounds: u64) -> Option<(usize, usize, usize)> {
    let (mut whole, mut other, mut all) = (0, 0, 0);
    let mut dice = Dice(7);
    for document in truth()?.iter().filter(|document| document.holds) {
        for _ in 0..rounds {
            let glyphs: Vec<_> = document
                .lines
                .iter()
                .map(|line| misread(line, one_in, &mut dice))
                .collect();
            let read = super::correct(&glyphs);
            let same = read.as_ref().is_some_and(|read| read.lines == document.lines);
            let holds = read.is_some_and(|read| read.check_digits_hold);
            whole += usize::from(same);
            other += usize::from(holds && !same);
            all += 1;
        }
    }
    println!("one symbol in {one_in} confused: {whole} of {all} whole, {other} wrong with check digits that hold");
    Some((whole, other, all))
}

#[test]
fn reads_the_specimens_through_noise() {
    let Some(documents) = truth() else { return };
    for document in &documents {
        let lines: Vec<&str> = document.lines.iter().map(String::as_str).collect();
        let read = corrected(&lines);
        assert_eq!(read.lines, document.lines, "a clean reading is left alone");
        assert_eq!(read.check_digits_hold, document.holds, "{lines:?}");
    }
    // The Spanish specimen is printed with three wrong check digits. The truth counts `77_card-cmw.png` as right, whose composite
    // check digit is not that of 9303-5 §4.2.4.
    assert_eq!(documents.iter().filter(|document| !document.holds).count(), 2);
    // What is reached today: 74 and more of 84 with one symbol in fifty confused. Raise these with the corrector, never lower them.
    // Names carry no check digit, so a confused letter in one is not noticed. The figures are those measured, with some room.
    for (one_in, least, most_wrong) in [(50, 0.85, 0.12), (15, 0.55, 0.35)] {
        let Some((whole, other, all)) = recovered(one_in, 3) else {
            return;
        };
        assert!(whole as f64 >= least * all as f64, "one in {one_in}: {whole} of {all}");
        assert!(
            other as f64 <= most_wrong * all as f64,
            "one in {one_in}: {other} of {all} wrong"
        );
    }
}

#[test]
fn does_not_accept_altered_documents() {
    let Some(documents) = truth() else { return };
    let (mut accepted, mut all) = (0, 0);
    let mut dice = Dice(11);
    for document in documents.iter().filter(|document| document.holds) {
        let mrz = Mrz::parse(&document.lines, TODAY).expect("a zone");
        let places: Vec<(usize, usize)> = [FieldKind::Number, FieldKind::BirthDate, FieldKind::ExpiryDate]
            .into_iter()
            .filter_map(|kind| mrz.format.field(kind))
            .flat_map(|field| (field.start..field.end).map(|column| (field.line, column)))
            .collect();
        for _ in 0..6 {
            let (line, column) = dice.pick(&places);
            let mut lines = document.lines.clone();
            let before = lines[line].as_bytes()[column];
            let after = dice.pick(b"0123456789");
            if !before.is_ascii_digit() || before == after {
                continue;
            }
            lines[line].replace_range(column..=column, &char::from(after).to_string());
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let read = corrected(&lines);
            accepted += usize::from(read.check_digits_hold);
            all += 1;
        }
    }
    println!("one digit altered and read surely: {accepted} of {all} accepted");
    assert!(all > 50 && accepted * 20 <= all, "{accepted} of {all}");
}
