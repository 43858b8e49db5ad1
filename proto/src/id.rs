//! Identifiers: a prefix that says what it is, the storage partition, and a time-ordered UUID.
//!
//! `vs_07` + 26 characters. The partition is carried in the id, so that every key of one session can be found without a
//! look-up; ids of one kind sort by time after the partition's two digits.
//!
//! Their order is that of their 128 bits, whatever the partition: lists of several partitions are merged by them. A UUID version 7
//! begins with the millisecond, then counts on within one process; ids that several processes made in one millisecond are in an
//! order that is random, and the same for everybody.

/// What an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `vs_…`
    VerificationSession,
    /// `vr_…`
    VerificationReport,
    /// `file_…`
    File,
    /// `evt_…`
    Event,
}

impl Kind {
    /// What every identifier of this kind starts with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::VerificationSession => "vs_",
            Self::VerificationReport => "vr_",
            Self::File => "file_",
            Self::Event => "evt_",
        }
    }
}

/// Number of storage partitions; fixed for the life of a deployment's data.
pub const PARTITIONS: u8 = 16;

/// Length of the part after prefix and partition: 128 bits in base 32.
const UNIQUE_LENGTH: usize = 26;

/// Crockford's base 32 in lower case: keeps the order of the bytes, and has no letters that look like digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Makes an identifier from 128 time-ordered bits (a UUID version 7).
pub fn format(kind: Kind, partition: u8, unique: u128) -> String {
    let mut id = format!("{}{:02}", kind.prefix(), partition % PARTITIONS);
    for position in (0..UNIQUE_LENGTH).rev() {
        let digit = (unique >> (5 * position)) & 31;
        id.push(char::from(ALPHABET[digit as usize]));
    }
    id
}

/// The partition of a well-formed identifier of this kind; `None` for anything else.
pub fn partition(kind: Kind, id: &str) -> Option<u8> {
    parse(kind, id).map(|(partition, _)| partition)
}

/// Partition and time-ordered bits of a well-formed identifier of this kind; `None` for anything else.
pub fn parse(kind: Kind, id: &str) -> Option<(u8, u128)> {
    let rest = id.strip_prefix(kind.prefix())?;
    let (partition, digits) = rest.split_at_checked(2)?;
    if digits.len() != UNIQUE_LENGTH || !partition.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut unique: u128 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        // The first digit stands for the three bits that 25 others leave.
        unique = unique.checked_mul(32)?.checked_add(digit as u128)?;
    }
    let partition = partition.parse().ok()?;
    (partition < PARTITIONS).then_some((partition, unique))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_its_partition() {
        for partition_in in 0..PARTITIONS {
            let id = format(Kind::VerificationSession, partition_in, u128::MAX);
            assert_eq!(partition(Kind::VerificationSession, &id), Some(partition_in));
            assert_eq!(partition(Kind::VerificationReport, &id), None);
        }
        for unique in [0, 31, 1 << 80, u128::MAX] {
            let id = format(Kind::Event, 3, unique);
            assert_eq!(parse(Kind::Event, &id), Some((3, unique)));
        }
    }

    #[test]
    fn sorts_by_time_within_a_partition() {
        let ids: Vec<_> = [1, 31, 32, 1 << 64, u128::MAX]
            .map(|unique| format(Kind::Event, 3, unique))
            .into();
        assert!(ids.is_sorted());
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for id in [
            "",
            "vs_",
            "vs_1",
            "vs_é0",
            "vs_99",
            "vs_0700000000000000000000000000u",
            "vs_16aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "vs_0780000000000000000000000000",
        ] {
            assert_eq!(partition(Kind::VerificationSession, id), None, "{id}");
        }
    }
}
