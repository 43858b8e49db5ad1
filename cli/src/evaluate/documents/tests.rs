use service_kit::testing::skipped;
use vision::models::State;
use vision::picture::Picture;

use super::score::{Scored, Verdict};
use super::*;
use crate::dataset::{Field, Forgery};

fn truth(text: &str) -> Arc<Truth> {
    Arc::new(serde_json::from_str(text).expect("as documented"))
}

/// A verified document with one field.
fn verified(truth: Arc<Truth>, verdict: Verdict) -> Row {
    Row {
        verified: true,
        failure: None,
        zone: truth.mrz.clone(),
        fields: vec![Scored {
            field: Field::Surname,
            verdict,
            read: "<b>ON</b>".to_owned(),
            probability: Some(0.97),
            errors: usize::from(verdict == Verdict::Wrong) * 6,
            characters: 8,
        }],
        ..Row::failed(truth, String::new())
    }
}

#[test]
fn verified_and_wrong_is_counted_and_shown() {
    let plain = || truth(r#"{"image": "a.jpg", "mrz": ["AB", "CD"]}"#);
    let forged = || truth(r#"{"image": "f.jpg", "mrz": ["AB", "CD"], "forgery": "printed_name"}"#);
    let rows = [
        verified(plain(), Verdict::Right),
        verified(plain(), Verdict::Wrong),
        verified(forged(), Verdict::Right),
        Row {
            verified: false,
            ..verified(forged(), Verdict::Right)
        },
        Row::failed(plain(), "cannot read a.jpg".to_owned()),
    ];
    let Summary {
        headline,
        fields,
        calibration,
        ..
    } = Summary::of(&rows);
    let genuine = &headline.genuine;
    assert_eq!((genuine.documents, genuine.verified, genuine.verified_wrong), (3, 2, 1));
    assert_eq!((headline.documents, headline.failed), (5, 1));
    assert_eq!((headline.zones.found, headline.zones.whole), (4, 4));
    assert_eq!(headline.zones.character_error_rate, Some(4.0 / 20.0));
    let caught = &headline.forgeries[&Forgery::PrintedName];
    assert_eq!((caught.documents, caught.caught), (2, 1));
    let surname = &fields[&Field::Surname];
    assert_eq!((surname.right, surname.wrong, surname.verified_wrong), (1, 1, 1));
    assert_eq!(surname.character_error_rate, Some(6.0 / 16.0));
    let bin = calibration.iter().find(|bin| bin.fields > 0).expect("two fields");
    assert_eq!((bin.fields, bin.measured), (2, Some(0.5)));

    let page = page::draw(&Summary::of(&rows), &rows);
    assert!(page.contains("Verified wrongly: 2"));
    assert!(
        page.contains("&lt;b&gt;ON") && !page.contains("<b>ON"),
        "what was read is no markup"
    );
}

#[test]
fn covered_characters_are_recoverable_where_they_are_printed() {
    let with = |covered: &str| {
        let line = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<";
        let second = "L898902C36UTO7408122F1204159ZE184226B<<<<<10";
        let fields = r#"{"number": {"value": "L898902C3", "printed": "L898902C3"}, "surname": {"value": "Eriksson"}}"#;
        let text = format!(
            r#"{{"image": "a.jpg", "format": "td3", "mrz": ["{line}", "{second}"], "fields": {fields}, "covered": [{covered}]}}"#
        );
        Row::failed(truth(&text), String::new()).is_recoverable()
    };
    assert!(
        with(r#"{"line": 1, "first": 30, "last": 44, "by": "glare"}"#),
        "fillers"
    );
    assert!(
        with(r#"{"line": 2, "first": 1, "last": 10, "by": "glare"}"#),
        "a printed number"
    );
    assert!(
        !with(r#"{"line": 1, "first": 6, "last": 7, "by": "glare"}"#),
        "a name that is not printed"
    );
    assert!(
        !with(r#"{"line": 2, "first": 30, "last": 31, "by": "glare"}"#),
        "optional data"
    );
}

#[tokio::test]
async fn a_bad_file_is_a_row() {
    let store = ModelStore::open_default().ok().filter(|store| {
        MODELS
            .into_iter()
            .all(|model| store.state(model.into()) == State::Ready)
    });
    let Some(store) = store else {
        skipped("models are not installed (bonafide models fetch)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let blank = Picture::from_fn(200, 200, |_, _| [255; 3])
        .encode_png()
        .expect("encodes");
    std::fs::write(path("blank.png"), blank).expect("written");
    std::fs::write(path("broken.jpg"), b"no picture").expect("written");
    let lines = ["blank.png", "broken.jpg", "absent.jpg"].map(|name| format!("{{\"image\": \"{name}\"}}"));
    std::fs::write(path("truth.jsonl"), lines.join("\n")).expect("written");
    let documents = Documents {
        images: folder.path().to_owned(),
        truth: None,
        out: path("out"),
        allow_worn_zones: false,
        device: Device::default(),
    };
    documents.run(&store).await.expect("evaluated");
    let summary = std::fs::read_to_string(path("out/summary.json")).expect("there");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!((&summary["documents"], &summary["failed"]), (&3.into(), &1.into()));
    let table = std::fs::read_to_string(path("out/results.csv")).expect("there");
    assert_eq!(table.lines().count(), 4);
    assert!(table.contains("absent.jpg") && table.contains("document_unverified_other"));
    assert!(path("out/report.html").exists());
}
