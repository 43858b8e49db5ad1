//! Reading text: find the lines, cut each out, recognise its characters.
//!
//! ```text
//! Picture ──detect──▶ quads of lines ──cut──▶ 48 pixels high ──recognize──▶ TextLine
//! ```
//!
//! Lines come back with the runner-up of every character and its place along the line, so that whoever knows the grammar of what
//! is written can correct a letter that the network took for another. What a line says depends on its pixels only, not on the
//! lines read beside it.

mod alphabet;
mod components;
mod crop;
mod ctc;
mod detect;
mod frames;
mod line;
mod order;
mod recognize;
mod rectangle;

use candle_core::Device;

pub use alphabet::Alphabet;
pub use crop::{LineHeight, cut};
pub use detect::{DetectOptions, TextDetector};
pub use frames::Frames;
pub use line::{Candidate, TextChar, TextLine};
pub use order::upside_down;
pub use recognize::{RecognizeOptions, TextRecognizer};

use crate::VisionError;
use crate::geometry::Quad;
use crate::models::Weights;
use crate::ops::Precision;
use crate::picture::Picture;

/// With what the networks' products are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Precisions {
    /// Of detection.
    pub detection: Precision,
    /// Of recognition, save for the scores of characters at its end, which always are made with `f32`.
    pub recognition: Precision,
}

/// Detection and recognition together.
pub struct TextReader {
    detector: TextDetector,
    recognizer: TextRecognizer,
}

impl TextReader {
    /// A reader with the weights of [`crate::models::Model::PpOcrDet`] and [`crate::models::Model::PpOcrRec`].
    ///
    /// # Errors
    /// When the weights are those of other networks.
    pub fn new(
        det: &Weights,
        rec: &Weights,
        device: &Device,
        precisions: Precisions,
    ) -> Result<TextReader, VisionError> {
        Ok(TextReader {
            detector: TextDetector::new(det, device, precisions.detection)?,
            recognizer: TextRecognizer::new(rec, device, precisions.recognition)?,
        })
    }

    /// See [`TextDetector::detect`].
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn detect(&self, picture: &Picture, options: &DetectOptions) -> Result<Vec<Quad>, VisionError> {
        self.detector.detect(picture, options)
    }

    /// See [`TextRecognizer::recognize`].
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn recognize(
        &self,
        picture: &Picture,
        quads: &[Quad],
        options: RecognizeOptions,
    ) -> Result<Vec<TextLine>, VisionError> {
        self.recognizer.recognize(picture, quads, options)
    }

    /// See [`TextRecognizer::frames`].
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn frames(
        &self,
        picture: &Picture,
        quads: &[Quad],
        options: RecognizeOptions,
    ) -> Result<Vec<Frames>, VisionError> {
        self.recognizer.frames(picture, quads, options)
    }

    /// All lines of a picture, in reading order, with characters of any kind.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn read(&self, picture: &Picture) -> Result<Vec<TextLine>, VisionError> {
        let quads = self.detect(picture, &DetectOptions::default())?;
        self.recognize(picture, &quads, RecognizeOptions::default())
    }
}
