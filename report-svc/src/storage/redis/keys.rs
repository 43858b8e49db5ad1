//! Names of keys. `{p07}` is a hash tag: all keys of a partition lie in one Cluster slot.

use proto::id::PARTITIONS;
use proto::identity::v1::VerificationType;
use sha2::{Digest as _, Sha256};

use crate::id::Id;
use crate::storage::{IndexEntry, List, Nonce, ReferenceTag, ReportEntry, SealedReport};

/// Version of everything under these names.
const SCHEMA: &str = "v5";

/// Where scripts publish `session:vs_…` and `job:{p07}:…`.
pub(super) const CHANGES: &str = "bonafide:v5:changes";

/// String: written to find out whether anything can be.
pub(super) const HEALTH: &str = "bonafide:v5:health";

/// String that expires: who leads in a role.
pub(super) fn leader(role: &str) -> String {
    format!("bonafide:{SCHEMA}:leader:{role}")
}

/// Hash: version, record; attempt:1, attempt:2 …, the records of finished attempts.
pub(super) fn session(id: &Id) -> String {
    named(id.partition(), "session", id.as_str())
}

/// Sorted set of an account's sessions in a status, or of its reports of a type, by name. The account comes last: it may contain anything.
pub(super) fn by_account(partition: u8, list: List, account: &str) -> String {
    match list {
        List::Sessions(status) => named(partition, &format!("sessions:{}", status.name()), account),
        List::Reports(r#type) => named(partition, &format!("reports:{}", type_name(r#type)), account),
    }
}

/// Sorted set of a reference's sessions in a status, or of its reports of a type, by name. The reference may be personal: its tag tells
/// nothing of it.
pub(super) fn by_reference(partition: u8, list: List, tag: ReferenceTag) -> String {
    let kind = match list {
        List::Sessions(status) => format!("references:{}", status.name()),
        List::Reports(r#type) => format!("references:reports:{}", type_name(r#type)),
    };
    named(partition, &kind, &tag.to_string())
}

fn type_name(r#type: VerificationType) -> &'static str {
    match r#type {
        VerificationType::Unspecified => "unspecified",
        VerificationType::Document => "document",
        VerificationType::IdNumber => "id_number",
        VerificationType::VerificationFlow => "verification_flow",
    }
}

/// The lists that a session stands in.
pub(super) fn lists(partition: u8, entry: &IndexEntry) -> Vec<String> {
    lists_of(
        partition,
        List::Sessions(entry.status),
        &entry.account,
        &entry.references,
    )
}

/// The lists that a report leaves, and those that it stands in.
pub(super) fn report_lists(partition: u8, report: &SealedReport) -> (Vec<String>, Vec<String>) {
    let ReportEntry {
        account,
        r#type,
        references,
    } = &report.entry;
    let list = List::Reports(*r#type);
    let left = report.unlisted.iter().map(|tag| by_reference(partition, list, *tag));
    (left.collect(), lists_of(partition, list, account, references))
}

fn lists_of(partition: u8, list: List, account: &str, references: &[ReferenceTag]) -> Vec<String> {
    let by_reference = references.iter().map(|tag| by_reference(partition, list, *tag));
    std::iter::once(by_account(partition, list, account))
        .chain(by_reference)
        .collect()
}

/// Set of the accounts that have sessions.
pub(super) fn accounts(partition: u8) -> String {
    of_partition(partition, "accounts")
}

/// Sorted set of the sessions of which something expires, by the moment in milliseconds.
pub(super) fn expiries(partition: u8) -> String {
    of_partition(partition, "expiries")
}

/// String: sealed report.
pub(super) fn report(id: &Id) -> String {
    named(id.partition(), "report", id.as_str())
}

/// String: the session that a file leads to.
pub(super) fn file(id: &Id) -> String {
    named(id.partition(), "file", id.as_str())
}

/// String that expires: sealed idempotency record, or answer.
pub(super) fn idempotency(partition: u8, key: &[u8; 32]) -> String {
    named(partition, "idempotency", &hex::encode(key))
}

/// Stream of a partition's events: id, record. Entry ids are positions.
pub(super) fn events(partition: u8) -> String {
    of_partition(partition, "events")
}

/// Number: the last position in the stream of events.
pub(super) fn event_counter(partition: u8) -> String {
    of_partition(partition, "event-counter")
}

/// Sorted set of the sessions whose job is in the queue, by the moment from which it may be leased.
pub(super) fn due(partition: u8) -> String {
    of_partition(partition, "due")
}

/// Hash from session to its job.
pub(super) fn jobs(partition: u8) -> String {
    of_partition(partition, "jobs")
}

/// Sorted set of the sessions whose job was set aside, by name.
pub(super) fn dead_letters(partition: u8) -> String {
    of_partition(partition, "dead-letters")
}

/// String that expires: the claim under which the latest call of a request for a lease looks for a job. Requests are spread over the
/// partitions: the job may lie in any.
pub(super) fn lease_request(id: &str) -> String {
    let [first, ..]: [u8; 32] = Sha256::digest(id).into();
    named(first % PARTITIONS, "lease-request", id)
}

/// String that expires: what a nonce came to in a partition, the session whose job was leased under it or nothing. Written once.
pub(super) fn lease(partition: u8, nonce: Nonce) -> String {
    named(partition, "lease", &nonce.to_string())
}

fn of_partition(partition: u8, what: &str) -> String {
    format!("{{p{partition:02}}}:{SCHEMA}:{what}")
}

fn named(partition: u8, what: &str, name: &str) -> String {
    format!("{}:{name}", of_partition(partition, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_shares_one_hash_tag() {
        let id = Id::parse(proto::id::Kind::VerificationSession, "vs_0700000000000000000000000000");
        assert_eq!(
            session(&id.expect("an id")),
            "{p07}:v5:session:vs_0700000000000000000000000000"
        );
        assert_eq!(due(15), "{p15}:v5:due");
    }
}
