//! Lists: all violations at once.

use prost_types::Timestamp;
use proto::MAX_PAGE_ITEMS;
use proto::id::{self, Kind};
use proto::identity::v1::{
    CreatedFilter, ListVerificationReportsRequest, ListVerificationSessionsRequest, VerificationSessionStatus,
    VerificationType,
};
use service_kit::status::Violations;

use super::Fault;
use super::fields::check_text;

/// Checks the whole request but for what it expands.
pub(crate) fn list_sessions(request: &ListVerificationSessionsRequest, violations: &mut Violations) {
    let is_status = VerificationSessionStatus::try_from(request.status).is_ok();
    for (field, text) in [
        ("client_reference_id", &request.client_reference_id),
        ("related_customer", &request.related_customer),
        ("related_customer_account", &request.related_customer_account),
    ] {
        check_text(text.as_deref(), field, violations);
    }
    violations.require(is_status, "status", "must be a status of a session");
    let page = Page {
        created: request.created.as_ref(),
        limit: request.limit,
        starting_after: request.starting_after.as_deref(),
        ending_before: request.ending_before.as_deref(),
    };
    page.check(Kind::VerificationSession, "must be the id of a session", violations);
}

/// Checks the whole request.
pub(crate) fn list_reports(request: &ListVerificationReportsRequest) -> Result<(), Fault> {
    let mut violations = Violations::new();
    let session = request.verification_session.as_deref();
    check_text(
        request.client_reference_id.as_deref(),
        "client_reference_id",
        &mut violations,
    );
    violations
        .require(
            VerificationType::try_from(request.r#type).is_ok(),
            "type",
            "must be a type of verification",
        )
        .require(
            is_id(Kind::VerificationSession, session),
            "verification_session",
            "must be the id of a session",
        );
    let page = Page {
        created: request.created.as_ref(),
        limit: request.limit,
        starting_after: request.starting_after.as_deref(),
        ending_before: request.ending_before.as_deref(),
    };
    page.check(Kind::VerificationReport, "must be the id of a report", &mut violations);
    violations.check().map_err(Fault::Fields)
}

/// What every list can be asked for.
struct Page<'a> {
    created: Option<&'a CreatedFilter>,
    limit: Option<u32>,
    starting_after: Option<&'a str>,
    ending_before: Option<&'a str>,
}

impl Page<'_> {
    fn check(&self, kind: Kind, is_an_id: &str, violations: &mut Violations) {
        let (after, before) = (self.starting_after, self.ending_before);
        if let Some(created) = self.created {
            check_times(created, violations);
        }
        violations
            .require(
                self.limit.is_none_or(|limit| (1..=MAX_PAGE_ITEMS).contains(&limit)),
                "limit",
                "must be 1 to 100",
            )
            .require(is_id(kind, after), "starting_after", is_an_id)
            .require(is_id(kind, before), "ending_before", is_an_id)
            .require(
                after.is_none() || before.is_none(),
                "ending_before",
                "must not be given together with starting_after",
            );
    }
}

fn is_id(kind: Kind, given: Option<&str>) -> bool {
    given.is_none_or(|id| id::partition(kind, id).is_some())
}

fn check_times(created: &CreatedFilter, violations: &mut Violations) {
    let is_time = |time: &Timestamp| (0..1_000_000_000).contains(&time.nanos);
    for (field, bound) in [
        ("created.gt", &created.gt),
        ("created.gte", &created.gte),
        ("created.lt", &created.lt),
        ("created.lte", &created.lte),
    ] {
        let is_time = bound.as_ref().is_none_or(is_time);
        violations.require(is_time, field, "must have 0 to 999999999 nanoseconds");
    }
}
