//! What the transport refuses by itself, before a service sees it, gets a reason like everything else that is refused.

use http::Response;
use proto::reason;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::status::Problem;

/// How tonic and prost begin to say that they could not read a request, all with the code INTERNAL.
const UNREADABLE: [&str; 5] = [
    "failed to decode Protobuf message",
    "Missing request message",
    "Unexpected EOF decoding stream",
    "protocol error: received message with",
    "Error decompressing",
];

/// The answer with a reason, where it is a refusal that has none.
pub(super) fn with_reason(mut answer: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(answer.headers()) else {
        return answer;
    };
    let is_unreadable = UNREADABLE.iter().any(|begins| status.message().starts_with(begins));
    let (reason, message) = match status.code() {
        _ if !status.details().is_empty() => return answer,
        // The second: it was larger than that when it was decompressed.
        Code::OutOfRange | Code::ResourceExhausted => (
            reason::MESSAGE_TOO_LARGE,
            "the message is larger than this method takes",
        ),
        Code::Internal if is_unreadable => (reason::MESSAGE_MALFORMED, "the bytes are no message of this method"),
        Code::Internal => (reason::INTERNAL, status.message()),
        Code::Unimplemented if status.message().is_empty() => (reason::UNIMPLEMENTED, "there is no such method here"),
        Code::Unimplemented => (reason::UNIMPLEMENTED, status.message()),
        _ => return answer,
    };
    // Others of its headers stay: they say which encodings are known.
    let complete = Status::from(Problem::new(reason, message)).add_header(answer.headers_mut());
    debug_assert!(complete.is_ok(), "messages and details always make headers");
    answer
}
