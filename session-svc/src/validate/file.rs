//! CreateFileLink.

use std::time::Duration;

use proto::identity::v1::CreateFileLinkRequest;
use service_kit::status::Violations;

use super::Fault;
use crate::auth::LINK_LIVES;

/// How long the link is to live.
pub(crate) fn file_link(request: &CreateFileLinkRequest) -> Result<Duration, Fault> {
    let lifetime = match request.lifetime {
        None => Some(*LINK_LIVES.end()),
        Some(lifetime) => Duration::try_from(lifetime).ok(),
    };
    let lifetime = lifetime.filter(|lifetime| LINK_LIVES.contains(lifetime));
    let mut violations = Violations::new();
    violations.require(lifetime.is_some(), "lifetime", "must be 1 ms to 30 s");
    violations.check().map_err(Fault::Fields)?;
    Ok(lifetime.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(seconds: i64, nanos: i32) -> Option<Duration> {
        let lifetime = Some(prost_types::Duration { seconds, nanos });
        let request = CreateFileLinkRequest {
            lifetime,
            ..Default::default()
        };
        file_link(&request).ok()
    }

    #[test]
    fn a_link_lives_30_seconds_at_most() {
        let longest = file_link(&CreateFileLinkRequest::default()).ok();
        assert_eq!(longest, Some(Duration::from_secs(30)));
        assert_eq!(lives(0, 1_000_000), Some(Duration::from_millis(1)));
        assert_eq!(lives(30, 0), Some(Duration::from_secs(30)));
        for (seconds, nanos) in [(0, 0), (0, 999_999), (-1, 0), (30, 1), (31, 0), (i64::MAX, 0)] {
            assert_eq!(lives(seconds, nanos), None, "{seconds}.{nanos}");
        }
    }
}
