use super::*;
use crate::mrz::{FieldKind, Format, SYMBOLS, index, with_letters_in_number};

/// A card whose number has an O and a 0, and would have the same check digit with both exchanged.
const LINES: [&str; 2] = [
    "I<UTOTOMIC<<JOSO<<<<<<<<<<<<<<<<<<<<",
    "P04BOE14G7UTO4810302M3401240<<<<<<<0",
];
/// A German one, with letters O in place of two zeros that leave its check digit as it is.
const GERMAN: [&str; 2] = [
    "I<D<<TOMIC<<JOSO<<<<<<<<<<<<<<<<<<<<",
    "COLOXT47R9D<<4810302M3401240<<<<<<<6",
];
const FORMAT: Format = Format::Td2;

const MARGIN: f32 = 0.5;
/// Pixels to a position, and height of a line.
const PITCH: u32 = 30;
const HEIGHT: u32 = 48;

/// What text recognition sees: every O as a 0.
fn beliefs(lines: [&str; 2]) -> Vec<Belief> {
    let read = |symbol: u8| {
        let symbol = if symbol == b'O' { b'0' } else { symbol };
        let mut read = [0.0; SYMBOLS];
        read[index(symbol).expect("a symbol")] = 1.0;
        Belief::read(&read, 5e-5)
    };
    lines.concat().bytes().map(read).collect()
}

/// Whether there is ink at a place of a symbol, -1 to 1 across and down. An O is an ellipse; a 0 is higher at its corners.
fn is_inked(symbol: u8, across: f32, down: f32) -> bool {
    let power = match symbol {
        b'O' => 2,
        b'0' => 4,
        b'<' => return (across - down.abs()).abs() < 0.2,
        _ => return across.abs() < 0.2,
    };
    let from = |wide: f32, high: f32| (across / wide).abs().powi(power) + (down / high).abs().powi(power);
    from(0.75, 0.85) < 1.0 && from(0.45, 0.65) > 1.0
}

/// The lines as a camera sees them, with noise of so many levels at the most; `soiled` positions are dark.
fn pictures(lines: [&str; 2], noise: u32, soiled: &[usize]) -> Vec<Picture> {
    let length = FORMAT.line_length();
    let picture = |line: usize| {
        let symbols = lines[line].as_bytes();
        Picture::from_fn(PITCH * (length as u32 + 1), HEIGHT, |x, y| {
            let at = x as f32 / PITCH as f32 - MARGIN;
            let position = at.floor() as usize;
            let inked = at >= 0.0
                && symbols.get(position).is_some_and(|symbol| {
                    // Each is printed a little beside its place.
                    let off = (position % 3) as f32 * 0.1 - 0.1;
                    let across = 2.0 * (at - at.floor()) - 1.0 + off;
                    is_inked(*symbol, across, 2.0 * y as f32 / HEIGHT as f32 - 1.0)
                        || (soiled.contains(&(line * length + position)) && y % 7 < 3)
                });
            let grain = (x * 7919 + y * 104_729 + line as u32 * 31).wrapping_mul(2_654_435_761) >> 16;
            let level = if inked { 60 } else { 180 } + grain % (noise + 1);
            [level as u8; 3]
        })
    };
    (0..FORMAT.lines()).map(picture).collect()
}

/// The number of the zone, and how sure it is, of beliefs and of what the pictures tell.
fn number(beliefs: &[Belief], pictures: Option<&[Picture]>) -> (String, f64) {
    let first = Posterior::of(FORMAT.shape(), beliefs).expect("a zone");
    let with_letters = with_letters_in_number(&first, beliefs);
    let told = match pictures {
        Some(pictures) => Glyphs::of(FORMAT.line_length(), pictures, MARGIN).tell_twins(&first, &with_letters),
        None => with_letters,
    };
    let zone = Posterior::of(FORMAT.shape(), &told).expect("a zone");
    let probability = zone.field(FieldKind::Number).expect("the field").probability;
    (zone.symbols(FieldKind::Number).to_owned(), probability)
}

