//! How the document came before the camera: the tests of its picture, not of what is written on it. Pure.
//!
//! Measured on drawn documents of three formats, sides that bear no sign of what is tested against those that do, and on the 30 public
//! specimens:
//!
//! | test | limit | false alarms, clean and moderately degraded | public specimens | caught |
//! |---|---|---|---|---|
//! | colour | chroma 2 % | 0 of 667 (least 3.3 %) | 0 of 27 in colour, 3 of 3 without | 80 of 80 grey copies |
//! | screen | wave 5.5 Np | 0 of 667 (most 5.1 Np) | 0 of 30 | 69 of 80 screens |
//! | sharpness | 0.35 characters | 0 of 425 zones (most 0.30) | | |
//! | dark on light | half of the characters | 0 of 180 zones | | both of two negatives |
//! | contrast | 50 levels | 0 of 425 zones (least 63) | | |
//! | glare, cover | any character | 0 of 425 zones | | glare 23 of 24, white-out 20 of 21, finger 16 of 21, cut off 21 of 21, half of the height 0 of 21 |
//!
//! Whether a page was edited was measured on sets of its own: limit -1 Np to the block where the rest has 0.3 Np, 0 of 500 pages that
//! were not edited (clean, covered, at any angle, moderately and heavily degraded, on all tables). Of the whole picture it was 7 of 60 on
//! coarse tables, which is why only the page is looked at. Of portraits inserted into a picture 8 of 12 are caught, of faces 4 of 12:
//! those saved at a higher quality than before. Of portraits pasted over the printed one before the picture was taken, none of 42.
//! Neither of these told them from genuine ones, and none is a test: noise of the portrait against the page's, angles of its edges
//! against the page's and against its frame's, likeness of portrait and ghost portrait (which a face detector finds on 3 of 17 public
//! specimens, and on none of 22 drawn ones).
//!
//! Under heavy degradation, 15 of 16 grey copies and none of 6 screens are caught.
//! The drawn screens that pass otherwise have pixels at about half of the picture's, where blocks of compression have waves too. Of the
//! public specimens with less than 6 pixels to a character, two have a zone, and one of them is misread.

use vision::document::{Blank, Legibility, Lines, OddPart, Recapture};
use vision::geometry::Quad;
use vision::picture::Picture;

use crate::policy::{Finding, Test};

/// Least chroma that light cannot explain, in percent of the span from dark to light.
const LEAST_CHROMA: f32 = 2.0;

/// From here on a wave that is the same all over the page is the grid of a screen, in nepers of power.
const GRID: f32 = 5.5;

/// Least evidence that each part of a picture was compressed with the rest of it, in nepers to the block.
const LEAST_IN_COMMON: f32 = -1.0;

/// From here on the rest of a picture was compressed twice, so that evidence can be had.
const TWICE: f32 = 0.3;

/// Least width of a character of the zone in pixels.
const LEAST_PITCH: f32 = 6.0;

/// Greatest width of its edges in characters.
const MOST_BLUR: f32 = 0.35;

/// Least span from its print to its paper in levels of luma.
const LEAST_CONTRAST: f32 = 50.0;

/// Least share of its characters that are darker than the paper around them.
const LEAST_DARK: f32 = 0.5;

/// The tests of zones, for where there is none.
const OF_ZONE: [Test; 6] = [
    Test::ZoneDarkOnLight,
    Test::ZoneResolution,
    Test::ZoneSharpness,
    Test::ZoneContrast,
    Test::ZoneWithoutGlare,
    Test::ZoneUncovered,
];

