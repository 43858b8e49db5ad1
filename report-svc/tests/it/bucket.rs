//! Pictures in a bucket: a report-svc as a process, beside a server that speaks S3's protocol.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proto::identity::v1::ImagePurpose;
use proto::reason;
use proto::store::v1::store_service_client::StoreServiceClient;
use service_kit::client::ServiceChannel;
use service_kit::status;

use crate::deployment::{create, image, put};
use crate::process::Running;
use crate::redis_server::free_port;

/// An S3 server on loopback.
struct S3 {
    port: u16,
    _process: Running,
}

impl S3 {
    /// Starts one; `None`, and a line that says so, where it is not installed.
    fn start() -> Option<Self> {
        let port = free_port();
        let process = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            service_kit::testing::skipped("moto_server is not installed");
            return None;
        };
        let process = Running(process);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            port,
            _process: process,
        })
    }

    /// Asks for something without credentials, which this server does not look at.
    fn ask(&self, method: &str, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("answers");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        answer
    }

    /// A report-svc that keeps its pictures in `evidence/pictures` there.
    fn report_svc(&self, data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_report-svc"));
        command
            .env_clear()
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .args([
                "--listen",
                "127.0.0.1:0",
                "--evidence",
                "s3://evidence/pictures",
                "--data",
            ])
            .arg(data);
        command
    }
}

/// The address that a service writes to its log.
fn address(process: &mut Child) -> String {
    let lines = BufReader::new(process.stderr.take().expect("piped")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let serving = lines.find(|line| line.contains("\"serving\"")).expect("starts");
    let (_, rest) = serving.split_once("\"address\":\"").expect("says its address");
    let address = rest.split('"').next().expect("ends");
    // Whatever else it writes is read, so that it never waits.
    let url = format!("http://{address}");
    std::thread::spawn(move || lines.for_each(drop));
    url
}

#[tokio::test]
async fn pictures_are_kept_in_a_bucket() {
    let Some(s3) = S3::start() else { return };
    let data = tempfile::tempdir().expect("a folder");

    // A start without it fails, and says why.
    let ended = s3.report_svc(data.path()).output().expect("runs");
    let said = String::from_utf8(ended.stderr).expect("text");
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("report-svc: pictures cannot be kept: object store:"),
        "{said}"
    );
    assert!(last.contains("NoSuchBucket"), "{last}");

    s3.ask("PUT", "/evidence");
    let service = s3.report_svc(data.path()).stderr(Stdio::piped()).spawn();
    let mut service = Running(service.expect("runs"));
    let channel = ServiceChannel::new(&address(&mut service.0), None).expect("an address");
    let mut client = StoreServiceClient::new(channel);
    let session = create(&mut client, false).await;
    let picture = b"a picture of a face".repeat(1000);
    let file = put(&mut client, &session, ImagePurpose::DocumentFront, &picture).await;
    let held = proto::store::v1::GetImageRequest {
        verification_session: session.clone(),
        file: file.clone(),
    };
    let held = client.get_image(held).await.expect("held").into_inner();
    assert_eq!(held.data, picture);

    // It lies there with its seal, and goes when it is replaced.
    let kept = |file: &str| {
        let listed = String::from_utf8(s3.ask("GET", "/evidence?list-type=2")).expect("text");
        let objects = listed.split("<Key>").skip(1);
        let mut objects = objects.filter_map(|rest| rest.split_once("</Key>"));
        let (_, rest) = objects.find(|(key, _)| key.starts_with("pictures/p") && key.ends_with(file))?;
        let (_, size) = rest.split_once("<Size>")?;
        size.split('<').next()?.parse::<usize>().ok()
    };
    assert!(kept(&file) > Some(picture.len()));
    let other = put(&mut client, &session, ImagePurpose::DocumentFront, b"another").await;
    assert!(kept(&file).is_none() && kept(&other).is_some());

    drop(s3);
    let refused = client
        .put_image(image(&session, ImagePurpose::DocumentBack, b"later"))
        .await;
    let error = refused.expect_err("nobody keeps it");
    assert_eq!(status::reason(&error), Some(reason::UNAVAILABLE));
}
