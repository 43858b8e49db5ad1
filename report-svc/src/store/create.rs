//! Opening a session, once per idempotency key.

use prost::Message as _;
use proto::id::{Kind as IdKind, PARTITIONS};
use proto::identity::v1::{CreateVerificationSessionRequest, VerificationSession};
use proto::store::v1::IdempotencyRecord;

use super::once::{LIFETIME, hash, in_order};
use super::{Session, Store};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::{EventType, State};
use crate::seal::{Kind, SecretKey};
use crate::storage::{Created, Idempotency, IndexEntry, NewIdempotency, NewSession};

impl Store {
    /// Opens a session in `requires_input`; or, for an idempotency key that was used before, answers the first session as it
    /// was then.
    pub async fn create(
        &self,
        account: &str,
        livemode: bool,
        request: CreateVerificationSessionRequest,
    ) -> Result<Session, Error> {
        let key = request
            .idempotency_key
            .as_deref()
            .map(|key| hash([account.as_bytes(), key.as_bytes()]));
        // Two creations with one key meet in one partition; others are spread evenly.
        let partition = match &key {
            Some([first, ..]) => first % PARTITIONS,
            None => random_partition()?,
        };
        let id = Id::new(IdKind::VerificationSession, partition);
        let fingerprint = fingerprint(livemode, &request);
        let session = self.new_session(id.clone(), account, livemode, request.clone(), key)?;
        let idempotency = key
            .map(|key| self.new_idempotency(key, Some(&id), &fingerprint))
            .transpose()?;
        let new = NewSession {
            record: self.records.seal(Kind::Session, id.as_str(), &session.to_record())?,
            event: self.seal_event(&session, EventType::Created)?,
            entry: session.found_by.clone(),
            expires: self.expires(&session)?,
            id,
            idempotency,
        };
        match (self.storage.create(new).await?, key) {
            (Created::New, _) => Ok(session),
            (Created::Existing(sealed), Some(key)) => {
                let kept: IdempotencyRecord = self.records.open(Kind::Idempotency, &hex::encode(key), &sealed)?;
                // What is left of the first request says nothing of its parameters.
                if kept.fingerprint.is_empty() {
                    return self.session(&kept.session, Some(account)).await;
                }
                if kept.fingerprint != fingerprint {
                    return Err(Error::IdempotencyKeyReused);
                }
                let id = Id::parse(IdKind::VerificationSession, &kept.session).ok_or(Error::Incomplete("session"))?;
                // It must be there still; but the answer is that of the same request, whatever happened since but a redaction.
                let session = self.session(id.as_str(), Some(account)).await?;
                if session.public.redaction.is_some() {
                    return Ok(session);
                }
                self.new_session(id, account, livemode, request, Some(key))
            }
            (Created::Existing(_), None) => Err(Error::Incomplete("idempotency key")),
        }
    }

    fn new_session(
        &self,
        id: Id,
        account: &str,
        livemode: bool,
        request: CreateVerificationSessionRequest,
        idempotency_key: Option<[u8; 32]>,
    ) -> Result<Session, Error> {
        let mut session = Session {
            version: 1,
            account: account.to_owned(),
            public: public(&id, livemode, request),
            images: Vec::new(),
            attempts: 0,
            submitted: None,
            failed: None,
            trace_context: Default::default(),
            uploaded: Default::default(),
            event_key: SecretKey::random()?,
            events: 1,
            idempotency_key,
            status_reached: id.made().into(),
            discarded: Vec::new(),
            receipt: None,
            simulated_error: Default::default(),
            found_by: IndexEntry {
                account: account.to_owned(),
                references: Vec::new(),
                status: State::NEW.status,
            },
            id,
        };
        session.found_by.references = self.reference_tags(&session);
        session.derive_insights();
        Ok(session)
    }

    pub(super) fn new_idempotency(
        &self,
        key: [u8; 32],
        session: Option<&Id>,
        fingerprint: &[u8],
    ) -> Result<NewIdempotency, Error> {
        Ok(NewIdempotency {
            key,
            record: self.idempotency_record(key, session.map_or("", Id::as_str), fingerprint)?,
            lifetime: LIFETIME,
        })
    }

    /// What replaces the answer to the creation of a session that is redacted: it has no fingerprint. None where that is forgotten, and
    /// where the key stands for another session since.
    pub(super) async fn redacted_answer(&self, session: &Session) -> Result<Option<Idempotency>, Error> {
        let Some(key) = session.idempotency_key else {
            return Ok(None);
        };
        let Some(before) = self.storage.idempotency(session.id.partition(), &key).await? else {
            return Ok(None);
        };
        let kept: IdempotencyRecord = self.records.open(Kind::Idempotency, &hex::encode(key), &before)?;
        if kept.session != session.id.as_str() {
            return Ok(None);
        }
        let record = self.idempotency_record(key, session.id.as_str(), &[])?;
        Ok(Some(Idempotency { key, before, record }))
    }

    fn idempotency_record(&self, key: [u8; 32], session: &str, fingerprint: &[u8]) -> Result<Vec<u8>, Error> {
        let record = IdempotencyRecord {
            fingerprint: fingerprint.to_vec(),
            session: session.to_owned(),
        };
        self.records.seal(Kind::Idempotency, &hex::encode(key), &record)
    }
}

fn public(id: &Id, livemode: bool, request: CreateVerificationSessionRequest) -> VerificationSession {
    VerificationSession {
        id: id.to_string(),
        client_reference_id: request.client_reference_id,
        // Lists are ordered and filtered by it, which ids carry.
        created: Some(id.made().into()),
        livemode,
        // An empty value is none, as in an update.
        metadata: request
            .metadata
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        options: Some(request.options.unwrap_or_default()),
        provided_details: request.provided_details,
        related_customer: request.related_customer,
        related_customer_account: request.related_customer_account,
        related_person: request.related_person,
        status: proto::identity::v1::VerificationSessionStatus::from(State::NEW.status).into(),
        r#type: request.r#type,
        ..VerificationSession::default()
    }
}

/// SHA-256 of a request.
fn fingerprint(livemode: bool, request: &CreateVerificationSessionRequest) -> [u8; 32] {
    let rest = CreateVerificationSessionRequest {
        metadata: Default::default(),
        ..request.clone()
    }
    .encode_to_vec();
    let livemode = [u8::from(livemode)];
    let parts = [livemode.as_slice(), &rest];
    hash(parts.into_iter().chain(in_order(&request.metadata)))
}

fn random_partition() -> Result<u8, Error> {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_err(crate::seal::SealError::Random)?;
    let [byte] = byte;
    Ok(byte % PARTITIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_content_alone() {
        let request = |entries: &[(&str, &str)]| CreateVerificationSessionRequest {
            metadata: entries
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Default::default()
        };
        let entries = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")];
        let mut turned = entries;
        turned.reverse();
        let first = fingerprint(true, &request(&entries));
        assert_eq!(first, fingerprint(true, &request(&turned)));
        assert_ne!(first, fingerprint(false, &request(&entries)));
        assert_ne!(first, fingerprint(true, &request(&entries[1..])));
        assert_ne!(hash([b"ab".as_slice(), b"c"]), hash([b"a".as_slice(), b"bc"]));
    }
}
