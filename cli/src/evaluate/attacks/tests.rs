use selfie_svc::pipeline::FaceFinder;
use selfie_svc::rules::Likeness;
use service_kit::testing::skipped;
use vision::models::{Model, Sample};

use super::*;
use crate::attacks::{Half, Kind, Photograph, References, Set};
use crate::specimen::Fonts;

const COPY: &str = "selfie_is_a_picture_of_its_own";

/// Without `failed_tests`, one without two faces.
fn row(attack: Option<Kind>, failed_tests: Option<&[&str]>, verified: bool) -> Row {
    let truth = Presentation {
        image: "selfie.jpg".to_owned(),
        reference: "document.jpg".to_owned(),
        identity: "somebody".to_owned(),
        attack,
        steps: attack.into_iter().collect(),
    };
    Row {
        likeness: failed_tests.map(|_| Likeness {
            similarity: 0.5,
            agreement: 0.1,
        }),
        failed_tests: failed_tests
            .unwrap_or_default()
            .iter()
            .map(|&test| test.to_owned())
            .collect(),
        verified,
        failure: None,
        ..Row::failed(Arc::new(truth), String::new())
    }
}

#[test]
fn errors_are_counted_by_kind_and_without_those_that_had_no_response() {
    let mut rows = vec![
        row(None, Some(&[]), true),
        // Of another person.
        row(None, Some(&[]), false),
        row(None, Some(&[COPY, "selfie_sharpness"]), false),
        row(None, Some(&["selfie_sharpness"]), false),
        row(Some(Kind::Blur), None, false),
        row(Some(Kind::Noise), Some(&[COPY]), false),
        // Refused, but not by the test that is there for it.
        row(Some(Kind::Noise), Some(&["selfie_sharpness"]), false),
        row(Some(Kind::Noise), Some(&[]), true),
        row(Some(Kind::Noise), Some(&[COPY]), false),
        row(Some(Kind::Mask), Some(&["selfie_mouth_visible"]), false),
    ];
    rows.push(Row::failed(Arc::clone(&rows[0].truth), "damaged".to_owned()));
    let summary = Summary::of(&rows);
    assert_eq!((summary.presentations, summary.failed), (11, 1));
    assert_eq!(summary.halves.len(), 1);
    let rates = &summary.halves[&Half::of("somebody")];
    let counted = |counted: &summary::Counted| (counted.presentations, counted.errors, counted.verified);
    assert_eq!(counted(&rates.bona_fide), (4, 2, 1));
    assert_eq!(counted(&rates.bona_fide_by_test[COPY]), (4, 1, 1));
    assert_eq!(counted(&rates.bona_fide_by_test["selfie_sharpness"]), (4, 2, 1));
    assert_eq!(rates.bona_fide_by_test[COPY].rate, Some(0.25));
    assert_eq!(counted(&rates.attacks[&Kind::Mask]), (1, 0, 0));
    let noise = &rates.attacks[&Kind::Noise];
    assert_eq!(counted(noise), (4, 2, 1));
    assert_eq!(noise.rate, Some(0.5));
    let blur = &rates.attacks[&Kind::Blur];
    assert_eq!((blur.without_response, blur.rate, blur.interval), (1, None, None));
}

#[test]
fn the_page_shows_what_passed() {
    let mut passed = row(Some(Kind::Sticker), Some(&[]), true);
    passed.thumbnails = vec![vec![1, 2, 3], vec![4, 5, 6]];
    let rows = [passed, row(Some(Kind::Sticker), Some(&[COPY]), false)];
    let page = page::draw(&Summary::of(&rows), &rows);
    assert_eq!(page.matches("<figure>").count(), 1);
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 2);
    assert!(page.contains("sticker") && page.contains("50.00 %"));
}

/// Photographs to a set of them in disguise to error rates. Skips where networks or samples are not installed.
#[tokio::test]
async fn a_set_is_written_and_evaluated() {
    let ready = ModelStore::open_default().ok().and_then(|store| {
        let weights = store.weights(Model::YuNet, &candle_core::Device::Cpu).ok()?;
        store.weights(Model::SFace, &candle_core::Device::Cpu).ok()?;
        let samples = [Sample::Obama, Sample::Obama2, Sample::Biden].map(|sample| store.sample(sample).ok());
        let [Some(obama), Some(again), Some(biden)] = samples else {
            return None;
        };
        let fonts = Fonts::load(&store, &Console::default()).ok()?;
        Some((
            store,
            weights,
            fonts,
            [("one", obama), ("one", again), ("other", biden)],
        ))
    });
    let Some((store, weights, fonts, samples)) = ready else {
        return skipped("models or samples are not installed (bonafide models fetch)");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let photographs = samples.into_iter().enumerate().map(|(number, (identity, file))| {
        let path = folder.path().join(format!("{number}.jpg"));
        std::fs::write(&path, file).expect("written");
        Photograph {
            path,
            identity: identity.to_owned(),
        }
    });
    let set = Set {
        photographs: photographs.collect(),
        kinds: vec![Kind::Mirrored, Kind::Gamma, Kind::Mask],
        count: 10,
        bona_fide: 10,
        references: References::Documents,
        half: None,
        seed: 3,
        today: time::macros::date!(2026 - 01 - 01),
    };
    let finder = FaceFinder::new(&weights, &candle_core::Device::Cpu).expect("its weights");
    let images = folder.path().join("set");
    let without_face = set.write(&finder, &fonts, &images, || ()).expect("written");
    assert_eq!(without_face, 0);

    let out = folder.path().join("out");
    let evaluation = Attacks {
        images,
        truth: None,
        out: out.clone(),
        false_match_rate: DEFAULT_FALSE_MATCH_RATE,
        device: Device::Cpu,
    };
    evaluation.run(&store).await.expect("measures");
    let table = std::fs::read_to_string(out.join("results.csv")).expect("written");
    assert_eq!(table.lines().count(), 1 + 2 * 2 + 1 + 1, "{table}");
    let told = std::fs::read_to_string(out.join("summary.json")).expect("written");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let sum = |field: &str| -> u64 {
        let halves = told["halves"].as_object().expect("by half").values();
        let counted = halves.flat_map(|rates| {
            let attacks = rates["attacks"].as_object().expect("by kind").values();
            attacks
                .chain([&rates["bona_fide"]])
                .map(|counted| counted[field].as_u64().expect("a count"))
        });
        counted.sum()
    };
    // What is verified is the photograph of the same person that is another one.
    let counts = ["presentations", "without_response", "errors", "verified"].map(sum);
    assert_eq!(counts, [6, 0, 0, 1]);
    assert!(std::fs::metadata(out.join("report.html")).is_ok());
}
