use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::geometry::Quad;
use crate::picture::warp_perspective;

/// As far apart as in most of the pictures that are compared.
const PLACES: [Point; 5] = [
    Point::new(100.0, 120.0),
    Point::new(148.0, 120.0),
    Point::new(124.0, 148.0),
    Point::new(105.0, 176.0),
    Point::new(143.0, 176.0),
];

/// Spots of all sizes where a face would be: what two exposures share is laid first, what each has of its own after it.
fn exposure(shared: u64, own: u64) -> Picture {
    let mut values = vec![128.0_f32; 250 * 300];
    for (seed, spots) in [(shared, 250), (own, 500)] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut between = |low: f32, high: f32| low + (high - low) * rng.random::<f32>();
        for _ in 0..spots {
            let (x, y, size) = (between(20.0, 230.0), between(20.0, 280.0), between(1.5, 9.0));
            let lighter = between(-60.0, 60.0);
            for row in 0..300_usize {
                for column in 0..250_usize {
                    let square = (column as f32 - x).powi(2) + (row as f32 - y).powi(2);
                    if square < 9.0 * size * size {
                        values[row * 250 + column] += lighter * (-0.5 * square / (size * size)).exp();
                    }
                }
            }
        }
    }
    Picture::from_fn(250, 300, |x, y| {
        let level = values[(y * 250 + x) as usize].clamp(0.0, 255.0);
        [level as u8, (0.8 * level) as u8, (0.7 * level) as u8]
    })
}

fn close_up(picture: &Picture, places: [Point; 5]) -> CloseUp {
    CloseUp::of(picture, &Landmarks::from(places)).expect("five places")
}

fn agreement(other: &Picture, places: [Point; 5]) -> f64 {
    close_up(&exposure(1, 2), PLACES).agreement(&close_up(other, places))
}

#[test]
fn a_picture_agrees_with_itself_and_its_mirror_image() {
    let picture = exposure(1, 2);
    assert!(agreement(&picture, PLACES) > 0.99);
    // Landmarks that are a few pixels off, as those of another look are.
    let off = PLACES.map(|point| Point::new(point.x + 4.0, point.y - 3.0));
    assert!(agreement(&picture, off) > 0.9);
    let [right_eye, left_eye, nose, right_mouth, left_mouth] = PLACES.map(|point| Point::new(249.0 - point.x, point.y));
    let mirrored = [left_eye, right_eye, nose, left_mouth, right_mouth];
    assert!(agreement(&picture.mirror(), mirrored) > 0.99);
}

#[test]
fn tone_size_and_noise_change_little() {
    let picture = exposure(1, 2);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let noisy = Picture::from_fn(250, 300, |x, y| {
        let off = rng.random_range(-20..=20);
        picture
            .pixel(x, y)
            .map(|channel| (i32::from(channel) + off).clamp(0, 255) as u8)
    });
    let dark = Picture::from_fn(250, 300, |x, y| {
        let shade = 0.3 + 0.7 * x as f32 / 250.0;
        picture
            .pixel(x, y)
            .map(|channel| (255.0 * shade * (f32::from(channel) / 255.0).powf(1.8)) as u8)
    });
    let covered = Picture::from_fn(250, 300, |x, y| {
        if x < 115 && y < 140 {
            [90; 3]
        } else {
            picture.pixel(x, y)
        }
    });
    for (name, other, least) in [("noisy", noisy, 0.5), ("dark", dark, 0.7), ("covered", covered, 0.5)] {
        let agreement = agreement(&other, PLACES);
        assert!(agreement > least, "{name}: {agreement}");
    }
    let large = picture.resize(1000, 1200);
    let places = PLACES.map(|point| Point::new(4.0 * point.x + 1.5, 4.0 * point.y + 1.5));
    assert!(agreement(&large, places) > 0.9);
}

#[test]
fn a_picture_seen_aslant_or_turned_against_its_landmarks_is_found() {
    let picture = exposure(1, 2);
    let seen = Quad([
        Point::new(20.0, 10.0),
        Point::new(235.0, 25.0),
        Point::new(225.0, 290.0),
        Point::new(5.0, 280.0),
    ]);
    let all = Quad::from(Rect::new(0.0, 0.0, 249.0, 299.0));
    let map = Perspective::between(&seen, &all).expect("a quadrilateral");
    let back = map.inverse().expect("not a line");
    let aslant = warp_perspective(&picture, &map, 250, 300, Border::Black);
    // As a detector would put them: where they are seen.
    assert!(agreement(&aslant, PLACES.map(|point| back.apply(point))) > 0.8);
    let turn = Affine::turn_about(PLACES[2], 15.0);
    assert!(agreement(&picture, PLACES.map(|point| turn.apply(point))) > 0.8);
}

#[test]
fn exposures_that_share_their_large_features_do_not_agree() {
    for own in 3..8 {
        let agreement = agreement(&exposure(1, own), PLACES);
        assert!(agreement < 0.2, "{own}: {agreement}");
    }
}

#[test]
fn what_shows_nothing_agrees_with_nothing() {
    let plain = Picture::from_fn(250, 300, |_, _| [90; 3]);
    assert!(agreement(&plain, PLACES) < 0.01);
    let nothing = close_up(&plain, PLACES);
    assert!(nothing.agreement(&nothing) < 0.01);
    // At the border, and beyond it.
    let corner = PLACES.map(|point| Point::new(point.x - 120.0, point.y - 140.0));
    assert!(agreement(&exposure(1, 2), corner) < 0.2);
    for place in [
        Point::new(3.0, 3.0),
        Point::new(f32::NAN, 0.0),
        Point::new(f32::INFINITY, 0.0),
    ] {
        let refused = CloseUp::of(&plain, &Landmarks::from([place; 5]));
        assert!(matches!(refused, Err(VisionError::DegenerateLandmarks)));
    }
}
