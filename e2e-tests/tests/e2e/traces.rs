//! One verification is one trace.

use std::collections::{BTreeSet, HashSet};

use cli::client::Submission;
use e2e_tests::stage::stage;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use vision::models::Sample;

#[test]
fn all_four_services_are_found_under_one_trace_id() -> anyhow::Result<()> {
    let Some(stage) = stage() else { return Ok(()) };
    let submission = Submission {
        document: stage.pictures.passport()?,
        selfie: Some(stage.pictures.sample(Sample::Obama2)?),
        ..Submission::default()
    };
    let (outcome, trace) = stage.verify_traced(submission)?;
    assert!(outcome.verified());

    let mut spans = stage.spans();
    spans.retain(|span| span.span_context.trace_id() == trace);
    let services: BTreeSet<String> = spans.iter().filter_map(|span| attribute(span, "service")).collect();
    let expected = ["doc-check-svc", "report-svc", "selfie-svc", "session-svc"];
    assert_eq!(services, expected.map(str::to_owned).into());

    // Each step once, on both sides of the call.
    let calls = |kind: SpanKind, method: &str| {
        spans
            .iter()
            .filter(|span| span.span_kind == kind && span.name.ends_with(method))
            .count()
    };
    for method in [
        "/CreateVerificationSession",
        "/SubmitVerificationSession",
        "/SubmitSession",
        "/CheckDocument",
        "/CheckSelfie",
        "/CompleteVerification",
    ] {
        assert_eq!(calls(SpanKind::Server, method), 1, "{method}");
    }

    // The server's side of every call hangs on the client's side of it.
    let ids: HashSet<SpanId> = spans.iter().map(|span| span.span_context.span_id()).collect();
    for method in ["/CheckDocument", "/CheckSelfie", "/SubmitSession"] {
        let server = spans
            .iter()
            .find(|span| span.span_kind == SpanKind::Server && span.name.ends_with(method));
        assert!(
            server.is_some_and(|server| ids.contains(&server.parent_span_id)),
            "{method}"
        );
    }

    // Each stage is there, inside of the span that it belongs to.
    let within = |stage: &str, ancestor: &str| {
        let mut at = spans.iter().find(|span| span.name == stage);
        while let Some(span) = at {
            if span.name.ends_with(ancestor) {
                return true;
            }
            at = spans
                .iter()
                .find(|parent| parent.span_context.span_id() == span.parent_span_id);
        }
        false
    };
    for (stage, ancestor) in [
        ("verification", "/SubmitVerificationSession"),
        ("fetch_images", "verification"),
        ("document_check", "verification"),
        ("selfie_check", "verification"),
        ("complete", "verification"),
        ("decode", "verification"),
        ("text_detection", "/CheckDocument"),
        ("text_recognition", "/CheckDocument"),
        ("mrz_correction", "/CheckDocument"),
        ("print_recognition", "/CheckDocument"),
        ("inspection", "/CheckDocument"),
        ("face_detection", "/CheckSelfie"),
        ("face_embedding", "/CheckSelfie"),
        ("face_quality", "/CheckSelfie"),
        ("face_comparison", "/CheckSelfie"),
    ] {
        assert!(within(stage, ancestor), "{stage} in {ancestor}");
    }

    // The call that leased the job is of no verification: it is named by the one that it led to.
    let verification = spans.iter().find(|span| span.name == "verification");
    let links = &verification.expect("found above").links.links;
    let all = stage.spans();
    let lease = all
        .iter()
        .find(|span| links.iter().any(|link| link.span_context == span.span_context));
    assert!(lease.is_some_and(|lease| lease.name == "lease"), "{links:?}");

    // The log has the same ids.
    let logs = stage.logs();
    let lines: Vec<&str> = logs
        .lines()
        .filter(|line| line.contains("verification completed"))
        .collect();
    let begins = format!(r#"{{"trace_id":"{trace}","span_id":""#);
    assert_eq!(
        lines.iter().filter(|line| line.starts_with(&begins)).count(),
        1,
        "{lines:?}"
    );
    Ok(())
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key)?;
    Some(found.value.as_str().into_owned())
}
