//! `SelfieCheckService`: a request in, work onto the pool, an answer out.

use std::sync::Arc;
use std::time::Duration;

use proto::identity::v1::{CheckStatus, FaceQuality, SelfieInsights, SelfieReport, VerificationError};
use proto::selfie::v1::selfie_check_service_server::SelfieCheckService;
use proto::selfie::v1::{CheckSelfieRequest, CheckSelfieResponse, FaceImage};
use service_kit::compute::{Caller, Pool};
use service_kit::stage::timed;
use service_kit::{insights, stage};
use tonic::{Request, Response, Status};
use vision::VisionError;
use vision::face::exposure::CloseUp;
use vision::face::presentation::{AttackDetector, Scores};
use vision::face::{DetectOptions, Face};
use vision::picture::{DecodeError, Limits, Picture};

use crate::calibration::OperatingPoint;
use crate::checker::Checked;
use crate::error::Error;
use crate::message;
use crate::pipeline::{self, Examined, FacePipeline, Spent};
use crate::presentation::Detection;
use crate::requirements;
use crate::rules::{Evaluation, Likeness, Observation, Portrait, Subject, evaluate};

/// Both services of selfie-svc. Clones share everything.
#[derive(Clone)]
pub(crate) struct Selfie {
    shared: Arc<Shared>,
    pool: Pool,
}

pub(crate) struct Shared {
    pub(crate) pipeline: FacePipeline,
    attacks: Detection,
    pub(crate) point: OperatingPoint,
    limits: Limits,
}

impl Selfie {
    pub(crate) fn new(pipeline: FacePipeline, attacks: Detection, point: OperatingPoint, pool: Pool) -> Self {
        Self {
            shared: Arc::new(Shared::new(pipeline, attacks, point)),
            pool,
        }
    }

    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &Caller) -> Result<T, Error> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let shared = Arc::clone(&self.shared);
        let value = self
            .pool
            .run(move |caller| work(&shared, caller))
            .await
            .map_err(Error::from)??;
        Ok(Response::new(value))
    }
}

#[tonic::async_trait]
impl SelfieCheckService for Selfie {
    async fn check_selfie(
        &self,
        request: Request<CheckSelfieRequest>,
    ) -> Result<Response<CheckSelfieResponse>, Status> {
        let request = request.into_inner();
        pictures(&request)?;
        self.compute(move |shared, caller| Ok(shared.check(&request, caller)?.response))
            .await
    }
}

/// The pictures of the document and the selfie; neither may be missing.
fn pictures(request: &CheckSelfieRequest) -> Result<(&[FaceImage], &FaceImage), Error> {
    let selfie = request.selfie.as_ref().ok_or(Error::Missing("selfie"))?;
    if request.documents.is_empty() {
        return Err(Error::Missing("documents"));
    }
    Ok((&request.documents, selfie))
}

/// Pixels between the eyes that are enough to embed a face, of which 35 remain: with fewer, a picture that was decoded at a part of its
/// size is decoded whole.
const ENOUGH_BETWEEN_EYES: f32 = 70.0;

/// What one picture of the selfie check showed. Faces lie where they do at the picture's own size.
enum Examination {
    Unreadable(DecodeError),
    NoFace,
    Face {
        examined: Box<Examined>,
        close_up: CloseUp,
        /// Of a selfie, where presentation attack detection is installed.
        scores: Option<Scores>,
        faces: Vec<Face>,
    },
}

/// Which picture of the selfie check one is.
#[derive(Clone, Copy)]
enum Role {
    Document,
    Selfie,
}

impl Role {
    /// The face that the picture is of.
    fn choose<'faces>(self, faces: &'faces [Face], picture: &Picture) -> Option<&'faces Face> {
        match self {
            Self::Document => pipeline::portrait(faces),
            Self::Selfie => pipeline::subject(faces, picture),
        }
    }
}

