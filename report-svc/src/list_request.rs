//! Reading a request for a list.

use std::ops::Range;

use prost_types::Timestamp;
use proto::MAX_PAGE_ITEMS;
use proto::id::Kind;
use proto::identity::v1::{
    CreatedFilter, ListVerificationReportsRequest, ListVerificationSessionsRequest, VerificationSessionStatus,
    VerificationType,
};
use proto::reason;
use service_kit::status::Problem;

use crate::id::{Id, first_at};
use crate::lifecycle::Status;
use crate::store::{Cursor, Filter, ReportFilter};

/// Items of a page, unless the request says otherwise.
const DEFAULT_LIMIT: u32 = 10;

/// What a request for sessions asks for. What is wrong with one in detail session-svc has told before it came here.
pub(crate) fn sessions(
    account: String,
    request: ListVerificationSessionsRequest,
) -> Result<(Filter, Cursor, usize), Problem> {
    let read = || {
        let filter = Filter {
            account,
            client_reference_id: request.client_reference_id,
            related_customer: request.related_customer,
            related_customer_account: request.related_customer_account,
            status: filtered(VerificationSessionStatus::try_from(request.status).ok()?),
            created: between(&request.created.unwrap_or_default())?,
        };
        let cursor = cursor(
            Kind::VerificationSession,
            &request.starting_after,
            &request.ending_before,
        )?;
        Some((filter, cursor, limit(request.limit)?))
    };
    read().ok_or_else(not_validated)
}

/// What a request for reports asks for.
pub(crate) fn reports(
    account: String,
    request: ListVerificationReportsRequest,
) -> Result<(ReportFilter, Cursor, usize), Problem> {
    let read = || {
        let session = request.verification_session.as_ref();
        let session = session.map(|id| Id::parse(Kind::VerificationSession, id).ok_or(()));
        let r#type = VerificationType::try_from(request.r#type).ok()?;
        let filter = ReportFilter {
            account,
            client_reference_id: request.client_reference_id,
            r#type: (r#type != VerificationType::Unspecified).then_some(r#type),
            session: session.transpose().ok()?,
            created: between(&request.created.unwrap_or_default())?,
        };
        let cursor = cursor(
            Kind::VerificationReport,
            &request.starting_after,
            &request.ending_before,
        )?;
        Some((filter, cursor, limit(request.limit)?))
    };
    read().ok_or_else(not_validated)
}

fn not_validated() -> Problem {
    Problem::new(reason::INVALID_FIELDS, "the request was not validated")
}

fn cursor(kind: Kind, starting_after: &Option<String>, ending_before: &Option<String>) -> Option<Cursor> {
    match (starting_after, ending_before) {
        (None, None) => Some(Cursor::Newest),
        (Some(after), None) => Some(Cursor::StartingAfter(Id::parse(kind, after)?)),
        (None, Some(before)) => Some(Cursor::EndingBefore(Id::parse(kind, before)?)),
        (Some(_), Some(_)) => None,
    }
}

fn limit(given: Option<u32>) -> Option<usize> {
    let limit = given.unwrap_or(DEFAULT_LIMIT);
    (1..=MAX_PAGE_ITEMS).contains(&limit).then_some(limit as usize)
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

/// The time-ordered bits of ids that were made then.
fn between(filter: &CreatedFilter) -> Option<Range<u128>> {
    let [mut start, mut end] = [0, u128::MAX];
    for (time, is_after) in [(&filter.gte, false), (&filter.gt, true)] {
        if let Some(time) = time {
            start = start.max(first(time, is_after)?);
        }
    }
    for (time, is_after) in [(&filter.lt, false), (&filter.lte, true)] {
        if let Some(time) = time {
            end = end.min(first(time, is_after)?);
        }
    }
    Some(start..end)
}

/// The first id that was made at a time or later, or only after it.
fn first(time: &Timestamp, is_after: bool) -> Option<u128> {
    let (until, from) = millis(time)?;
    Some(first_at(if is_after { until.saturating_add(1) } else { from }))
}

/// The last whole millisecond until a time, and the first one from it on; 0 for what was before 1970. `None` where its nanoseconds are
/// none.
fn millis(time: &Timestamp) -> Option<(u64, u64)> {
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let Ok(seconds) = u64::try_from(time.seconds) else {
        return Some((0, 0));
    };
    let millis = |nanos: u32| seconds.saturating_mul(1000).saturating_add(u64::from(nanos));
    Some((millis(nanos / 1_000_000), millis(nanos.div_ceil(1_000_000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_by_whole_milliseconds() {
        let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
        let range = |filter: CreatedFilter| between(&filter);
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
