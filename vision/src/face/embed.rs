//! Embeddings of faces, and their comparison.

use std::fmt;

use candle_core::{Device, Tensor};

use super::{Landmarks, align};
use crate::error::VisionError;
use crate::models::Weights;
use crate::net::sface::{DIMENSIONS, SFace, SIDE};
use crate::ops::Precision;
use crate::picture::Picture;

/// How faces are embedded. Embeddings made with different options are comparable, but thresholds were measured for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmbedOptions {
    /// Take the mean of the face's embedding and that of its mirror image, for twice the time. After
    /// [`refine`](super::FaceDetector::refine), FNMR at FMR 1e-4 on the first five folds of LFW falls from 2.5 % to 2.3 %.
    pub mirror: bool,
    /// Of the network's products.
    pub precision: Precision,
}

/// Embeds faces with SFace.
pub struct FaceEmbedder {
    net: SFace,
    device: Device,
    options: EmbedOptions,
}

impl FaceEmbedder {
    /// Builds the network from the weights of [`crate::models::Model::SFace`], which must be on `device`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(weights: &Weights, device: &Device, options: EmbedOptions) -> Result<FaceEmbedder, VisionError> {
        Ok(FaceEmbedder {
            net: SFace::load(weights, options.precision)?,
            device: device.clone(),
            options,
        })
    }

    /// Aligns the face with these landmarks and embeds it.
    ///
    /// # Errors
    /// [`VisionError::DegenerateLandmarks`], or when a tensor operation fails.
    pub fn embed(&self, picture: &Picture, landmarks: &Landmarks) -> Result<Embedding, VisionError> {
        self.embed_aligned(&align(picture, landmarks)?)
    }

    /// Embeds a face that [`align`] has turned upright. A picture of another size is scaled to 112×112.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn embed_aligned(&self, face: &Picture) -> Result<Embedding, VisionError> {
        let face = face.resize(SIDE, SIDE);
        let mut faces = rgb(&face, &self.device)?;
        if self.options.mirror {
            faces = Tensor::cat(&[faces, rgb(&face.mirror(), &self.device)?], 0)?;
        }
        let output = self.net.forward(&faces)?;
        // Each of the two counts the same, however long it is.
        let unit = output.broadcast_div(&output.sqr()?.sum_keepdim(1)?.sqrt()?)?;
        let sum = unit.sum(0)?.to_vec1::<f32>()?;
        Embedding::new(&sum).ok_or_else(|| candle_core::Error::Msg("the embedding has no direction".to_owned()).into())
    }
}

/// (1, height, width, 3), red, green, blue, 0 to 255.
fn rgb(picture: &Picture, device: &Device) -> candle_core::Result<Tensor> {
    let values = picture.pixels().iter().map(|&value| f32::from(value)).collect();
    Tensor::from_vec(
        values,
        (1, picture.height() as usize, picture.width() as usize, 3),
        device,
    )
}

/// A face as a direction in space: 128 numbers of length one. It is biometric data: `Debug` shows none of it.
#[derive(Clone, PartialEq)]
pub struct Embedding([f32; DIMENSIONS]);

impl Embedding {
    /// From 128 numbers, brought to length one. `None` when they are not 128, not finite, or all zero.
    #[must_use]
    pub fn new(values: &[f32]) -> Option<Embedding> {
        let mut values: [f32; DIMENSIONS] = values.try_into().ok()?;
        let length = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        values
            .iter()
            .all(|value| value.is_finite())
            .then_some(Embedding(values))
    }

    /// The 128 numbers.
    #[must_use]
    pub fn values(&self) -> &[f32; DIMENSIONS] {
        &self.0
    }

    /// Cosine of the angle between two embeddings: −1 to 1, near 1 for the same person.
    #[must_use]
    pub fn cosine(&self, other: &Embedding) -> f32 {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| a * b)
            .sum::<f32>()
            .clamp(-1.0, 1.0)
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedding(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_is_that_of_the_angle() {
        let along = |a: f32, b: f32| {
            let mut values = [0.0; DIMENSIONS];
            values[3] = a;
            values[70] = b;
            Embedding::new(&values).unwrap()
        };
        let x = along(5.0, 0.0);
        assert_eq!(x.cosine(&x), 1.0);
        assert_eq!(x.cosine(&along(-2.0, 0.0)), -1.0);
        assert_eq!(x.cosine(&along(0.0, 9.0)), 0.0);
        assert!((x.cosine(&along(1.0, 1.0)) - 0.5f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        assert_eq!(Embedding::new(&[0.0; DIMENSIONS]), None);
        assert_eq!(Embedding::new(&[f32::NAN; DIMENSIONS]), None);
        assert_eq!(Embedding::new(&[1.0; 64]), None);
    }

    #[test]
    fn debug_output_shows_no_values() {
        assert_eq!(
            format!("{:?}", Embedding::new(&[1.0; DIMENSIONS])),
            "Some(Embedding(***))"
        );
    }
}
