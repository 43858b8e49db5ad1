//! Measures of a document's picture, without networks: whether it is a copy, and whether it can be read.

mod colour;
mod fourier;
mod grid;
mod view;

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
            grid: grid::prominence(picture, page),
        }
    }
}