impl Examination {
    /// What was seen: its face as `measure` has it, given all faces of the picture.
    fn observation<T>(
        &self,
        measure: impl FnOnce(&Examined, &[Face]) -> Result<T, VisionError>,
    ) -> Result<Observation<'_, T>, VisionError> {
        Ok(match self {
            Self::Unreadable(error) => Observation::Unreadable(error),
            Self::NoFace => Observation::NoFace,
            Self::Face { examined, faces, .. } => Observation::Face(measure(examined, faces)?),
        })
    }

    fn examined(&self) -> Option<&Examined> {
        match self {
            Self::Face { examined, .. } => Some(examined),
            Self::Unreadable(_) | Self::NoFace => None,
        }
    }

    /// How alike two faces are, where there are two.
    fn likeness(&self, other: &Self) -> Option<Likeness> {
        let (
            Self::Face { examined, close_up, .. },
            Self::Face {
                examined: with,
                close_up: beside,
                ..
            },
        ) = (self, other)
        else {
            return None;
        };
        Some(Likeness {
            similarity: f64::from(examined.embedding.cosine(&with.embedding)),
            agreement: close_up.agreement(beside),
        })
    }

    fn scores(&self) -> Option<Scores> {
        match self {
            Self::Face { scores, .. } => *scores,
            Self::Unreadable(_) | Self::NoFace => None,
        }
    }

    fn quality(&self) -> Option<FaceQuality> {
        match self {
            Self::Face { examined, faces, .. } => {
                Some(message::quality(&examined.quality, &examined.face, faces.len()))
            }
            Self::Unreadable(_) | Self::NoFace => None,
        }
    }
}

/// Time spent over all pictures of one check.
#[derive(Default)]
struct Clock {
    decode: Duration,
    faces: Spent,
    quality: Duration,
    comparison: Duration,
    attacks: Duration,
}

impl Shared {
    pub(crate) fn new(pipeline: FacePipeline, attacks: Detection, point: OperatingPoint) -> Self {
        Self {
            pipeline,
            attacks,
            point,
            limits: Limits::default(),
        }
    }

    /// The answer, and what was measured for it.
    pub(crate) fn check(&self, request: &CheckSelfieRequest, caller: &Caller) -> Result<Checked, Error> {
        let (documents, selfie) = pictures(request)?;
        let mut clock = Clock::default();
        let (document, portrait) = self.find_portrait(documents, &mut clock, caller)?;
        let subject = self.examine(&selfie.data, &mut clock, caller, Role::Selfie)?;

        let portrait_seen = portrait.observation(|examined, _| {
            Ok(Portrait {
                inter_eye_distance: examined.inter_eye_distance(),
            })
        })?;
        if caller.gone() {
            return Err(Error::Abandoned);
        }
        let subject_seen = subject.observation(|examined, faces| {
            // It takes four embeddings: nobody needs them of what is refused anyway.
            let is_wanted = matches!(portrait_seen, Observation::Face(_)) && requirements::are_met(&examined.quality);
            let look = || self.pipeline.visibility(examined);
            let visibility = is_wanted
                .then(|| timed("face_quality", &mut clock.quality, look))
                .transpose()?;
            Ok(Subject {
                inter_eye_distance: examined.inter_eye_distance(),
                quality: examined.quality,
                visibility,
                others: pipeline::others(&examined.face, faces),
            })
        })?;
        let selfie_face = subject.quality().map(|quality| match &subject_seen {
            Observation::Face(Subject {
                visibility: Some(visibility),
                ..
            }) => message::with_visibility(quality, *visibility),
            _ => quality,
        });

        let likeness = timed("face_comparison", &mut clock.comparison, || portrait.likeness(&subject));
        let presentation = self.attacks.of(subject.scores());
        let evaluation = evaluate(&portrait_seen, &subject_seen, likeness, presentation, self.point);
        let has_portrait = evaluation.has_portrait();
        // Also of what failed: that is when somebody looks at them.
        let crop = |examination: &Examination| {
            let examined = examination.examined().filter(|_| request.with_face_crops);
            examined.map(|examined| examined.aligned.encode_png()).transpose()
        };
        let Evaluation { failure, checks } = evaluation;

        let status = if failure.is_none() {
            CheckStatus::Verified
        } else {
            CheckStatus::Unverified
        };
        let models = self.pipeline.models().iter().chain(self.attacks.models());
        let response = CheckSelfieResponse {
            selfie: Some(SelfieReport {
                status: status.into(),
                error: failure.map(|(code, reason)| VerificationError {
                    code: code.into(),
                    reason: reason.to_owned(),
                }),
                document: has_portrait.then(|| document.file.clone()),
                selfie: Some(selfie.file.clone()),
            }),
            insights: Some(SelfieInsights {
                similarity: likeness.map(|likeness| likeness.similarity),
                threshold: Some(self.point.threshold),
                false_match_rate: Some(self.point.false_match_rate),
                document_face: portrait.quality(),
                selfie_face,
                checks,
                timings: stage::timings(&[
                    ("decode", clock.decode),
                    ("face_detection", clock.faces.detect),
                    ("face_embedding", clock.faces.embed),
                    ("face_quality", clock.quality),
                    ("face_comparison", clock.comparison),
                    ("presentation_attack_detection", clock.attacks),
                ]),
                models: models.map(insights::model).collect(),
                presentation_attack_detection: self.attacks.insights(presentation),
                // There are no files before they are kept.
                document_face_file: None,
                selfie_face_file: None,
            }),
            document_face: crop(&portrait)?,
            selfie_face: crop(&subject)?,
        };
        Ok(Checked {
            response,
            likeness,
            presentation,
        })
    }

