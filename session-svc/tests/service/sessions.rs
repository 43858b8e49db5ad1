//! Sessions and reports, as backends see them.

use proto::id::{self, Kind};
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, Date, DocumentInsights, DocumentOptions,
    DocumentReport, GetVerificationReportRequest, GetVerificationSessionRequest, IdNumberReport, ImagePurpose,
    MachineReadableZone, ReportInsights, SelfieReport, VerificationReport, VerificationSession,
    VerificationSessionStatus, VerifiedOutputs,
};
use proto::reason;
use service_kit::config::{Secret, ServeConfig};
use service_kit::status::{self, Problem};
use session_svc::config::Config;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::fakes::Call;
use crate::harness::{
    OTHER_ACCOUNTS_KEY, PICTURE, RESTRICTED_KEY, Running, SECRET_KEY, config, document_request, refusal, refused, soon,
    start, start_with,
};

async fn get(running: &Running, key: &str, id: &str, expand: &[&str]) -> Result<VerificationSession, Status> {
    let expand = expand.iter().map(|value| (*value).to_owned()).collect();
    let request = GetVerificationSessionRequest {
        verification_session: id.to_owned(),
        expand,
    };
    running
        .sessions(key)
        .get_verification_session(request)
        .await
        .map(tonic::Response::into_inner)
}

async fn cancel(running: &Running, id: &str) -> Result<VerificationSession, Status> {
    let request = CancelVerificationSessionRequest {
        verification_session: id.to_owned(),
    };
    running
        .sessions(SECRET_KEY)
        .cancel_verification_session(request)
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_session_has_a_client_secret_while_it_requires_input() {
    let running = start().await;
    let created = running.create(DocumentOptions::default()).await;
    assert!(created.livemode);
    for session in [
        &created,
        &get(&running, SECRET_KEY, &created.id, &[]).await.expect("found"),
    ] {
        assert_eq!(session.status(), VerificationSessionStatus::RequiresInput);
        let secret = session.client_secret.as_deref().expect("a client secret");
        let request = proto::identity::v1::UploadImageRequest {
            verification_session: created.id.clone(),
            purpose: ImagePurpose::DocumentFront.into(),
            data: PICTURE.to_vec(),
        };
        running
            .capture(secret)
            .upload_image(request)
            .await
            .expect("the secret opens its session");
    }
    let canceled = cancel(&running, &created.id).await.expect("canceled");
    assert_eq!(canceled.status(), VerificationSessionStatus::Canceled);
    assert_eq!(canceled.client_secret, None);
    assert_eq!(
        get(&running, SECRET_KEY, &created.id, &[])
            .await
            .expect("found")
            .client_secret,
        None
    );
}

#[tokio::test]
async fn all_violations_come_at_once_and_nothing_is_stored() {
    let running = start().await;
    let request = CreateVerificationSessionRequest {
        client_reference_id: Some("x".repeat(256)),
        idempotency_key: Some(String::new()),
        metadata: [("x".repeat(41), "y".repeat(501))].into(),
        ..CreateVerificationSessionRequest::default()
    };
    let status = running
        .sessions(SECRET_KEY)
        .create_verification_session(request)
        .await
        .expect_err("wrong");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status::reason(&status), Some(reason::INVALID_FIELDS));
    let violations = status.get_details_bad_request().expect("BadRequest").field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(
        fields,
        ["type", "metadata", "metadata", "client_reference_id", "idempotency_key"]
    );
    assert!(running.store.read().sessions.is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_store_reaches_the_backend_whole() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    cancel(&running, &session.id).await.expect("canceled");
    let status = cancel(&running, &session.id).await.expect_err("canceled before");
    assert_eq!(status.code(), Code::FailedPrecondition);
    let info = status.get_details_error_info().expect("ErrorInfo");
    assert_eq!(
        (info.domain.as_str(), info.reason.as_str()),
        (reason::DOMAIN, reason::SESSION_STATUS.name())
    );
    assert_eq!(info.metadata["status"], "canceled");

    let reused = Problem::new(reason::IDEMPOTENCY_KEY_REUSED, "other parameters");
    running.store.fail(Call::Create, reused.into());
    let answer = running
        .sessions(SECRET_KEY)
        .create_verification_session(document_request())
        .await;
    assert_eq!(
        refusal(answer),
        refused(Code::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED)
    );
}

#[tokio::test]
async fn a_store_that_is_gone_is_unavailable_with_a_delay() {
    let mut running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    running.store_server.kill().await;
    let create = running
        .sessions(SECRET_KEY)
        .create_verification_session(document_request())
        .await
        .map(drop);
    let read = get(&running, SECRET_KEY, &session.id, &[]).await.map(drop);
    let upload = running.upload(&session, ImagePurpose::Selfie, PICTURE).await.map(drop);
    for answer in [create, read, upload] {
        let status = answer.expect_err("nobody there");
        assert_eq!(status.code(), Code::Unavailable, "{}", status.message());
        assert_eq!(status::reason(&status), Some(reason::UNAVAILABLE));
        assert!(status::retry_after(&status).is_some());
    }
    running
        .store_server
        .start_again(crate::harness::store_services(&running.store))
        .await;
    soon(async { while get(&running, SECRET_KEY, &session.id, &[]).await.is_err() {} }).await;
}

#[tokio::test]
async fn a_wrong_service_token_is_not_the_callers_fault() {
    let serve = ServeConfig {
        service_token: Some(Secret::new("not the token of the others")),
        ..config().serve
    };
    let running = start_with(Config {
        serve,
        verification_workers: Some(0),
        ..config()
    })
    .await;
    let answer = running
        .sessions(SECRET_KEY)
        .create_verification_session(document_request())
        .await;
    assert_eq!(refusal(answer), refused(Code::Internal, reason::INTERNAL));
}

#[tokio::test]
async fn outputs_and_file_ids_depend_on_the_key_and_on_what_is_asked_for() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    running
        .upload(&session, ImagePurpose::DocumentFront, PICTURE)
        .await
        .expect("stored");
    running
        .store
        .set_status(&session.id, VerificationSessionStatus::Verified);
    running.store.change(|state| {
        let stored = state
            .sessions
            .get_mut(&session.id)
            .and_then(|stored| stored.session.as_mut())
            .expect("a session");
        stored.verified_outputs = Some(VerifiedOutputs {
            first_name: Some("ANNA MARIA".to_owned()),
            dob: Some(Date::default()),
            id_number: Some("1234".to_owned()),
            ..VerifiedOutputs::default()
        });
    });

    let plain = get(&running, SECRET_KEY, &session.id, &[]).await.expect("found");
    assert!(plain.verified_outputs.is_none());
    let file = |session: &VerificationSession| session.insights.clone().expect("insights").files.remove(0);
    assert_eq!(file(&plain).id, "");
    assert_eq!(file(&plain).purpose(), ImagePurpose::DocumentFront);
    let restricted = get(&running, RESTRICTED_KEY, &session.id, &[]).await.expect("found");
    assert!(file(&restricted).id.starts_with("file_"));

    let all = ["verified_outputs", "verified_outputs.dob", "verified_outputs.id_number"];
    let outputs = get(&running, RESTRICTED_KEY, &session.id, &all)
        .await
        .expect("found")
        .verified_outputs;
    let outputs = outputs.expect("asked for");
    assert!(outputs.first_name.is_some() && outputs.dob.is_some() && outputs.id_number.is_some());
    let outputs = get(&running, SECRET_KEY, &session.id, &all[..1])
        .await
        .expect("found")
        .verified_outputs;
    let outputs = outputs.expect("asked for");
    assert!(outputs.first_name.is_some() && outputs.dob.is_none() && outputs.id_number.is_none());
    assert_eq!(
        refusal(get(&running, SECRET_KEY, &session.id, &all).await),
        refused(Code::PermissionDenied, reason::PERMISSION_MISSING)
    );
    assert_eq!(
        refusal(get(&running, SECRET_KEY, &session.id, &["everything"]).await),
        refused(Code::InvalidArgument, reason::INVALID_FIELDS)
    );
}