/// Tests a picture of a document. `page` is its outline in the picture, or what is known of it: more than its zone, which is black on
/// white in many countries, and as little as may be of what lies around it. `zone` is where its machine-readable lines are, if they
/// are in this picture.
#[must_use]
pub fn findings(picture: &Picture, page: &Quad, zone: Option<&Lines>) -> Vec<Finding> {
    let mut findings = Vec::from(of_page(picture, page));
    match zone.and_then(|zone| Legibility::measure(picture, zone)) {
        Some(measured) => findings.extend(legible(&measured)),
        None => findings.extend(OF_ZONE.map(|test| Finding::not_available(test, "no zone to measure"))),
    }
    findings
}

/// Tests whether a page is the document itself: no copy, on no screen, and as the camera saw it. For every picture of a document,
/// whether it has the zone or not.
#[must_use]
pub fn of_page(picture: &Picture, page: &Quad) -> [Finding; 3] {
    let Recapture { chroma, grid } = Recapture::measure(picture, page);
    [in_colour(chroma), not_on_a_screen(grid), unedited(picture, page)]
}

/// Tests whether a page was edited: another portrait, or whatever else was put in.
fn unedited(picture: &Picture, page: &Quad) -> Finding {
    let test = Test::PictureUnedited;
    match OddPart::find(picture, page) {
        None => Finding::not_available(test, "the page is too small or too even"),
        Some(OddPart { evidence, rest, place }) => Finding::holds(
            test,
            evidence >= LEAST_IN_COMMON || rest < TWICE,
            format!(
                "the part at {:.0}, {:.0} of {:.0} × {:.0} pixels was not compressed with the rest: {evidence:.1} Np to the block, at \
                 least {LEAST_IN_COMMON} Np where the rest has {TWICE} Np or more",
                place.x, place.y, place.width, place.height
            ),
        ),
    }
}

fn in_colour(chroma: Option<f32>) -> Finding {
    let test = Test::InColour;
    match chroma {
        None => Finding::not_available(test, "the page shows nothing"),
        Some(chroma) => Finding::holds(
            test,
            chroma >= LEAST_CHROMA,
            format!("chroma {chroma:.1} % of the span from dark to light, at least {LEAST_CHROMA} %"),
        ),
    }
}

fn not_on_a_screen(grid: Option<f32>) -> Finding {
    let test = Test::NotOnAScreen;
    match grid {
        None => Finding::not_available(test, "the picture is too small"),
        Some(grid) => Finding::holds(
            test,
            grid < GRID,
            format!("a wave all over the page stands out by {grid:.1} Np, less than {GRID} Np"),
        ),
    }
}

fn legible(measured: &Legibility) -> [Finding; 6] {
    let &Legibility {
        pitch,
        blur,
        contrast,
        dark,
        ..
    } = measured;
    let blank = |test, glare| {
        let places: Vec<String> = measured
            .blank
            .iter()
            .filter(|blank| blank.glare == glare)
            .map(place)
            .collect();
        Finding::holds(test, places.is_empty(), format!("no print in {}", places.join(", ")))
    };
    [
        Finding::holds(
            Test::ZoneDarkOnLight,
            dark >= LEAST_DARK,
            format!("{dark:.2} of the characters are darker than their paper, at least {LEAST_DARK}"),
        ),
        Finding::holds(
            Test::ZoneResolution,
            pitch >= LEAST_PITCH,
            format!("{pitch:.1} pixels to a character, at least {LEAST_PITCH}"),
        ),
        Finding::holds(
            Test::ZoneSharpness,
            blur <= MOST_BLUR,
            format!("edges are {blur:.2} characters wide, at most {MOST_BLUR}"),
        ),
        Finding::holds(
            Test::ZoneContrast,
            contrast >= LEAST_CONTRAST,
            format!("{contrast:.0} levels from print to paper, at least {LEAST_CONTRAST}"),
        ),
        blank(Test::ZoneWithoutGlare, true),
        blank(Test::ZoneUncovered, false),
    ]
}

fn place(blank: &Blank) -> String {
    let Blank { line, first, last, .. } = *blank;
    if first == last {
        format!("line {line} character {first}")
    } else {
        format!("line {line} characters {first} to {last}")
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
