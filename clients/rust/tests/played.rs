//! The client against a server that answers as each test has it.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bonafide_client::v1::file_service_server::{FileService, FileServiceServer};
use bonafide_client::v1::verification_session_service_server::{
    VerificationSessionService, VerificationSessionServiceServer,
};
use bonafide_client::v1::{
    CancelVerificationSessionRequest, CreateFileLinkRequest, CreateVerificationSessionRequest, DownloadFileRequest,
    DownloadFileResponse, File, FileLink, GetFileRequest, GetVerificationSessionRequest, ListFilesRequest,
    ListFilesResponse, ListVerificationSessionsRequest, ListVerificationSessionsResponse,
    RedactVerificationSessionRequest, SessionInsights, UpdateVerificationSessionRequest, VerificationSession,
    VerificationSessionStatus as Session, WatchVerificationSessionRequest,
};
use bonafide_client::{Client, Error};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// States that a watch brings, and how it ends.
type Watched = (Vec<VerificationSession>, End);

#[derive(Clone)]
enum End {
    InOrder,
    With(Status),
    /// It goes on, and nothing comes any more.
    Never,
}

#[derive(Clone, Default)]
struct Played(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    /// What creations are answered, or nothing at all; a session when there is nothing more.
    creations: VecDeque<Option<Status>>,
    /// Their idempotency keys and deadlines.
    seen: Vec<(Option<String>, Option<String>)>,
    watches: VecDeque<Watched>,
    /// How many bytes of ten are sent in each download.
    downloads: VecDeque<usize>,
}

