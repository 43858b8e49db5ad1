//! The pictures that were collected, as backends read them.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use proto::id::{self, Kind};
use proto::identity::v1::{
    CreateFileLinkRequest, DocumentOptions, DownloadFileRequest, File, GetFileRequest, ImagePurpose, ListFilesRequest,
    VerificationSession,
};
use proto::reason;
use service_kit::config::ServeConfig;
use service_kit::status;
use session_svc::config::Config;
use tonic::{Code, Status};

use crate::credentials::file_methods;
use crate::fakes::Call;
use crate::harness::{
    OTHER_ACCOUNTS_KEY, OTHER_ACCOUNTS_RESTRICTED_KEY, PICTURE, RESTRICTED_KEY, Running, SECRET_KEY, config, refusal,
    refused, start, start_with,
};

/// A picture of a few parts.
fn large() -> Vec<u8> {
    let mut picture = PICTURE.to_vec();
    picture.extend((0..=u8::MAX).cycle().take(300_000));
    picture
}

/// A session with a picture, and the picture's id.
pub(crate) async fn collected(running: &Running, picture: &[u8]) -> (VerificationSession, String) {
    let session = running.create(DocumentOptions::default()).await;
    running
        .upload(&session, ImagePurpose::DocumentFront, picture)
        .await
        .expect("stored");
    let listed = listed(running, &session).await;
    (session, listed[0].id.clone())
}

async fn listed(running: &Running, session: &VerificationSession) -> Vec<File> {
    let request = ListFilesRequest {
        verification_session: session.id.clone(),
    };
    let listed = running.files(RESTRICTED_KEY).list_files(request).await;
    listed.expect("its own").into_inner().data
}

/// What is known of a picture, and all parts of it.
async fn download(running: &Running, file: &str) -> Result<(File, Vec<u8>), Status> {
    let request = DownloadFileRequest { file: file.to_owned() };
    let mut parts = running.files(RESTRICTED_KEY).download_file(request).await?.into_inner();
    let first = parts.message().await?.expect("a first message");
    assert!(first.data.is_empty());
    let mut picture = Vec::new();
    while let Some(part) = parts.message().await? {
        assert!(part.file.is_none() && (1..=64 * 1024).contains(&part.data.len()));
        picture.extend_from_slice(&part.data);
    }
    Ok((first.file.expect("in the first message"), picture))
}

#[tokio::test]
async fn pictures_are_found_listed_and_sent_as_they_came() {
    let running = start().await;
    let (session, id) = collected(&running, &large()).await;
    running
        .upload(&session, ImagePurpose::Selfie, PICTURE)
        .await
        .expect("stored");
    let files = listed(&running, &session).await;
    let purposes: Vec<_> = files.iter().map(File::purpose).collect();
    assert_eq!(purposes, [ImagePurpose::DocumentFront, ImagePurpose::Selfie]);

    let request = GetFileRequest { file: id.clone() };
    let file = running
        .files(RESTRICTED_KEY)
        .get_file(request)
        .await
        .expect("its own")
        .into_inner();
    assert_eq!(file, files[0]);
    assert_eq!((file.id.as_str(), file.size), (id.as_str(), large().len() as u64));
    assert_eq!(file.verification_session, Some(session.id));

    let (told, picture) = download(&running, &id).await.expect("its own");
    assert_eq!(told, file);
    assert!(picture == large());
}

#[tokio::test]
async fn pictures_are_for_restricted_keys() {
    let running = start().await;
    let (session, file) = collected(&running, PICTURE).await;
    let asked = running.store.read().calls.len();
    let expected = refused(Code::PermissionDenied, reason::PERMISSION_MISSING);
    for credential in [
        SECRET_KEY,
        OTHER_ACCOUNTS_KEY,
        session.client_secret.as_deref().expect("is there"),
    ] {
        let answers = file_methods(&running, Some(credential), &session.id, &file).await;
        assert!(answers.iter().all(|answer| *answer == expected), "{answers:?}");
    }
    assert_eq!(running.store.read().calls.len(), asked, "nobody was asked");
}

#[tokio::test]
async fn another_accounts_file_an_unknown_and_a_malformed_one_look_alike() {
    let running = start().await;
    let (session, file) = collected(&running, PICTURE).await;
    let not_found = refused(Code::NotFound, reason::FILE_NOT_FOUND);
    let no_session = refused(Code::NotFound, reason::SESSION_NOT_FOUND);
    let key = Some(OTHER_ACCOUNTS_RESTRICTED_KEY);
    let others = file_methods(&running, key, &session.id, &file).await;
    assert_eq!(others, [not_found, no_session, not_found, not_found]);

    let get = async |key: &str, file: &str| {
        let request = GetFileRequest { file: file.to_owned() };
        let status = running.files(key).get_file(request).await.expect_err("not found");
        (status.message().to_owned(), status.details().to_vec())
    };
    let other = get(OTHER_ACCOUNTS_RESTRICTED_KEY, &file).await;
    assert_eq!(get(RESTRICTED_KEY, &id::format(Kind::File, 7, 9999)).await, other);
    let asked = running.store.read().calls.len();
    for malformed in ["", "file_", "file_07", "42", "file_99aaaaaaaaaaaaaaaaaaaaaaaaaa", "🪪"] {
        assert_eq!(get(RESTRICTED_KEY, malformed).await, other, "{malformed}");
        let answers = file_methods(&running, Some(RESTRICTED_KEY), malformed, malformed).await;
        assert_eq!(answers, [not_found, no_session, not_found, not_found], "{malformed}");
    }
    assert_eq!(
        get(RESTRICTED_KEY, &session.id).await,
        other,
        "the id of something else"
    );
    assert_eq!(
        running.store.read().calls.len(),
        asked,
        "malformed ids are not asked for"
    );
}

