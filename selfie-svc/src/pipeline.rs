//! Pictures to faces: detect, choose, align, embed, measure. The evaluation runs over this same code.
//!
//! A [`FaceFinder`] has the detector alone; a [`FacePipeline`] embeds what it found, too.

use std::time::Duration;

use candle_core::Device;
use vision::VisionError;
use vision::face::quality::Quality;
use vision::face::visibility::Visibility;
use vision::face::{DetectOptions, EmbedOptions, Embedding, Face, FaceDetector, FaceEmbedder, align};
use vision::geometry::{Point, Rect};
use vision::models::{Model, ModelStore, Weights};
use vision::ops::Precision;
use vision::picture::Picture;

use crate::rules::OtherFace;

/// The networks that the pipeline needs.
pub const MODELS: [Model; 2] = [Model::YuNet, Model::SFace];

/// The detector, loaded once and shared by all workers.
pub struct FaceFinder {
    detector: FaceDetector,
}

/// Detector and embedder, loaded once and shared by all workers.
pub struct FacePipeline {
    finder: FaceFinder,
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

impl Examined {
    /// Pixels between the eyes.
    pub fn inter_eye_distance(&self) -> f64 {
        f64::from(self.face.landmarks.eye_distance())
    }
}

/// A picture whose faces stand upright.
pub struct Upright {
    /// The picture, turned.
    pub picture: Picture,
    /// Its faces, best score first.
    pub faces: Vec<Face>,
    turn: Turn,
}

/// How far a picture was turned clockwise.
#[derive(Clone, Copy)]
enum Turn {
    None,
    Quarter,
    Half,
    ThreeQuarters,
}

impl Turn {
    fn of(self, picture: Picture) -> Picture {
        match self {
            Turn::None => picture,
            Turn::Quarter => picture.rotate90(),
            Turn::Half => picture.rotate180(),
            Turn::ThreeQuarters => picture.rotate270(),
        }
    }
}

impl Upright {
    /// A face where it lies in the picture as it was sent.
    pub fn as_sent(&self, face: &Face) -> Face {
        let corners = [
            self.point_as_sent(Point::new(face.bounds.x, face.bounds.y)),
            self.point_as_sent(Point::new(face.bounds.right(), face.bounds.bottom())),
        ];
        let (left, right) = (corners[0].x.min(corners[1].x), corners[0].x.max(corners[1].x));
        let (top, bottom) = (corners[0].y.min(corners[1].y), corners[0].y.max(corners[1].y));
        Face {
            bounds: Rect::new(left, top, right - left, bottom - top),
            landmarks: face.landmarks.points().map(|point| self.point_as_sent(point)).into(),
            score: face.score,
        }
    }

    /// Width and height of the picture as it was sent.
    pub fn size_as_sent(&self) -> (u32, u32) {
        let (width, height) = (self.picture.width(), self.picture.height());
        match self.turn {
            Turn::None | Turn::Half => (width, height),
            Turn::Quarter | Turn::ThreeQuarters => (height, width),
        }
    }

    fn point_as_sent(&self, Point { x, y }: Point) -> Point {
        let (width, height) = (self.picture.width() as f32, self.picture.height() as f32);
        match self.turn {
            Turn::None => Point::new(x, y),
            Turn::Quarter => Point::new(y, width - x),
            Turn::Half => Point::new(width - x, height - y),
            Turn::ThreeQuarters => Point::new(height - y, x),
        }
    }

    /// What was found in a smaller copy, in the picture that it was made from.
    pub fn onto(self, original: Picture) -> Upright {
        if self.size_as_sent() == (original.width(), original.height()) {
            return self;
        }
        let picture = self.turn.of(original);
        let x = picture.width() as f32 / self.picture.width() as f32;
        let y = picture.height() as f32 / self.picture.height() as f32;
        Upright {
            faces: self.faces.iter().map(|face| face.scaled(x, y)).collect(),
            picture,
            turn: self.turn,
        }
    }

    fn score(&self) -> f32 {
        self.faces.first().map_or(0.0, |face| face.score)
    }

    fn is_sure(&self) -> bool {
        self.faces.first().is_some_and(stands_surely)
    }
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Finding faces.
    pub detect: Duration,
    /// Aligning and embedding.
    pub embed: Duration,
}

impl FaceFinder {
    /// Builds the detector from its weights, which must be on `device`.
    pub fn new(weights: &Weights, device: &Device) -> Result<Self, VisionError> {
        Ok(Self {
            detector: FaceDetector::new(weights, device, DETECT)?,
        })
    }

    /// A picture turned by quarters until its faces stand upright, and its faces, best score first. People hold documents sideways,
    /// and not every camera writes down how it was held.
    pub fn upright(&self, picture: Picture) -> Result<Upright, VisionError> {
        let as_sent = self.detect(picture, Turn::None)?;
        if as_sent.is_sure() {
            return Ok(as_sent);
        }
        // What is turned is no larger than what the detector looks at; the picture itself only once it is known how.
        let original = &as_sent.picture;
        let largest = DetectOptions::default().largest_side();
        let small = original.resize_longest(original.longest_side().min(largest));
        let mut best: Option<Upright> = None;
        for turn in [Turn::Quarter, Turn::ThreeQuarters, Turn::Half] {
            let turned = self.detect(turn.of(small.clone()), turn)?;
            let (sure, score) = (turned.is_sure(), best.as_ref().unwrap_or(&as_sent).score());
            if sure || turned.score() > score + CLEARLY {
                best = Some(turned);
            }
            if sure {
                break;
            }
        }
        Ok(match best {
            Some(best) => best.onto(as_sent.picture),
            None => as_sent,
        })
    }

