//! The text networks against what onnxruntime says about the same model files (`golden/text.json`, written by
//! `scripts/golden_text.py`), and reading from pictures as a whole.
//!
//! Tolerances: probabilities of the detector and of the recogniser's likeliest classes 5e-4, the likeliest class itself wherever
//! it leads by more than that.

mod common;

use candle_core::{Device, Tensor};
use common::devices;
use serde::Deserialize;
use vision::geometry::Affine;
use vision::models::{Model, ModelStore, State, Weights};
use vision::net::ppocr_det::PpOcrDet;
use vision::net::ppocr_rec::{CtcHead, PpOcrRec};
use vision::ops::Precision;
use vision::picture::{Border, Picture, warp_affine};
use vision::text::{Alphabet, DetectOptions, Precisions, RecognizeOptions, TextChar, TextReader};

const TOLERANCE: f32 = 5e-4;

/// Classes of the recogniser: none, the 18,708 characters of its dictionary, the space.
const CLASSES: usize = 18_710;

#[derive(Deserialize)]
struct Golden {
    /// For each line its rows, one bit per pixel.
    lines: Vec<Vec<String>>,
    detector: Detector,
    recognizer: Recognizer,
}

#[derive(Deserialize)]
struct Detector {
    kept: usize,
    size: [u32; 2],
    map: Vec<f32>,
}

#[derive(Deserialize)]
struct Recognizer {
    top: usize,
    lines: Vec<Recognized>,
    plain: Recognized,
}

#[derive(Deserialize)]
struct Recognized {
    text: String,
    classes: Vec<u32>,
    probabilities: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/text.json")).unwrap()
}

/// The weights, or `None` and a line that says so.
fn weights(device: &Device) -> Option<(Weights, Weights)> {
    let store = ModelStore::open_default().ok()?;
    let models = [Model::PpOcrDet, Model::PpOcrRec];
    if models.iter().any(|model| store.state((*model).into()) != State::Ready) {
        service_kit::testing::skipped("the text models are not installed (bonafide models fetch)");
        return None;
    }
    let [det, rec] = models.map(|model| store.weights(model, device).unwrap());
    Some((det, rec))
}

/// Letters of one line: (width, height, whether a pixel is set).
struct Letters(Vec<Vec<bool>>);

impl Letters {
    fn parse(rows: &[String]) -> Letters {
        let bits = |row: &String| {
            hex::decode(row)
                .unwrap()
                .into_iter()
                .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
                .collect()
        };
        Letters(rows.iter().map(bits).collect())
    }

    fn size(&self) -> (u32, u32) {
        (self.0[0].len() as u32, self.0.len() as u32)
    }

    fn set(&self, x: u32, y: u32) -> bool {
        self.0
            .get(y as usize)
            .and_then(|row| row.get(x as usize))
            .is_some_and(|bit| *bit)
    }
}

fn letters() -> Vec<Letters> {
    golden().lines.iter().map(|rows| Letters::parse(rows)).collect()
}

fn texture(x: u32, y: u32, channel: u32, seed: u32) -> u8 {
    ((((x * (3 + channel) + y * (2 + channel)) ^ ((x * y) >> (4 + channel))) + seed * 17) & 63) as u8
}

/// A pixel on a light texture, dark where there is a letter. Channels are in the order of the network's planes.
fn paper(x: u32, y: u32, seed: u32, letter: bool) -> [u8; 3] {
    [0, 1, 2].map(|channel| {
        let value = 192 + texture(x, y, channel, seed);
        if letter { 20 + value % 32 } else { value }
    })
}

/// The lines one below the other.
fn page(lines: &[Letters], width: u32, height: u32) -> Picture {
    Picture::from_fn(width, height, |x, y| {
        let letter = lines.iter().zip(0..).any(|(line, index)| {
            let top = 40 + 60 * index;
            x >= 28 && y >= top && line.set(x - 28, y - top)
        });
        paper(x, y, 0, letter)
    })
}

/// Values in the order of the picture's channels, −1 to 1.
fn tensor(picture: &Picture, device: &Device) -> Tensor {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let values: Vec<f32> = picture
        .pixels()
        .iter()
        .map(|&byte| f32::from(byte) / 127.5 - 1.0)
        .collect();
    Tensor::from_vec(values, (1, height, width, 3), device).unwrap()
}

