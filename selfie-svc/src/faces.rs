//! `FaceService`: faces without a session.

use proto::face::v1::face_service_server::FaceService;
use proto::face::v1::{
    CompareFacesRequest, CompareFacesResponse, DetectFacesRequest, DetectFacesResponse, EmbedFacesRequest,
    EmbedFacesResponse, EmbeddedFace,
};
use proto::identity::v1::ModelUse;
use service_kit::compute::Caller;
use service_kit::insights;
use tonic::{Request, Response, Status};
use vision::VisionError;
use vision::picture::Picture;

use crate::error::Error;
use crate::message;
use crate::pipeline::{self, Examined, FaceFinder, FacePipeline, Upright};
use crate::service::{Selfie, Shared};

/// Faces of one answer, as the contract says. A picture of a crowd must not keep a worker busy for as long as it likes.
const MOST_FACES: usize = 32;

#[tonic::async_trait]
impl FaceService for Selfie {
    async fn detect_faces(
        &self,
        request: Request<DetectFacesRequest>,
    ) -> Result<Response<DetectFacesResponse>, Status> {
        let image = request.into_inner().image;
        self.compute(move |shared, _| {
            let picture = shared.decode("image", &image)?;
            Ok(detect(shared.pipeline.finder(), picture)?)
        })
        .await
    }

    async fn embed_faces(&self, request: Request<EmbedFacesRequest>) -> Result<Response<EmbedFacesResponse>, Status> {
        let image = request.into_inner().image;
        self.compute(move |shared, caller| embed(&shared.pipeline, shared.decode("image", &image)?, caller))
            .await
    }

    async fn compare_faces(
        &self,
        request: Request<CompareFacesRequest>,
    ) -> Result<Response<CompareFacesResponse>, Status> {
        let CompareFacesRequest { left, right } = request.into_inner();
        self.compute(move |shared, caller| {
            let (left_picture, left) = most_prominent(shared, "left", &left)?;
            if caller.gone() {
                return Err(Error::Abandoned);
            }
            let (right_picture, right) = most_prominent(shared, "right", &right)?;
            let similarity = f64::from(left.embedding.cosine(&right.embedding));
            Ok(CompareFacesResponse {
                similarity,
                threshold: shared.point.threshold,
                false_match_rate: shared.point.false_match_rate,
                same_person: similarity >= shared.point.threshold,
                left: Some(message::face(&left.face, &left.quality, &left_picture)),
                right: Some(message::face(&right.face, &right.quality, &right_picture)),
                model: embedder(&shared.pipeline),
            })
        })
        .await
    }
}

/// Needs the detector alone.
fn detect(finder: &FaceFinder, picture: Picture) -> Result<DetectFacesResponse, VisionError> {
    let upright = finder.upright(picture)?;
    let faces = upright.faces.iter().take(MOST_FACES).map(|face| {
        let quality = pipeline::quality(&upright.picture, face)?;
        Ok(message::face(face, &quality, &upright))
    });
    let faces = faces.collect::<Result<_, VisionError>>()?;
    let (width, height) = upright.size_as_sent();
    Ok(DetectFacesResponse {
        faces,
        width,
        height,
        found: message::count(upright.faces.len()),
    })
}

fn embed(pipeline: &FacePipeline, picture: Picture, caller: &Caller) -> Result<EmbedFacesResponse, Error> {
    let upright = pipeline.finder().upright(picture)?;
    let mut faces = Vec::new();
    for face in upright.faces.iter().take(MOST_FACES) {
        if caller.gone() {
            return Err(Error::Abandoned);
        }
        let examined = pipeline.examine(&upright.picture, face)?;
        faces.push(EmbeddedFace {
            face: Some(message::face(&examined.face, &examined.quality, &upright)),
            embedding: examined.embedding.values().to_vec(),
        });
    }
    Ok(EmbedFacesResponse {
        faces,
        model: embedder(pipeline),
        found: message::count(upright.faces.len()),
    })
}

fn most_prominent(shared: &Shared, field: &'static str, image: &[u8]) -> Result<(Upright, Examined), Error> {
    let upright = shared.pipeline.finder().upright(shared.decode(field, image)?)?;
    let chosen = pipeline::subject(&upright.faces, &upright.picture).ok_or(Error::NoFace(field))?;
    let examined = shared.pipeline.examine(&upright.picture, chosen)?;
    Ok((upright, examined))
}

fn embedder(pipeline: &FacePipeline) -> Option<ModelUse> {
    pipeline.models().last().map(insights::model)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use service_kit::testing::skipped;
    use vision::models::{Model, ModelStore, Sample};
    use vision::picture::Limits;

    use super::*;

    /// The detector is all that there is: nothing here could embed a face.
    #[test]
    fn of_a_crowd_the_best_faces_are_told_and_how_many_there_are() {
        let ready = ModelStore::open_default().ok().and_then(|store| {
            let weights = store.weights(Model::YuNet, &Device::Cpu).ok()?;
            Some((weights, store.sample(Sample::Obama).ok()?))
        });
        let Some((weights, sample)) = ready else {
            return skipped("models or samples are not installed (bonafide models fetch)");
        };
        let finder = FaceFinder::new(&weights, &Device::Cpu).expect("its weights");
        let person = Picture::decode(&sample, &Limits::default()).expect("a picture");
        let person = person.resize(90, 90 * person.height() / person.width());
        let (columns, rows) = (7, 6);
        let crowd = Picture::from_fn(columns * person.width(), rows * person.height(), |x, y| {
            person.pixel(x % person.width(), y % person.height())
        });

        let answer = detect(&finder, crowd).expect("computes");
        assert_eq!(answer.faces.len(), MOST_FACES);
        assert!(answer.found > 32 && answer.found <= columns * rows, "{}", answer.found);
        assert!(answer.faces.is_sorted_by(|a, b| a.confidence >= b.confidence));
        let one = detect(&finder, person).expect("computes");
        assert_eq!((one.faces.len(), one.found), (1, 1));
    }
}