    fn detect(&self, picture: Picture, turn: Turn) -> Result<Upright, VisionError> {
        let faces = self.detector.detect(&picture, &DetectOptions::default())?;
        Ok(Upright { picture, faces, turn })
    }

    /// Landmarks looked for again in the face itself: misplaced ones cost more matches than anything else.
    fn refine(&self, picture: &Picture, face: &Face) -> Result<Face, VisionError> {
        self.detector.refine(picture, face, &DetectOptions::default())
    }
}

/// How well a face can be seen.
pub fn quality(picture: &Picture, face: &Face) -> Result<Quality, VisionError> {
    let aligned = align(picture, &face.landmarks)?;
    Ok(Quality::measure(picture, &face.landmarks, &aligned))
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
            finder: FaceFinder::new(&detector, device)?,
            embedder: FaceEmbedder::new(&embedder, device, EMBED)?,
            used,
        })
    }

    /// Name and SHA-256 of the networks: detector, embedder.
    pub fn models(&self) -> &[(String, String)] {
        &self.used
    }

    /// What finds the faces.
    pub fn finder(&self) -> &FaceFinder {
        &self.finder
    }

    /// Aligns, embeds and measures one face, its landmarks refined first.
    pub fn examine(&self, picture: &Picture, face: &Face) -> Result<Examined, VisionError> {
        let face = self.finder.refine(picture, face)?;
        let aligned = align(picture, &face.landmarks)?;
        let embedding = self.embedder.embed_aligned(&aligned)?;
        let quality = Quality::measure(picture, &face.landmarks, &aligned);
        Ok(Examined {
            face,
            embedding,
            aligned,
            quality,
        })
    }

    /// Whether something covers the eyes or the mouth of a face.
    pub fn visibility(&self, face: &Examined) -> Result<Visibility, VisionError> {
        Visibility::measure(&face.aligned, &face.embedding, &self.embedder)
    }

    /// The face of the person who took the picture: large and near the centre. `None` when there is no face.
    pub fn subject(&self, picture: Picture) -> Result<Option<Examined>, VisionError> {
        let Upright { picture, faces, .. } = self.finder.upright(picture)?;
        subject(&faces, &picture)
            .map(|face| self.examine(&picture, face))
            .transpose()
    }
}

/// Of the detector. Landmarks move by so little that FNMR at FMR 1e-4 on the shared faces is 2.67 % instead of 2.72 %.
const DETECT: Precision = Precision::Half;

/// Bytes cost next to nothing: FNMR at FMR 1e-4 on the shared faces is 2.67 %, with `f32` everywhere 2.65 %; at 1e-3 it is 1.65 %
/// with both.
const EMBED: EmbedOptions = EmbedOptions {
    mirror: false,
    precision: Precision::Byte,
};

/// How much higher a turned picture's score must be where neither is sure. Less is chance: turned copies of upright faces score about
/// as high, with landmarks that are worse.
const CLEARLY: f32 = 0.1;

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

/// The other faces of a picture, against the chosen one.
pub fn others(chosen: &Face, faces: &[Face]) -> Vec<OtherFace> {
    let around = chosen.bounds.grown(1.0);
    let mouth = chosen.landmarks.left_mouth.midpoint(chosen.landmarks.right_mouth);
    let other = |face: &Face| {
        let Point { x, y } = face.bounds.centre();
        let is_within = (around.x..around.right()).contains(&x) && (around.y..around.bottom()).contains(&y);
        OtherFace {
            size: f64::from(face.bounds.area() / chosen.bounds.area()).sqrt(),
            is_near: is_within || y > mouth.y,
        }
    };
    let others = faces.iter().filter(|face| face.bounds != chosen.bounds);
    others.map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_go_back_to_where_they_were_sent() {
        let sent = Picture::from_fn(40, 30, |x, y| [x as u8, y as u8, 0]);
        for (picture, turn) in [
            (sent.clone(), Turn::None),
            (sent.rotate90(), Turn::Quarter),
            (sent.rotate180(), Turn::Half),
            (sent.rotate270(), Turn::ThreeQuarters),
        ] {
            // The pixel that the nose is on tells where it was.
            let (x, y) = (7, 11);
            let [was_x, was_y, _] = picture.pixel(x, y);
            let nose = Point::new(x as f32 + 0.5, y as f32 + 0.5);
            let face = Face {
                bounds: Rect::new(nose.x - 2.0, nose.y - 1.0, 4.0, 2.0),
                landmarks: [nose; 5].into(),
                score: 1.0,
            };
            let upright = Upright {
                picture,
                faces: vec![face],
                turn,
            };
            let found = upright.as_sent(&face);
            let expected = Point::new(f32::from(was_x) + 0.5, f32::from(was_y) + 0.5);
            assert_eq!(found.landmarks.nose, expected);
            assert_eq!(found.bounds.centre(), expected);
            assert_eq!(found.bounds.area(), 8.0);
            assert_eq!(upright.size_as_sent(), (40, 30));
        }
    }
}
