//! Reading a request for a list of sessions.

use std::ops::Range;

use prost_types::Timestamp;
use proto::id::Kind;
use proto::identity::v1::VerificationSessionStatus;
use proto::store::v1::{CreatedFilter, ListSessionsRequest};
use service_kit::status::{Problem, Violations};

use crate::id::{Id, first_at};
use crate::lifecycle::Status;
use crate::store::{Cursor, Filter};

/// Sessions of a page, unless the request says otherwise.
const DEFAULT_LIMIT: u32 = 10;

/// Most sessions of a page.
const LARGEST_LIMIT: u32 = 100;

/// What a request asks for, or everything that is wrong with it.
pub(crate) fn read(request: ListSessionsRequest) -> Result<(Filter, Cursor, usize), Problem> {
    let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
    let status = VerificationSessionStatus::try_from(request.status);
    let created = between(&request.created.unwrap_or_default());
    let session = |given: &Option<String>| {
        let parsed = given.as_ref().map(|id| Id::parse(Kind::VerificationSession, id));
        (parsed != Some(None), parsed.flatten())
    };
    let (is_after, after) = session(&request.starting_after);
    let (is_before, before) = session(&request.ending_before);
    let mut violations = Violations::new();
    violations
        .require(!request.account.is_empty(), "account", "must be given")
        .require(status.is_ok(), "status", "must be a status of a session")
        .require(
            created.is_ok(),
            "created",
            "must have times from 0 to 999999999 nanoseconds",
        )
        .require((1..=LARGEST_LIMIT).contains(&limit), "limit", "must be 1 to 100")
        .require(is_after, "starting_after", "must be the id of a session")
        .require(is_before, "ending_before", "must be the id of a session")
        .require(
            request.starting_after.is_none() || request.ending_before.is_none(),
            "ending_before",
            "must not be given together with starting_after",
        );
    violations.check()?;
    let filter = Filter {
        account: request.account,
        client_reference_id: request.client_reference_id,
        status: status.ok().and_then(filtered),
        created: created.unwrap_or_default(),
    };
    let cursor = match (after, before) {
        (Some(after), _) => Cursor::StartingAfter(after),
        (None, Some(before)) => Cursor::EndingBefore(before),
        (None, None) => Cursor::Newest,
    };
    Ok((filter, cursor, limit as usize))
}

fn filtered(status: VerificationSessionStatus) -> Option<Status> {
    match status {
        VerificationSessionStatus::Unspecified => None,
        VerificationSessionStatus::RequiresInput => Some(Status::RequiresInput),
        VerificationSessionStatus::Processing => Some(Status::Processing),
        VerificationSessionStatus::Verified => Some(Status::Verified),
        VerificationSessionStatus::Canceled => Some(Status::Canceled),
    }
}

/// A timestamp whose nanoseconds are none.
struct NotATime;

/// The time-ordered bits of ids that were made then.
fn between(filter: &CreatedFilter) -> Result<Range<u128>, NotATime> {
    let at = |time: &Option<Timestamp>| time.as_ref().map(first_from).transpose();
    let after = |time: &Option<Timestamp>| time.as_ref().map(first_after).transpose();
    let starts = [at(&filter.gte)?, after(&filter.gt)?];
    let ends = [at(&filter.lt)?, after(&filter.lte)?];
    Ok(Range {
        start: starts.into_iter().flatten().max().unwrap_or(0),
        end: ends.into_iter().flatten().min().unwrap_or(u128::MAX),
    })
}

/// The first id that was made at a time or after it.
fn first_from(time: &Timestamp) -> Result<u128, NotATime> {
    Ok(first_at(millis(time)?.1))
}

/// The first id that was made after a time.
fn first_after(time: &Timestamp) -> Result<u128, NotATime> {
    Ok(first_at(millis(time)?.0.saturating_add(1)))
}

/// The last whole millisecond until a time, and the first one from it on; 0 for what was before 1970.
fn millis(time: &Timestamp) -> Result<(u64, u64), NotATime> {
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let nanos = nanos.ok_or(NotATime)?;
    let Ok(seconds) = u64::try_from(time.seconds) else {
        return Ok((0, 0));
    };
    let millis = |nanos: u32| seconds.saturating_mul(1000).saturating_add(u64::from(nanos));
    Ok((millis(nanos / 1_000_000), millis(nanos.div_ceil(1_000_000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_by_whole_milliseconds() {
        let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
        let range = |filter: CreatedFilter| between(&filter).ok();
        let all = CreatedFilter::default();
        assert_eq!(range(all), Some(0..u128::MAX));
        let (whole, broken) = (time(1, 5_000_000), time(1, 5_000_001));
        let [fifth, sixth] = [1005, 1006].map(first_at);
        assert_eq!(range(CreatedFilter { gte: whole, ..all }), Some(fifth..u128::MAX));
        assert_eq!(range(CreatedFilter { gte: broken, ..all }), Some(sixth..u128::MAX));
        assert_eq!(range(CreatedFilter { gt: whole, ..all }), Some(sixth..u128::MAX));
        assert_eq!(range(CreatedFilter { gt: broken, ..all }), Some(sixth..u128::MAX));
        assert_eq!(range(CreatedFilter { lt: whole, ..all }), Some(0..fifth));
        assert_eq!(range(CreatedFilter { lt: broken, ..all }), Some(0..sixth));
        assert_eq!(range(CreatedFilter { lte: whole, ..all }), Some(0..sixth));
        assert_eq!(range(CreatedFilter { lte: broken, ..all }), Some(0..sixth));
        let (early, late) = (time(-62_135_596_800, 0), time(i64::MAX, 0));
        let wide = CreatedFilter {
            gte: early,
            gt: whole,
            lt: late,
            lte: late,
        };
        assert_eq!(range(wide), Some(sixth..u128::MAX));
        for nanos in [-1, 1_000_000_000] {
            let lt = time(0, nanos);
            assert_eq!(range(CreatedFilter { lt, ..all }), None);
        }
    }
}
