use candle_core::Device;
use vision::models::{ModelStore, State};

use super::*;
use crate::reader::MODELS;

#[test]
fn a_wrong_line_of_the_truth_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("truth.jsonl");
    fs::write(
        &path,
        "{\"image\": \"a.jpg\", \"mrz\": [\"A\", \"B\"], \"more\": 1}\n\n{\"image\": \"b.jpg\"}\n",
    )
    .expect("written");
    let truth = read_truth(&path).expect("two lines");
    let lines: Vec<_> = truth
        .iter()
        .map(|truth| (truth.image.as_str(), truth.mrz.len()))
        .collect();
    assert_eq!(lines, [("a.jpg", 2), ("b.jpg", 0)]);
    fs::write(&path, "{\"image\": \"a.jpg\"}\nnot json\n").expect("written");
    assert!(matches!(read_truth(&path), Err(EvaluateError::Truth { line: 2, .. })));
    assert!(matches!(
        read_truth(&folder.path().join("none")),
        Err(EvaluateError::File { .. })
    ));
}

#[test]
fn a_picture_that_fails_is_a_row() {
    let ready = |store: &ModelStore| {
        MODELS
            .into_iter()
            .all(|model| store.state(model.into()) == State::Ready)
    };
    let Some(store) = ModelStore::open_default().ok().filter(ready) else {
        service_kit::testing::skipped("models are not installed (bonafide models fetch)");
        return;
    };
    let reader = DocumentReader::load(&store, &Device::Cpu).expect("loads");
    let folder = tempfile::tempdir().expect("a folder");
    let (images, out) = (folder.path(), folder.path().join("out"));
    let blank = Picture::from_fn(200, 200, |_, _| [255; 3])
        .encode_png()
        .expect("encodes");
    fs::write(images.join("blank.png"), blank).expect("written");
    fs::write(images.join("broken.jpg"), b"no picture").expect("written");
    let truth = images.join("truth.jsonl");
    fs::write(
        &truth,
        ["blank.png", "broken.jpg", "absent.jpg"]
            .map(|name| format!("{{\"image\": \"{name}\"}}"))
            .join("\n"),
    )
    .expect("written");
    let mut seen = Vec::new();
    let today = time::macros::date!(2026 - 11 - 22);
    let summary = evaluate(&reader, images, &truth, &out, today, |row| {
        seen.push(row.failure.is_empty())
    })
    .expect("evaluated");
    assert_eq!(seen, [true, false, false]);
    assert_eq!(
        (
            summary.pictures,
            summary.with_mrz,
            summary.mrz_exact,
            summary.check_digits_valid
        ),
        (3, 0, 0, 0)
    );
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).expect("there")).expect("json");
    assert_eq!(written["pictures"], 3);
    let table = fs::read_to_string(out.join("results.csv")).expect("there");
    assert_eq!(table.lines().count(), 4);
    assert!(table.contains("unsupported_format"));
}

#[test]
fn the_median_is_the_middle() {
    let row = |ms| Row { ms, ..blank_row() };
    assert_eq!(summarize(&[]).median_ms, 0.0);
    assert_eq!(summarize(&[row(9.0), row(1.0), row(2.0)]).median_ms, 2.0);
    assert_eq!(summarize(&[row(9.0), row(1.0), row(2.0), row(4.0)]).median_ms, 3.0);
}

fn blank_row() -> Row {
    Row {
        image: String::new(),
        failure: String::new(),
        mrz: String::new(),
        exact: false,
        check_digits_valid: false,
        format: String::new(),
        document_code: String::new(),
        issuing_state: String::new(),
        surname: String::new(),
        given_names: String::new(),
        number: String::new(),
        nationality: String::new(),
        birth_date: String::new(),
        sex: String::new(),
        expiry_date: String::new(),
        rotation: 0,
        corrected: 0,
        confidence: 0.0,
        ms: 0.0,
    }
}
