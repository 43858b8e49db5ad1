//! The service over real gRPC, with the real networks and sample pictures. Skips where they are not installed.

use std::sync::OnceLock;

use candle_core::Device;
use proto::face::v1::face_service_client::FaceServiceClient;
use proto::face::v1::{CompareFacesRequest, DetectFacesRequest, EmbedFacesRequest};
use proto::identity::v1::{CheckStatus, VerificationErrorCode, check_detail::Outcome};
use proto::selfie::v1::selfie_check_service_client::SelfieCheckServiceClient;
use proto::selfie::v1::{CheckSelfieRequest, CheckSelfieResponse, FaceImage};
use selfie_svc::config::Config;
use selfie_svc::pipeline::MODELS;
use selfie_svc::server::SelfieSvc;
use service_kit::client::ServiceChannel;
use service_kit::service::Service as _;
use service_kit::status;
use service_kit::testing::skipped;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use vision::face::{DetectOptions, EmbedOptions, FaceEmbedder};
use vision::geometry::{Affine, Rect};
use vision::models::{Model, ModelStore, Sample, State};
use vision::ops::Precision;
use vision::picture::{Border, Limits, Picture, warp_affine};

#[path = "service/fitness.rs"]
mod fitness;
#[path = "service/presentation.rs"]
mod presentation;

struct Running {
    runtime: Runtime,
    channel: ServiceChannel,
    store: ModelStore,
}

/// One service for all tests of this binary: loading the networks takes longer than most tests.
fn running() -> Option<&'static Running> {
    static RUNNING: OnceLock<Option<Running>> = OnceLock::new();
    let running = RUNNING.get_or_init(|| {
        let store = ModelStore::open_default().ok()?;
        let ready = MODELS
            .into_iter()
            .all(|model| store.state(model.into()) == State::Ready);
        let samples = [Sample::Obama, Sample::Obama2, Sample::Biden];
        if !ready
            || !samples
                .into_iter()
                .all(|sample| store.state(sample.into()) == State::Ready)
        {
            return None;
        }
        Some(start(Config::default(), store))
    });
    if running.is_none() {
        skipped("models or samples are not installed (bonafide models fetch)");
    }
    running.as_ref()
}

/// Starts a service; samples come from `store`.
fn start(config: Config, store: ModelStore) -> Running {
    let runtime = Runtime::new().expect("a runtime");
    let service = runtime.block_on(SelfieSvc::bind(config)).expect("starts");
    let address = format!("http://{}", service.local_addr());
    runtime.spawn(service.serve(CancellationToken::new()));
    let channel = {
        let _inside = runtime.enter();
        ServiceChannel::new(&address, None).expect("an address")
    };
    Running {
        runtime,
        channel,
        store,
    }
}

impl Running {
    fn sample(&self, sample: Sample) -> Vec<u8> {
        self.store.sample(sample).expect("it was ready")
    }

    fn check(&self, document: Vec<u8>, selfie: Vec<u8>) -> CheckSelfieResponse {
        self.check_with(document, selfie, false)
    }

    fn check_with(&self, document: Vec<u8>, selfie: Vec<u8>, with_face_crops: bool) -> CheckSelfieResponse {
        let mut client = SelfieCheckServiceClient::new(self.channel.clone());
        let image = |file: &str, data| FaceImage {
            file: file.to_owned(),
            data,
        };
        let request = CheckSelfieRequest {
            documents: vec![image("file_document", document)],
            selfie: Some(image("file_selfie", selfie)),
            with_face_crops,
        };
        self.runtime
            .block_on(client.check_selfie(request))
            .expect("a result, whatever the pictures")
            .into_inner()
    }

    fn code(&self, document: Vec<u8>, selfie: Vec<u8>) -> Option<VerificationErrorCode> {
        self.check(document, selfie)
            .selfie
            .and_then(|selfie| selfie.error)
            .map(|error| error.code())
    }

    fn faces(&self) -> FaceServiceClient<ServiceChannel> {
        FaceServiceClient::new(self.channel.clone())
    }
}

fn grey(width: u32, height: u32) -> Vec<u8> {
    Picture::from_fn(width, height, |_, _| [128; 3])
        .encode_png()
        .expect("encodes")
}

