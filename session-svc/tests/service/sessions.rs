//! Sessions and reports, as backends see them.

use proto::id::{self, Kind};
use proto::identity::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, Date, DocumentInsights, DocumentOptions,
    DocumentReport, GetVerificationReportRequest, GetVerificationSessionRequest, IdNumberReport, ImagePurpose,
    ListVerificationReportsRequest, ListVerificationSessionsRequest, ListVerificationSessionsResponse,
    MachineReadableZone, ProvidedDetails, ReportInsights, SelfieInsights, SelfieReport, UpdateDocumentOptions,
    UpdateVerificationSessionOptions, UpdateVerificationSessionRequest, VerificationReport, VerificationSession,
    VerificationSessionStatus, VerificationType, VerifiedOutputs,
};
use proto::reason;
use proto::store::v1::{ListReportsRequest, ListSessionsRequest};
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
        idempotency_key: None,
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
            idempotency_key: None,
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
    assert_eq!(
        violations(&status),
        ["type", "metadata", "metadata", "client_reference_id", "idempotency_key"]
    );
    assert!(running.store.read().sessions.is_empty());
}

async fn list(
    running: &Running,
    key: &str,
    request: ListVerificationSessionsRequest,
) -> Result<ListVerificationSessionsResponse, Status> {
    let listed = running.sessions(key).list_verification_sessions(request).await;
    listed.map(tonic::Response::into_inner)
}

fn expanding(expand: &[&str]) -> ListVerificationSessionsRequest {
    ListVerificationSessionsRequest {
        expand: expand.iter().map(|value| (*value).to_owned()).collect(),
        ..Default::default()
    }
}

