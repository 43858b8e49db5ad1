//! Measures of a document's picture, without networks: whether it is a copy, whether it was edited, and whether it can be read.

mod colour;
mod compression;
mod fourier;
mod legibility;
mod screen;
mod view;

pub use compression::OddPart;
pub use legibility::{Blank, Legibility, Lines};

use crate::geometry::Quad;
use crate::picture::Picture;

/// Signs that not the document itself was before the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recapture {
    /// Chroma that light cannot explain, in percent of the span from dark to light. `None` where the page shows nothing.
    pub chroma: Option<f32>,
    /// How far the strongest frequency that is common to all parts of the page stands out, in nepers of power. `None` where the
    /// picture is too small.
    pub grid: Option<f32>,
}

impl Recapture {
    /// Measures a page, or what is known of it.
    #[must_use]
    pub fn measure(picture: &Picture, page: &Quad) -> Recapture {
        Recapture {
            chroma: colour::chroma(picture, page),
            grid: screen::prominence(picture, page),
        }
    }
}

/// The value below which this share of them lies. Changes their order; `None` where there are none.
fn quantile(values: &mut [f32], share: f32) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    let at = (last as f32 * share).round() as usize;
    Some(*values.select_nth_unstable_by(at.min(last), f32::total_cmp).1)
}
