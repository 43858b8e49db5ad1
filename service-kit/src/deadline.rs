//! The caller's deadline, so that it is passed on to every call made on the caller's behalf.

use std::future::Future;
use std::time::{Duration, Instant};

use http::HeaderMap;
use tonic::Status;

use crate::status::Problem;

pub(crate) const HEADER: &str = "grpc-timeout";

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Time until the caller of the current request gives up; `None` when it set no deadline, or outside a request.
pub fn remaining() -> Option<Duration> {
    DEADLINE
        .try_with(|deadline| deadline.saturating_duration_since(Instant::now()))
        .ok()
}

/// Runs `future` as part of a request with this much time left.
pub async fn scope<F: Future>(left: Option<Duration>, future: F) -> F::Output {
    match left.and_then(|left| Instant::now().checked_add(left)) {
        Some(deadline) => DEADLINE.scope(deadline, future).await,
        None => future.await,
    }
}

/// What a caller is told whose deadline has passed.
pub fn passed() -> Status {
    Problem::new(
        proto::reason::DEADLINE,
        "the deadline passed before the request was done",
    )
    .into()
}

/// Reads `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2, "Requests").
pub(crate) fn parse(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Writes a `grpc-timeout` in the finest unit that fits eight digits.
pub(crate) fn format(left: Duration) -> String {
    const LARGEST: u128 = 99_999_999;
    let units = [
        (left.as_micros(), 'u'),
        (left.as_millis(), 'm'),
        (u128::from(left.as_secs()), 'S'),
    ];
    let (amount, unit) = units
        .into_iter()
        .find(|(amount, _)| *amount <= LARGEST)
        .unwrap_or((LARGEST, 'S'));
    format!("{amount}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, value.parse().expect("a header value"));
        headers
    }

    #[test]
    fn reads_what_it_writes() {
        for left in [0, 1, 999, 5_000_000, 3_600_000_000, 86_400_000_000_000] {
            let left = Duration::from_micros(left);
            let read = parse(&header(&format(left))).expect("well-formed");
            let error = left.abs_diff(read);
            assert!(
                error <= Duration::from_secs(1) && error <= left / 1000,
                "{left:?} became {read:?}"
            );
        }
    }

    #[test]
    fn ignores_what_is_not_a_timeout() {
        for value in ["", "5", "S", "123456789S", "-1S", "1x", "1.5S"] {
            assert_eq!(parse(&header(value)), None, "{value}");
        }
    }

    #[tokio::test]
    async fn is_known_only_inside_its_request() {
        assert_eq!(remaining(), None);
        scope(Some(Duration::from_secs(60)), async {
            assert!(remaining().is_some_and(|left| left > Duration::from_secs(50)));
        })
        .await;
        assert_eq!(remaining(), None);
    }
}