type Stream<T> = futures_util::stream::BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl VerificationSessionService for Played {
    async fn create_verification_session(
        &self,
        request: Request<CreateVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        let timeout = request.metadata().get("grpc-timeout");
        let timeout = timeout.map(|timeout| timeout.to_str().unwrap().to_owned());
        let next = {
            let mut script = self.0.lock().unwrap();
            script.seen.push((request.into_inner().idempotency_key, timeout));
            script.creations.pop_front()
        };
        match next {
            Some(Some(status)) => Err(status),
            Some(None) => std::future::pending().await,
            None => Ok(Response::new(session("vs_1", Session::RequiresInput))),
        }
    }

    async fn get_verification_session(
        &self,
        _: Request<GetVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        std::future::pending().await
    }

    async fn update_verification_session(
        &self,
        _: Request<UpdateVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_verification_sessions(
        &self,
        request: Request<ListVerificationSessionsRequest>,
    ) -> Result<Response<ListVerificationSessionsResponse>, Status> {
        let after = request.into_inner().starting_after;
        let after: usize = after.map_or(0, |id| id.trim_start_matches("vs_").parse().unwrap());
        let data = (after + 1..=(after + 2).min(5)).map(|id| session(&format!("vs_{id}"), Session::Verified));
        let data: Vec<_> = data.collect();
        let has_more = after + 2 < 5;
        Ok(Response::new(ListVerificationSessionsResponse { data, has_more }))
    }

    async fn cancel_verification_session(
        &self,
        _: Request<CancelVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn redact_verification_session(
        &self,
        _: Request<RedactVerificationSessionRequest>,
    ) -> Result<Response<VerificationSession>, Status> {
        Err(Status::unimplemented(""))
    }

    type WatchVerificationSessionStream = Stream<VerificationSession>;

    async fn watch_verification_session(
        &self,
        _: Request<WatchVerificationSessionRequest>,
    ) -> Result<Response<Stream<VerificationSession>>, Status> {
        let next = self.0.lock().unwrap().watches.pop_front();
        let Some((states, end)) = next else {
            return Ok(Response::new(futures_util::stream::pending().boxed()));
        };
        let states = futures_util::stream::iter(states.into_iter().map(Ok));
        Ok(Response::new(match end {
            End::InOrder => states.boxed(),
            End::With(status) => states.chain(futures_util::stream::iter([Err(status)])).boxed(),
            End::Never => states.chain(futures_util::stream::pending()).boxed(),
        }))
    }
}

#[tonic::async_trait]
impl FileService for Played {
    async fn get_file(&self, _: Request<GetFileRequest>) -> Result<Response<File>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_files(&self, _: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    type DownloadFileStream = Stream<DownloadFileResponse>;

    async fn download_file(
        &self,
        _: Request<DownloadFileRequest>,
    ) -> Result<Response<Stream<DownloadFileResponse>>, Status> {
        let sent = self.0.lock().unwrap().downloads.pop_front().unwrap();
        let file = File {
            size: 10,
            ..File::default()
        };
        let first = DownloadFileResponse {
            file: Some(file),
            data: Vec::new(),
        };
        let part = DownloadFileResponse {
            file: None,
            data: vec![7; sent],
        };
        Ok(Response::new(futures_util::stream::iter([Ok(first), Ok(part)]).boxed()))
    }

    async fn create_file_link(&self, _: Request<CreateFileLinkRequest>) -> Result<Response<FileLink>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn session(id: &str, status: Session) -> VerificationSession {
    VerificationSession {
        id: id.to_owned(),
        status: status.into(),
        ..VerificationSession::default()
    }
}

fn failed() -> VerificationSession {
    VerificationSession {
        insights: Some(SessionInsights {
            attempts: 1,
            ..SessionInsights::default()
        }),
        ..session("vs_1", Session::RequiresInput)
    }
}

fn refusal(code: Code, reason: &str, retry_after: Option<Duration>) -> Status {
    let mut details =
        ErrorDetails::with_error_info(reason, "bonafide.identity", [("status".into(), "verified".into())]);
    details.set_retry_info(retry_after);
    details.add_bad_request_violation("options.document", "must be something else");
    Status::with_error_details(code, "a sentence", details)
}

/// A server with this script, and a client of it.
async fn play(script: Script) -> (Played, Client) {
    let (played, address) = serve(script).await;
    (played, Client::new(address, "sk_live_secret").unwrap())
}

/// The same behind a proxy that breaks its connections when told.
async fn play_behind_proxy(script: Script) -> (Played, Client, Arc<Notify>) {
    let (played, server) = serve(script).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cut = Arc::new(Notify::new());
    let told = Arc::clone(&cut);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (told, server) = (Arc::clone(&told), server.clone());
            tokio::spawn(async move {
                let mut far = TcpStream::connect(server).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => {}
                    () = told.notified() => {}
                }
            });
        }
    });
    (played, Client::new(address, "sk_live_secret").unwrap(), cut)
}