#[test]
fn one_person_matches_and_another_does_not() {
    let Some(running) = running() else { return };
    let same = running.check(running.sample(Sample::Obama), running.sample(Sample::Obama2));
    let report = same.selfie.expect("a report");
    assert_eq!(report.status(), CheckStatus::Verified);
    assert_eq!(
        (report.document.as_deref(), report.selfie.as_deref()),
        (Some("file_document"), Some("file_selfie"))
    );
    let insights = same.insights.expect("insights");
    assert!(insights.threshold.is_some() && insights.similarity > insights.threshold);
    let networks = if insights.presentation_attack_detection.is_some() {
        4
    } else {
        2
    };
    assert_eq!(insights.models.len(), networks);
    assert!(insights.selfie_face.expect("a face").inter_eye_distance > 50.0);
    let other = running.code(running.sample(Sample::Obama), running.sample(Sample::Biden));
    assert_eq!(other, Some(VerificationErrorCode::SelfieFaceMismatch));
}

#[test]
fn face_crops_are_what_the_network_got_and_come_only_when_asked_for() {
    let Some(running) = running() else { return };
    let document = || running.sample(Sample::Obama);
    let unasked = running.check(document(), running.sample(Sample::Obama2));
    assert_eq!((unasked.document_face, unasked.selfie_face), (None, None));

    let weights = running.store.weights(Model::SFace, &Device::Cpu).expect("ready");
    // As the service embeds.
    let options = EmbedOptions {
        precision: Precision::Byte,
        ..EmbedOptions::default()
    };
    let embedder = FaceEmbedder::new(&weights, &Device::Cpu, options).expect("its weights");
    let embed = |crop: Option<Vec<u8>>| {
        let crop = Picture::decode(&crop.expect("a face"), &Limits::default()).expect("a picture");
        assert_eq!((crop.width(), crop.height()), (112, 112));
        embedder.embed_aligned(&crop).expect("embeds")
    };
    for selfie in [Sample::Obama2, Sample::Biden] {
        let asked = running.check_with(document(), running.sample(selfie), true);
        let similarity = embed(asked.document_face).cosine(&embed(asked.selfie_face));
        assert_eq!(
            asked.insights.and_then(|told| told.similarity),
            Some(f64::from(similarity))
        );
    }
    let faceless = running.check_with(grey(400, 300), document(), true);
    assert!(faceless.document_face.is_none() && faceless.selfie_face.is_some());
}

#[test]
fn the_documents_own_photo_is_no_selfie() {
    let Some(running) = running() else { return };
    let original = Picture::decode(&running.sample(Sample::Obama), &Limits::default()).expect("a picture");
    // Scaled and compressed again, so that not a byte is the same.
    let copy = original.resize_longest(500);
    let (width, height) = (copy.width(), copy.height());
    let tone = |change: fn(f32) -> f32| {
        Picture::from_fn(width, height, |x, y| {
            copy.pixel(x, y)
                .map(|level| (255.0 * change(f32::from(level) / 255.0)) as u8)
        })
    };
    let (sin, cos) = 12f64.to_radians().sin_cos();
    let turn = Affine([cos, -sin, 60.0, sin, cos, -40.0]);
    let grid = Picture::from_fn(width, height, |x, y| {
        let lit = if x % 24 < 3 || y % 24 < 3 { 60 } else { 0 };
        copy.pixel(x, y).map(|level| level.saturating_add(lit))
    });
    for (disguise, selfie) in [
        ("none", copy.clone()),
        ("mirrored", copy.mirror()),
        ("darker", tone(|level| level * level)),
        ("paler", tone(|level| 0.4 + 0.4 * level)),
        ("turned", warp_affine(&copy, &turn, width, height, Border::Replicate)),
        ("mirrored and wider", copy.mirror().resize(width * 6 / 5, height)),
        ("behind a grid", grid),
        ("small", copy.resize_longest(200).resize(width, height)),
    ] {
        let code = running.code(running.sample(Sample::Obama), selfie.encode_jpeg(80).expect("encodes"));
        assert_eq!(code, Some(VerificationErrorCode::SelfieManipulated), "{disguise}");
    }
}

#[test]
fn another_photo_of_the_same_person_is_no_copy() {
    let Some(running) = running() else { return };
    for (document, selfie) in [(Sample::Obama, Sample::Obama2), (Sample::Obama2, Sample::Obama)] {
        let insights = running.check(running.sample(document), running.sample(selfie)).insights;
        let checks = insights.expect("insights").checks;
        let copy = checks
            .iter()
            .find(|check| check.name == "selfie_is_a_picture_of_its_own");
        assert_eq!(copy.expect("always told").outcome(), Outcome::Passed);
    }
}

