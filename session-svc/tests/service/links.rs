//! File links, as browsers open them: over plain HTTP, on the port of the calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{Request, Version};
use proto::id::{self, Kind};
use proto::identity::v1::{CreateFileLinkRequest, DocumentOptions, GetFileRequest, ImagePurpose};
use service_kit::config::ServeConfig;
use service_kit::testing::{scraped, tell_metrics};
use session_svc::config::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Status;

use crate::fakes::Call;
use crate::files::collected;
use crate::harness::{PICTURE, RESTRICTED_KEY, Running, config, file_link, start, start_with};
use crate::told::Told;

/// What a browser gets.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Running {
    fn socket_address(&self) -> SocketAddr {
        let address = self.address.strip_prefix("http://").expect("without TLS");
        address.parse().expect("an address")
    }

    /// Path and query of a new link.
    async fn link(&self, file: &str) -> String {
        let request = CreateFileLinkRequest {
            file: file.to_owned(),
            lifetime: None,
        };
        let link = self.files(RESTRICTED_KEY).create_file_link(request).await;
        let url = link.expect("its own").into_inner().url;
        url.strip_prefix(&self.address).expect("at this address").to_owned()
    }

    /// Over HTTP/1.1, with some more headers.
    async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut socket = TcpStream::connect(self.socket_address()).await.expect("listens");
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.expect("closed in order");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&answer[..end]).expect("text");
        let (status, headers) = head.split_once("\r\n").expect("a line");
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        Answer {
            status: status
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok())
                .expect("a status"),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .filter(|(name, _)| !["date", "connection"].contains(&name.as_str()))
                .collect(),
            body: answer[end + 4..].to_vec(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    /// Over HTTP/2.
    async fn get_over_http2(&self, path: &str) -> Answer {
        let socket = TcpStream::connect(self.socket_address()).await.expect("listens");
        let (mut sender, connection) = h2::client::handshake(socket).await.expect("speaks HTTP/2");
        let connection = tokio::spawn(connection);
        let request = Request::get(format!("{}{path}", self.address)).version(Version::HTTP_2);
        let (response, _) = sender
            .send_request(request.body(()).expect("a request"), true)
            .expect("sent");
        let (head, mut body) = response.await.expect("an answer").into_parts();
        let mut received = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.expect("to the end");
            body.flow_control().release_capacity(data.len()).expect("received");
            received.extend_from_slice(&data);
        }
        connection.abort();
        let headers = head.headers.iter().filter(|(name, _)| *name != "date");
        Answer {
            status: head.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
                .collect(),
            body: received,
        }
    }
}

fn png() -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1A\n\x00\x00\x00\x0DIHDR".to_vec();
    picture.extend_from_slice(&[0, 0, 2, 0x80, 0, 0, 1, 0xE0]);
    picture.extend_from_slice(&[0; 5 + 4]);
    picture.extend_from_slice(b"\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND\0\0\0\0");
    picture
}

/// Lossless, 640×480.
fn webp() -> Vec<u8> {
    let sides: u32 = 639 | 479 << 14;
    let chunk = [b"VP8L\x05\0\0\0\x2F".as_slice(), &sides.to_le_bytes()].concat();
    let length = 4 + chunk.len() as u32;
    [b"RIFF".as_slice(), &length.to_le_bytes(), b"WEBP", &chunk].concat()
}

