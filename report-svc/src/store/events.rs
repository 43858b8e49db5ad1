//! What happened to sessions, for whoever reads it later.
//!
//! An event has a copy of its session as it was then, under a key that lies in the session's record. A redaction replaces that key: no
//! event needs to be found, and no copy of one can be opened any more.

use std::collections::HashMap;

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
    /// The session after the change, without `verified_outputs`; as it is now, where a redaction left nothing else of it.
    pub session: VerificationSession,
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
        let mut sessions: HashMap<Id, Option<Session>> = HashMap::new();
        for (_, record) in &records {
            sessions.insert(session_id(record)?, None);
        }
        let ids: Vec<Id> = sessions.keys().cloned().collect();
        for (id, found) in ids.iter().zip(self.storage.sessions(&ids).await?) {
            let found = found.ok_or(Error::SessionNotFound)?;
            sessions.insert(id.clone(), Some(self.open(id.clone(), &found)?));
        }
        let event = |(position, record): (u64, EventRecord)| {
            let session = sessions.get(&session_id(&record)?).and_then(Option::as_ref);
            let session = session.ok_or(Error::SessionNotFound)?;
            Ok(Event {
                position,
                session: copy(&record, session)?,
                id: record.id,
                created: record.created,
                r#type: record.r#type,
                account: record.account,
            })
        };
        records.into_iter().map(event).collect()
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

fn session_id(record: &EventRecord) -> Result<Id, Error> {
    Id::parse(IdKind::VerificationSession, &record.verification_session).ok_or(Error::Incomplete("session"))
}

/// The session as it was, or what a redaction left of it.
fn copy(record: &EventRecord, session: &Session) -> Result<VerificationSession, Error> {
    match session
        .event_key
        .open(Kind::EventSession, &record.id, &record.sealed_session)
    {
        Ok(copy) => Ok(VerificationSession::decode(copy.as_slice())?),
        Err(SealError::Damaged) if session.public.redaction.is_some() => Ok(session.public.clone()),
        Err(error) => Err(error.into()),
    }
}
