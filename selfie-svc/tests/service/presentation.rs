//! Presentation attack detection, with and without its networks.

use std::path::Path;

use proto::identity::v1::{CheckDetail, VerificationErrorCode};
use selfie_svc::config::LivenessConfig;
use tempfile::TempDir;
use vision::models::Silent;

use super::*;

/// A service of its own.
struct Own {
    running: Running,
    _models: TempDir,
}

/// A service whose store has the detector and the embedder, and the networks in `folder`, if any. Skips where the former are not
/// installed.
fn own(networks: Option<&Path>, require_liveness: bool) -> Option<Own> {
    let installed = &running()?.store;
    let models = tempfile::tempdir().expect("a folder");
    let store = ModelStore::open(models.path());
    for model in MODELS {
        for extension in ["safetensors", "json"] {
            let path = |store: &ModelStore| store.path(model.into()).with_extension(extension);
            std::fs::copy(path(installed), path(&store)).expect("copies");
        }
    }
    if let Some(folder) = networks {
        store
            .import(folder, &Model::OPTIONAL, &Silent)
            .expect("the pinned files");
    }
    let config = Config {
        models: Some(models.path().to_owned()),
        liveness: LivenessConfig { require_liveness },
        ..Config::default()
    };
    Some(Own {
        running: start(config, installed.clone()),
        _models: models,
    })
}

fn test_of(answer: &CheckSelfieResponse) -> CheckDetail {
    let checks = answer.insights.iter().flat_map(|insights| &insights.checks);
    let mut tests = checks.filter(|check| check.name == "presentation_attack_detection");
    tests.next().expect("always told").clone()
}

#[test]
fn without_networks_the_operator_decides() {
    for require_liveness in [false, true] {
        let Some(Own { running, _models }) = own(None, require_liveness) else {
            return;
        };
        let answer = running.check(running.sample(Sample::Obama), running.sample(Sample::Obama2));
        let (test, report) = (test_of(&answer), answer.selfie.expect("a report"));
        let insights = answer.insights.expect("insights");
        assert_eq!(
            (insights.presentation_attack_detection, insights.models.len()),
            (None, 2)
        );
        assert!(
            test.reason
                .starts_with("no presentation attack detection model is installed")
        );
        if require_liveness {
            assert_eq!(test.outcome(), Outcome::Failed);
            assert_eq!(report.status(), CheckStatus::Unverified);
            let error = report.error.expect("unverified");
            assert_eq!(error.code(), VerificationErrorCode::SelfieUnverifiedOther);
        } else {
            assert_eq!(test.outcome(), Outcome::NotAvailable);
            assert_eq!(report.status(), CheckStatus::Verified);
        }
    }
}

#[test]
fn with_networks_the_selfie_is_looked_at() {
    // The weights and three sample pictures, which no package carries, lie beside the repository.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/models");
    if !folder.is_dir() {
        return skipped("shared/data/models is not beside the repository");
    }
    let Some(Own { running, _models }) = own(Some(&folder), true) else {
        return;
    };
    let picture = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    for (name, is_attack) in [("image_T1.jpg", false), ("image_F1.jpg", true), ("image_F2.jpg", true)] {
        let answer = running.check(running.sample(Sample::Obama), picture(name));
        let (test, insights) = (test_of(&answer), answer.insights.expect("insights"));
        let expected = if is_attack { Outcome::Failed } else { Outcome::Passed };
        assert_eq!(test.outcome(), expected, "{name}");
        let detection = insights.presentation_attack_detection.expect("installed");
        assert_eq!(detection.score < detection.warning_threshold, is_attack, "{name}");
        assert_eq!(detection.models, ["minifasnet_v2", "minifasnet_v1se"]);
        assert_eq!(insights.models.len(), 4);
        assert!(
            insights
                .timings
                .iter()
                .any(|timing| timing.step == "presentation_attack_detection")
        );
    }
    // The document's portrait is no selfie, and a picture without a face has none to look at.
    let answer = running.check(picture("image_F1.jpg"), grey(400, 300));
    assert_eq!(test_of(&answer).outcome(), Outcome::NotAvailable);
}
