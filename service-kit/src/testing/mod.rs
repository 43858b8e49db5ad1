//! For tests: skipping what a machine has not got, except where it must have it; and what a server tells of itself.

mod exposition;
mod listening;

use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;

use futures_util::stream;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Status;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ListServiceResponse, ServerReflectionRequest};

use crate::client::ServiceChannel;
use crate::metrics;
pub use exposition::Samples;
pub use listening::{Lines, Listening};

/// Says that a test is skipped for want of something.
///
/// # Panics
/// With `BONAFIDE_REQUIRE_ALL=1`, which continuous integration sets: there a skipped test is a failed one.
pub fn skipped(missing: &str) {
    let required = std::env::var_os("BONAFIDE_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "BONAFIDE_REQUIRE_ALL=1, but {missing}");
    println!("skipped: {missing}");
}

/// The services that a server's reflection lists, in alphabetical order.
///
/// # Errors
/// When the server refuses the call, or answers something else.
pub async fn listed_services(channel: ServiceChannel) -> Result<Vec<String>, Status> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(stream::iter([request])).await;
    let answer = answers?.into_inner().message().await?;
    let Some(MessageResponse::ListServicesResponse(ListServiceResponse { service })) =
        answer.and_then(|answer| answer.message_response)
    else {
        return Err(Status::internal("no list of services"));
    };
    let mut names: Vec<String> = service.into_iter().map(|service| service.name).collect();
    names.sort();
    Ok(names)
}

/// What a port answers over plain HTTP at a path, such as that for probes and metrics: the status and the body.
///
/// # Errors
/// When it does not answer, or not in HTTP.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut socket = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    // A body may be a picture.
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Makes this process tell metrics; what is made before tells none.
pub fn tell_metrics() {
    static PROVIDER: LazyLock<SdkMeterProvider> = LazyLock::new(|| {
        let resource = Resource::builder_empty().with_service_name("tests").build();
        metrics::provider(resource, |builder| builder)
    });
    LazyLock::force(&PROVIDER);
}

/// All metrics of this process.
///
/// # Errors
/// What a scraper could not read.
pub fn scraped() -> Result<Samples, String> {
    Samples::parse(&metrics::render(metrics::Format::Prometheus))
}
