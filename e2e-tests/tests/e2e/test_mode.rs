//! Test keys, with all four services behind them.

use std::time::Duration;

use e2e_tests::stage::stage;
use proto::identity::v1::{DocumentOptions, VerificationErrorCode, VerificationSessionStatus};
use service_kit::config::Secret;
use tonic::Code;

const MATCHING: DocumentOptions = DocumentOptions {
    allowed_types: Vec::new(),
    require_id_number: false,
    require_live_capture: false,
    require_matching_selfie: true,
};

#[test]
fn a_chosen_outcome_comes_without_any_picture() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let keys = stage.deployment.keys();
    let (test, plain) = (stage.api(&keys.restricted_test_api_key), stage.api(&keys.test_api_key));
    stage.run(async {
        let session = plain.create(MATCHING).await?;
        assert!(!session.livemode);
        // Fails first, then passes: as a person who tries again.
        let code = VerificationErrorCode::SelfieFaceMismatch;
        test.simulate(&session.id, code, Duration::ZERO, None).await?;
        let failed = test.finished(&session.id).await?;
        assert_eq!(failed.status(), VerificationSessionStatus::RequiresInput);
        assert_eq!(failed.last_error.expect("chosen").code(), code);
        let delay = Duration::from_millis(100);
        test.simulate(&session.id, VerificationErrorCode::Unspecified, delay, None)
            .await?;
        let verified = test.finished(&session.id).await?;
        assert_eq!(verified.status(), VerificationSessionStatus::Verified);
        assert_eq!(verified.last_error, None);

        // Sensitive fields are for restricted keys, as in live mode.
        let expand = ["verified_outputs", "verified_outputs.dob"];
        let outputs = test
            .session(&session.id, &expand)
            .await?
            .verified_outputs
            .expect("asked for");
        assert_eq!(outputs.last_name.as_deref(), Some("ERIKSSON"));
        assert!(outputs.dob.is_some());
        let refused = plain.session(&session.id, &expand).await.expect_err("sensitive");
        assert_eq!(refused.code(), Code::PermissionDenied);
        let report = verified.last_verification_report.expect("made");
        let (full, less) = (test.report(&report).await?, plain.report(&report).await?);
        let [full, less] = [full, less].map(|report| report.document.expect("checked"));
        assert_eq!(full.issuing_country.as_deref(), Some("UTO"));
        assert!(full.number.is_some() && less.number.is_none() && less.first_name.is_some());

        // The account's live keys know nothing of it.
        let refused = stage
            .backend()
            .session(&session.id, &[])
            .await
            .expect_err("of test mode");
        assert_eq!(refused.code(), Code::NotFound);
        anyhow::Ok(())
    })
}

#[test]
fn a_person_submits_in_test_mode() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let test = stage.api(&stage.deployment.keys().test_api_key);
    stage.run(async {
        let session = test.create(MATCHING).await?;
        let secret = session.client_secret.as_deref().expect("requires input");
        let person = stage.api(&Secret::new(secret));
        person.submit(&session.id).await?;
        let verified = test.finished(&session.id).await?;
        assert_eq!(verified.status(), VerificationSessionStatus::Verified);
        anyhow::Ok(())
    })
}
