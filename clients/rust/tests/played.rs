//! The client against a server that answers as each test has it.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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

const KEY: &str = "sk_live_secret";

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
    /// What each watch is answered when there is nothing more of these; nothing at all without it.
    last_watch: Option<Watched>,
    /// How many watches there were.
    watched: usize,
    /// The limits of the pages that were asked for.
    limits: Vec<Option<u32>>,
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
        // Of five, of which the first is the newest, at most two at once.
        let request = request.into_inner();
        self.0.lock().unwrap().limits.push(request.limit);
        let is_to_newer = request.ending_before.is_some();
        let place = |id: String| id.trim_start_matches("vs_").parse::<usize>().unwrap();
        let (first, last) = match request.ending_before.map(place) {
            Some(before) => (before.saturating_sub(2).max(1), before - 1),
            None => {
                let after = request.starting_after.map_or(0, place);
                (after + 1, (after + 2).min(5))
            }
        };
        let has_more = if is_to_newer { first > 1 } else { last < 5 };
        let data = (first..=last).map(|id| session(&format!("vs_{id}"), Session::Verified));
        let data = data.collect();
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
        let next = {
            let mut script = self.0.lock().unwrap();
            script.watched += 1;
            script.watches.pop_front().or_else(|| script.last_watch.clone())
        };
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
    (played, Client::new(address, KEY).unwrap())
}

/// A network to a server that can break.
struct Proxy {
    address: String,
    cut: Arc<Notify>,
    is_away: Arc<AtomicBool>,
}

impl Proxy {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap().to_string(),
            cut: Arc::default(),
            is_away: Arc::default(),
        };
        let (cut, is_away) = (Arc::clone(&proxy.cut), Arc::clone(&proxy.is_away));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                if is_away.load(Ordering::SeqCst) {
                    continue;
                }
                let (cut, server) = (Arc::clone(&cut), server.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        proxy
    }

    /// Breaks all connections; new ones can be made.
    fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// Breaks all connections, also new ones.
    fn leave(&self) {
        self.is_away.store(true, Ordering::SeqCst);
        self.cut();
    }

    fn come_back(&self) {
        self.is_away.store(false, Ordering::SeqCst);
    }
}

/// The same behind a network.
async fn play_behind_proxy(script: Script) -> (Played, Client, Proxy) {
    let (played, server) = serve(script).await;
    let proxy = Proxy::to(server).await;
    let client = Client::new(&proxy.address, KEY).unwrap();
    (played, client, proxy)
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
    let client = Client::builder("127.0.0.1:1", KEY).build().unwrap();
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
async fn a_call_whose_connection_breaks_is_sent_again() {
    let (played, client, proxy) = play_behind_proxy(Script {
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
    proxy.cut();
    assert_eq!(created.await.unwrap().unwrap().id, "vs_1");
    assert!(matches!(&seen()[..], [(first, _), (second, _)] if first == second));
}

#[tokio::test]
async fn a_watch_whose_connection_breaks_goes_on() {
    let (_, client, proxy) = play_behind_proxy(Script {
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
    proxy.cut();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), Session::Canceled);
    assert!(watched.next().await.is_none());
}

/// A server with this script, and a client of it whose watches and calls go on for so long without an answer.
async fn watch_for(patience: Duration, script: Script) -> (Played, Client) {
    let (played, address) = serve(script).await;
    let client = Client::builder(address, KEY)
        .deadline(patience)
        .reconnect_timeout(patience);
    (played, client.build().unwrap())
}

#[tokio::test]
async fn a_watch_outlives_an_outage() {
    let (played, client, proxy) = play_behind_proxy(Script {
        watches: [(vec![session("vs_1", Session::Processing)], End::Never)].into(),
        last_watch: Some((vec![session("vs_1", Session::Canceled)], End::Never)),
        ..Script::default()
    })
    .await;
    let mut watched = std::pin::pin!(client.sessions().watch("vs_1"));
    assert_eq!(watched.next().await.unwrap().unwrap().status(), Session::Processing);
    proxy.leave();
    // Longer than a call is tried: four pauses are 1.5 seconds at most.
    let (next, ()) = tokio::join!(watched.next(), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(played.0.lock().unwrap().watched, 1);
        proxy.come_back();
    });
    assert_eq!(next.unwrap().unwrap().status(), Session::Canceled);
    assert_eq!(played.0.lock().unwrap().watched, 2);
}

#[tokio::test]
async fn a_watch_ends_with_an_outage_that_is_too_long() {
    let patience = Duration::from_secs(1);
    let (_, server) = serve(Script {
        watches: [(vec![session("vs_1", Session::Processing)], End::Never)].into(),
        ..Script::default()
    })
    .await;
    let proxy = Proxy::to(server).await;
    let client = Client::builder(&proxy.address, KEY).reconnect_timeout(patience);
    let mut watched = std::pin::pin!(client.build().unwrap().sessions().watch("vs_1"));
    watched.next().await.unwrap().unwrap();
    let left = Instant::now();
    proxy.leave();
    let error = watched.next().await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, None));
    assert!(left.elapsed() >= patience);
    assert!(watched.next().await.is_none());
}