    /// The first picture of the document with a face; without any, what the first one showed.
    fn find_portrait<'images>(
        &self,
        documents: &'images [FaceImage],
        clock: &mut Clock,
        caller: &Caller,
    ) -> Result<(&'images FaceImage, Examination), Error> {
        let mut first = None;
        for document in documents {
            let examination = self.examine(&document.data, clock, caller, Role::Document)?;
            if examination.examined().is_some() {
                return Ok((document, examination));
            }
            first.get_or_insert((document, examination));
        }
        first.ok_or(Error::Missing("documents"))
    }

    fn examine(&self, data: &[u8], clock: &mut Clock, caller: &Caller, role: Role) -> Result<Examination, Error> {
        if caller.gone() {
            return Err(Error::Abandoned);
        }
        // No more than the detector looks at; what it finds is then as good as in the whole picture.
        let enough = DetectOptions::default().largest_side();
        let decoded = timed("decode", &mut clock.decode, || {
            Picture::decode_reduced(data, &self.limits, enough)
        });
        let (picture, mut divisor) = match decoded {
            Ok(decoded) => decoded,
            Err(error) => return Ok(Examination::Unreadable(error)),
        };
        let mut upright = timed("face_detection", &mut clock.faces.detect, || {
            self.pipeline.finder().upright(picture)
        })?;
        let between_eyes = role
            .choose(&upright.faces, &upright.picture)
            .map(|face| face.landmarks.eye_distance());
        if divisor > 1 && between_eyes.is_some_and(|pixels| pixels < ENOUGH_BETWEEN_EYES) {
            if caller.gone() {
                return Err(Error::Abandoned);
            }
            match timed("decode", &mut clock.decode, || Picture::decode(data, &self.limits)) {
                Ok(whole) => upright = upright.onto(whole),
                Err(error) => return Ok(Examination::Unreadable(error)),
            }
            divisor = 1;
        }
        let Some(chosen) = role.choose(&upright.faces, &upright.picture) else {
            return Ok(Examination::NoFace);
        };
        let examined = timed("face_embedding", &mut clock.faces.embed, || {
            self.pipeline.examine(&upright.picture, chosen)
        });
        let looked_at = examined.and_then(|examined| {
            let close_up = timed("face_comparison", &mut clock.comparison, || {
                CloseUp::of(&upright.picture, &examined.face.landmarks)
            })?;
            Ok((examined, close_up))
        });
        let (mut examined, close_up) = match looked_at {
            // Eyes, nose and mouth in one place, or far outside the picture, are no face's.
            Err(VisionError::DegenerateLandmarks) => return Ok(Examination::NoFace),
            looked_at => looked_at?,
        };
        let detector = match role {
            Role::Document => None,
            Role::Selfie => self.attacks.detector(),
        };
        let look = |detector: &AttackDetector| {
            timed("presentation_attack_detection", &mut clock.attacks, || {
                detector.scores(&upright.picture, chosen.bounds)
            })
        };
        let scores = detector.map(look).transpose()?;
        let scale = divisor as f32;
        examined.face = examined.face.scaled(scale, scale);
        Ok(Examination::Face {
            examined: Box::new(examined),
            close_up,
            scores,
            faces: upright.faces.iter().map(|face| face.scaled(scale, scale)).collect(),
        })
    }

    pub(crate) fn decode(&self, field: &'static str, data: &[u8]) -> Result<Picture, Error> {
        Picture::decode(data, &self.limits).map_err(|source| Error::Picture { field, source })
    }
}
