//! What happened to sessions, for whoever reads it later.
//!
//! An event has a copy of its session as it was then, under a key that lies in the session's record. A redaction replaces that key: no
//! event needs to be found, and no copy of one can be opened any more.

use std::collections::{HashMap, HashSet};

use prost::Message as _;
use prost_types::Timestamp;
use proto::id::Kind as IdKind;
use proto::identity::v1::VerificationSession;
use proto::store::v1::EventRecord;

use super::{Session, Store, now};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::EventType;
use crate::seal::{Kind, SealError};
use crate::storage::SealedEvent;

/// One `identity.verification_session.*` event.
pub struct Event {
    /// Its place among those of its partition.
    pub position: u64,
    /// `evt_…`.
    pub id: String,
    /// When it happened.
    pub created: Option<Timestamp>,
    /// E.g. `identity.verification_session.verified`.
    pub r#type: String,
    /// The account that its session belongs to.
    pub account: String,
    /// `vs_…`.
    pub verification_session: String,
    /// The session after the change, without `verified_outputs`; as it is now, where a redaction left nothing else of it. None where the
    /// session's record, or the copy, cannot be read.
    pub session: Option<VerificationSession>,
}

impl Store {
    pub(super) fn seal_event(&self, session: &Session, event: EventType) -> Result<SealedEvent, Error> {
        let id = Id::new(IdKind::Event, session.id.partition());
        let copy = VerificationSession {
            // Only for who asks for it, with a key that may.
            verified_outputs: None,
            ..session.public.clone()
        };
        let copy = zeroize::Zeroizing::new(copy.encode_to_vec());
        let record = EventRecord {
            id: id.to_string(),
            created: Some(now()),
            r#type: event.name().to_owned(),
            account: session.account.clone(),
            verification_session: session.id.to_string(),
            sealed_session: session.event_key.seal(Kind::EventSession, id.as_str(), &copy)?,
        };
        let record = self.records.seal(Kind::Event, id.as_str(), &record)?;
        Ok(SealedEvent { id, record })
    }

    /// A partition's events after a position, oldest first.
    pub async fn events(&self, partition: u8, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let records = self.event_records(partition, after, limit).await?;
        let ids: HashSet<Id> = records.iter().filter_map(|(_, record)| session_id(record)).collect();
        let ids: Vec<Id> = ids.into_iter().collect();
        let mut sessions: HashMap<Id, Result<Session, Error>> = HashMap::new();
        for (id, found) in ids.iter().zip(self.storage.sessions(&ids).await?) {
            let opened = found
                .ok_or(Error::SessionNotFound)
                .and_then(|found| self.open(id.clone(), &found));
            sessions.insert(id.clone(), opened);
        }
        let event = |(position, record): (u64, EventRecord)| {
            let session = session_id(&record).and_then(|id| sessions.get(&id));
            Event {
                position,
                session: session.and_then(|session| copy(&record, session)),
                id: record.id,
                created: record.created,
                r#type: record.r#type,
                account: record.account,
                verification_session: record.verification_session,
            }
        };
        Ok(records.into_iter().map(event).collect())
    }

    pub(super) async fn event_records(
        &self,
        partition: u8,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, EventRecord)>, Error> {
        let sealed = self.storage.events(partition, after, limit).await?;
        let open = |event: crate::storage::StoredEvent| {
            let record = self.records.open(Kind::Event, event.id.as_str(), &event.record)?;
            Ok((event.position, record))
        };
        sealed.into_iter().map(open).collect()
    }
}

fn session_id(record: &EventRecord) -> Option<Id> {
    Id::parse(IdKind::VerificationSession, &record.verification_session)
}

/// The session as it was, or what a redaction left of it. One that cannot be read holds up no event of others.
fn copy(record: &EventRecord, session: &Result<Session, Error>) -> Option<VerificationSession> {
    let opened = session.as_ref().map_err(ToString::to_string).and_then(|session| {
        match session
            .event_key
            .open(Kind::EventSession, &record.id, &record.sealed_session)
        {
            Ok(copy) => VerificationSession::decode(copy.as_slice()).map_err(|error| error.to_string()),
            Err(SealError::Damaged) if session.public.redaction.is_some() => Ok(session.public.clone()),
            Err(error) => Err(error.to_string()),
        }
    });
    opened
        .inspect_err(|error| {
            tracing::error!(
                event = record.id,
                error,
                "an event's copy of its session cannot be read"
            )
        })
        .ok()
}
