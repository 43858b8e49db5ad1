//! Calls that happen once under an idempotency key: they may be sent again when their connection breaks.

use service_kit::client::Idempotent;
use tonic::Request;

/// A request to report-svc, which may be sent again where it has an idempotency key.
pub(crate) fn once<T>(has_key: bool, request: T) -> Request<T> {
    let mut request = Request::new(request);
    if has_key {
        request.extensions_mut().insert(Idempotent);
    }
    request
}
