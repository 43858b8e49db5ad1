//! Presentation attack detection against a forward pass of the original weight files that was written apart from this one, in `f64`
//! with NumPy 2, and on the three sample pictures of the project that trained the networks.
//!
//! Tolerance of the probabilities: 1e-5 (on a CPU they differ by at most 7e-7).

mod common;

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use common::devices;
use vision::face::presentation::{AttackDetector, Scores};
use vision::face::{DetectOptions, FaceDetector, largest};
use vision::models::{Model, ModelStore, Silent};
use vision::net::minifasnet::{MiniFasNet, Variant};
use vision::ops::Precision;
use vision::picture::{Limits, Picture};

/// Where the weights lie, which no package carries: beside the repository.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/models");
    if !folder.is_dir() {
        service_kit::testing::skipped("shared/data/models is not beside the repository");
        return None;
    }
    Some(folder)
}

/// A store with both networks.
fn store(folder: &Path) -> (tempfile::TempDir, ModelStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = ModelStore::open(directory.path());
    store.import(folder, &Model::OPTIONAL, &Silent).unwrap();
    (directory, store)
}

/// A picture of 80×80 numbers from 0 to 255 in three channels: blue, green, red.
fn pattern(seed: u32, device: &Device) -> Tensor {
    let channel = |x: u32, y: u32, c: u32| (((x * (5 + c) + y * (3 + 2 * c)) ^ ((x * y) >> (3 + c))) + seed * 41) as u8;
    let values = (0..80 * 80).flat_map(|at| [2, 1, 0].map(|c| f32::from(channel(at % 80, at / 80, c))));
    Tensor::from_vec(values.collect(), (1, 80, 80, 3), device).unwrap()
}

#[test]
fn probabilities_are_those_of_another_forward_pass() {
    let Some(folder) = folder() else { return };
    let (_directory, store) = store(&folder);
    let golden = [
        (
            Variant::V2,
            Model::MiniFasNetV2,
            1,
            [0.818_680_9, 0.105_512_3, 0.075_806_8],
        ),
        (
            Variant::V2,
            Model::MiniFasNetV2,
            2,
            [0.474_784_7, 0.219_519_3, 0.305_696_1],
        ),
        (
            Variant::V2,
            Model::MiniFasNetV2,
            3,
            [0.868_124_7, 0.073_422_1, 0.058_453_2],
        ),
        (
            Variant::V1Se,
            Model::MiniFasNetV1Se,
            1,
            [0.001_653_4, 0.997_114_8, 0.001_231_8],
        ),
        (
            Variant::V1Se,
            Model::MiniFasNetV1Se,
            2,
            [0.000_53, 0.999_242_5, 0.000_227_4],
        ),
        (
            Variant::V1Se,
            Model::MiniFasNetV1Se,
            3,
            [0.007_714_2, 0.991_93, 0.000_355_8],
        ),
    ];
    for device in devices() {
        let mut largest = 0f32;
        for (variant, model, seed, expected) in golden {
            let weights = store.weights(model, &device).unwrap();
            let network = MiniFasNet::load(variant, &weights, Precision::Single).unwrap();
            let got = network.forward(&pattern(seed, &device)).unwrap();
            for (got, expected) in got.get(0).unwrap().to_vec1::<f32>().unwrap().iter().zip(expected) {
                largest = largest.max((got - expected).abs());
            }
        }
        println!("largest difference {largest:e}");
        assert!(largest < 1e-5, "{largest}");
    }
}

#[test]
fn the_sample_pictures_are_told_apart() {
    let Some(folder) = folder() else { return };
    let (_directory, store) = store(&folder);
    let device = Device::Cpu;
    let faces = ModelStore::open_default().and_then(|store| store.weights(Model::YuNet, &device));
    let Ok(faces) = faces else {
        return service_kit::testing::skipped("models are not installed (bonafide models fetch)");
    };
    let faces = FaceDetector::new(&faces, &device, Precision::Single).unwrap();
    let [v2, v1se] = Model::OPTIONAL.map(|model| store.weights(model, &device).unwrap());
    let attacks = AttackDetector::new(&v2, &v1se, &device).unwrap();
    let scores = |name: &str| -> Scores {
        let file = std::fs::read(folder.join(name)).unwrap();
        let picture = Picture::decode(&file, &Limits::default()).unwrap();
        let found = faces.detect(&picture, &DetectOptions::default()).unwrap();
        let scores = attacks.scores(&picture, largest(&found).unwrap().bounds).unwrap();
        println!("{name}: {scores:?}");
        scores
    };
    assert!(scores("image_T1.jpg").mean() > 0.9);
    for attack in ["image_F1.jpg", "image_F2.jpg"] {
        assert!(scores(attack).mean() < 0.5, "{attack}");
    }
}
