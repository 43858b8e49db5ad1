//! Leases, and the tokens that prove them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use proto::id::Kind;

use crate::id::Id;

/// 128 random bits, new at every lease: the fence between whoever held a job before and whoever holds it now.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(u128);

impl Nonce {
    /// A new one.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Nonce {
    type Err = NotALease;

    fn from_str(text: &str) -> Result<Self, NotALease> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = u128::from_str_radix(text, 16).map_err(|_| NotALease)?;
        digits.then_some(Self(bits)).ok_or(NotALease)
    }
}

/// Somebody's wish for a job.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// Names the worker; for operators.
    pub worker: String,
    /// Names the request: sent again, it gets the lease that it got before, for as long as that is held.
    pub request_id: String,
    /// How long the job stays with the worker unless the lease is extended; at most [`super::LONGEST_LEASE`].
    pub time: Duration,
}

/// The right to do a job. It is lost when the job is leased again, handed back or done, and not by the passing of time alone: when
/// a lease has lapsed, the job may be leased to another worker, and until it is, its holder still has it.
///
/// Its text form is the lease token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The session to check.
    pub session: Id,
    /// Which submission of the session.
    pub attempt: u32,
    /// Which lease of the job.
    pub nonce: Nonce,
}

/// A lease that was given, and what went before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The lease.
    pub lease: Lease,
    /// How many times the job was leased, this time included.
    pub delivery: u32,
    /// How many of the earlier deliveries were excused.
    pub excused: u32,
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.session, self.attempt, self.nonce)
    }
}

/// A text that is no lease token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a lease token")]
pub struct NotALease;

impl FromStr for Lease {
    type Err = NotALease;

    fn from_str(token: &str) -> Result<Self, NotALease> {
        let mut parts = token.splitn(3, '/');
        let mut next = || parts.next().ok_or(NotALease);
        Ok(Self {
            session: Id::parse(Kind::VerificationSession, next()?).ok_or(NotALease)?,
            attempt: next()?.parse().map_err(|_| NotALease)?,
            nonce: next()?.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_survives_its_text_form() {
        let lease = Lease {
            session: Id::new(Kind::VerificationSession, 7),
            attempt: 2,
            nonce: Nonce(7),
        };
        assert_eq!(lease.to_string().parse(), Ok(lease.clone()));
        let unsigned = lease.to_string().replace("0000007", "00000+7");
        for token in [
            "",
            "/",
            "vs_07/1/1",
            &unsigned,
            &format!("{lease}/1"),
            &format!("{lease}0"),
            &format!("{}/1", lease.session),
        ] {
            assert_eq!(token.parse::<Lease>(), Err(NotALease), "{token}");
        }
    }

    #[test]
    fn no_two_leases_share_a_nonce() {
        let [one, other] = [(); 2].map(|()| Nonce::random().expect("random numbers"));
        assert_ne!(one, other);
    }
}
