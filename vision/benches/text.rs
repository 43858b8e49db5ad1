//! Milliseconds of reading text, with 1 and 2 threads: `cargo bench -p vision --bench text`.
//!
//! Needs the models; without them it says so and ends.

use std::sync::LazyLock;

use candle_core::{DType, Device, Tensor};
use divan::{Bencher, black_box};
use rayon::ThreadPoolBuilder;
use serde::Deserialize;
use vision::geometry::Quad;
use vision::models::{Model, ModelStore, State};
use vision::net::ppocr_det::PpOcrDet;
use vision::net::ppocr_rec::PpOcrRec;
use vision::ops::Precision;
use vision::picture::Picture;
use vision::text::{Alphabet, DetectOptions, Precisions, RecognizeOptions, TextReader};

const THREADS: [usize; 2] = [1, 2];

struct Text {
    detector: PpOcrDet,
    recognizer: PpOcrRec,
    reader: TextReader,
    document: Picture,
    quads: Vec<Quad>,
}

static TEXT: LazyLock<Text> = LazyLock::new(|| {
    let store = ModelStore::open_default().unwrap();
    let [det, rec] = [Model::PpOcrDet, Model::PpOcrRec].map(|model| store.weights(model, &Device::Cpu).unwrap());
    let reader = TextReader::new(&det, &rec, &Device::Cpu, Precisions::default()).unwrap();
    let document = document();
    Text {
        detector: PpOcrDet::load(&det, Precision::Single).unwrap(),
        recognizer: PpOcrRec::load(&rec, 18_710, Precision::Single).unwrap().0,
        quads: reader.detect(&document, &DetectOptions::default()).unwrap(),
        reader,
        document,
    }
});

/// 1600×1200 pixels with 14 lines of 44 characters, each 1232 pixels long: those of the golden file, larger.
fn document() -> Picture {
    #[derive(Deserialize)]
    struct Golden {
        lines: Vec<Vec<String>>,
    }
    let golden: Golden = serde_json::from_str(include_str!("../tests/golden/text.json")).unwrap();
    let lines: Vec<Vec<Vec<u8>>> = golden
        .lines
        .iter()
        .map(|rows| rows.iter().map(|row| hex::decode(row).unwrap()).collect())
        .collect();
    Picture::from_fn(1600, 1200, |x, y| {
        let (line, row, column) = (y as usize / 80, y as usize % 80 / 2, x.wrapping_sub(180) as usize / 2);
        let rows = lines.get(line % 2).filter(|_| line < 14);
        let byte = rows.and_then(|rows| rows.get(row)?.get(column / 8));
        match byte.is_some_and(|byte| byte >> (7 - column % 8) & 1 == 1) {
            true => [30, 30, 40],
            false => [225, 230, 222],
        }
    })
}

/// Measures `work` inside a pool of so many threads.
fn on(threads: usize, bencher: Bencher<'_, '_>, work: impl Fn(&Text) + Sync) {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let text = LazyLock::force(&TEXT);
    bencher.bench_local(|| pool.install(|| work(text)));
}

#[divan::bench(args = THREADS, sample_count = 10)]
fn detector_640x960(bencher: Bencher<'_, '_>, threads: usize) {
    let input = Tensor::zeros((1, 640, 960, 3), DType::F32, &Device::Cpu).unwrap();
    on(threads, bencher, |text| {
        black_box(text.detector.forward(&input).unwrap());
    });
}

#[divan::bench(args = THREADS, sample_count = 10)]
fn recogniser_48x640(bencher: Bencher<'_, '_>, threads: usize) {
    let input = Tensor::zeros((1, 48, 640, 3), DType::F32, &Device::Cpu).unwrap();
    on(threads, bencher, |text| {
        black_box(text.recognizer.forward(&input).unwrap());
    });
}

#[divan::bench(args = THREADS, sample_count = 5)]
fn detect_1600x1200(bencher: Bencher<'_, '_>, threads: usize) {
    on(threads, bencher, |text| {
        black_box(text.reader.detect(&text.document, &DetectOptions::default()).unwrap());
    });
}

#[divan::bench(args = THREADS, sample_count = 5)]
fn recognize_14_lines_of_44_as_mrz(bencher: Bencher<'_, '_>, threads: usize) {
    let mrz = RecognizeOptions {
        alphabet: Alphabet::Mrz,
        ..RecognizeOptions::default()
    };
    on(threads, bencher, |text| {
        black_box(text.reader.recognize(&text.document, &text.quads, mrz).unwrap());
    });
}

#[divan::bench(args = THREADS, sample_count = 5)]
fn read_1600x1200(bencher: Bencher<'_, '_>, threads: usize) {
    on(threads, bencher, |text| {
        black_box(text.reader.read(&text.document).unwrap());
    });
}

fn main() {
    let there = ModelStore::open_default().is_ok_and(|store| {
        let models = [Model::PpOcrDet, Model::PpOcrRec];
        models
            .into_iter()
            .all(|model| store.state(model.into()) == State::Ready)
    });
    if there {
        println!("{} lines found in the document", TEXT.quads.len());
        divan::main();
    } else {
        println!("skipped: models are not fetched, run `bonafide models fetch`");
    }
}