/// The fields that are refused, in order.
pub(crate) fn violations(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status::reason(status), Some(reason::INVALID_FIELDS));
    let violations = status.get_details_bad_request().expect("BadRequest").field_violations;
    violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn a_list_has_what_each_session_has() {
    let running = start().await;
    let waiting = running.create(DocumentOptions::default()).await.id;
    let verified = running.create(DocumentOptions::default()).await.id;
    running.store.change(|state| {
        let session = state
            .sessions
            .get_mut(&verified)
            .and_then(|stored| stored.session.as_mut());
        let session = session.expect("a session");
        session.set_status(VerificationSessionStatus::Verified);
        session.verified_outputs = Some(VerifiedOutputs::default());
        session.last_verification_report = Some("vr_1".to_owned());
        let report = VerificationReport {
            id: "vr_1".to_owned(),
            document: Some(DocumentReport {
                number: Some("1".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        state.reports.insert("vr_1".to_owned(), ("acme".to_owned(), report));
    });
    let listed = list(&running, SECRET_KEY, ListVerificationSessionsRequest::default())
        .await
        .expect("listed");
    assert!(listed.has_more);
    for (session, of) in listed.data.iter().zip([&waiting, &verified]) {
        assert_eq!(&session.id, of);
        assert_eq!(session.client_secret, None);
        assert!(session.verified_outputs.is_none() && session.expanded_last_verification_report.is_none());
    }
    let outputs = expanding(&["data.verified_outputs", "data.last_verification_report"]);
    let listed = list(&running, SECRET_KEY, outputs).await.expect("listed").data;
    let [waiting, verified] = listed.as_slice() else {
        panic!("{} sessions", listed.len());
    };
    assert!(waiting.verified_outputs.is_none() && waiting.expanded_last_verification_report.is_none());
    assert!(verified.verified_outputs.is_some());
    let report = verified.expanded_last_verification_report.as_ref().expect("a report");
    assert_eq!(Some(&report.id), verified.last_verification_report.as_ref());
    assert_eq!(
        report.document.as_ref().and_then(|document| document.number.as_ref()),
        None,
        "sensitive"
    );

    // Expanded one by one, too; with a restricted key everything is there.
    for (key, number) in [(SECRET_KEY, None), (RESTRICTED_KEY, Some("1"))] {
        let session = get(&running, key, &verified.id, &["last_verification_report"])
            .await
            .expect("found");
        let report = session.expanded_last_verification_report.expect("a report");
        assert_eq!(
            report.document.as_ref().and_then(|document| document.number.as_deref()),
            number
        );
    }

    let others = list(&running, OTHER_ACCOUNTS_KEY, expanding(&[]))
        .await
        .expect("listed");
    assert!(others.data.is_empty());
    let sensitive = || expanding(&["data.verified_outputs.dob"]);
    let refused = list(&running, SECRET_KEY, sensitive()).await.expect_err("sensitive");
    assert_eq!(status::reason(&refused), Some(reason::PERMISSION_MISSING));
    list(&running, RESTRICTED_KEY, sensitive()).await.expect("allowed");
}

#[tokio::test]
async fn the_store_is_asked_for_what_the_backend_asks_for() {
    let running = start().await;
    let request = ListVerificationSessionsRequest {
        client_reference_id: Some("order 1".to_owned()),
        related_customer: Some("anna".to_owned()),
        related_customer_account: Some("anna's".to_owned()),
        status: VerificationSessionStatus::Verified.into(),
        created: Some(proto::identity::v1::CreatedFilter {
            gt: Some(prost_types::Timestamp { seconds: 7, nanos: 0 }),
            ..Default::default()
        }),
        limit: Some(7),
        starting_after: Some("vs_0700000000000000000000000000".to_owned()),
        ending_before: None,
        expand: vec!["data.last_verification_report".to_owned()],
    };
    list(&running, SECRET_KEY, request.clone()).await.expect("listed");
    let reports = ListVerificationReportsRequest {
        client_reference_id: Some("order 1".to_owned()),
        r#type: VerificationType::Document.into(),
        verification_session: Some("vs_0700000000000000000000000000".to_owned()),
        limit: Some(7),
        ending_before: Some("vr_0700000000000000000000000000".to_owned()),
        ..Default::default()
    };
    let listed = running
        .reports(SECRET_KEY)
        .list_verification_reports(reports.clone())
        .await;
    listed.expect("listed");
    let asked = running.store.read();
    let (account, with_last_report) = ("acme".to_owned(), true);
    let expected = ListSessionsRequest {
        account: account.clone(),
        request: Some(request),
        with_last_report,
    };
    assert!(asked.lists == [expected]);
    let request = Some(reports);
    assert!(asked.report_lists == [ListReportsRequest { account, request }]);
}

#[tokio::test]
async fn all_violations_of_a_list_come_at_once() {
    let running = start().await;
    let request = ListVerificationSessionsRequest {
        client_reference_id: Some("x".repeat(256)),
        status: 99,
        created: Some(proto::identity::v1::CreatedFilter {
            lt: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 1_000_000_000,
            }),
            gte: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
            ..Default::default()
        }),
        limit: Some(101),
        starting_after: Some("vs_".to_owned()),
        ending_before: Some("vr_1".to_owned()),
        expand: vec!["verified_outputs".to_owned(); 3],
        related_customer: Some(String::new()),
        related_customer_account: Some("x".repeat(256)),
    };
    let refused = list(&running, SECRET_KEY, request).await.expect_err("wrong");
    let fields = [
        "client_reference_id",
        "related_customer",
        "related_customer_account",
        "status",
        "created.gte",
        "created.lt",
        "limit",
        "starting_after",
        "ending_before",
        "ending_before",
        "expand",
    ];
    assert_eq!(violations(&refused), fields);
    for limit in [0, 101] {
        let limit = Some(limit);
        let request = ListVerificationSessionsRequest {
            limit,
            ..Default::default()
        };
        assert_eq!(
            violations(&list(&running, SECRET_KEY, request).await.expect_err("wrong")),
            ["limit"]
        );
    }
}

#[tokio::test]
async fn a_list_of_reports_hides_what_a_report_hides() {
    let running = start().await;
    running.store.change(|state| {
        let report = VerificationReport {
            id: "vr_1".to_owned(),
            document: Some(DocumentReport {
                first_name: Some("ANNA".to_owned()),
                number: Some("1".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        state.reports.insert("vr_1".to_owned(), ("acme".to_owned(), report));
    });
    let list = async |key, request| {
        let listed = running.reports(key).list_verification_reports(request).await;
        listed.map(|listed| listed.into_inner().data)
    };
    for (key, number) in [(SECRET_KEY, None), (RESTRICTED_KEY, Some("1"))] {
        let data = list(key, ListVerificationReportsRequest::default())
            .await
            .expect("listed");
        let [report] = data.as_slice() else {
            panic!("{} reports", data.len());
        };
        let document = report.document.as_ref().expect("it ran");
        assert_eq!(
            (document.first_name.as_deref(), document.number.as_deref()),
            (Some("ANNA"), number)
        );
    }
    let request = ListVerificationReportsRequest {
        r#type: 99,
        verification_session: Some("vr_1".to_owned()),
        limit: Some(0),
        starting_after: Some("vs_1".to_owned()),
        ..Default::default()
    };
    let refused = list(SECRET_KEY, request).await.expect_err("wrong");
    assert_eq!(
        violations(&refused),
        ["type", "verification_session", "limit", "starting_after"]
    );
}

async fn update(running: &Running, request: UpdateVerificationSessionRequest) -> Result<VerificationSession, Status> {
    let updated = running.sessions(SECRET_KEY).update_verification_session(request).await;
    updated.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn an_update_reaches_the_store() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let unavailable = Problem::new(reason::UNAVAILABLE, "being replaced");
    running.store.fail(Call::Update, unavailable.into());
    let request = UpdateVerificationSessionRequest {
        verification_session: session.id.clone(),
        metadata: [("order".to_owned(), "7".to_owned())].into(),
        ..Default::default()
    };
    let refused = update(&running, request.clone()).await.expect_err("unavailable");
    assert_eq!(status::reason(&refused), Some(reason::UNAVAILABLE));
    let updated = update(&running, request).await.expect("updated");
    assert_eq!(updated.metadata["order"], "7");
    assert!(updated.client_secret.is_some());
}

#[tokio::test]
async fn all_violations_of_an_update_come_at_once() {
    let running = start().await;
    let session = running.create(DocumentOptions::default()).await;
    let request = UpdateVerificationSessionRequest {
        verification_session: session.id,
        options: Some(UpdateVerificationSessionOptions {
            document: Some(UpdateDocumentOptions {
                allowed_types: vec![9],
                require_live_capture: Some(true),
                ..Default::default()
            }),
        }),
        metadata: [("x".repeat(41), "y".repeat(501))].into(),
        provided_details: Some(ProvidedDetails {
            email: Some("5".repeat(256)),
            phone: Some("5".repeat(256)),
        }),
        idempotency_key: None,
    };
    let refused = update(&running, request).await.expect_err("wrong");
    let fields = [
        "options.document.allowed_types",
        "options.document.require_live_capture",
        "metadata",
        "metadata",
        "provided_details.email",
        "provided_details.phone",
    ];
    assert_eq!(violations(&refused), fields);
    let malformed = UpdateVerificationSessionRequest {
        verification_session: "vs_".to_owned(),
        ..Default::default()
    };
    let refused = update(&running, malformed).await.expect_err("no session");
    assert_eq!(status::reason(&refused), Some(reason::SESSION_NOT_FOUND));
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
            selfie: Some(SelfieInsights {
                similarity: Some(0.5),
                document_face_file: Some("file_3".to_owned()),
                selfie_face_file: Some("file_4".to_owned()),
                ..SelfieInsights::default()
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
    let insights = hidden.insights.as_mut().expect("insights");
    let document = insights.document.as_mut().expect("of the document");
    document.machine_readable_zone.as_mut().expect("a zone").file.clear();
    let selfie = insights.selfie.as_mut().expect("of the selfie");
    (selfie.document_face_file, selfie.selfie_face_file) = (None, None);
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
