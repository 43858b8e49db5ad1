//! Selfies of the right person in which the face cannot be seen, or is not alone.

use selfie_svc::pipeline::{FaceFinder, subject};
use vision::face::Face;

use super::*;

/// A selfie that is verified as it is, and its face.
fn selfie(running: &Running) -> (Picture, Face) {
    let weights = running.store.weights(Model::YuNet, &Device::Cpu).expect("ready");
    let finder = FaceFinder::new(&weights, &Device::Cpu).expect("its weights");
    let file = running.sample(Sample::Obama2);
    let picture = Picture::decode(&file, &Limits::default()).expect("a picture");
    let found = finder.upright(picture).expect("computes");
    let face = *subject(&found.faces, &found.picture).expect("a face");
    (found.picture, face)
}

/// The picture with one colour where `covers` says so of a place, from the middle between the eyes in distances between them.
fn covered(picture: &Picture, face: &Face, colour: [u8; 3], covers: impl Fn(f32, f32) -> bool) -> Picture {
    let middle = face.landmarks.right_eye.midpoint(face.landmarks.left_eye);
    let eyes = face.landmarks.eye_distance();
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let (across, down) = ((x as f32 - middle.x) / eyes, (y as f32 - middle.y) / eyes);
        if covers(across, down) {
            colour
        } else {
            picture.pixel(x, y)
        }
    })
}

fn brighter(picture: &Picture, gain: f32) -> Picture {
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        picture
            .pixel(x, y)
            .map(|value| (gain * f32::from(value)).min(255.0) as u8)
    })
}

#[test]
fn a_face_that_cannot_be_seen_or_is_not_alone_is_refused_with_what_to_do() {
    let Some(running) = running() else { return };
    let (picture, face) = selfie(running);
    let document = || running.sample(Sample::Obama);
    let check = |picture: &Picture| running.check(document(), picture.encode_jpeg(92).expect("encodes"));
    assert_eq!(
        check(&picture).selfie.expect("a report").status(),
        CheckStatus::Verified
    );

    let mask = |across: f32, down: f32| across.abs() < 1.0 && (0.35..2.0).contains(&down);
    let glasses = |across: f32, down: f32| (across.abs() - 0.5).hypot(1.3 * down) < 0.45;
    let other = Picture::decode(&running.sample(Sample::Biden), &Limits::default()).expect("a picture");
    let other = other.resize(picture.width(), picture.width() * other.height() / other.width());
    let beside = Picture::from_fn(2 * picture.width(), picture.height(), |x, y| {
        match x.checked_sub(picture.width()) {
            Some(x) => other.pixel(x, y),
            None => picture.pixel(x, y),
        }
    });
    let cut = Rect::new(0.0, 0.0, face.landmarks.nose.x, picture.height() as f32);
    for (test, unfit, sentence) in [
        ("selfie_under_exposure", brighter(&picture, 0.06), "too dark"),
        ("selfie_over_exposure", brighter(&picture, 6.0), "too bright"),
        (
            "selfie_mouth_visible",
            covered(&picture, &face, [150, 190, 215], mask),
            "mask",
        ),
        (
            "selfie_eyes_visible",
            covered(&picture, &face, [12, 12, 14], glasses),
            "take off glasses",
        ),
        ("selfie_single_person", beside, "another face"),
        ("selfie_face_cropping", picture.crop(cut).expect("half"), "cut off"),
    ] {
        let response = check(&unfit);
        let report = response.selfie.expect("a report");
        assert_eq!(report.status(), CheckStatus::Unverified, "{test}");
        let error = report.error.expect("why");
        assert_eq!(error.code(), VerificationErrorCode::SelfieUnverifiedOther, "{test}");
        let checks = response.insights.expect("insights").checks;
        let found = |test: &str| {
            checks
                .iter()
                .find(|check| check.name == test)
                .map(|check| check.outcome())
        };
        assert_eq!(found(test), Some(Outcome::Failed), "{test}: {checks:?}");
        assert_eq!(found("face_match"), Some(Outcome::NotAvailable), "{test}");
        assert!(error.reason.contains(sentence), "{test}: {}", error.reason);
    }
}

#[test]
fn what_hides_nothing_is_no_cover() {
    let Some(running) = running() else { return };
    let (picture, face) = selfie(running);
    let lens = |across: f32, down: f32| (across.abs() - 0.5).hypot(1.3 * down);
    let frames = |across: f32, down: f32| (lens(across, down) - 0.42).abs() < 0.025;
    let beard = |across: f32, down: f32| {
        (0.95..1.9).contains(&down) && across.abs() < 0.9 && (across / 0.4).hypot((down - 1.17) / 0.16) > 1.0
    };
    let scarf = |across: f32, down: f32| (across / 1.15).hypot((down - 0.45) / 1.6) > 1.0;
    for (what, seen) in [
        ("clear glasses", covered(&picture, &face, [20, 20, 22], frames)),
        ("a beard", covered(&picture, &face, [45, 38, 34], beard)),
        ("a head scarf", covered(&picture, &face, [30, 30, 60], scarf)),
        ("half of the light", brighter(&picture, 0.5)),
        ("a quarter of the light", brighter(&picture, 0.25)),
    ] {
        let response = running.check(running.sample(Sample::Obama), seen.encode_jpeg(92).expect("encodes"));
        let report = response.selfie.expect("a report");
        let why = report.error.as_ref().map(|error| error.reason.as_str());
        assert_eq!(why, None, "{what}");
    }
}
