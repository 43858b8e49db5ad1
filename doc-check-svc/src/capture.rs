//! How the document came before the camera: the tests of its picture, not of what is written on it. Pure.

use vision::document::Recapture;
use vision::geometry::Quad;
use vision::picture::Picture;

use crate::policy::{Finding, Test};

/// Least chroma that light cannot explain, in percent of the span from dark to light.
const LEAST_CHROMA: f32 = 2.0;

/// From here on a wave that is the same all over the page is the grid of a screen, in nepers of power.
const GRID: f32 = 5.5;

/// Tests a picture of a document. `page` is its outline in the picture, or what is known of it: more than its zone, which is black on
/// white in many countries, and as little as may be of what lies around it.
#[must_use]
pub fn findings(picture: &Picture, page: &Quad) -> Vec<Finding> {
    let Recapture { chroma, grid } = Recapture::measure(picture, page);
    vec![in_colour(chroma), not_on_a_screen(grid)]
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

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;