#[tokio::test]
async fn a_watch_that_is_to_wait_for_hours_does_not() {
    let hours = Duration::from_secs(5 * 60 * 60);
    let lost = End::With(refusal(Code::Unavailable, "UNAVAILABLE", Some(hours)));
    let (played, client) = watch_for(
        Duration::from_secs(1),
        Script {
            watches: [(vec![session("vs_1", Session::Processing)], lost.clone())].into(),
            last_watch: Some((Vec::new(), lost)),
            ..Script::default()
        },
    )
    .await;
    let watched: Vec<_> = client.sessions().watch("vs_1").collect().await;
    assert!(matches!(&watched[..], [Ok(_), Err(error)] if error.retry_after() == Some(hours)));
    // A last time when its own time is over.
    assert_eq!(played.0.lock().unwrap().watched, 2);
}

#[tokio::test]
async fn a_watch_goes_on_after_what_cuts_a_stream_off() {
    let answered = |end| (vec![session("vs_1", Session::Processing)], end);
    let cut_off = [
        Status::unavailable(""),
        Status::cancelled(""),
        Status::unknown(""),
        Status::internal(""),
        Status::deadline_exceeded(""),
        refusal(Code::DeadlineExceeded, "DEADLINE", None),
        refusal(Code::Aborted, "CONTENDED", None),
        refusal(Code::ResourceExhausted, "OVERLOADED", None),
    ];
    let (played, client) = play(Script {
        watches: cut_off.map(|status| answered(End::With(status))).into(),
        last_watch: Some((vec![session("vs_1", Session::Canceled)], End::Never)),
        ..Script::default()
    })
    .await;
    let watched: Vec<_> = client.sessions().watch("vs_1").try_collect().await.unwrap();
    assert_eq!(watched.len(), 2);
    assert_eq!(played.0.lock().unwrap().watched, 9);
    for status in [
        refusal(Code::Internal, "INTERNAL", None),
        refusal(Code::Cancelled, "CANCELLED", None),
        Status::resource_exhausted(""),
        Status::permission_denied(""),
    ] {
        let code = status.code();
        let (played, client) = play(Script {
            last_watch: Some(answered(End::With(status))),
            ..Script::default()
        })
        .await;
        let watched: Vec<_> = client.sessions().watch("vs_1").collect().await;
        assert!(matches!(&watched[..], [Ok(_), Err(error)] if error.code() == code));
        assert_eq!(played.0.lock().unwrap().watched, 1);
    }
}

#[tokio::test]
async fn a_watch_that_is_never_answered_has_as_long_as_a_call() {
    let patience = Duration::from_secs(1);
    for end in [End::With(Status::unavailable("away")), End::InOrder] {
        let (played, client) = watch_for(
            patience,
            Script {
                last_watch: Some((Vec::new(), end)),
                ..Script::default()
            },
        )
        .await;
        let began = Instant::now();
        let watched: Vec<_> = client.sessions().watch("vs_1").collect().await;
        assert!(matches!(&watched[..], [Err(error)] if error.code() == Code::Unavailable));
        assert!(began.elapsed() >= patience);
        assert!(played.0.lock().unwrap().watched > 2);
    }
}

#[tokio::test]
async fn a_watch_whose_streams_end_at_once_ends_with_its_deadline() {
    let (played, client) = play(Script {
        last_watch: Some((vec![session("vs_1", Session::Processing)], End::InOrder)),
        ..Script::default()
    })
    .await;
    let waited = client.sessions().wait_for("vs_1", Duration::from_secs(1)).await;
    assert_eq!(waited.unwrap_err().code(), Code::DeadlineExceeded);
    // With pauses, which double.
    assert!((2..100).contains(&played.0.lock().unwrap().watched));
}

#[tokio::test]
async fn a_credential_that_the_server_repeats_is_hidden() {
    let header = format!("Bearer {KEY}");
    let mut details = ErrorDetails::with_error_info(
        "CREDENTIAL_INVALID",
        "bonafide.identity",
        [("header".into(), header.clone())],
    );
    details.add_bad_request_violation("header", &header);
    let refused = Status::with_error_details(Code::Unauthenticated, &header, details);
    let error = create([refused]).await.0.unwrap_err();
    assert_eq!(error.message(), "Bearer ***");
    assert_eq!(error.metadata()["header"], "Bearer ***");
    assert_eq!(error.violations()[0].description, "Bearer ***");
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
    let (played, client) = play(Script::default()).await;
    let listed = async |request| {
        let listed = client.sessions().list_all(request).map_ok(|session| session.id);
        listed.try_collect::<Vec<_>>().await.unwrap()
    };
    let everything = listed(ListVerificationSessionsRequest::default()).await;
    assert_eq!(everything, ["vs_1", "vs_2", "vs_3", "vs_4", "vs_5"]);
    let to_newer = ListVerificationSessionsRequest {
        ending_before: Some("vs_5".to_owned()),
        limit: Some(2),
        ..ListVerificationSessionsRequest::default()
    };
    assert_eq!(listed(to_newer).await, ["vs_4", "vs_3", "vs_2", "vs_1"]);
    let limits = std::mem::take(&mut played.0.lock().unwrap().limits);
    assert_eq!(limits, [100, 100, 100, 2, 2].map(Some));
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