#[tokio::test]
async fn a_link_opens_its_picture_in_a_browser() {
    let running = start().await;
    for (picture, content_type, extension) in [
        (PICTURE.to_vec(), "image/jpeg", "jpg"),
        (png(), "image/png", "png"),
        (webp(), "image/webp", "webp"),
    ] {
        let (_, file) = collected(&running, &picture).await;
        let link = running.link(&file).await;
        let answer = running.get(&link).await;
        let expected = [
            ("accept-ranges", "bytes"),
            ("cache-control", "no-store"),
            (
                "content-disposition",
                &format!("inline; filename=\"{file}.{extension}\""),
            ),
            ("content-length", &picture.len().to_string()),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            ),
            ("content-type", content_type),
            ("cross-origin-resource-policy", "cross-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers, BTreeMap::from(expected));
        assert!(answer.body == picture);

        assert_eq!(running.get(&link).await, answer, "as often as one likes, until it ends");
        assert_eq!(running.get_over_http2(&link).await, answer, "in either version");
        let head = running.ask("HEAD", &link, "Range: bytes=1-2\r\n").await;
        assert_eq!((head.status, &head.headers, head.body.len()), (200, &answer.headers, 0));
    }
}

#[tokio::test]
async fn a_large_picture_arrives_whole_and_in_parts() {
    let running = start().await;
    let mut picture = PICTURE.to_vec();
    picture.extend((0..=u8::MAX).cycle().take(1_000_000));
    let (_, file) = collected(&running, &picture).await;
    let link = running.link(&file).await;
    assert!(running.get(&link).await.body == picture);
    assert!(running.get_over_http2(&link).await.body == picture);

    let whole = picture.len();
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=70000-", 70_000..whole),
        ("bytes=-70000", whole - 70_000..whole),
        ("bytes=1000-199999", 1000..200_000),
    ] {
        let answer = running.ask("GET", &link, &format!("Range: {range}\r\n")).await;
        assert_eq!(answer.status, 206, "{range}");
        let content_range = format!("bytes {}-{}/{whole}", part.start, part.end - 1);
        assert_eq!(answer.header("content-range"), Some(content_range.as_str()));
        assert_eq!(answer.header("content-type"), Some("image/jpeg"), "of the whole");
        assert!(answer.body == picture[part], "{range}");
    }
    let answer = running.ask("GET", &link, &format!("Range: bytes={whole}-\r\n")).await;
    assert_eq!((answer.status, answer.body.len()), (416, 0));
    assert_eq!(
        answer.header("content-range"),
        Some(format!("bytes */{whole}").as_str())
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for several in [
        "Range: bytes=0-1,4-5\r\n",
        "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n",
        "Range: lines=1-2\r\n",
    ] {
        let answer = running.ask("GET", &link, several).await;
        assert_eq!((answer.status, answer.body.len()), (200, whole), "{several}");
    }
}

#[tokio::test]
async fn a_link_that_has_ended_opens_nothing() {
    let running = start().await;
    let (_, file) = collected(&running, PICTURE).await;
    let asked = running.store.read().calls.len();
    let in_time = |signed: bool, seconds: i64| {
        let now = SystemTime::now();
        let apart = Duration::from_secs(seconds.unsigned_abs());
        file_link(&file, if signed { now + apart } else { now - apart })
    };
    // The moment at which a link of 30 seconds is used: at 31, and an hour later.
    for ended in [in_time(false, 1), in_time(false, 3600)] {
        assert_eq!(running.get(&ended).await.status, 404);
    }
    // One that lives longer than any may, whoever signed it.
    assert_eq!(running.get(&in_time(true, 40)).await.status, 404);
    assert_eq!(running.store.read().calls.len(), asked, "nobody was asked");
    for good in [in_time(true, 29), in_time(true, 5)] {
        assert_eq!(running.get(&good).await.status, 200);
    }
}

#[tokio::test]
async fn a_link_with_any_byte_changed_opens_nothing() {
    let running = start().await;
    let (_, file) = collected(&running, PICTURE).await;
    let link = running.link(&file).await;
    let ended = file_link(
        &id::format(Kind::File, 7, 9),
        SystemTime::now() - Duration::from_secs(1),
    );
    let wrong = running.get(&ended).await;
    assert_eq!((wrong.status, wrong.body.as_slice()), (404, b"not found\n".as_slice()));
    let asked = running.store.read().calls.len();
    for at in 1..link.len() {
        let mut changed = link.clone().into_bytes();
        changed[at] = match changed[at] {
            digit @ b'0'..=b'8' => digit + 1,
            b'A' => b'B',
            _ => b'A',
        };
        let changed = String::from_utf8(changed).expect("ASCII");
        let answer = running.get(&changed).await;
        assert_eq!(
            (answer.status, answer.body),
            (404, b"not found\n".to_vec()),
            "{changed}"
        );
    }
    let (_, other) = collected(&running, PICTURE).await;
    let another_file = link.replace(&file, &other);
    assert_eq!(running.get(&another_file).await, wrong, "a link is for one file");
    let reads = running.store.read().calls[asked..]
        .iter()
        .filter(|call| **call == Call::ReadFile)
        .count();
    assert_eq!(reads, 0);
    assert_eq!(running.get(&link).await.status, 200);
}

#[tokio::test]
async fn what_is_no_link_is_refused() {
    let running = start().await;
    let (session, file) = collected(&running, PICTURE).await;
    let link = running.link(&file).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let answer = running.ask(method, &link, "Content-Length: 0\r\n").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
    for path in [
        "/",
        "/v1/files",
        "/v1/files/",
        "/favicon.ico",
        "/v1/files/../../etc/passwd",
    ] {
        assert_eq!(running.get(path).await.status, 404, "{path}");
    }
    // Calls need HTTP/2, whatever credential comes with them.
    let headers =
        format!("Authorization: Bearer {RESTRICTED_KEY}\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n");
    let path = "/bonafide.identity.v1.VerificationSessionService/GetVerificationSession";
    assert_eq!(running.ask("POST", path, &headers).await.status, 404);
    assert_eq!(running.get("/grpc.health.v1.Health/Check").await.status, 404);

    // The picture was replaced, as a redaction takes it away.
    running.store.change(|state| state.sessions.remove(&session.id));
    let answer = running.get(&link).await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (404, b"not found\n".as_slice())
    );
}

