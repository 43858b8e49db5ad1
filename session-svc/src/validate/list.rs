//! Lists: all violations at once.

use prost_types::Timestamp;
use proto::id::{self, Kind};
use proto::identity::v1::{CreatedFilter, ListVerificationSessionsRequest, VerificationSessionStatus};
use service_kit::status::Violations;

use super::fields::check_text;

/// Most sessions of a page.
const LARGEST_LIMIT: u32 = 100;

/// Checks the whole request but for what it expands.
pub(crate) fn list_sessions(request: &ListVerificationSessionsRequest, violations: &mut Violations) {
    check_text(
        request.client_reference_id.as_deref(),
        "client_reference_id",
        violations,
    );
    let is_session = |given: &Option<String>| {
        let partition = |session: &String| id::partition(Kind::VerificationSession, session);
        given.as_ref().is_none_or(|session| partition(session).is_some())
    };
    let (after, before) = (&request.starting_after, &request.ending_before);
    violations
        .require(
            VerificationSessionStatus::try_from(request.status).is_ok(),
            "status",
            "must be a status of a session",
        )
        .require(
            request.created.as_ref().is_none_or(are_times),
            "created",
            "must have times from 0 to 999999999 nanoseconds",
        )
        .require(
            request.limit.is_none_or(|limit| (1..=LARGEST_LIMIT).contains(&limit)),
            "limit",
            "must be 1 to 100",
        )
        .require(is_session(after), "starting_after", "must be the id of a session")
        .require(is_session(before), "ending_before", "must be the id of a session")
        .require(
            after.is_none() || before.is_none(),
            "ending_before",
            "must not be given together with starting_after",
        );
}

fn are_times(filter: &CreatedFilter) -> bool {
    let is_time = |time: &Timestamp| (0..1_000_000_000).contains(&time.nanos);
    let bounds = [&filter.gt, &filter.gte, &filter.lt, &filter.lte];
    bounds.into_iter().flatten().all(is_time)
}