#[test]
fn the_detector_answers_as_onnxruntime_does() {
    devices().iter().for_each(detector_answers);
}

fn detector_answers(device: &Device) {
    let Some((det, _)) = weights(device) else { return };
    let golden = golden();
    let [width, height] = golden.detector.size;
    let network = PpOcrDet::load(&det, Precision::Single).unwrap();
    let map = network
        .forward(&tensor(&page(&letters(), width, height), device))
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    assert_eq!((map.len(), map[0].len()), (height as usize, width as usize));
    let kept = map
        .iter()
        .step_by(golden.detector.kept)
        .flat_map(|row| row.iter().step_by(golden.detector.kept));
    let mut worst = 0f32;
    let mut compared = 0;
    for (got, want) in kept.zip(&golden.detector.map) {
        worst = worst.max((got - want).abs());
        compared += 1;
    }
    assert_eq!(compared, golden.detector.map.len());
    println!("detector on {:?}: largest difference {worst}", device.location());
    assert!(worst < TOLERANCE, "differs by {worst}");
}

#[test]
fn the_detector_refuses_other_sizes() {
    let Some((det, _)) = weights(&Device::Cpu) else { return };
    let network = PpOcrDet::load(&det, Precision::Single).unwrap();
    assert!(
        network
            .forward(&tensor(&Picture::from_fn(64, 48, |_, _| [0; 3]), &Device::Cpu))
            .is_err()
    );
}

/// Compares a line's probabilities; answers the largest difference.
fn compare(network: &PpOcrRec, head: &CtcHead, picture: &Tensor, golden: &Recognized, top: usize) -> f32 {
    let scores = head.forward(&network.forward(picture).unwrap()).unwrap();
    let places = candle_nn::ops::softmax_last_dim(&scores)
        .unwrap()
        .get(0)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    assert_eq!(places.len() * top, golden.classes.len());
    let mut worst = 0f32;
    for (place, (classes, wanted)) in places
        .iter()
        .zip(golden.classes.chunks(top).zip(golden.probabilities.chunks(top)))
    {
        for (&class, want) in classes.iter().zip(wanted) {
            worst = worst.max((place[class as usize] - want).abs());
        }
        if wanted[0] - wanted[1] > TOLERANCE {
            let best = place.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            assert_eq!(best.0, classes[0] as usize);
        }
    }
    worst
}

#[test]
fn the_recogniser_answers_as_onnxruntime_does() {
    devices().iter().for_each(recogniser_answers);
}

fn recogniser_answers(device: &Device) {
    let Some((_, rec)) = weights(device) else { return };
    let golden = golden().recognizer;
    let (network, head) = PpOcrRec::load(&rec, CLASSES, Precision::Single).unwrap();
    for ((letters, want), seed) in letters().iter().zip(&golden.lines).zip(0..) {
        let (width, height) = letters.size();
        let line = Picture::from_fn(2 * width, 2 * height, |x, y| {
            paper(x, y, seed, letters.set(x / 2, y / 2))
        });
        assert_eq!(want.text.len(), 44, "the script reads the line too");
        let worst = compare(&network, &head, &tensor(&line, device), want, golden.top);
        println!("recogniser on {:?}: largest difference {worst}", device.location());
        assert!(worst < TOLERANCE, "differs by {worst}");
    }
    let plain = Picture::from_fn(328, 48, |x, y| [0, 1, 2].map(|channel| texture(x, y, channel, 5) * 4));
    let worst = compare(&network, &head, &tensor(&plain, device), &golden.plain, golden.top);
    println!("recogniser, no text: largest difference {worst}");
    assert!(worst < TOLERANCE, "differs by {worst}");
}

/// The text that the lines of the golden file show, as the standard has it.
const SPECIMEN: [&str; 2] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
];

/// The line with the characters that were read, except that a letter O taken for a zero, which look alike in OCR-B, is set right
/// if it is among the alternatives.
fn corrected(chars: &[TextChar], wanted: &str) -> String {
    let character = |(read, wanted): (&TextChar, char)| {
        let alike = matches!((read.best.character, wanted), ('0', 'O') | ('O', '0'));
        if alike && read.alternatives.iter().any(|other| other.character == wanted) {
            wanted
        } else {
            read.best.character
        }
    };
    assert_eq!(chars.len(), wanted.chars().count());
    chars.iter().zip(wanted.chars()).map(character).collect()
}

