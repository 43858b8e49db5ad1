//! What a backend sets of a session after its creation, over gRPC and both storages.

use std::collections::HashMap;
use std::time::Duration;

use proto::identity::v1::{
    DocumentOptions, DocumentType, ImagePurpose, ListVerificationSessionsRequest, ProvidedDetails,
    UpdateDocumentOptions, UpdateVerificationSessionOptions, UpdateVerificationSessionRequest, VerificationSession,
};
use proto::reason;
use proto::store::v1::{GetSessionRequest, ListSessionsRequest, StoredSession, UpdateSessionRequest};
use tonic::{Code, Status};

use crate::deployment::{
    ACCOUNT, Client, Deployment, cancellation, completion, create, creation, get, lease, on_both, public, put,
    reason_of, submission,
};

fn metadata(entries: &[(&str, &str)]) -> HashMap<String, String> {
    let entries = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    entries.collect()
}

fn of_metadata(entries: &[(&str, &str)]) -> UpdateVerificationSessionRequest {
    UpdateVerificationSessionRequest {
        metadata: metadata(entries),
        ..Default::default()
    }
}

async fn update(
    client: &mut Client,
    session: &str,
    request: UpdateVerificationSessionRequest,
) -> Result<StoredSession, Status> {
    let request = UpdateSessionRequest {
        account: ACCOUNT.to_owned(),
        request: Some(UpdateVerificationSessionRequest {
            verification_session: session.to_owned(),
            ..request
        }),
    };
    client.update_session(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn what_is_given_is_set_and_the_rest_stays() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = create(&mut client, true).await;
        let before = get(&mut client, &session).await;
        let set = of_metadata(&[("order", "1"), ("shop", "north"), ("empty", "")]);
        update(&mut client, &session, set).await.expect("set");
        let merged = of_metadata(&[("order", ""), ("shop", "south"), ("till", "4")]);
        let stored = update(&mut client, &session, merged).await.expect("merged");
        let expected = VerificationSession {
            metadata: metadata(&[("shop", "south"), ("till", "4")]),
            ..public(&before).clone()
        };
        assert!(*public(&stored) == expected && stored.version == before.version + 2);
        assert!(get(&mut client, &session).await == stored);

        let options = |document| UpdateVerificationSessionRequest {
            options: Some(UpdateVerificationSessionOptions {
                document: Some(document),
            }),
            ..Default::default()
        };
        let passports = UpdateDocumentOptions {
            allowed_types: vec![DocumentType::Passport.into()],
            ..Default::default()
        };
        update(&mut client, &session, options(passports)).await.expect("set");
        let without_selfie = UpdateDocumentOptions {
            require_matching_selfie: Some(false),
            ..Default::default()
        };
        let stored = update(&mut client, &session, options(without_selfie))
            .await
            .expect("set");
        let document = DocumentOptions {
            allowed_types: vec![DocumentType::Passport.into()],
            ..DocumentOptions::default()
        };
        let held = public(&stored)
            .options
            .as_ref()
            .and_then(|options| options.document.clone());
        assert_eq!(held, Some(document), "one does not undo the other");

        let details = |email: Option<&str>, phone: Option<&str>| UpdateVerificationSessionRequest {
            provided_details: Some(ProvidedDetails {
                email: email.map(str::to_owned),
                phone: phone.map(str::to_owned),
            }),
            ..Default::default()
        };
        for (given, expected) in [
            (
                details(Some("anna@example.org"), None),
                details(Some("anna@example.org"), None),
            ),
            (
                details(None, Some("555")),
                details(Some("anna@example.org"), Some("555")),
            ),
            (details(Some(""), None), details(None, Some("555"))),
        ] {
            let stored = update(&mut client, &session, given).await.expect("set");
            assert_eq!(public(&stored).provided_details, expected.provided_details);
        }
        let stored = update(&mut client, &session, details(None, Some("")))
            .await
            .expect("removed");
        assert_eq!(public(&stored).provided_details, None);
        let again = update(&mut client, &session, details(None, Some("")))
            .await
            .expect("nothing to do");
        assert_eq!(again.version, stored.version, "nothing changes");
        // Without a selfie, as its options are now.
        put(&mut client, &session, ImagePurpose::DocumentFront, b"front").await;
        client.submit_session(submission(&session)).await.expect("submitted");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_beyond_input_takes_metadata_alone() {
    on_both(|Deployment { mut client, .. }| async move {
        let processing = create(&mut client, false).await;
        put(&mut client, &processing, ImagePurpose::DocumentFront, b"front").await;
        client.submit_session(submission(&processing)).await.expect("submitted");
        let canceled = create(&mut client, false).await;
        client
            .cancel_session(cancellation(&canceled, ACCOUNT))
            .await
            .expect("canceled");
        for session in [&processing, &canceled] {
            let before = get(&mut client, session).await;
            let options = UpdateVerificationSessionRequest {
                options: Some(UpdateVerificationSessionOptions::default()),
                ..of_metadata(&[("order", "1")])
            };
            let refused = update(&mut client, session, options).await.expect_err("refused");
            assert_eq!(
                (refused.code(), reason_of(&refused)),
                (Code::FailedPrecondition, reason::SESSION_STATUS)
            );
            assert!(get(&mut client, session).await == before, "all of it or nothing");
            let stored = update(&mut client, session, of_metadata(&[("order", "1")]))
                .await
                .expect("set");
            assert_eq!(public(&stored).metadata, metadata(&[("order", "1")]));
        }
        // The job is none the worse for it.
        let job = lease(&mut client, Duration::from_secs(60), Duration::ZERO)
            .await
            .expect("a job");
        assert_eq!(job.verification_session, processing);
        client
            .complete_verification(completion(&job, None, None))
            .await
            .expect("completed");
    })
    .await;
}

#[tokio::test]
async fn metadata_stays_within_its_limit_and_others_sessions_are_not_found() {
    on_both(|Deployment { mut client, .. }| async move {
        let session = create(&mut client, false).await;
        let numbered = |numbers: std::ops::Range<usize>| UpdateVerificationSessionRequest {
            metadata: numbers.map(|number| (format!("k{number}"), "v".to_owned())).collect(),
            ..Default::default()
        };
        update(&mut client, &session, numbered(0..50))
            .await
            .expect("as many as there may be");
        let refused = update(&mut client, &session, numbered(50..51))
            .await
            .expect_err("one more");
        assert_eq!(
            (refused.code(), reason_of(&refused)),
            (Code::InvalidArgument, reason::INVALID_FIELDS)
        );
        let replaced = UpdateVerificationSessionRequest {
            metadata: metadata(&[("k0", ""), ("k50", "v")]),
            ..Default::default()
        };
        update(&mut client, &session, replaced).await.expect("one for another");

        let mut other = creation(false);
        other.account = "acct_2".to_owned();
        let other = client.create_session(other).await.expect("created").into_inner();
        for session in [&public(&other).id, "vs_0700000000000000000000000000"] {
            let refused = update(&mut client, session, numbered(0..1))
                .await
                .expect_err("not found");
            assert_eq!(
                (refused.code(), reason_of(&refused)),
                (Code::NotFound, reason::SESSION_NOT_FOUND)
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_comes_with_its_last_report_when_asked_for() {
    on_both(|Deployment { mut client, .. }| async move {
        let waiting = create(&mut client, false).await;
        let failed = create(&mut client, false).await;
        put(&mut client, &failed, ImagePurpose::DocumentFront, b"front").await;
        client.submit_session(submission(&failed)).await.expect("submitted");
        let job = lease(&mut client, Duration::from_secs(60), Duration::ZERO)
            .await
            .expect("a job");
        let completed = client
            .complete_verification(completion(&job, None, None))
            .await
            .expect("completed");
        let report = completed.into_inner().report;
        for (session, expected) in [(&waiting, &None), (&failed, &report)] {
            let request = GetSessionRequest {
                verification_session: session.clone(),
                account: Some(ACCOUNT.to_owned()),
                with_last_report: true,
            };
            let stored = client.get_session(request).await.expect("found").into_inner();
            assert!(stored.last_report == *expected);
            assert!(get(&mut client, session).await.last_report.is_none());
        }
        let request = ListSessionsRequest {
            account: ACCOUNT.to_owned(),
            request: Some(ListVerificationSessionsRequest::default()),
            with_last_report: true,
        };
        let listed = client
            .list_sessions(request)
            .await
            .expect("listed")
            .into_inner()
            .sessions;
        let reports: Vec<_> = listed.into_iter().map(|stored| stored.last_report).collect();
        assert!(reports == [report, None]);
    })
    .await;
}
