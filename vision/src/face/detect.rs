//! From the outputs of YuNet to faces.

use candle_core::{Device, Tensor};

use super::{Face, Landmarks};
use crate::error::VisionError;
use crate::geometry::{Point, Rect};
use crate::models::Weights;
use crate::net::yunet::{ALIGNMENT, Level, OUTPUTS, YuNet};
use crate::ops::Precision;
use crate::picture::Picture;

/// What counts as a face, and at which sizes to look.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectOptions {
    /// Least score, 0 to 1.
    pub score_threshold: f32,
    /// Of two boxes that overlap by more than this (intersection over union) the one with the lower score is dropped.
    pub overlap_threshold: f32,
    /// At most this many candidates, those with the highest scores, are compared with each other.
    pub top_k: usize,
    /// Longest sides in pixels to which a larger picture is scaled, tried in order until a face is found. Small faces need a
    /// large one, faces that fill the picture a small one, and the time grows with its square.
    pub longest_sides: Vec<u32>,
}

impl Default for DetectOptions {
    fn default() -> DetectOptions {
        DetectOptions {
            score_threshold: 0.6,
            overlap_threshold: 0.3,
            top_k: 5000,
            longest_sides: vec![640, 1280, 320],
        }
    }
}

impl DetectOptions {
    /// The longest side in pixels at which a picture is looked at: what is larger shows no more.
    #[must_use]
    pub fn largest_side(&self) -> u32 {
        self.longest_sides.iter().copied().max().unwrap_or_default()
    }
}

/// Widths of the face's box in pixels at which [`FaceDetector::refine`] looks at it.
const REFINE_WIDTHS: [f32; 3] = [80.0, 100.0, 140.0];

/// Width of the face's box in pixels beyond which its surroundings are made smaller once, and looked at from there: four times that of
/// the largest, which loses nothing.
const CLOSE_UP_WIDTH: f32 = 4.0 * 140.0;

/// No side of a face's surroundings is longer than this when it is refined, whatever its proportions.
const REFINE_LONGEST: f32 = 640.0;

/// Finds faces with YuNet.
pub struct FaceDetector {
    net: YuNet,
    device: Device,
}

impl FaceDetector {
    /// Builds the network from the weights of [`crate::models::Model::YuNet`], which must be on `device`; its products are made
    /// with `precision`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn new(weights: &Weights, device: &Device, precision: Precision) -> Result<FaceDetector, VisionError> {
        Ok(FaceDetector {
            net: YuNet::load(weights, precision)?,
            device: device.clone(),
        })
    }

    /// The faces in a picture, those with the highest scores first; coordinates are those of `picture`, whatever the size at
    /// which it was looked at. No face is an empty answer.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn detect(&self, picture: &Picture, options: &DetectOptions) -> Result<Vec<Face>, VisionError> {
        let mut looked_at = Vec::new();
        for side in &options.longest_sides {
            let side = (*side).clamp(1, picture.longest_side());
            if looked_at.contains(&side) {
                continue;
            }
            looked_at.push(side);
            let faces = if side == picture.longest_side() {
                self.detect_as_is(picture, options)?
            } else {
                let small = picture.resize_longest(side);
                let factor_x = picture.width() as f32 / small.width() as f32;
                let factor_y = picture.height() as f32 / small.height() as f32;
                let faces = self.detect_as_is(&small, options)?;
                faces.iter().map(|face| face.scaled(factor_x, factor_y)).collect()
            };
            if !faces.is_empty() {
                return Ok(faces);
            }
        }
        Ok(Vec::new())
    }

    /// The same face with landmarks that are the mean of those found in the face's surroundings at several sizes, which scatter
    /// less than those of one look: on the first five folds of LFW, FNMR at FMR 1e-4 falls from 3.2 % to 2.5 %. A size at which
    /// the face is not found again does not count.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn refine(&self, picture: &Picture, face: &Face, options: &DetectOptions) -> Result<Face, VisionError> {
        let Some(area) = picture.part(face.bounds.grown(0.6)) else {
            return Ok(*face);
        };
        // Of a face that fills a large photograph, each look would scale millions of pixels.
        let close = CLOSE_UP_WIDTH / face.bounds.width;
        let shrunk = |length: u32| (length as f32 * close).round() as u32;
        let smaller = (close < 1.0).then(|| area.resize(shrunk(area.width()), shrunk(area.height())));
        let origin = Point::new(area.left() as f32, area.top() as f32);
        let mut sum = [Point::default(); 5];
        let mut count = 0.0;
        for width in REFINE_WIDTHS {
            let scale = width / face.bounds.width;
            let scaled = |length: u32| (length as f32 * scale).round().clamp(1.0, REFINE_LONGEST) as u32;
            let (wide, high) = (scaled(area.width()), scaled(area.height()));
            let look = match &smaller {
                Some(smaller) => smaller.resize(wide, high),
                None => area.resize(wide, high),
            };
            let (x, y) = (
                area.width() as f32 / look.width() as f32,
                area.height() as f32 / look.height() as f32,
            );
            let found = self
                .detect_as_is(&look, options)?
                .into_iter()
                .map(|face| moved(&face.scaled(x, y), origin));
            let same = found.max_by(|a, b| a.bounds.iou(&face.bounds).total_cmp(&b.bounds.iou(&face.bounds)));
            if let Some(same) = same.filter(|same| same.bounds.iou(&face.bounds) > 0.5) {
                for (sum, point) in sum.iter_mut().zip(same.landmarks.points()) {
                    *sum = Point::new(sum.x + point.x, sum.y + point.y);
                }
                count += 1.0;
            }
        }
        if count == 0.0 {
            return Ok(*face);
        }
        Ok(Face {
            landmarks: Landmarks::from(sum.map(|p| Point::new(p.x / count, p.y / count))),
            ..*face
        })
    }

    fn detect_as_is(&self, picture: &Picture, options: &DetectOptions) -> Result<Vec<Face>, VisionError> {
        let levels = self.net.forward(&padded(picture, &self.device)?)?;
        let mut candidates = Vec::new();
        for level in &levels {
            decode(level, options.score_threshold, &mut candidates)?;
        }
        Ok(suppress_overlaps(candidates, options))
    }
}