#[test]
fn what_cannot_be_compared_is_a_result() {
    use VerificationErrorCode::{SelfieDocumentMissingPhoto, SelfieUnverifiedOther};
    let Some(running) = running() else { return };
    let face = || running.sample(Sample::Obama);
    assert_eq!(running.code(grey(400, 300), face()), Some(SelfieDocumentMissingPhoto));
    assert_eq!(running.code(face(), grey(400, 300)), Some(SelfieUnverifiedOther));
    assert_eq!(running.code(face(), grey(1, 1)), Some(SelfieUnverifiedOther));
    assert_eq!(
        running.code(face(), b"not a picture".to_vec()),
        Some(SelfieUnverifiedOther)
    );
    assert_eq!(running.code(Vec::new(), face()), Some(SelfieDocumentMissingPhoto));
    for (document, named) in [(grey(400, 300), None), (face(), Some("file_document"))] {
        let report = running.check(document, grey(400, 300)).selfie.expect("a report");
        assert_eq!(report.document.as_deref(), named);
    }
    let mut cut = face();
    cut.truncate(cut.len() / 2);
    assert_eq!(running.code(face(), cut), Some(SelfieUnverifiedOther));
}

#[test]
fn large_photographs_are_checked_like_small_ones() {
    let Some(running) = running() else { return };
    let selfie = Picture::decode(&running.sample(Sample::Obama2), &Limits::default()).expect("a picture");
    let seen = |selfie: Vec<u8>| {
        let insights = running.check(running.sample(Sample::Obama), selfie).insights;
        let insights = insights.expect("insights");
        let face = insights.selfie_face.expect("a face");
        (insights.similarity.expect("two faces"), face.inter_eye_distance)
    };
    let (similarity, distance) = seen(selfie.encode_jpeg(95).expect("encodes"));

    let large = selfie.resize(5 * selfie.width(), 5 * selfie.height());
    let (of_large, between_eyes) = seen(large.encode_jpeg(95).expect("encodes"));
    assert!((of_large - similarity).abs() < 0.02, "{of_large} {similarity}");
    assert!((between_eyes / distance - 5.0).abs() < 0.1, "{between_eyes} {distance}");

    // A face that has too few pixels at half the picture's size; a PNG file has no other.
    let small = selfie.resize_longest(400);
    let far = Picture::from_fn(3400, 2000, |x, y| match (x.checked_sub(1500), y.checked_sub(800)) {
        (Some(x), Some(y)) if x < small.width() && y < small.height() => small.pixel(x, y),
        _ => [90, 110, 130],
    });
    let (in_jpeg, between_eyes) = seen(far.encode_jpeg(98).expect("encodes"));
    let (in_png, distance) = seen(far.encode_png().expect("encodes"));
    assert!((in_jpeg - in_png).abs() < 0.01, "{in_jpeg} {in_png}");
    assert!(
        (between_eyes / distance - 1.0).abs() < 0.01,
        "{between_eyes} {distance}"
    );
}

#[test]
fn pictures_may_lie_on_any_side() {
    let Some(running) = running() else { return };
    let picture = |sample| Picture::decode(&running.sample(sample), &Limits::default()).expect("a picture");
    let (document, selfie) = (picture(Sample::Obama), picture(Sample::Obama2));
    let jpeg = |picture: &Picture| picture.encode_jpeg(90).expect("encodes");
    for (document, selfie) in [
        (document.rotate90(), selfie.clone()),
        (document.rotate180(), selfie.rotate90()),
        (document.rotate270(), selfie.rotate180()),
    ] {
        assert_eq!(running.code(jpeg(&document), jpeg(&selfie)), None);
    }
}

#[test]
fn three_people_are_no_selfie() {
    let Some(running) = running() else { return };
    let person = |sample| {
        let picture = Picture::decode(&running.sample(sample), &Limits::default()).expect("a picture");
        picture.resize(300, 300 * picture.height() / picture.width())
    };
    let people = [Sample::Biden, Sample::Obama2, Sample::Biden].map(person);
    let height = people.iter().map(Picture::height).min().expect("three");
    let group = Picture::from_fn(900, height, |x, y| people[(x / 300) as usize].pixel(x % 300, y));
    let check = running.check(running.sample(Sample::Obama), group.encode_jpeg(90).expect("encodes"));
    assert_eq!(
        check.selfie.expect("a report").error.expect("unverified").code(),
        VerificationErrorCode::SelfieUnverifiedOther
    );
    assert_eq!(check.insights.expect("insights").selfie_face.expect("a face").faces, 3);
}

