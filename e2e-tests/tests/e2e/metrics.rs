//! What the services tell of a verification in numbers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cli::client::Submission;
use e2e_tests::stage::{Stage, stage};
use service_kit::testing::Samples;
use vision::models::Sample;

use crate::observability::documented;

/// Of Redis and of certificates, which the stage has not got; the tests of report-svc and service-kit look at them.
const ELSEWHERE: [&str; 3] = [
    "db_client_operation_duration_seconds",
    "bonafide_tls_certificate_not_before_seconds",
    "bonafide_tls_certificate_not_after_seconds",
];

/// How long it may take until the last number of a verification is told, and the queue is looked at.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

fn verify(stage: &Stage) -> anyhow::Result<()> {
    let submission = Submission {
        document: stage.pictures.passport()?,
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let (outcome, _) = stage.verify_traced(submission)?;
    assert!(outcome.verified());
    Ok(())
}

/// The metrics once they are as wanted.
fn told(stage: &Stage, wanted: impl Fn(&Samples) -> Result<(), String>) -> anyhow::Result<Samples> {
    let deadline = Instant::now() + LONGEST_WAIT;
    loop {
        let samples = stage.metrics()?;
        match wanted(&samples) {
            Ok(()) => return Ok(samples),
            Err(missing) => anyhow::ensure!(Instant::now() < deadline, "not told: {missing}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_verification_is_told_in_numbers() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let before = stage.metrics()?;
    verify(stage)?;
    // Other tests verify at the same time: there is at least one more of each.
    let grown: Vec<(&str, Vec<(&str, &str)>)> = [
        (
            "bonafide_verification_duration_seconds_count",
            vec![("outcome", "verified")],
        ),
        ("bonafide_job_deliveries_total", vec![("delivery", "first")]),
        ("bonafide_job_deliveries_ended_total", vec![("outcome", "completed")]),
        (
            "bonafide_compute_requests_total",
            vec![("pool", "compute"), ("outcome", "done")],
        ),
        (
            "bonafide_compute_wait_duration_seconds_count",
            vec![("pool", "compute")],
        ),
        (
            "bonafide_compute_work_duration_seconds_count",
            vec![("pool", "compute")],
        ),
    ]
    .into_iter()
    .chain(
        [
            "fetch_images",
            "document_check",
            "selfie_check",
            "verification",
            "decode",
            "text_detection",
            "text_recognition",
            "mrz_correction",
            "print_recognition",
            "face_detection",
            "face_embedding",
            "face_quality",
            "face_comparison",
        ]
        .map(|step| ("bonafide_stage_duration_seconds_count", vec![("stage", step)])),
    )
    .chain(
        [
            "rpc_server_call_duration_seconds_count",
            "rpc_client_call_duration_seconds_count",
        ]
        .into_iter()
        .flat_map(|side| {
            [
                "bonafide.identity.v1.CaptureService/UploadImage",
                "bonafide.identity.v1.CaptureService/SubmitVerificationSession",
                "bonafide.document.v1.DocumentCheckService/CheckDocument",
                "bonafide.selfie.v1.SelfieCheckService/CheckSelfie",
                "bonafide.store.v1.StoreService/CompleteVerification",
            ]
            .map(|method| (side, vec![("rpc_method", method), ("rpc_response_status_code", "OK")]))
        })
        // The backend of these tests calls through the ordinary channel of gRPC.
        .filter(|(side, labels)| !side.starts_with("rpc_client") || !labels[0].1.contains(".identity.")),
    )
    .collect();
    told(stage, |samples| {
        for (name, labels) in &grown {
            let least = before.sum(name, labels).unwrap_or(0.0) + 1.0;
            if samples.sum(name, labels).is_none_or(|number| number < least) {
                return Err(format!("{name} {labels:?} of {least}"));
            }
        }
        Ok(())
    })?;
    Ok(())
}

#[test]
fn what_is_told_is_what_is_documented() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    verify(stage)?;
    // What browsers do.
    let address = stage.deployment.address().trim_start_matches("http://").parse()?;
    assert_eq!(stage.run(service_kit::testing::get(address, "/"))?.0, 404);
    let mut documented = documented()?;
    let told_here = |name: &&String| !ELSEWHERE.contains(&name.as_str());
    let expected: BTreeSet<String> = documented.keys().filter(told_here).cloned().collect();
    // The queue is looked at every few seconds.
    let samples = told(stage, |samples| {
        let missing: Vec<_> = expected
            .iter()
            .filter(|name| !families(samples).contains(*name))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("{missing:?}"))
        }
    })?;
    documented
        .entry("target_info".to_owned())
        .or_default()
        .extend(samples.labels("target_info"));
    for name in samples.names() {
        let family = family(name);
        let labels = documented
            .get(family)
            .map(|labels| labels.iter().cloned().collect::<BTreeSet<_>>());
        let mut labels = labels.ok_or_else(|| anyhow::anyhow!("{name} is not documented"))?;
        labels.insert("le".to_owned());
        let told = samples.labels(name);
        assert!(
            told.is_subset(&labels),
            "{name} has {told:?}, documented are {labels:?}"
        );
    }
    for side in ["server", "client"] {
        let methods = samples.values(&format!("rpc_{side}_call_duration_seconds_count"), "rpc_method");
        let ours = |method: &String| method.starts_with("bonafide.") || method == "_OTHER";
        assert!(methods.iter().all(ours), "{methods:?}");
    }
    for model in samples.values("bonafide_model_info", "sha256") {
        assert_eq!(model.len(), 12);
    }
    assert_eq!(samples.sum("bonafide_model_info", &[("device", "cpu")]), Some(4.0));
    Ok(())
}

/// The name that a sample is documented under.
fn family(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

fn families(samples: &Samples) -> BTreeSet<String> {
    samples
        .names()
        .into_iter()
        .map(|name| family(name).to_owned())
        .collect()
}
