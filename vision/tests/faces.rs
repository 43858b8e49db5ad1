//! The face networks against what onnxruntime and OpenCV say about the same model files
//! (`golden/faces.json`, written by `scripts/golden_faces.py`).
//!
//! Tolerances: raw detector outputs 1e-4 (logits pass through the same sigmoid as in the model file), embeddings cosine 0.9999 (also those of photographs),
//! similarities of photographs 0.005, boxes and landmarks one hundredth of the box's width. Photographs are decoded by another
//! JPEG decoder than OpenCV's, which alone moves them a little.

mod common;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use common::devices;
use serde::Deserialize;
use vision::face::{
    DetectOptions, EmbedOptions, Embedding, Face, FaceDetector, FaceEmbedder, Landmarks, align, nearest,
};
use vision::geometry::{Affine, Point, Rect};
use vision::models::{Model, ModelStore, Sample, Weights};
use vision::net::yunet::YuNet;
use vision::ops::Precision;
use vision::picture::{Border, Limits, Picture, warp_affine};

#[derive(Deserialize)]
struct Golden {
    detector: Detector,
    embeddings: BTreeMap<u32, Vec<f32>>,
    photographs: Photographs,
}

#[derive(Deserialize)]
struct Detector {
    kept: BTreeMap<u32, usize>,
    outputs: BTreeMap<u32, BTreeMap<String, Vec<f32>>>,
}

