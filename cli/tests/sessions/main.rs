//! Backends list, read, change, cancel and redact sessions by the command, read what was collected, and choose what sessions of test
//! mode come to.

use anyhow::Context as _;
use proto::document::v1::CheckDocumentResponse;
use proto::identity::v1::{CheckStatus, DocumentReport, ImagePurpose, VerificationError, VerificationErrorCode};
use proto::store::v1::store_service_client::StoreServiceClient;
use proto::store::v1::{CompleteVerificationRequest, LeaseJobRequest, PutImageRequest, SubmitSessionRequest};
use serde_json::Value;
use service_kit::client::ServiceChannel;

use backend::Services;

mod backend;
mod filled;
mod shape;
mod side_by_side;
mod stripe_mock;

/// The first word of each line.
fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_listed_read_changed_canceled_and_redacted() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    // None takes the job that this test leases.
    let services = Services::start(data.path(), 0).await?;
    let [backend, restricted, tester] = ["sk_live", "rk_live", "sk_test"].map(|kind| services.backend(kind));

    // More than one page of the API.
    let mut created = Vec::new();
    for number in 0..103 {
        let reference = (number % 50 == 0).then(|| "anna".to_owned());
        created.push(backend.create(reference).await?);
    }
    created.reverse();
    assert_eq!(ids(&backend.text(&["sessions", "list"]).await?), created[..10]);
    assert_eq!(
        ids(&backend.text(&["sessions", "list", "--limit", "102"]).await?),
        created[..102]
    );
    let referenced = backend.text(&["sessions", "list", "--reference", "anna"]).await?;
    assert_eq!(ids(&referenced), [&created[2], &created[52], &created[102]]);
    let after = ["sessions", "list", "--limit", "1000", "--starting-after", &created[2]];
    let rest = backend.json(&after).await?;
    assert_eq!(rest["data"].as_array().map(Vec::len), Some(100));
    assert_eq!(
        (&rest["object"], &rest["has_more"]),
        (&Value::from("list"), &Value::from(false))
    );
    assert_eq!(rest["data"][0]["client_secret"], Value::Null);

    let id = created[0].as_str();
    let updated = backend
        .json(&[
            "sessions",
            "update",
            id,
            "--metadata",
            "order=7",
            "--metadata",
            "shop=a=b",
        ])
        .await?;
    assert_eq!(updated["metadata"], serde_json::json!({ "order": "7", "shop": "a=b" }));
    let cancel = ["sessions", "cancel", id, "--idempotency-key", "the first"];
    let canceled = backend.text(&cancel).await?;
    assert!(
        canceled.contains("canceled") && canceled.contains("order=7"),
        "{canceled}"
    );
    assert_eq!(backend.text(&cancel).await?, canceled, "sent again");
    let other = ["sessions", "redact", id, "--idempotency-key", "the first"];
    let said = String::from_utf8(backend.run(&other).await?.stderr)?;
    assert!(said.contains("(IDEMPOTENCY_KEY_REUSED)"), "{said}");
    assert_eq!(backend.json(&["sessions", "get", id]).await?["status"], "canceled");
    assert_eq!(
        ids(&backend.text(&["sessions", "list", "--status", "canceled"]).await?),
        [id]
    );
    assert_eq!(
        backend
            .text(&["sessions", "list", "--until", "2026-01-01T00:00:00Z"])
            .await?,
        ""
    );

    for (arguments, expected) in [
        (["sessions", "cancel", id], "(SESSION_STATUS)"),
        (["sessions", "get", "vs_1"], "(SESSION_NOT_FOUND)"),
        (["reports", "get", "vr_1"], "(REPORT_NOT_FOUND)"),
    ] {
        let output = backend.run(&arguments).await?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            said.contains(expected) && said.trim_end().lines().count() == 1,
            "{said}"
        );
    }

    // One attempt that failed.
    let attempted = created[1].as_str();
    let mut store = StoreServiceClient::new(ServiceChannel::new(&services.store_address, None)?);
    let picture = PutImageRequest {
        verification_session: attempted.to_owned(),
        account: None,
        purpose: ImagePurpose::DocumentFront.into(),
        data: b"a picture".to_vec(),
        idempotency_key: None,
    };
    store.put_image(picture).await?;
    let submission = SubmitSessionRequest {
        verification_session: attempted.to_owned(),
        account: None,
        idempotency_key: None,
    };
    store.submit_session(submission).await?;
    let request = LeaseJobRequest {
        worker: "test".to_owned(),
        lease: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        wait: None,
        request_id: "1".to_owned(),
    };
    let job = store.lease_job(request).await?.into_inner().job.context("a job")?;
    let failed = DocumentReport {
        status: CheckStatus::Unverified.into(),
        error: Some(VerificationError {
            code: VerificationErrorCode::DocumentExpired.into(),
            reason: "It has expired.".to_owned(),
        }),
        ..Default::default()
    };
    let completion = CompleteVerificationRequest {
        verification_session: attempted.to_owned(),
        attempt: job.attempt,
        lease_token: job.lease_token,
        document: Some(CheckDocumentResponse {
            document: Some(failed),
            ..Default::default()
        }),
        selfie: None,
        timings: Vec::new(),
    };
    let completed = store.complete_verification(completion).await?.into_inner();
    let report = completed.report.context("a report")?.id;
    for arguments in [vec!["reports", "list"], vec!["reports", "list", "--session", attempted]] {
        let listed = backend.text(&arguments).await?;
        assert_eq!(ids(&listed), [&report]);
        assert!(
            listed.contains(attempted) && listed.ends_with("  document_expired\n"),
            "{listed}"
        );
    }
    assert_eq!(backend.text(&["reports", "list", "--session", id]).await?, "");
    for arguments in [["reports", "get", report.as_str()], ["sessions", "get", attempted]] {
        let shown = backend.text(&arguments).await?;
        assert!(
            shown.contains(&report) && shown.contains("document_expired: It has expired."),
            "{shown}"
        );
    }
    let session = backend.json(&["sessions", "get", attempted]).await?;
    assert_eq!(session["last_verification_report"]["id"], report.as_str());
    let listed = backend.json(&["sessions", "list", "--limit", "2"]).await?;
    assert_eq!(listed["data"][1]["last_verification_report"], report.as_str());

    // The picture that it was decided by, for who may see it.
    let output = backend.run(&["files", "list", attempted]).await?;
    assert!(String::from_utf8(output.stderr)?.contains("(PERMISSION_MISSING)"));
    let listed = restricted.text(&["files", "list", attempted]).await?;
    let [file] = ids(&listed)[..] else {
        anyhow::bail!("one picture: {listed}")
    };
    assert!(
        listed.contains("document_front") && listed.ends_with("  1\n"),
        "{listed}"
    );
    let known = restricted.json(&["files", "get", file]).await?;
    assert_eq!(known["verification_session"], attempted);
    assert_eq!(known["attempts"], serde_json::json!([1]));
    assert_eq!(restricted.json(&["files", "list", attempted]).await?["data"][0], known);
    let shown = restricted.text(&["files", "get", file]).await?;
    assert!(shown.contains(file) && shown.contains(attempted), "{shown}");
    let saved = data.path().join("picture.jpg");
    let path = saved.to_str().context("a path")?;
    restricted.text(&["files", "download", file, "--out", path]).await?;
    assert_eq!(std::fs::read(&saved)?, b"a picture");
    let printed = restricted.text(&["files", "link", file]).await?;
    let linked = restricted.json(&["files", "link", file]).await?;
    for url in [printed.trim_end(), linked["url"].as_str().context("a link")?] {
        let path = url
            .strip_prefix(&restricted.address)
            .context("at the address that was called")?;
        let opened = service_kit::testing::get(services.socket, path).await?;
        assert_eq!(opened, (200, "a picture".to_owned()));
    }
    let output = restricted.run(&["files", "get", "file_1"]).await?;
    assert!(String::from_utf8(output.stderr)?.contains("(FILE_NOT_FOUND)"));
    let redacted = backend.text(&["sessions", "redact", attempted]).await?;
    assert!(
        redacted.contains("canceled") && redacted.contains("redaction") && redacted.contains("pictures 1"),
        "{redacted}"
    );
    let twice = backend.run(&["sessions", "redact", attempted]).await?;
    assert!(String::from_utf8(twice.stderr)?.contains("the session was redacted (SESSION_STATUS)"));
    let receipt = &backend.json(&["sessions", "get", attempted]).await?["insights"]["redaction"];
    assert_eq!(receipt["reports"], serde_json::json!([report]));
    // Outcomes are chosen in test mode alone.
    let [expired, left] = [tester.create(None).await?, tester.create(None).await?];
    let arguments = [
        "sessions",
        "simulate",
        &expired,
        "--error",
        "document_expired",
        "--delay",
        "5s",
    ];
    let chosen = tester.text(&arguments).await?;
    assert!(chosen.contains("processing") && chosen.contains("test"), "{chosen}");
    let chosen = tester
        .json(&["sessions", "simulate", &left, "--error", "abandoned"])
        .await?;
    assert_eq!(
        (&chosen["status"], &chosen["livemode"], &chosen["last_error"]["code"]),
        (
            &Value::from("requires_input"),
            &Value::from(false),
            &Value::from("abandoned")
        )
    );
    assert_eq!(ids(&tester.text(&["sessions", "list"]).await?), [&left, &expired]);
    for (caller, arguments, expected) in [
        (&tester, ["simulate", &expired, "--delay=0s"], "(SESSION_STATUS)"),
        (&tester, ["simulate", &created[2], "--delay=0s"], "(SESSION_NOT_FOUND)"),
        (&backend, ["simulate", &created[2], "--delay=0s"], "(LIVE_MODE)"),
        (&tester, ["simulate", &left, "--delay=2h"], "must be 0 s to 1 h"),
        (
            &tester,
            ["simulate", &left, "--error=expired"],
            "must be one of document_expired, ",
        ),
    ] {
        let output = caller.run(&[&["sessions"], &arguments[..]].concat()).await?;
        let said = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said.contains(expected), "{said}");
    }

    // What a terminal would obey is not printed.
    let reference = "\u{1b}[2Jx\nvs_forged";
    backend.create(Some(reference.to_owned())).await?;
    let output = backend.run(&["sessions", "list", "--limit", "1"]).await?;
    let (listed, said) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    assert!(listed.lines().count() == 1 && !listed.contains('\u{1b}'), "{listed:?}");
    assert!(said.starts_with("there are more: --starting-after vs_"), "{said}");
    services.stop().await
}