#[tokio::test]
async fn a_link_lives_as_long_as_asked_and_30_seconds_at_most() {
    let running = start().await;
    let (_, file) = collected(&running, PICTURE).await;
    let link = async |lifetime: Option<prost_types::Duration>| {
        let request = CreateFileLinkRequest {
            file: file.clone(),
            lifetime,
        };
        running.files(RESTRICTED_KEY).create_file_link(request).await
    };
    let seconds = |seconds| prost_types::Duration { seconds, nanos: 0 };
    for (asked, lives) in [(None, 30), (Some(seconds(30)), 30), (Some(seconds(7)), 7)] {
        let before = SystemTime::now() - Duration::from_millis(1);
        let link = link(asked).await.expect("its own").into_inner();
        let created = SystemTime::try_from(link.created.expect("is there")).expect("a time");
        assert!((before..=SystemTime::now()).contains(&created));
        let expires = SystemTime::try_from(link.expires_at.expect("is there")).expect("a time");
        assert_eq!(
            expires.duration_since(created).expect("later"),
            Duration::from_secs(lives)
        );
        assert_eq!(link.file, file);
    }
    let invalid = refused(Code::InvalidArgument, reason::INVALID_FIELDS);
    for wrong in [0, -1, 31, 86_400] {
        assert_eq!(refusal(link(Some(seconds(wrong))).await), invalid, "{wrong}");
    }
}

#[tokio::test]
async fn a_link_begins_where_browsers_call() {
    let url = async |running: &Running| {
        let (_, file) = collected(running, PICTURE).await;
        let request = CreateFileLinkRequest { file, lifetime: None };
        let link = running.files(RESTRICTED_KEY).create_file_link(request).await;
        link.expect("its own").into_inner().url
    };
    let running = start().await;
    let path = format!("{}/v1/files/file_", running.address);
    assert!(url(&running).await.starts_with(&path), "the address that was called");

    let running = start_with(Config {
        verification_workers: Some(0),
        public_url: Some("https://identity.example.com/bonafide/".parse().expect("an address")),
        ..config()
    })
    .await;
    let path = "https://identity.example.com/bonafide/v1/files/file_";
    assert!(url(&running).await.starts_with(path));
}

#[tokio::test]
async fn what_report_svc_refuses_is_told() {
    let running = start().await;
    let (_, file) = collected(&running, PICTURE).await;
    running.store.fail(Call::ReadFile, Status::unavailable("as planned"));
    let status = download(&running, &file).await.expect_err("away");
    assert_eq!(status::reason(&status), Some(reason::UNAVAILABLE));
    assert!(status::retry_after(&status).is_some());
    running.store.fail(Call::ReadFile, Status::internal("as planned"));
    let status = download(&running, &file).await.expect_err("a defect");
    assert_eq!(status::reason(&status), Some(reason::INTERNAL));
    download(&running, &file).await.expect("well again");
}

#[tokio::test]
async fn a_picture_that_is_not_read_in_time_is_not_taken_for_whole() {
    let running = start_with(Config {
        verification_workers: Some(0),
        max_downloads: NonZeroUsize::MIN,
        serve: ServeConfig {
            max_connection_age: Duration::from_millis(100),
            ..config().serve
        },
        ..config()
    })
    .await;
    // More than may be on its way unread.
    let mut picture = PICTURE.to_vec();
    picture.resize(8 * 1024 * 1024, 7);
    let (_, large) = collected(&running, &picture).await;
    let (_, small) = collected(&running, PICTURE).await;
    let request = DownloadFileRequest { file: large };
    let mut stalled = running
        .files(RESTRICTED_KEY)
        .download_file(request)
        .await
        .expect("its own")
        .into_inner();
    stalled.message().await.expect("sent").expect("a first message");
    // The only place is held until the time is over, and then free, whoever still has not read.
    let (_, whole) = download(&running, &small).await.expect("sent after it");
    assert_eq!(whole, PICTURE);
    let mut received = 0;
    let end = loop {
        match stalled.message().await {
            Ok(Some(part)) => received += part.data.len(),
            Ok(None) => break None,
            Err(status) => break Some(status.code()),
        }
    };
    assert!(received < picture.len(), "{received}");
    assert_eq!(end, Some(Code::DeadlineExceeded));
}
