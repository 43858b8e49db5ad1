//! Names of keys. `{p07}` is a hash tag: all keys of a partition lie in one Cluster slot.

use proto::id::PARTITIONS;

use crate::id::Id;

/// Version of everything under these names.
const SCHEMA: &str = "v1";

/// Where scripts publish `session:vs_…` and `job:{p07}:…`.
pub(super) const CHANGES: &str = "bonafide:v1:changes";

/// Hash: version, record; while a job is queued also its stream entry (job) and its attempt.
pub(super) fn session(id: &Id) -> String {
    named(id.partition(), "session", id.as_str())
}

/// String: sealed report.
pub(super) fn report(id: &Id) -> String {
    named(id.partition(), "report", id.as_str())
}

/// String that expires: sealed idempotency record.
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

/// Stream of a partition's jobs, with the consumer group `workers`: session, attempt.
pub(super) fn jobs(partition: u8) -> String {
    of_partition(partition, "jobs")
}

/// Stream of jobs that were given up: session, attempt.
pub(super) fn dead_letters(partition: u8) -> String {
    of_partition(partition, "dead-letters")
}

/// The partition of a key that [`jobs`] made.
pub(super) fn partition_of_jobs(key: &str) -> Option<u8> {
    (0..PARTITIONS).find(|partition| jobs(*partition) == key)
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
            "{p07}:v1:session:vs_0700000000000000000000000000"
        );
        assert_eq!(jobs(15), "{p15}:v1:jobs");
        assert_eq!(partition_of_jobs("{p15}:v1:jobs"), Some(15));
        assert_eq!(partition_of_jobs("{p16}:v1:jobs"), None);
    }
}
