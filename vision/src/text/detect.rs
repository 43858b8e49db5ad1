//! Finding lines of text.

use candle_core::{Device, Tensor};

use super::components::components;
use super::crop::write_pixels;
use super::order;
use super::rectangle::Rectangle;
use crate::VisionError;
use crate::geometry::Quad;
use crate::models::Weights;
use crate::net::ppocr_det::{PpOcrDet, STRIDE};
use crate::ops::Precision;
use crate::picture::Picture;

/// What counts as a line of text. The thresholds are those that PP-OCRv6 is published with.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectOptions {
    /// A picture whose shorter side is below this many pixels is enlarged, up to four times.
    pub shortest_side: u32,
    /// A picture whose longer side is above this many pixels is made smaller. Bounds time and memory, which grow with the number
    /// of pixels. At least 32. The default still finds letters of 9 pixels in a picture of 1600×1200, and sees a row of fillers
    /// (<<<<) in larger letters as text, which the network fails to do where it sees them larger.
    pub longest_side: u32,
    /// Probability from which on a pixel belongs to a line, 0 to 1.
    pub pixel_threshold: f32,
    /// Mean probability in its rectangle from which on a line counts, 0 to 1.
    pub line_threshold: f32,
    /// By how many times area over perimeter a line is larger than the region found for it.
    pub unclip_ratio: f32,
    /// How many lines are kept: those that cover most.
    pub max_lines: usize,
}

impl Default for DetectOptions {
    fn default() -> DetectOptions {
        DetectOptions {
            shortest_side: 736,
            longest_side: 960,
            pixel_threshold: 0.3,
            line_threshold: 0.5,
            unclip_ratio: 1.6,
            max_lines: 128,
        }
    }
}

/// Regions thinner than this many pixels are noise.
const THINNEST_REGION: f64 = 3.0;

/// How many times a small picture is enlarged at most.
const MAX_ENLARGEMENT: f64 = 4.0;

impl DetectOptions {
    /// Width and height in which the network sees a picture: proportions kept, as far as multiples of [`STRIDE`] allow.
    fn input_size(&self, picture: &Picture) -> (u32, u32) {
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        let larger = f64::from(self.shortest_side) / width.min(height);
        let smaller = f64::from(self.longest_side) / width.max(height);
        let scale = larger.clamp(1.0, MAX_ENLARGEMENT).min(smaller);
        let stride = STRIDE as u32;
        let whole = |side: f64| {
            let side = (side * scale / f64::from(stride)).round() as u32 * stride;
            side.clamp(stride, (self.longest_side / stride * stride).max(stride))
        };
        (whole(width), whole(height))
    }
}

/// Text detection by PP-OCRv6.
pub struct TextDetector {
    network: PpOcrDet,
    device: Device,
}

impl TextDetector {
    /// A detector with the weights of [`crate::models::Model::PpOcrDet`], whose products are made with `precision`.
    ///
    /// # Errors
    /// When the weights are those of another network.
    pub fn new(weights: &Weights, device: &Device, precision: Precision) -> Result<TextDetector, VisionError> {
        Ok(TextDetector {
            network: PpOcrDet::load(weights, precision)?,
            device: device.clone(),
        })
    }

    /// The lines of text in a picture, in reading order, in picture pixels. The first edge of a quad is the upper one of the line
    /// if its text runs from left to right or from the top down; a line that runs the other way round is found too, see
    /// [`super::upside_down`].
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn detect(&self, picture: &Picture, options: &DetectOptions) -> Result<Vec<Quad>, VisionError> {
        let (width, height) = options.input_size(picture);
        let map = self.probabilities(&picture.resize(width, height))?;
        let scale = (
            f64::from(picture.width()) / f64::from(width),
            f64::from(picture.height()) / f64::from(height),
        );
        let width = width as usize;
        let mut found: Vec<Rectangle> = components(&map, width, options.pixel_threshold)
            .iter()
            .filter_map(|region| Rectangle::around(region))
            .filter(|rectangle| rectangle.thickness() >= THINNEST_REGION)
            .filter(|rectangle| rectangle.mean(&map, width) >= options.line_threshold)
            .map(|rectangle| rectangle.unclip(f64::from(options.unclip_ratio)))
            .collect();
        found.sort_by(|a, b| b.area().total_cmp(&a.area()));
        found.truncate(options.max_lines);
        let quads = found.iter().map(|rectangle| rectangle.quad(scale)).collect();
        Ok(order::sort(quads))
    }

    /// The network's answer for a picture with sides in multiples of [`STRIDE`], row by row.
    fn probabilities(&self, picture: &Picture) -> Result<Vec<f32>, candle_core::Error> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut pixels = vec![0.0; height * width * 3];
        write_pixels(picture, &mut pixels, width);
        let input = Tensor::from_vec(pixels, (1, height, width, 3), &self.device)?;
        self.network.forward(&input)?.flatten_all()?.to_vec1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded_multiples_of_the_stride() {
        let options = DetectOptions::default();
        let size = |width, height| options.input_size(&Picture::from_fn(width, height, |_, _| [0; 3]));
        assert_eq!(size(1600, 1200), (960, 736), "large ones are made smaller");
        assert_eq!(size(940, 800), (928, 800), "those between stay");
        assert_eq!(size(600, 600), (736, 736), "small ones are enlarged");
        assert_eq!(size(700, 300), (960, 416), "but only up to the longest side");
        assert_eq!(size(1, 1), (32, 32));
        assert_eq!(size(3, 9000), (32, 960));
        let odd = DetectOptions {
            longest_side: 1000,
            ..options.clone()
        };
        assert_eq!(odd.input_size(&Picture::from_fn(3000, 2990, |_, _| [0; 3])), (992, 992));
        let tiny = DetectOptions {
            longest_side: 0,
            ..options
        };
        assert_eq!(tiny.input_size(&Picture::from_fn(300, 200, |_, _| [0; 3])), (32, 32));
    }
}
