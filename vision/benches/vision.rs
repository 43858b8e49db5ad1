//! Milliseconds of each step on one picture, with 1 and 2 threads: `cargo bench -p vision`.
//!
//! Needs the models and sample pictures; without them it says so and ends.

use std::sync::LazyLock;

use candle_core::Device;
use divan::{Bencher, black_box};
use rayon::{ThreadPool, ThreadPoolBuilder};
use vision::face::exposure::CloseUp;
use vision::face::{DetectOptions, EmbedOptions, Face, FaceDetector, FaceEmbedder, align};
use vision::models::{Model, ModelStore, Sample};
use vision::ops::Precision;
use vision::picture::{Limits, Picture};

const THREADS: [usize; 2] = [1, 2];

struct Faces {
    file: Vec<u8>,
    photo: Picture,
    document: Picture,
    detector: FaceDetector,
    embedder: FaceEmbedder,
    face: Face,
}

static FACES: LazyLock<Faces> = LazyLock::new(|| {
    let store = store();
    let weights = |model| store.weights(model, &Device::Cpu).unwrap();
    let detector = FaceDetector::new(&weights(Model::YuNet), &Device::Cpu, Precision::Single).unwrap();
    let embedder = FaceEmbedder::new(&weights(Model::SFace), &Device::Cpu, EmbedOptions::default()).unwrap();
    let file = store.sample(Sample::Obama).unwrap();
    let photo = Picture::decode(&file, &Limits::default()).unwrap();
    let face = *detector
        .detect(&photo, &DetectOptions::default())
        .unwrap()
        .first()
        .unwrap();
    // Light paper with a portrait of 300 pixels.
    let portrait = photo.resize_longest(300);
    let document = Picture::from_fn(1600, 1200, |x, y| {
        let (x, y) = (x.wrapping_sub(110), y.wrapping_sub(420));
        if x < portrait.width() && y < portrait.height() {
            portrait.pixel(x, y)
        } else {
            [225, 230, 222]
        }
    });
    Faces {
        file,
        photo,
        document,
        detector,
        embedder,
        face,
    }
});

fn store() -> ModelStore {
    ModelStore::open_default().unwrap()
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Measures `work` inside a pool of so many threads.
fn on(threads: usize, bencher: Bencher<'_, '_>, work: impl Fn() + Sync) {
    let pool = pool(threads);
    bencher.bench_local(|| pool.install(&work));
}

#[divan::bench]
fn decode_jpeg_910x1137(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Picture::decode(black_box(&FACES.file), &Limits::default()).unwrap());
}

/// Of a file with 3000×4000 pixels, upright; for [`u32::MAX`] whole.
#[divan::bench(args = [u32::MAX, 1600, 800])]
fn decode_jpeg_3000x4000(bencher: Bencher<'_, '_>, enough: u32) {
    let file = FACES.photo.resize(3000, 4000).encode_jpeg(90).unwrap();
    bencher.bench(|| Picture::decode_reduced(black_box(&file), &Limits::default(), enough).unwrap());
}

/// As phones hold it, by the Exif data of their files.
#[divan::bench]
fn turn_3000x4000(bencher: Bencher<'_, '_>) {
    let photo = FACES.photo.resize(3000, 4000);
    bencher.bench(|| black_box(&photo).rotate90());
}

#[divan::bench(args = THREADS)]
fn detect_photo_910x1137(bencher: Bencher<'_, '_>, threads: usize) {
    on(threads, bencher, || {
        black_box(FACES.detector.detect(&FACES.photo, &DetectOptions::default()).unwrap());
    });
}

#[divan::bench(args = THREADS)]
fn detect_document_1600x1200(bencher: Bencher<'_, '_>, threads: usize) {
    on(threads, bencher, || {
        black_box(
            FACES
                .detector
                .detect(&FACES.document, &DetectOptions::default())
                .unwrap(),
        );
    });
}

#[divan::bench(args = THREADS)]
fn refine_landmarks(bencher: Bencher<'_, '_>, threads: usize) {
    on(threads, bencher, || {
        black_box(
            FACES
                .detector
                .refine(&FACES.photo, &FACES.face, &DetectOptions::default())
                .unwrap(),
        );
    });
}

/// A face of 3000×4000 pixels.
#[divan::bench]
fn refine_landmarks_3000x4000(bencher: Bencher<'_, '_>) {
    let photo = FACES.photo.resize(3000, 4000);
    let face = FACES.face.scaled(
        3000.0 / FACES.photo.width() as f32,
        4000.0 / FACES.photo.height() as f32,
    );
    bencher.bench(|| FACES.detector.refine(&photo, &face, &DetectOptions::default()).unwrap());
}

#[divan::bench]
fn align_face(bencher: Bencher<'_, '_>) {
    bencher.bench(|| align(&FACES.photo, black_box(&FACES.face.landmarks)).unwrap());
}

#[divan::bench]
fn close_up_of_a_face(bencher: Bencher<'_, '_>) {
    bencher.bench(|| CloseUp::of(&FACES.photo, black_box(&FACES.face.landmarks)).unwrap());
}

#[divan::bench]
fn compare_exposures(bencher: Bencher<'_, '_>) {
    let close_up = CloseUp::of(&FACES.photo, &FACES.face.landmarks).unwrap();
    bencher.bench(|| close_up.agreement(black_box(&close_up)));
}

#[divan::bench(args = THREADS)]
fn embed_face(bencher: Bencher<'_, '_>, threads: usize) {
    let aligned = align(&FACES.photo, &FACES.face.landmarks).unwrap();
    on(threads, bencher, || {
        black_box(FACES.embedder.embed_aligned(&aligned).unwrap());
    });
}

fn main() {
    let there = ModelStore::open_default().is_ok_and(|store| {
        store.sample(Sample::Obama).is_ok()
            && Model::REQUIRED
                .iter()
                .all(|model| store.weights(*model, &Device::Cpu).is_ok())
    });
    if !there {
        println!("skipped: models are not fetched, run `bonafide models fetch`");
        return;
    }
    divan::main();
}
