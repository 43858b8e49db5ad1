//! Pictures to faces: detect, choose, align, embed, measure. The evaluation runs over this same code.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use candle_core::Device;
use vision::VisionError;
use vision::face::quality::Quality;
use vision::face::{DetectOptions, EmbedOptions, Embedding, Face, FaceDetector, FaceEmbedder, align};
use vision::geometry::Point;
use vision::models::{Model, ModelError, ModelStore};
use vision::picture::Picture;

use crate::judge::Measured;

/// The networks that the pipeline needs.
pub const MODELS: [Model; 2] = [Model::YuNet, Model::SFace];

/// Opens the model store at `models`, or at its default place.
pub fn open_store(models: Option<PathBuf>) -> Result<ModelStore, ModelError> {
    match models {
        Some(root) => Ok(ModelStore::open(root)),
        None => ModelStore::open_default(),
    }
}

/// Detector and embedder, loaded once and shared by all workers.
pub struct FacePipeline {
    detector: FaceDetector,
    embedder: FaceEmbedder,
    used: Vec<(String, String)>,
}

/// A face with all that is known of it.
pub struct Examined {
    /// Where it is: the box as detected, the landmarks refined.
    pub face: Face,
    /// Who it is.
    pub embedding: Embedding,
    /// The upright 112×112 crop that was embedded.
    pub aligned: Picture,
    /// How well it can be seen.
    pub quality: Quality,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Finding faces.
    pub detect: Duration,
    /// Aligning and embedding.
    pub embed: Duration,
}

impl FacePipeline {
    /// Loads both networks from the store onto `device`.
    pub fn load(store: &ModelStore, device: &Device) -> Result<Self, VisionError> {
        let detector = store.weights(Model::YuNet, device)?;
        let embedder = store.weights(Model::SFace, device)?;
        let used = [&detector, &embedder]
            .map(|weights| (weights.model().to_owned(), weights.source_sha256().to_owned()))
            .into();
        Ok(Self {
            detector: FaceDetector::new(&detector, device)?,
            embedder: FaceEmbedder::new(&embedder, device, EmbedOptions::default())?,
            used,
        })
    }

    /// Name and SHA-256 of the networks: detector, embedder.
    pub fn models(&self) -> &[(String, String)] {
        &self.used
    }

    /// Every face of a picture, best score first.
    pub fn detect(&self, picture: &Picture) -> Result<Vec<Face>, VisionError> {
        self.detector.detect(picture, &DetectOptions::default())
    }

    /// A picture turned by quarters until its faces stand upright, and its faces, best score first. People hold documents sideways,
    /// and not every camera writes down how it was held.
    pub fn detect_upright(&self, picture: Picture) -> Result<(Picture, Vec<Face>), VisionError> {
        let faces = self.detect(&picture)?;
        if faces.first().is_some_and(stands_surely) {
            return Ok((picture, faces));
        }
        let score = |faces: &[Face]| faces.first().map_or(0.0, |face| face.score);
        let mut best = (picture, faces);
        for turned in [best.0.rotate90(), best.0.rotate270(), best.0.rotate180()] {
            let faces = self.detect(&turned)?;
            if score(&faces) > score(&best.1) {
                best = (turned, faces);
            }
            if best.1.first().is_some_and(stands_surely) {
                break;
            }
        }
        Ok(best)
    }

    /// Aligns, embeds and measures one face, its landmarks refined first: misplaced ones cost more matches than anything else.
    pub fn examine(&self, picture: &Picture, face: &Face) -> Result<Examined, VisionError> {
        let face = self.detector.refine(picture, face, &DetectOptions::default())?;
        let aligned = align(picture, &face.landmarks)?;
        let embedding = self.embedder.embed_aligned(&aligned)?;
        let quality = Quality::measure(&aligned, &face.landmarks);
        Ok(Examined {
            face,
            embedding,
            aligned,
            quality,
        })
    }

    /// The face of the person who took the picture: large and near the centre. `None` when there is no face.
    pub fn subject(&self, picture: &Picture) -> Result<Option<Examined>, VisionError> {
        let faces = self.detect(picture)?;
        subject(&faces, picture)
            .map(|face| self.examine(picture, face))
            .transpose()
    }
}

/// Whether a face stands upright without doubt. The detector finds lying faces too, but less surely and with misplaced landmarks.
fn stands_surely(face: &Face) -> bool {
    // Upright faces of the sample pictures score 0.93 to 0.95, the same upside down up to 0.88.
    const SURE: f32 = 0.9;
    let (right, left) = (face.landmarks.right_eye, face.landmarks.left_eye);
    face.score >= SURE && left.x - right.x > (left.y - right.y).abs()
}

/// The portrait of a document: the largest face. A second, smaller print of it ("ghost image") may be more central.
pub fn portrait(faces: &[Face]) -> Option<&Face> {
    vision::face::largest(faces)
}

/// The face of whoever took the picture: its area less twice the squared distance of its centre from the picture's, so that
/// neither a large passer-by at the edge nor a small one in the middle is taken for them.
pub fn subject<'faces>(faces: &'faces [Face], picture: &Picture) -> Option<&'faces Face> {
    let middle = Point::new(picture.width() as f32 / 2.0, picture.height() as f32 / 2.0);
    let prominence = |face: &Face| face.bounds.area() - 2.0 * face.bounds.centre().distance(middle).powi(2);
    faces.iter().max_by(|a, b| prominence(a).total_cmp(&prominence(b)))
}

/// What the judgement needs to know of the chosen face among all faces of its picture.
pub fn measured(chosen: &Examined, faces: &[Face]) -> Measured {
    let others = faces.iter().filter(|face| face.bounds != chosen.face.bounds);
    let rival = others.map(|face| face.bounds.area()).fold(0.0, f32::max);
    Measured {
        inter_eye_distance: f64::from(chosen.face.landmarks.eye_distance()),
        rival_area: f64::from(rival / chosen.face.bounds.area()),
    }
}

/// Pearson's correlation of two aligned crops' grey levels, -1 to 1; 0 when one of them is a single grey.
pub fn correlation(left: &Picture, right: &Picture) -> f64 {
    let (left, right) = (left.luma(), right.luma());
    let count = left.len().min(right.len()) as f64;
    let mean = |grey: &[f32]| grey.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let (mean_left, mean_right) = (mean(&left), mean(&right));
    let (mut both, mut own_left, mut own_right) = (0.0, 0.0, 0.0);
    for (a, b) in left.iter().zip(&right) {
        let (a, b) = (f64::from(*a) - mean_left, f64::from(*b) - mean_right);
        both += a * b;
        own_left += a * a;
        own_right += b * b;
    }
    let scale = (own_left * own_right).sqrt();
    if scale > 0.0 { both / scale } else { 0.0 }
}

/// Runs `work` and adds the time it took to `spent`.
pub fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let value = work();
    *spent += started.elapsed();
    value
}
