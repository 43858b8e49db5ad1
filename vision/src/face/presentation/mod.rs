//! Presentation attack detection (ISO/IEC 30107-1): how likely a living face was before the camera, not a screen or a print.
//!
//! Two networks look at the face with different shares of what is around it: edges of a screen or of paper, a hand, the background.
//! The mean of their answers is the score. How often it errs is in selfie-svc's `presentation`, which decides by it.

mod crop;

use candle_core::{Device, Tensor};
pub use crop::crop;

use crate::error::VisionError;
use crate::geometry::Rect;
use crate::models::Weights;
use crate::net::minifasnet::{BONA_FIDE, MiniFasNet, SIDE, Variant};
use crate::ops::Precision;
use crate::picture::Picture;

/// How much of what is around the face each network was trained to see: the side of the crop over that of the detector's box.
const SCALE_V2: f64 = 2.7;
const SCALE_V1SE: f64 = 4.0;

/// Both networks.
pub struct AttackDetector {
    v2: MiniFasNet,
    v1se: MiniFasNet,
    device: Device,
}

/// The probability of a bona fide presentation, 0 to 1, as each network sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// MiniFASNetV2.
    pub v2: f64,
    /// MiniFASNetV1SE.
    pub v1se: f64,
}

impl Scores {
    /// Of both.
    #[must_use]
    pub fn mean(&self) -> f64 {
        f64::midpoint(self.v2, self.v1se)
    }
}

impl AttackDetector {
    /// Builds the networks from the weights of [`crate::models::Model::MiniFasNetV2`] and
    /// [`crate::models::Model::MiniFasNetV1Se`], which must be on `device`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(v2: &Weights, v1se: &Weights, device: &Device) -> Result<Self, VisionError> {
        // Most of their convolutions have few channels, which products of fewer bits hardly shorten.
        let precision = Precision::Single;
        Ok(Self {
            v2: MiniFasNet::load(Variant::V2, v2, precision)?,
            v1se: MiniFasNet::load(Variant::V1Se, v1se, precision)?,
            device: device.clone(),
        })
    }

    /// Looks at the face with these bounds.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn scores(&self, picture: &Picture, bounds: Rect) -> Result<Scores, VisionError> {
        Ok(Scores {
            v2: self.score(&self.v2, &crop(picture, bounds, SCALE_V2, SIDE))?,
            v1se: self.score(&self.v1se, &crop(picture, bounds, SCALE_V1SE, SIDE))?,
        })
    }

    fn score(&self, network: &MiniFasNet, crop: &Picture) -> Result<f64, VisionError> {
        let probabilities = network.forward(&bgr(crop, &self.device)?)?;
        Ok(f64::from(probabilities.get(0)?.get(BONA_FIDE)?.to_scalar::<f32>()?))
    }
}

/// (1, height, width, 3), blue, green, red, 0 to 255.
fn bgr(picture: &Picture, device: &Device) -> candle_core::Result<Tensor> {
    let pixels = picture.pixels().as_chunks::<3>().0;
    let values = pixels.iter().flat_map(|&[r, g, b]| [b, g, r].map(f32::from)).collect();
    Tensor::from_vec(
        values,
        (1, picture.height() as usize, picture.width() as usize, 3),
        device,
    )
}
