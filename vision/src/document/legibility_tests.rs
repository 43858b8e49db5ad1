use super::*;
use crate::geometry::Point;

const LINES: usize = 2;
const POSITIONS: usize = 40;
const PITCH_OF_TEST: u32 = 14;
const LINE_HEIGHT: u32 = 30;

/// Two lines of upright strokes in a frame of paper, and what they cover.
fn zone(hidden: impl Fn(usize, usize) -> Option<u8>) -> (Picture, Lines) {
    let margin = 20;
    let (width, height) = (POSITIONS as u32 * PITCH_OF_TEST, LINES as u32 * LINE_HEIGHT);
    let picture = Picture::from_fn(width + 2 * margin, height + 2 * margin, |x, y| {
        let (x, y) = (x.wrapping_sub(margin), y.wrapping_sub(margin));
        if x >= width || y >= height {
            return [220; 3];
        }
        let (line, position) = ((y / LINE_HEIGHT) as usize, (x / PITCH_OF_TEST) as usize);
        let stroke = (4..9).contains(&(x % PITCH_OF_TEST)) && (6..24).contains(&(y % LINE_HEIGHT));
        [hidden(line + 1, position + 1).unwrap_or(if stroke { 40 } else { 220 }); 3]
    });
    let edge = margin as f32;
    let lines = Lines {
        outline: Quad::from(Rect::new(edge, edge, width as f32, height as f32)),
        count: LINES,
        positions: POSITIONS,
    };
    (picture, lines)
}

fn measured(picture: &Picture, lines: &Lines) -> Legibility {
    Legibility::measure(picture, lines).unwrap()
}

#[test]
fn clear_print_is_legible() {
    let (picture, lines) = zone(|_, _| None);
    let found = measured(&picture, &lines);
    assert!((found.pitch - PITCH_OF_TEST as f32).abs() < 0.01);
    assert!(found.blur < 0.2 && found.contrast > 150.0, "{found:?}");
    assert_eq!((found.blank, found.dark), (vec![], 1.0));
    let negative = Picture::from_fn(picture.width(), picture.height(), |x, y| {
        picture.pixel(x, y).map(|channel| 255 - channel)
    });
    let found = measured(&negative, &lines);
    assert!(found.contrast > 150.0 && found.dark < 0.01, "{found:?}");
}

#[test]
fn what_hides_characters_is_told_with_its_place() {
    let (picture, lines) = zone(|line, position| match (line, position) {
        (2, 10..=14) => Some(255),
        (1, 40) => Some(120),
        _ => None,
    });
    let washed_out = Blank {
        line: 2,
        first: 10,
        last: 14,
        glare: true,
    };
    let covered = Blank {
        line: 1,
        first: 40,
        last: 40,
        glare: false,
    };
    assert_eq!(measured(&picture, &lines).blank, [covered, washed_out]);
}

#[test]
fn lines_are_measured_in_any_direction() {
    let (picture, lines) = zone(|line, position| (line == 1 && position == 7).then_some(255));
    let turned = picture.rotate90();
    let height = picture.height() as f32;
    let outline = Quad(lines.outline.0.map(|at| Point::new(height - at.y, at.x)));
    let (upright, aside) = (
        measured(&picture, &lines),
        measured(&turned, &Lines { outline, ..lines }),
    );
    assert_eq!(upright.blank, aside.blank);
    assert!((upright.blur - aside.blur).abs() < 0.03, "{upright:?} {aside:?}");
}

#[test]
fn characters_beyond_the_border_are_no_glare() {
    let (picture, lines) = zone(|_, _| None);
    let cut = Rect::new(0.0, 0.0, 20.0 + 38.0 * PITCH_OF_TEST as f32, picture.height() as f32);
    let found = measured(&picture.crop(cut).unwrap(), &lines).blank;
    let beyond = |line| Blank {
        line,
        first: 39,
        last: 40,
        glare: false,
    };
    assert_eq!(found, [beyond(1), beyond(2)]);
}

#[test]
fn blur_widens_edges_and_little_contrast_does_not() {
    let (picture, lines) = zone(|_, _| None);
    let sharp = measured(&picture, &lines);
    let small = picture.resize(picture.width() / 5, picture.height() / 5);
    let blurred = measured(&small.resize(picture.width(), picture.height()), &lines);
    assert!(blurred.blur > 2.0 * sharp.blur, "{sharp:?} {blurred:?}");
    let pale = Picture::from_fn(picture.width(), picture.height(), |x, y| {
        picture.pixel(x, y).map(|level| 150 + level / 5)
    });
    let pale = measured(&pale, &lines);
    assert!(pale.contrast < sharp.contrast / 4.0);
    assert!((pale.blur - sharp.blur).abs() < 0.05, "{sharp:?} {pale:?}");
}

#[test]
fn lines_outside_of_the_picture_are_not_measured() {
    let (picture, lines) = zone(|_, _| None);
    let at = |x: f32, width: f32| Lines {
        outline: Quad::from(Rect::new(x, 10.0, width, 60.0)),
        ..lines
    };
    assert_eq!(Legibility::measure(&picture, &at(5000.0, 500.0)), None);
    assert_eq!(Legibility::measure(&picture, &at(-1e9, 2e9)), None);
    assert_eq!(Legibility::measure(&picture, &at(f32::NAN, 500.0)), None);
    assert_eq!(Legibility::measure(&picture, &at(10.0, 0.0)), None);
}
