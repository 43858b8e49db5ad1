//! Calls that happen once under an idempotency key.
//!
//! The answer is kept in the very step that has the effect: whoever dies leaves both or neither, and of two replicas that get one key at
//! once one has the effect and the other finds its answer. It lies beside its session, under the key that opens the session's copies in
//! events: of a session that is redacted nothing can be answered but what is left.
//!
//! A key of an account stands for one call on one session. That is remembered in the partition of the key, where creations are, before
//! anything happens.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message as _;
use proto::id::PARTITIONS;
use proto::identity::v1::VerificationSession;
use proto::store::v1::{AnswerRecord, IdempotencyRecord};
use sha2::{Digest as _, Sha256};

use super::{Session, Store};
use crate::error::Error;
use crate::seal::{Kind, SealError};
use crate::storage::NewIdempotency;

/// How long the first answer is given again.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Who calls, and whether the call is to happen once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    /// Whose sessions the call may be about; of any account for a person, whose credential names the session.
    pub account: Option<&'a str>,
    /// One of the account; of the session where there is none.
    pub idempotency_key: Option<&'a str>,
}

impl<'a> Caller<'a> {
    /// One whose call happens once where there is a key.
    pub fn new(account: Option<&'a str>, idempotency_key: Option<&'a str>) -> Self {
        Self {
            account,
            idempotency_key,
        }
    }
}

impl<'a> From<Option<&'a str>> for Caller<'a> {
    fn from(account: Option<&'a str>) -> Self {
        Self::new(account, None)
    }
}

impl<'a> From<&'a str> for Caller<'a> {
    fn from(account: &'a str) -> Self {
        Some(account).into()
    }
}

/// A call that is to happen once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Once {
    /// Under what its answer is kept.
    answer: [u8; 32],
    /// Under what is kept what the account's key stands for.
    account_key: Option<[u8; 32]>,
    /// The method and the session.
    purpose: [u8; 32],
    /// The method and the request.
    fingerprint: [u8; 32],
}

impl Once {
    /// The call of this method, with these parameters, on a session; `None` without a key.
    pub(super) fn of<'a>(
        caller: Caller<'_>,
        method: &'a str,
        session: &str,
        parameters: impl IntoIterator<Item = &'a [u8]>,
    ) -> Option<Self> {
        let key = caller.idempotency_key?.as_bytes();
        let (method, session) = (method.as_bytes(), session.as_bytes());
        let account = caller.account.map(str::as_bytes);
        Some(Self {
            answer: hash([account.unwrap_or_default(), session, key]),
            account_key: account.map(|account| hash([account, key])),
            purpose: hash([method, session]),
            fingerprint: hash([method].into_iter().chain(parameters)),
        })
    }
}

impl Store {
    /// Whether a call happened before; `session` becomes what it was answered then. Asked between reading the session and changing it, it
    /// misses nobody: who had the effect in between changed the session.
    pub(super) async fn answered(&self, session: &mut Session, once: &Once) -> Result<bool, Error> {
        self.require_purpose(once).await?;
        let kept = self.storage.idempotency(session.id.partition(), &once.answer).await?;
        let Some(sealed) = kept else {
            return Ok(false);
        };
        let id = hex::encode(once.answer);
        let mut opened = session.event_key.open(Kind::Answer, &id, &sealed);
        if let Err(SealError::Damaged) = opened {
            // A redaction may have come in between, with its answer under the key that is new.
            *session = self.session(session.id.as_str(), None).await?;
            opened = session.event_key.open(Kind::Answer, &id, &sealed);
        }
        let answer = match opened {
            Ok(answer) => AnswerRecord::decode(answer.as_slice())?,
            // What is left is the answer, whatever the parameters were.
            Err(SealError::Damaged) if session.public.redaction.is_some() => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if answer.fingerprint != once.fingerprint {
            return Err(Error::IdempotencyKeyReused);
        }
        session.public = answer.session.ok_or(Error::Incomplete("session"))?;
        session.version = answer.version;
        Ok(true)
    }

    /// The key stands for this call, and for no other one of its account.
    async fn require_purpose(&self, once: &Once) -> Result<(), Error> {
        let Some(key @ [first, ..]) = once.account_key else {
            return Ok(());
        };
        let new = self.new_idempotency(key, None, &once.purpose)?;
        let Some(kept) = self.storage.remember(first % PARTITIONS, new).await? else {
            return Ok(());
        };
        let kept: IdempotencyRecord = self.records.open(Kind::Idempotency, &hex::encode(key), &kept)?;
        if kept.fingerprint == once.purpose {
            return Ok(());
        }
        Err(Error::IdempotencyKeyReused)
    }

    /// What is answered from now on, when the call is sent again that brings the session into this state.
    pub(super) fn seal_answer(&self, session: &Session, once: &Once) -> Result<NewIdempotency, Error> {
        let answer = AnswerRecord {
            fingerprint: once.fingerprint.to_vec(),
            session: Some(VerificationSession {
                // Only for who asks for it, with a key that may.
                verified_outputs: None,
                ..session.public.clone()
            }),
            version: session.version.saturating_add(1),
        };
        let answer = zeroize::Zeroizing::new(answer.encode_to_vec());
        let id = hex::encode(once.answer);
        Ok(NewIdempotency {
            key: once.answer,
            record: session.event_key.seal(Kind::Answer, &id, &answer)?,
            lifetime: LIFETIME,
        })
    }
}

/// The entries of a map as parts of a hash: in order, since that on the wire is not fixed.
pub(super) fn in_order(entries: &HashMap<String, String>) -> impl Iterator<Item = &[u8]> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort();
    entries
        .into_iter()
        .flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()])
}

/// SHA-256 over parts with their lengths, so that no two lists of parts give the same bytes.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