async fn serve(script: Script) -> (Played, String) {
    let played = Played(Arc::new(Mutex::new(script)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::builder()
        .add_service(VerificationSessionServiceServer::new(played.clone()))
        .add_service(FileServiceServer::new(played.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (played, address)
}

/// What becomes of a creation that is refused in these ways first, and how often it was sent.
async fn create(creations: impl IntoIterator<Item = Status>) -> (Result<VerificationSession, Error>, usize) {
    let creations = creations.into_iter().map(Some).collect();
    let (played, client) = play(Script {
        creations,
        ..Script::default()
    })
    .await;
    let created = client
        .sessions()
        .create(CreateVerificationSessionRequest::default())
        .await;
    let seen = std::mem::take(&mut played.0.lock().unwrap().seen);
    let (key, _) = seen.first().cloned().unwrap();
    assert!(key.is_some_and(|key| key.len() == 36) && seen.iter().all(|(other, _)| *other == seen[0].0));
    assert!(
        seen.iter().all(|(_, timeout)| timeout.is_some()),
        "no call without a deadline"
    );
    (created, seen.len())
}

#[tokio::test]
async fn what_may_pass_is_sent_again_under_the_same_key() {
    for refused in [
        Status::unavailable("away"),
        refusal(Code::Unavailable, "UNAVAILABLE", Some(Duration::from_millis(1))),
        refusal(Code::Aborted, "CONTENDED", None),
        refusal(Code::ResourceExhausted, "OVERLOADED", Some(Duration::from_millis(1))),
    ] {
        let (created, sent) = create([refused.clone(), refused.clone()]).await;
        assert_eq!((created.unwrap().id.as_str(), sent), ("vs_1", 3), "{refused}");
    }
}

#[tokio::test]
async fn four_times_at_most_and_never_what_stays_wrong() {
    let (created, sent) = create(vec![Status::unavailable("away"); 9]).await;
    assert_eq!((created.unwrap_err().code(), sent), (Code::Unavailable, 5));
    for refused in [
        refusal(Code::InvalidArgument, "INVALID_FIELDS", None),
        refusal(Code::Unauthenticated, "CREDENTIAL_INVALID", None),
        refusal(Code::Internal, "INTERNAL", None),
        Status::resource_exhausted("a message of 40 MiB"),
        // Longer than the deadline.
        refusal(Code::Unavailable, "UNAVAILABLE", Some(Duration::from_secs(60))),
    ] {
        let code = refused.code();
        let (created, sent) = create([refused]).await;
        assert_eq!((created.unwrap_err().code(), sent), (code, 1));
    }
}

#[tokio::test]
async fn an_error_has_what_the_server_says() {
    let refused = refusal(Code::FailedPrecondition, "SESSION_STATUS", Some(Duration::from_secs(3)));
    let error = create([refused]).await.0.unwrap_err();
    assert_eq!(
        (error.code(), error.reason()),
        (Code::FailedPrecondition, Some("SESSION_STATUS"))
    );
    assert_eq!(error.metadata()["status"], "verified");
    assert_eq!(error.violations()[0].field, "options.document");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    let said = "a sentence (SESSION_STATUS); options.document: must be something else";
    assert_eq!(error.to_string(), said);
    // Another's reason is none of ours.
    let foreign = ErrorDetails::with_error_info("CONTENDED", "example.com", []);
    let foreign = Status::with_error_details(Code::Aborted, "no", foreign);
    let (created, sent) = create([foreign]).await;
    assert_eq!((created.unwrap_err().reason(), sent), (None, 1));
}

#[tokio::test]
async fn a_call_that_is_not_answered_ends_with_its_deadline() {
    let (_, client) = play(Script::default()).await;
    // Long enough to be seen by the server, which never answers.
    let hasty = client.with_deadline(Duration::from_millis(300));
    let error = hasty.sessions().get("vs_1", &[]).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let waited = client.sessions().wait_for("vs_1", Duration::from_millis(300)).await;
    assert_eq!(waited.unwrap_err().code(), Code::DeadlineExceeded);
    // Not even tried.
    let never = client.with_deadline(Duration::ZERO);
    let error = never
        .sessions()
        .create(CreateVerificationSessionRequest::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    // As long as there is.
    let patient = client.with_deadline(Duration::MAX);
    patient
        .sessions()
        .create(CreateVerificationSessionRequest::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_there_is_an_error_without_a_reason() {
    let client = Client::builder("127.0.0.1:1", "sk_live_secret").build().unwrap();
    let error = client.sessions().get("vs_1", &[]).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, None));
    assert!(!format!("{error} {error:?} {client:?}").contains("secret"));
}

#[tokio::test]
async fn a_watch_goes_on_where_it_was_broken_and_says_nothing_twice() {
    let state = |status| session("vs_1", status);
    let (_, client) = play(Script {
        watches: [
            (
                vec![state(Session::RequiresInput), state(Session::Processing)],
                End::InOrder,
            ),
            (
                vec![state(Session::Processing)],
                End::With(Status::unavailable("restarted")),
            ),
            (vec![state(Session::Processing), failed(), failed()], End::InOrder),
            (
                vec![failed(), state(Session::Canceled), state(Session::Verified)],
                End::InOrder,
            ),
        ]
        .into(),
        ..Script::default()
    })
    .await;
    let watched: Vec<_> = client.sessions().watch("vs_1").try_collect().await.unwrap();
    let states: Vec<Session> = watched.iter().map(VerificationSession::status).collect();
    assert_eq!(
        states,
        [
            Session::RequiresInput,
            Session::Processing,
            Session::RequiresInput,
            Session::Canceled
        ]
    );
}

#[tokio::test]
async fn a_watch_ends_with_what_stays_wrong() {
    let (_, client) = play(Script {
        watches: [(
            Vec::new(),
            End::With(refusal(Code::NotFound, "SESSION_NOT_FOUND", None)),
        )]
        .into(),
        ..Script::default()
    })
    .await;
    let watched: Vec<_> = client.sessions().watch("vs_1").collect().await;
    assert!(matches!(&watched[..], [Err(error)] if error.reason() == Some("SESSION_NOT_FOUND")));
}

#[tokio::test]
async fn a_watch_is_given_up_when_there_is_nothing_new_again_and_again() {
    let lost = (
        Vec::new(),
        End::With(refusal(Code::Unavailable, "UNAVAILABLE", Some(Duration::ZERO))),
    );
    let (played, client) = play(Script {
        watches: vec![lost; 9].into(),
        ..Script::default()
    })
    .await;
    let watched: Vec<_> = client.sessions().watch("vs_1").collect().await;
    assert!(matches!(&watched[..], [Err(error)] if error.reason() == Some("UNAVAILABLE")));
    assert_eq!(played.0.lock().unwrap().watches.len(), 3);
}

#[tokio::test]
async fn a_call_whose_connection_breaks_is_sent_again() {
    let (played, client, cut) = play_behind_proxy(Script {
        creations: [None].into(),
        ..Script::default()
    })
    .await;
    let sessions = client.sessions();
    let created = tokio::spawn(async move { sessions.create(CreateVerificationSessionRequest::default()).await });
    let seen = || played.0.lock().unwrap().seen.clone();
    while seen().is_empty() {
        tokio::task::yield_now().await;
    }
    cut.notify_waiters();
    assert_eq!(created.await.unwrap().unwrap().id, "vs_1");
    assert!(matches!(&seen()[..], [(first, _), (second, _)] if first == second));
}

#[tokio::test]
async fn a_watch_whose_connection_breaks_goes_on() {
    let (_, client, cut) = play_behind_proxy(Script {
        watches: [
            (vec![session("vs_1", Session::Processing)], End::Never),
            (vec![session("vs_1", Session::Canceled)], End::Never),
        ]
        .into(),
        ..Script::default()
    })
    .await;
    let mut watched = std::pin::pin!(client.sessions().watch("vs_1"));
    assert_eq!(watched.next().await.unwrap().unwrap().status(), Session::Processing);
    cut.notify_waiters();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), Session::Canceled);
    assert!(watched.next().await.is_none());
}

#[tokio::test]
async fn waiting_ends_when_the_checks_do() {
    let processing = session("vs_1", Session::Processing);
    for (last, expected) in [
        (session("vs_1", Session::Verified), Session::Verified),
        (failed(), Session::RequiresInput),
    ] {
        let (_, client) = play(Script {
            watches: [
                (vec![processing.clone()], End::InOrder),
                (vec![processing.clone(), last], End::InOrder),
            ]
            .into(),
            ..Script::default()
        })
        .await;
        assert_eq!(client.sessions().wait("vs_1").await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let (_, client) = play(Script::default()).await;
    let listed = client.sessions().list_all(ListVerificationSessionsRequest::default());
    let ids: Vec<_> = listed.map_ok(|session| session.id).try_collect().await.unwrap();
    assert_eq!(ids, ["vs_1", "vs_2", "vs_3", "vs_4", "vs_5"]);
}

#[tokio::test]
async fn a_picture_comes_whole_or_not_at_all() {
    let (_, client) = play(Script {
        downloads: [10, 9].into(),
        ..Script::default()
    })
    .await;
    assert_eq!(client.files().download("file_1").await.unwrap(), [7; 10]);
    assert_eq!(
        client.files().download("file_1").await.unwrap_err().code(),
        Code::DataLoss
    );
}