#[test]
fn faces_are_found_embedded_and_compared() {
    let Some(running) = running() else { return };
    let mut faces = running.faces();
    let image = running.sample(Sample::Obama);
    let found = running
        .runtime
        .block_on(faces.detect_faces(DetectFacesRequest { image: image.clone() }));
    let found = found.expect("one face").into_inner();
    assert_eq!(found.faces.len(), 1);
    let bounds = found.faces[0].bounding_box.expect("a box");
    let picture = Rect::new(0.0, 0.0, found.width as f32, found.height as f32);
    let bounds = Rect::new(
        bounds.x as f32,
        bounds.y as f32,
        bounds.width as f32,
        bounds.height as f32,
    );
    assert!(bounds.iou(&picture) > 0.01);

    let embedded = running
        .runtime
        .block_on(faces.embed_faces(EmbedFacesRequest { image: image.clone() }));
    let embedding = embedded.expect("one face").into_inner().faces.remove(0).embedding;
    let length: f32 = embedding.iter().map(|value| value * value).sum();
    assert_eq!(embedding.len(), 128);
    assert!((length - 1.0).abs() < 1e-4);

    let request = CompareFacesRequest {
        left: image.clone(),
        right: running.sample(Sample::Obama2),
    };
    let compared = running
        .runtime
        .block_on(faces.compare_faces(request))
        .expect("two faces")
        .into_inner();
    assert!(compared.same_person && compared.similarity > compared.threshold);
}

#[test]
fn faces_of_a_lying_picture_are_found_where_they_lie() {
    let Some(running) = running() else { return };
    let mut faces = running.faces();
    let upright = Picture::decode(&running.sample(Sample::Obama), &Limits::default()).expect("a picture");
    let lying = upright.rotate90();
    let compared = running.runtime.block_on(faces.compare_faces(CompareFacesRequest {
        left: lying.encode_jpeg(95).expect("encodes"),
        right: running.sample(Sample::Obama2),
    }));
    assert!(compared.expect("two faces").into_inner().same_person);

    // Larger than what the detector looks at, too: of such a picture a smaller copy is turned.
    let large = lying.resize(2 * lying.width(), 2 * lying.height());
    assert!(large.longest_side() > DetectOptions::default().largest_side());
    let mut eyes = |picture: &Picture| {
        let image = picture.encode_jpeg(95).expect("encodes");
        let found = running
            .runtime
            .block_on(faces.detect_faces(DetectFacesRequest { image }));
        let found = found.expect("one face").into_inner();
        assert_eq!((found.width, found.height), (picture.width(), picture.height()));
        let landmarks = found.faces[0].landmarks.expect("landmarks");
        [landmarks.right_eye, landmarks.left_eye].map(|eye| eye.expect("a point"))
    };
    let [right, left] = eyes(&lying);
    // Turned clockwise, the person's right eye, at the left of an upright picture, is above the left one.
    assert!(right.y < left.y && (left.y - right.y) > (left.x - right.x).abs());
    let near = 0.1 * (left.y - right.y);
    for (large, small) in eyes(&large).into_iter().zip([right, left]) {
        let off = (large.x / 2.0 - small.x).hypot(large.y / 2.0 - small.y);
        assert!(off < near, "{off} pixels, of {near} allowed");
    }
}

#[test]
fn bad_pictures_of_a_faces_call_are_the_callers_error() {
    let Some(running) = running() else { return };
    let mut faces = running.faces();
    let reason = |error: tonic::Status| {
        assert_eq!(error.code(), Code::InvalidArgument);
        status::reason(&error).expect("a reason")
    };
    for (image, expected) in [
        (Vec::new(), proto::reason::IMAGE_EMPTY),
        (b"GIF89a".to_vec(), proto::reason::IMAGE_FORMAT),
        (grey(1, 1), proto::reason::IMAGE_DIMENSIONS),
    ] {
        let error = running
            .runtime
            .block_on(faces.detect_faces(DetectFacesRequest { image }));
        assert_eq!(reason(error.expect_err(expected.name())), expected);
    }
    let request = CompareFacesRequest {
        left: running.sample(Sample::Obama),
        right: grey(300, 300),
    };
    let error = running
        .runtime
        .block_on(faces.compare_faces(request))
        .expect_err("no face");
    assert_eq!(reason(error), proto::reason::FACE_NOT_FOUND);
}
