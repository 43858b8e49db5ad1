use service_kit::testing::skipped;
use time::macros::date;
use vision::face::Face;
use vision::geometry::{Point, Rect};
use vision::models::{Console, ModelStore};

use super::*;
use crate::specimen::{Sex, paint};

fn subject() -> Subject {
    let picture = paint(&mut Dice::new(1, 0), Sex::F, 40).resize(280, 360);
    // Where they are matters little here.
    let points = [
        (110.0, 150.0),
        (170.0, 150.0),
        (140.0, 185.0),
        (118.0, 220.0),
        (162.0, 220.0),
    ];
    Subject {
        picture,
        face: Face {
            bounds: Rect::new(75.0, 80.0, 130.0, 180.0),
            landmarks: points.map(|(x, y)| Point::new(x, y)).into(),
            score: 0.9,
        },
        quality: 92,
    }
}

fn fonts() -> Option<Fonts> {
    let store = ModelStore::open_default().ok()?;
    Fonts::load(&store, &Console::default()).ok()
}

#[test]
fn every_disguise_changes_the_picture_the_same_way_for_the_same_dice() {
    let Some(fonts) = fonts() else {
        return skipped("fonts are not installed (bonafide models fetch)");
    };
    let other = geometry::mirrored(subject());
    for kind in Kind::ALL {
        let [one, same, another] = [3, 3, 4].map(|stream| {
            let props = Props {
                fonts: &fonts,
                other: &other,
            };
            let (disguised, steps) = disguise(kind, subject(), props, &mut Dice::new(7, stream));
            assert!(!steps.is_empty(), "{kind:?}");
            disguised
        });
        assert!(
            one.picture == same.picture && one.quality == same.quality,
            "{kind:?} is not the same again"
        );
        let untouched = subject();
        assert!(
            one.picture != untouched.picture || one.quality != untouched.quality,
            "{kind:?} changes nothing"
        );
        // A picture has one mirror image; all else has a strength.
        let varies = one.picture != another.picture || one.quality != another.quality;
        assert_eq!(varies, kind != Kind::Mirrored, "{kind:?}");
    }
}

#[test]
fn a_mirrored_face_lies_where_it_is_seen() {
    let mirrored = geometry::mirrored(subject());
    let landmarks = mirrored.face.landmarks;
    assert!(landmarks.right_eye.x < landmarks.left_eye.x && landmarks.right_mouth.x < landmarks.left_mouth.x);
    assert_eq!(landmarks.right_eye, Point::new(279.0 - 170.0, 150.0));
    let back = geometry::mirrored(mirrored);
    assert!(back.picture == subject().picture && back.face == subject().face);
}

fn set(half: Option<Half>) -> Set {
    let photographs = (0..40).flat_map(|person: u32| {
        (0..person % 4).map(move |number| Photograph {
            path: format!("{person}-{number}.jpg").into(),
            identity: format!("person {person}"),
        })
    });
    Set {
        photographs: photographs.collect(),
        kinds: Kind::ALL.to_vec(),
        count: 1000,
        bona_fide: 1000,
        references: References::Pictures,
        half,
        seed: 5,
        today: date!(2026 - 01 - 01),
    }
}

#[test]
fn each_person_is_disguised_once_and_every_pair_is_bona_fide() {
    let set = set(None);
    // Of four people in a row one has no photograph, one has one, one two, one three.
    assert_eq!(set.copies().len(), 30);
    assert_eq!(set.unfit().len(), 20);
    let pairs = set.pairs(PAIRS, 1000);
    assert_eq!(pairs.len(), 10 * (1 + 3));
    assert_eq!(set.len(), 30 + 20 + 40);
    let people = |pairs: &[(&Photograph, &Photograph)]| {
        let people: HashSet<String> = pairs.iter().map(|(reference, _)| reference.identity.clone()).collect();
        people.len()
    };
    assert_eq!(
        people(&pairs[..20]),
        20,
        "everybody has a first pair before anybody has a second one"
    );
    for (reference, selfie) in pairs {
        assert!(reference.identity == selfie.identity && reference.path != selfie.path);
    }
    for sitting in set.copies() {
        assert!(sitting.reference == sitting.selfie && sitting.other.is_none());
    }
    for sitting in set.unfit() {
        assert!(sitting.reference != sitting.selfie && sitting.reference.identity == sitting.selfie.identity);
        assert_ne!(
            sitting.other.expect("somebody else").identity,
            sitting.reference.identity
        );
    }
}

#[test]
fn nobody_is_in_both_halves() {
    let people = |half| -> HashSet<String> {
        let set = set(Some(half));
        let sittings = set.copies().into_iter();
        sittings.map(|sitting| sitting.reference.identity.clone()).collect()
    };
    let (tuning, measuring) = (people(Half::Tuning), people(Half::Measuring));
    assert!(tuning.is_disjoint(&measuring));
    assert_eq!(tuning.len() + measuring.len(), 30);
    assert!(
        tuning.len() > 8 && measuring.len() > 8,
        "{} {}",
        tuning.len(),
        measuring.len()
    );
}

#[test]
fn the_truth_is_what_the_documentation_says() {
    let presentation = Presentation {
        image: "1-gamma.jpg".to_owned(),
        reference: "1-reference.jpg".to_owned(),
        identity: "somebody".to_owned(),
        attack: Some(Kind::MirroredPerspective),
        steps: vec![Kind::Mirrored, Kind::Perspective],
    };
    let line = serde_json::to_string(&presentation).expect("plain values");
    assert_eq!(
        line,
        r#"{"image":"1-gamma.jpg","reference":"1-reference.jpg","identity":"somebody","attack":"mirrored_perspective","steps":["mirrored","perspective"]}"#
    );
    let bona_fide = r#"{"image":"a.jpg","reference":"b.jpg","identity":"somebody"}"#;
    let read: Presentation = serde_json::from_str(bona_fide).expect("the rest may be left out");
    assert_eq!((read.attack, read.steps), (None, Vec::new()));
}
