//! For tests: skipping what a machine has not got, except where it must have it; and what a server tells of itself.

use futures_util::stream;
use tonic::Status;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ListServiceResponse, ServerReflectionRequest};

use crate::client::ServiceChannel;

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