/// The specimen on a desk of 1600×1200 pixels: turned about its middle and made larger or smaller.
fn photograph(angle: f64, scale: f64) -> Picture {
    let page = page(&letters(), 672, 192);
    let (s, c) = (angle.to_radians().sin() / scale, angle.to_radians().cos() / scale);
    let to_page = Affine([c, s, 336.0 - c * 800.0 - s * 600.0, -s, c, 96.0 + s * 800.0 - c * 600.0]);
    warp_affine(&page, &to_page, 1600, 1200, Border::Replicate)
}

#[test]
fn lines_are_read_at_any_angle_and_size() {
    devices().iter().for_each(lines_are_read);
}

fn lines_are_read(device: &Device) {
    let Some((det, rec)) = weights(device) else { return };
    let quantized = Precisions {
        detection: Precision::Half,
        recognition: Precision::Byte,
    };
    let [single, quantized] = [Precisions::default(), quantized].map(|precisions| {
        let reader = TextReader::new(&det, &rec, device, precisions).unwrap();
        (precisions, reader)
    });
    for (angle, scale, (precisions, reader)) in [
        (0.0, 1.0, &single),
        (0.0, 1.2, &single),
        (7.0, 1.2, &single),
        (-20.0, 1.2, &single),
        (0.0, 0.7, &single),
        (90.0, 1.2, &single),
        (0.0, 1.0, &quantized),
        (-20.0, 1.2, &quantized),
        (0.0, 0.7, &quantized),
    ] {
        let how = format!(
            "at {angle} degrees and {scale} times the size, {precisions:?}, on {:?}",
            device.location()
        );
        let picture = photograph(angle, scale);
        let quads = reader.detect(&picture, &DetectOptions::default()).unwrap();
        assert_eq!(quads.len(), SPECIMEN.len(), "{how}: {quads:?}");
        let options = RecognizeOptions {
            alphabet: Alphabet::Mrz,
            ..RecognizeOptions::default()
        };
        let lines = reader.recognize(&picture, &quads, options).unwrap();
        for (line, wanted) in lines.iter().zip(SPECIMEN) {
            assert_eq!(corrected(&line.chars, wanted), wanted, "{how}");
            assert!(line.confidence > 0.8);
            let positions: Vec<f32> = line.chars.iter().map(|c| c.position).collect();
            assert!(positions.is_sorted() && positions.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }
}

#[test]
fn what_a_line_says_does_not_depend_on_the_others() {
    let Some((det, rec)) = weights(&Device::Cpu) else {
        return;
    };
    let reader = TextReader::new(&det, &rec, &Device::Cpu, Precisions::default()).unwrap();
    let picture = photograph(0.0, 1.0);
    let quads = reader.detect(&picture, &DetectOptions::default()).unwrap();
    let mixed = [quads[0], Default::default(), quads[1], quads[0]];
    let lines = reader.recognize(&picture, &mixed, RecognizeOptions::default()).unwrap();
    assert_eq!(lines.len(), mixed.len());
    assert!(lines[1].chars.is_empty(), "a quad without an inside has no text");
    for (line, quad) in [(&lines[0], quads[0]), (&lines[2], quads[1]), (&lines[3], quads[0])] {
        let alone = reader
            .recognize(&picture, &[quad], RecognizeOptions::default())
            .unwrap();
        assert!(alone[0].text == line.text && (alone[0].confidence - line.confidence).abs() < 1e-4);
    }
    assert_eq!(
        reader.recognize(&picture, &[], RecognizeOptions::default()).unwrap(),
        []
    );
}

#[test]
fn a_picture_without_text_has_no_lines() {
    let Some((det, rec)) = weights(&Device::Cpu) else {
        return;
    };
    let reader = TextReader::new(&det, &rec, &Device::Cpu, Precisions::default()).unwrap();
    for (width, height) in [(1, 1), (1, 3000), (640, 480)] {
        let picture = Picture::from_fn(width, height, |x, y| [(x / 4) as u8, (y / 4) as u8, 90]);
        assert_eq!(reader.read(&picture).unwrap(), [], "{width}x{height}");
    }
}