#[derive(Deserialize)]
struct Photographs {
    faces: BTreeMap<String, GoldenFace>,
    similarity: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
struct GoldenFace {
    size: [u32; 2],
    bounds: [f32; 4],
    landmarks: [f32; 10],
    score: f32,
    embedding: Vec<f32>,
}

impl GoldenFace {
    fn landmarks(&self) -> Landmarks {
        let [a, b, c, d, e, f, g, h, i, j] = self.landmarks;
        Landmarks::from([
            Point::new(a, b),
            Point::new(c, d),
            Point::new(e, f),
            Point::new(g, h),
            Point::new(i, j),
        ])
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/faces.json")).unwrap()
}

/// The store, or `None` with a line that says so where the models or samples are not there.
fn store() -> Option<ModelStore> {
    let store = ModelStore::open_default().ok()?;
    let there = store.weights(Model::YuNet, &Device::Cpu).is_ok()
        && store.weights(Model::SFace, &Device::Cpu).is_ok()
        && store.sample(Sample::Obama).is_ok();
    if !there {
        service_kit::testing::skipped("models or samples are not installed (bonafide models fetch)");
    }
    there.then_some(store)
}

fn weights(store: &ModelStore, model: Model, device: &Device) -> Weights {
    store.weights(model, device).unwrap()
}

fn detector(store: &ModelStore, device: &Device) -> FaceDetector {
    FaceDetector::new(&weights(store, Model::YuNet, device), device, Precision::Single).unwrap()
}

fn embedder(store: &ModelStore, device: &Device, options: EmbedOptions) -> FaceEmbedder {
    FaceEmbedder::new(&weights(store, Model::SFace, device), device, options).unwrap()
}

fn photograph(store: &ModelStore, name: &str) -> Picture {
    let sample = match name {
        "obama" => Sample::Obama,
        "obama2" => Sample::Obama2,
        "biden" => Sample::Biden,
        other => panic!("no sample {other}"),
    };
    Picture::decode(&store.sample(sample).unwrap(), &Limits::default()).unwrap()
}

/// The picture that the script calls `pattern`.
fn pattern(side: u32, seed: u32) -> Picture {
    Picture::from_fn(side, side, |x, y| {
        [0, 1, 2].map(|c| (((x * (5 + c) + y * (3 + 2 * c)) ^ ((x * y) >> (3 + c))) + seed * 41) as u8)
    })
}

fn one_face(mut faces: Vec<Face>) -> Face {
    assert_eq!(faces.len(), 1, "{faces:?}");
    faces.remove(0)
}

#[test]
fn detector_outputs_are_those_of_onnxruntime() {
    let Some(store) = store() else { return };
    let golden = golden().detector;
    let picture = pattern(640, 1);
    let values = picture.pixels().iter().map(|&value| f32::from(value)).collect();
    let input = Tensor::from_vec(values, (1, 640, 640, 3), &Device::Cpu).unwrap();
    // Logarithms, offsets in strides, and probabilities.
    let allowed = [(Precision::Single, 1e-4), (Precision::Half, 0.2)];
    let outputs = devices().into_iter().flat_map(|device| {
        let input = input.to_device(&device).unwrap();
        let weights = weights(&store, Model::YuNet, &device);
        allowed.map(|(precision, allowed)| {
            let network = YuNet::load(&weights, precision).unwrap();
            let how = format!("{precision:?} on {:?}", device.location());
            network
                .forward(&input)
                .unwrap()
                .map(|level| (level, how.clone(), allowed))
        })
    });
    for (level, how, allowed) in outputs.flatten() {
        let step = golden.kept[&level.stride];
        let expected = &golden.outputs[&level.stride];
        let sigmoid = |x: &Tensor| candle_nn::ops::sigmoid(x).unwrap();
        let part = |first, count| level.outputs.narrow(3, first, count).unwrap();
        for (kind, got) in [
            ("cls", sigmoid(&part(0, 1))),
            ("obj", sigmoid(&part(1, 1))),
            ("bbox", part(2, 4)),
            ("kps", part(6, 10)),
        ] {
            // The model file's outputs are (cells, channels).
            let cells = got.flatten_to(2).unwrap().to_vec2::<f32>().unwrap();
            let got: Vec<f32> = cells.into_iter().step_by(step).flatten().collect();
            let expected = &expected[kind];
            assert_eq!(got.len(), expected.len());
            let worst = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{how}, stride {} {kind}: largest difference {worst:.1e}", level.stride);
            assert!(
                worst < allowed,
                "{how}, stride {} {kind} differs by {worst}",
                level.stride
            );
        }
    }
}

#[test]
fn embeddings_are_those_of_onnxruntime() {
    let Some(store) = store() else { return };
    for device in devices() {
        let embedder = embedder(&store, &device, EmbedOptions::default());
        for (seed, expected) in golden().embeddings {
            let got = embedder.embed_aligned(&pattern(112, seed)).unwrap();
            let cosine = got.cosine(&Embedding::new(&expected).unwrap());
            println!("{:?}, pattern {seed}: cosine {cosine:.7}", device.location());
            assert!(
                cosine >= 0.9999,
                "{:?}, pattern {seed}: cosine {cosine}",
                device.location()
            );
        }
    }
}

#[test]
fn quantized_products_give_nearly_the_same_embeddings() {
    let Some(store) = store() else { return };
    let single = embedder(&store, &Device::Cpu, EmbedOptions::default());
    let detector = detector(&store, &Device::Cpu);
    for (device, (precision, least)) in devices()
        .into_iter()
        .flat_map(|device| [(Precision::Half, 0.999), (Precision::Byte, 0.99)].map(|how| (device.clone(), how)))
    {
        let options = EmbedOptions {
            precision,
            ..EmbedOptions::default()
        };
        let quantized = embedder(&store, &device, options);
        for name in ["obama", "biden"] {
            let picture = photograph(&store, name);
            let face = one_face(detector.detect(&picture, &DetectOptions::default()).unwrap());
            let [a, b] = [&single, &quantized].map(|embedder| embedder.embed(&picture, &face.landmarks).unwrap());
            let (how, cosine) = (
                format!("{name} with {precision:?} on {:?}", device.location()),
                a.cosine(&b),
            );
            println!("{how}: cosine {cosine:.5}");
            assert!(cosine > least, "{how}: {cosine}");
        }
    }
}

#[test]
fn photographs_give_the_faces_and_similarities_of_opencv() {
    let Some(store) = store() else { return };
    for device in devices() {
        println!("{:?}", device.location());
        compare_photographs(&store, &device);
    }
}

fn compare_photographs(store: &ModelStore, device: &Device) {
    let golden = golden().photographs;
    let (detector, embedder) = (
        detector(store, device),
        embedder(store, device, EmbedOptions::default()),
    );
    // At the size of the file, as OpenCV was asked to.
    let as_is = DetectOptions {
        longest_sides: vec![u32::MAX],
        ..DetectOptions::default()
    };
    let mut same_crops = BTreeMap::new();
    let mut own_crops = BTreeMap::new();
    for (name, expected) in &golden.faces {
        let picture = photograph(store, name);
        assert_eq!([picture.width(), picture.height()], expected.size);
        let face = one_face(detector.detect(&picture, &as_is).unwrap());

        let tolerance = expected.bounds[2] / 100.0;
        let got = [face.bounds.x, face.bounds.y, face.bounds.width, face.bounds.height];
        assert!(
            got.iter().zip(expected.bounds).all(|(a, b)| (a - b).abs() < tolerance),
            "{name}: {got:?}"
        );
        for (a, b) in face.landmarks.points().into_iter().zip(expected.landmarks().points()) {
            assert!(a.distance(b) < tolerance, "{name}: {a:?} {b:?}");
        }
        assert!(
            (face.score - expected.score).abs() < 0.01,
            "{name}: {} {}",
            face.score,
            expected.score
        );

        let embedding = embedder.embed(&picture, &expected.landmarks()).unwrap();
        let cosine = embedding.cosine(&Embedding::new(&expected.embedding).unwrap());
        println!("{name}: cosine with OpenCV's embedding {cosine:.6}");
        assert!(cosine > 0.9999, "{name}: {cosine}");
        same_crops.insert(name.clone(), embedding);
        let found = one_face(detector.detect(&picture, &DetectOptions::default()).unwrap());
        own_crops.insert(name.clone(), embedder.embed(&picture, &found.landmarks).unwrap());
    }
    for (pair, expected) in golden.similarity {
        let (a, b) = pair.split_once('-').unwrap();
        let similarity = same_crops[a].cosine(&same_crops[b]);
        println!("{pair}: {similarity:.4}, OpenCV {expected:.4}");
        assert!((similarity - expected).abs() < 0.005, "{pair}: {similarity} {expected}");
        // Found in a picture scaled to 640 pixels, landmarks lie a little elsewhere.
        let similarity = own_crops[a].cosine(&own_crops[b]);
        println!("{pair}: {similarity:.4} with default options");
        assert!((similarity - expected).abs() < 0.05, "{pair}: {similarity} {expected}");
    }
}

#[test]
fn refined_landmarks_stay_on_the_face() {
    let Some(store) = store() else { return };
    let detector = detector(&store, &Device::Cpu);
    let options = DetectOptions::default();
    for name in ["obama", "obama2", "biden"] {
        let picture = photograph(&store, name);
        let face = one_face(detector.detect(&picture, &options).unwrap());
        let refined = detector.refine(&picture, &face, &options).unwrap();
        assert_eq!((refined.bounds, refined.score), (face.bounds, face.score));
        assert_ne!(refined.landmarks, face.landmarks);
        for (a, b) in refined.landmarks.points().into_iter().zip(face.landmarks.points()) {
            assert!(a.distance(b) < face.bounds.width / 15.0, "{name}: {a:?} {b:?}");
        }
        // In a picture so large that the surroundings of the face are made smaller first.
        assert!(4.0 * face.bounds.width > 560.0, "{name}: a face of {:?}", face.bounds);
        let large = picture.resize(4 * picture.width(), 4 * picture.height());
        let again = detector.refine(&large, &face.scaled(4.0, 4.0), &options).unwrap();
        for (a, b) in again.landmarks.points().into_iter().zip(refined.landmarks.points()) {
            let b = Point::new(4.0 * b.x, 4.0 * b.y);
            assert!(a.distance(b) < 4.0 * face.bounds.width / 100.0, "{name}: {a:?} {b:?}");
        }
    }
    // Where there is no face, there is nothing to refine.
    let wall = Picture::from_fn(300, 300, |x, _| [(x / 3) as u8; 3]);
    for bounds in [
        Rect::new(50.0, 50.0, 100.0, 120.0),
        Rect::new(-900.0, 0.0, 10.0, 10.0),
        Rect::default(),
    ] {
        let face = Face {
            bounds,
            landmarks: Landmarks::from([Point::new(1.0, 2.0); 5]),
            score: 0.7,
        };
        assert_eq!(detector.refine(&wall, &face, &options).unwrap(), face);
    }
}

#[test]
fn a_mirrored_face_embeds_alike_with_mirroring() {
    let Some(store) = store() else { return };
    let embedder = embedder(
        &store,
        &Device::Cpu,
        EmbedOptions {
            mirror: true,
            ..EmbedOptions::default()
        },
    );
    let face = align(
        &photograph(&store, "obama"),
        &golden().photographs.faces["obama"].landmarks(),
    )
    .unwrap();
    let cosine = embedder
        .embed_aligned(&face)
        .unwrap()
        .cosine(&embedder.embed_aligned(&face.mirror()).unwrap());
    assert!(cosine > 0.99999, "{cosine}");
}

#[test]
fn finds_a_small_portrait_in_a_document() {
    let Some(store) = store() else { return };
    let detector = detector(&store, &Device::Cpu);
    for portrait in [300, 140, 60] {
        let photo = photograph(&store, "obama");
        let face = &golden().photographs.faces["obama"];
        let head = photo
            .crop(Rect::new(face.bounds[0], face.bounds[1], face.bounds[2], face.bounds[3]).grown(0.35))
            .unwrap();
        let head = head.resize_longest(portrait);
        // Light paper with a printed portrait near its left edge.
        let document = Picture::from_fn(1600, 1200, |x, y| {
            let (x, y) = (x.wrapping_sub(110), y.wrapping_sub(420));
            if x < head.width() && y < head.height() {
                head.pixel(x, y)
            } else {
                [225, 230, 222]
            }
        });
        let faces = detector.detect(&document, &DetectOptions::default()).unwrap();
        let found = nearest(
            &faces,
            Point::new(110.0 + head.width() as f32 / 2.0, 420.0 + head.height() as f32 / 2.0),
        );
        let found = found.unwrap_or_else(|| panic!("no face in a portrait of {portrait} pixels"));
        println!("portrait of {portrait} pixels: {:?}", found.bounds);
        assert!(found.bounds.x >= 100.0 && found.bounds.right() < 120.0 + head.width() as f32);
    }
}

#[test]
fn finds_a_face_that_fills_the_picture() {
    let Some(store) = store() else { return };
    let detector = detector(&store, &Device::Cpu);
    let photo = photograph(&store, "biden");
    let [x, y, width, height] = golden().photographs.faces["biden"].bounds;
    let close = photo.crop(Rect::new(x, y, width, height).grown(0.05)).unwrap();
    for side in [300, 640, 1600, 3000] {
        let close = close.resize_longest(side);
        let face = one_face(detector.detect(&close, &DetectOptions::default()).unwrap());
        assert!(
            face.bounds.width > 0.7 * close.width() as f32,
            "{side}: {:?}",
            face.bounds
        );
    }
}

#[test]
fn an_empty_scene_has_no_face() {
    let Some(store) = store() else { return };
    let detector = detector(&store, &Device::Cpu);
    let options = DetectOptions::default();
    for picture in [
        Picture::from_fn(1, 1, |_, _| [255; 3]),
        Picture::from_fn(17, 900, |_, _| [0; 3]),
        Picture::from_fn(500, 333, |x, y| [(x / 2) as u8, (y / 2) as u8, 128]),
        pattern(300, 7),
    ] {
        assert_eq!(detector.detect(&picture, &options).unwrap(), vec![], "{picture:?}");
    }
}

#[test]
fn finds_each_of_three_people() {
    let Some(store) = store() else { return };
    let detector = detector(&store, &Device::Cpu);
    let heads: Vec<Picture> = golden()
        .photographs
        .faces
        .iter()
        .map(|(name, face)| {
            let [x, y, w, h] = face.bounds;
            photograph(&store, name)
                .crop(Rect::new(x, y, w, h).grown(0.4))
                .unwrap()
                .resize(240, 320)
        })
        .collect();
    let scene = Picture::from_fn(800, 400, |x, y| match heads.get((x / 260) as usize) {
        Some(head) if x % 260 < 240 && (40..360).contains(&y) => head.pixel(x % 260, y - 40),
        _ => [90, 100, 110],
    });
    let faces = detector.detect(&scene, &DetectOptions::default()).unwrap();
    assert_eq!(faces.len(), 3, "{faces:?}");
}

#[test]
fn a_turned_face_is_aligned_upright() {
    let Some(store) = store() else { return };
    let (detector, embedder) = (
        detector(&store, &Device::Cpu),
        embedder(&store, &Device::Cpu, EmbedOptions::default()),
    );
    let photo = photograph(&store, "obama").resize_longest(600);
    let upright = one_face(detector.detect(&photo, &DetectOptions::default()).unwrap());
    let reference = embedder.embed(&photo, &upright.landmarks).unwrap();
    let (sin, cos) = 20f64.to_radians().sin_cos();
    let centre = upright.bounds.centre();
    let (cx, cy) = (f64::from(centre.x), f64::from(centre.y));
    let turn = Affine([cos, -sin, cx - cos * cx + sin * cy, sin, cos, cy - sin * cx - cos * cy]);
    let turned = warp_affine(&photo, &turn, photo.width(), photo.height(), Border::Replicate);
    let face = one_face(detector.detect(&turned, &DetectOptions::default()).unwrap());
    let similarity = reference.cosine(&embedder.embed(&turned, &face.landmarks).unwrap());
    assert!(similarity > 0.9, "{similarity}");
}