#[tokio::test]
async fn a_report_hides_what_is_sensitive_from_a_plain_key() {
    let running = start().await;
    let report = VerificationReport {
        id: id::format(Kind::VerificationReport, 7, 1),
        document: Some(DocumentReport {
            dob: Some(Date::default()),
            expiration_date: Some(Date::default()),
            issued_date: Some(Date::default()),
            files: vec!["file_1".to_owned()],
            number: Some("L898902C3".to_owned()),
            last_name: Some("ERIKSSON".to_owned()),
            ..DocumentReport::default()
        }),
        selfie: Some(SelfieReport {
            document: Some("file_1".to_owned()),
            selfie: Some("file_2".to_owned()),
            ..SelfieReport::default()
        }),
        id_number: Some(IdNumberReport {
            dob: Some(Date::default()),
            id_number: Some("1234".to_owned()),
            first_name: Some("ANNA MARIA".to_owned()),
            ..IdNumberReport::default()
        }),
        insights: Some(ReportInsights {
            document: Some(DocumentInsights {
                machine_readable_zone: Some(MachineReadableZone {
                    file: "file_1".to_owned(),
                    ..Default::default()
                }),
                ..DocumentInsights::default()
            }),
            ..ReportInsights::default()
        }),
        ..VerificationReport::default()
    };
    running.store.change(|state| {
        state
            .reports
            .insert(report.id.clone(), ("acme".to_owned(), report.clone()))
    });
    let get = async |key: &str| {
        let request = GetVerificationReportRequest {
            verification_report: report.id.clone(),
        };
        running
            .reports(key)
            .get_verification_report(request)
            .await
            .map(tonic::Response::into_inner)
    };

    assert!(get(RESTRICTED_KEY).await.expect("found") == report);
    let mut hidden = report.clone();
    let document = hidden.document.as_mut().expect("a document");
    (document.dob, document.expiration_date, document.number) = (None, None, None);
    document.files.clear();
    let selfie = hidden.selfie.as_mut().expect("a selfie");
    (selfie.document, selfie.selfie) = (None, None);
    let id_number = hidden.id_number.as_mut().expect("an id number");
    (id_number.dob, id_number.id_number) = (None, None);
    let insights = hidden
        .insights
        .as_mut()
        .and_then(|insights| insights.document.as_mut())
        .expect("insights");
    insights.machine_readable_zone.as_mut().expect("a zone").file.clear();
    assert!(get(SECRET_KEY).await.expect("found") == hidden);

    let not_found = refused(Code::NotFound, reason::REPORT_NOT_FOUND);
    assert_eq!(refusal(get(OTHER_ACCOUNTS_KEY).await), not_found);
    let request = GetVerificationReportRequest {
        verification_report: "vr_nonsense".to_owned(),
    };
    assert_eq!(
        refusal(running.reports(SECRET_KEY).get_verification_report(request).await),
        not_found
    );
}