/// (1, height, width, 3), bytes; black is added on the right and at the bottom up to the next multiple of 32.
fn padded(picture: &Picture, device: &Device) -> candle_core::Result<Tensor> {
    let width = picture.width().next_multiple_of(ALIGNMENT) as usize;
    let height = picture.height().next_multiple_of(ALIGNMENT) as usize;
    let mut bytes = Vec::with_capacity(height * width * 3);
    for (row, end) in picture.rows().zip((1..).map(|row| row * width * 3)) {
        bytes.extend_from_slice(row);
        bytes.resize(end, 0);
    }
    bytes.resize(height * width * 3, 0);
    Tensor::from_vec(bytes, (1, height, width, 3), device)
}

/// Adds the faces of one level with at least the wanted score: the square root of class times object probability, as
/// `FaceDetectorYN` of OpenCV has it.
fn decode(level: &Level, threshold: f32, faces: &mut Vec<Face>) -> candle_core::Result<()> {
    let (_, _, columns, _) = level.outputs.dims4()?;
    let outputs = level.outputs.flatten_all()?.to_vec1::<f32>()?;
    let stride = level.stride as f32;
    // Neither probability may be less than the product of both: most cells need no exponential. A little less, for rounding.
    let least = (threshold.powi(2) / (1.0 - threshold.powi(2))).ln() - 1e-3;
    for (cell, outputs) in outputs.as_chunks::<OUTPUTS>().0.iter().enumerate() {
        let [class, object, bbox @ .., _, _, _, _, _, _, _, _, _, _] = *outputs;
        if class.min(object) < least {
            continue;
        }
        let score = (sigmoid(class) * sigmoid(object)).sqrt();
        if score.is_nan() || score < threshold {
            continue;
        }
        let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
        let landmarks = &outputs[6..];
        let centre = Point::new((column + bbox[0]) * stride, (row + bbox[1]) * stride);
        let (width, height) = (bbox[2].exp() * stride, bbox[3].exp() * stride);
        let landmark = |index: usize| {
            Point::new(
                (landmarks[2 * index] + column) * stride,
                (landmarks[2 * index + 1] + row) * stride,
            )
        };
        let face = Face {
            bounds: Rect::new(centre.x - width / 2.0, centre.y - height / 2.0, width, height),
            landmarks: Landmarks::from([0, 1, 2, 3, 4].map(landmark)),
            score,
        };
        if face.bounds.area().is_finite() && face.landmarks.points().iter().all(|p| (p.x + p.y).is_finite()) {
            faces.push(face);
        }
    }
    Ok(())
}

/// Greedy non-maximum suppression, best score first.
fn suppress_overlaps(mut candidates: Vec<Face>, options: &DetectOptions) -> Vec<Face> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(options.top_k);
    let mut kept: Vec<Face> = Vec::new();
    for face in candidates {
        if kept
            .iter()
            .all(|better| better.bounds.iou(&face.bounds) <= options.overlap_threshold)
        {
            kept.push(face);
        }
    }
    kept
}

/// The face in a picture in which that of `face` begins at `origin`.
fn moved(face: &Face, origin: Point) -> Face {
    let shift = |p: Point| Point::new(p.x + origin.x, p.y + origin.y);
    let corner = shift(Point::new(face.bounds.x, face.bounds.y));
    Face {
        bounds: Rect::new(corner.x, corner.y, face.bounds.width, face.bounds.height),
        landmarks: Landmarks::from(face.landmarks.points().map(shift)),
        score: face.score,
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