#[test]
fn the_zones_own_symbols_tell_what_check_digits_cannot() {
    let (_, unsure) = number(&beliefs(LINES), None);
    assert!(unsure < 0.95, "{unsure}");
    for noise in [0, 40, 70] {
        let (number, sure) = number(&beliefs(LINES), Some(&pictures(LINES, noise, &[])));
        assert_eq!(number, "P04BOE14G");
        assert!(sure > 0.99, "with noise of {noise}: {sure}");
    }
}

#[test]
fn what_is_soiled_resembles_neither() {
    let at = |position: usize| FORMAT.line_length() + position;
    let soiled = number(&beliefs(LINES), Some(&pictures(LINES, 20, &[at(1), at(4)])));
    let (_, unsure) = number(&beliefs(LINES), None);
    assert!((soiled.1 - unsure).abs() < 0.01, "{soiled:?}, {unsure}");
}

#[test]
fn one_example_says_nothing() {
    let mut beliefs = beliefs(LINES);
    // All O of the names and states but one.
    let letters = LINES[0].bytes().chain(LINES[1].bytes()).enumerate();
    let letters: Vec<usize> = letters
        .filter(|(at, symbol)| *symbol == b'O' && *at != FORMAT.line_length() + 4)
        .map(|(at, _)| at)
        .collect();
    for at in letters.iter().skip(1) {
        beliefs[*at] = Belief::UNKNOWN;
    }
    let alone = number(&beliefs, Some(&pictures(LINES, 0, &[])));
    assert_eq!(alone, number(&beliefs, None));
}

#[test]
fn a_number_without_letters_o_is_not_told_to_have_any() {
    let beliefs = beliefs(GERMAN);
    let told = number(&beliefs, Some(&pictures(GERMAN, 0, &[])));
    assert_eq!(told, number(&beliefs, None));
    assert_eq!(told.0, "C0L0XT47R");
}

#[test]
fn more_examples_of_a_symbol_are_not_more_alike() {
    let grain = |glyph: u32, pixel: u32| {
        let mixed = (glyph << 16 | pixel).wrapping_mul(0x9e37_79b1);
        let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca6b);
        (mixed ^ mixed >> 13) as u8
    };
    let glyph = |glyph: u32| (0..24 * HEIGHT).map(move |pixel| f32::from(grain(glyph, pixel)) / 255.0);
    let glyphs = Glyphs {
        width: 24,
        ink: (0..40).map(|number| glyph(number).collect()).collect(),
    };
    let (few, many): (Vec<usize>, Vec<usize>) = ((36..40).collect(), (8..36).collect());
    let ratios = (0..8).map(|at| {
        let least = |others: &[usize]| glyphs.least_difference(at, others, few.len()).expect("all are there");
        least(&few) / least(&many)
    });
    let mean = ratios.sum::<f32>() / 8.0;
    assert!((0.99..1.01).contains(&mean), "{mean}");
    assert_eq!(glyphs.least_difference(0, &[1, 40], 2), None, "no such position");
}

#[test]
fn of_a_choice_the_most_alike_counts() {
    // What differs from the first by the square of its level.
    let ink = |level: f32| vec![level; 24 * HEIGHT as usize];
    let glyphs = Glyphs {
        width: 24,
        ink: [0.0, 0.1, 0.2, 0.3].map(ink).into(),
    };
    let least = |many| glyphs.least_difference(0, &[3, 1, 2], many).expect("all are there");
    for (many, squares) in [(1, 0.14 / 3.0), (2, (0.01 + 0.01 + 0.04) / 3.0), (3, 0.01)] {
        assert!((least(many) - squares).abs() < 1e-6, "{many}: {}", least(many));
    }
}

#[test]
fn what_is_like_both_or_neither_is_neither() {
    assert_eq!(odds(0.010, 0.011), None);
    assert_eq!(odds(0.031, 0.2), None);
    let letter = odds(0.02, 0.01).expect("it is the letter");
    assert!(letter > 10.0 && letter <= MOST, "{letter}");
    assert!((odds(0.01, 0.02).expect("it is the digit") * letter - 1.0).abs() < 1e-5);
}