#[tokio::test]
async fn what_report_svc_refuses_is_told_without_a_cause() {
    let running = start().await;
    let (_, file) = collected(&running, PICTURE).await;
    let link = running.link(&file).await;
    running.store.fail(Call::ReadFile, Status::unavailable("as planned"));
    let answer = running.get(&link).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    running.store.fail(Call::ReadFile, Status::internal("as planned"));
    let answer = running.get(&link).await;
    assert_eq!(answer.status, 500);
    assert!(!String::from_utf8_lossy(&answer.body).contains("planned"));
    assert_eq!(running.get(&link).await.status, 200);
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused() {
    let running = start_with(Config {
        verification_workers: Some(0),
        serve: ServeConfig {
            max_requests: 1,
            ..config().serve
        },
        ..config()
    })
    .await;
    let session = running.create(DocumentOptions::default()).await;
    let uploading = running.upload(&session, ImagePurpose::Selfie, PICTURE);
    let storing = Arc::new(tokio::sync::Semaphore::new(0));
    running.store.change(|state| state.storing = Some(Arc::clone(&storing)));
    let busy = async {
        let arrived = running
            .store
            .until(|state| state.calls.contains(&Call::PutImage).then_some(()));
        arrived.await;
        let link = file_link(
            &id::format(Kind::File, 7, 1),
            SystemTime::now() + Duration::from_secs(9),
        );
        let answer = running.get(&link).await;
        storing.add_permits(1);
        (answer, link)
    };
    let (uploaded, (answer, link)) = tokio::join!(uploading, busy);
    uploaded.expect("stored");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(running.get(&link).await.status, 404, "served again");
}

#[tokio::test]
async fn a_link_is_in_no_log_no_span_and_no_metric() {
    tell_metrics();
    // All that our own crates would ever log, and the libraries that read requests.
    let told = Told::start("info,session_svc=trace,service_kit=trace,hyper=trace,hyper_util=trace,h2=trace");
    let running = start().await;
    let (_, file) = collected(&running, PICTURE).await;
    let link = running.link(&file).await;
    for path in [
        link.clone(),
        format!("{link}0"),
        link.replace("/contents", "/planted-nonsense"),
    ] {
        running.get(&path).await;
        running.get_over_http2(&path).await;
        running.ask("PLANTED", &path, "").await;
    }
    for status in [Status::internal("as planned"), Status::unavailable("as planned")] {
        running.store.fail(Call::ReadFile, status);
        running.get(&link).await;
    }
    let request = GetFileRequest { file: file.clone() };
    running.files(RESTRICTED_KEY).get_file(request).await.expect("its own");

    let (lines, spans, metrics) = (told.lines(), told.spans(), scraped().expect("metrics"));
    let told = format!("{lines}{spans:?}{metrics:?}");
    // It would be seen there.
    assert!(lines.contains("report-svc could not serve a call"));
    for name in [
        "GET /v1/files/{file}/contents",
        "FileService/GetFile",
        "_OTHER /v1/files/{file}/contents",
    ] {
        assert!(
            spans.iter().any(|span| span.name == *name || span.name.ends_with(name)),
            "{name}"
        );
    }
    let counted = [
        ("http_route", "/v1/files/{file}/contents"),
        ("http_response_status_code", "404"),
    ];
    let counted = metrics.sum("http_server_request_duration_seconds_count", &counted);
    assert!(counted.is_some_and(|count| count >= 4.0), "{counted:?}");

    let (_, signature) = link.rsplit_once('=').expect("a query");
    for (what, secret) in [
        ("signature", signature),
        ("its name", "signature="),
        ("expiry", "expires="),
        ("file", &file),
        ("path", "planted-nonsense"),
        ("method", "PLANTED"),
    ] {
        assert!(!told.contains(secret), "{what}");
    }
}
