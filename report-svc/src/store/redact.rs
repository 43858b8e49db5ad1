//! Removing what is personal, for good.
//!
//! One step takes it out of the session, its reports and attempts, the lists by references and the idempotency record, and with the keys
//! in them out of pictures and events, wherever copies of those are. What is left is files that nobody can open; when they are
//! deleted, the redaction is complete. Whoever dies in between leaves a session that the sweeper goes on with.

use proto::id::Kind as IdKind;
use proto::identity::v1::{RedactionReceipt, VerificationReport};
use proto::store::v1::{AttemptRecord, DiscardedImage, ReportRecord};

use super::{Change, Session, Store, TRIES, now, references};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::{Action, Redaction};
use crate::redaction::Redact as _;
use crate::storage::Idempotency;

impl Store {
    /// Removes what is personal from a session that is not being processed; one that requires input is canceled. With an account, only
    /// that account's. What is left to do is [`delete_discarded`](Self::delete_discarded).
    pub async fn redact(&self, id: &str, account: Option<&str>) -> Result<Session, Error> {
        self.redact_if(id, account, |_| Ok(true)).await
    }

    pub(super) async fn redact_if(
        &self,
        id: &str,
        account: Option<&str>,
        wanted: impl Fn(&Session) -> Result<bool, Error>,
    ) -> Result<Session, Error> {
        for _ in 0..TRIES {
            let mut session = self.session(id, account).await?;
            if !wanted(&session)? {
                return Ok(session);
            }
            let change = self.redaction(&mut session).await?;
            if self.commit(&mut session, change).await? {
                return Ok(session);
            }
        }
        Err(Error::Contended)
    }

    async fn redaction(&self, session: &mut Session) -> Result<Change, Error> {
        let event = session.apply(Action::Redact)?;
        let keyring = self.records.keyring();
        // A report may have been listed under another master key than the session is sealed under now.
        let tags = |reference| keyring.reference_tags(&session.account, reference);
        let left = references(&session.public).flat_map(tags).collect();
        let (reports, attempts) = self.redacted_attempts(session).await?;
        let idempotency = session
            .idempotency_key
            .map(|key| {
                let record = self.idempotency_record(key, &session.id, &[])?;
                Ok::<_, Error>(Idempotency { key, record })
            })
            .transpose()?;
        let receipt = RedactionReceipt {
            requested: Some(now()),
            completed: None,
            files: session.discarded.iter().map(|image| image.file.clone()).collect(),
            reports: reports.iter().map(|(id, _)| id.to_string()).collect(),
            events: session.events,
            idempotency_record: idempotency.is_some(),
        };
        session.redact(receipt)?;
        Ok(Change {
            reports,
            left,
            attempts,
            idempotency,
            ..Change::of(event)
        })
    }

    /// What is left of a session's reports and attempts; their pictures and its own are discarded.
    async fn redacted_attempts(
        &self,
        session: &mut Session,
    ) -> Result<(Vec<(Id, VerificationReport)>, Vec<(u32, AttemptRecord)>), Error> {
        let attempts = self.discard_images(session).await?;
        let named = attempts.iter().map(|(_, attempt)| attempt.report.as_str());
        // The last one is known, too, where its attempt's record is damaged.
        let last = session.public.last_verification_report.as_deref();
        let mut ids: Vec<Id> = named
            .chain(last)
            .filter_map(|report| Id::parse(IdKind::VerificationReport, report))
            .collect();
        ids.dedup();
        let mut reports = Vec::new();
        for id in ids {
            if let Some(report) = self.redacted_report(session, &id).await? {
                reports.push((id, report));
            }
        }
        Ok((reports, attempts))
    }

    /// What is left of a report, if there is one. Of one that is damaged that is its frame.
    async fn redacted_report(&self, session: &Session, id: &Id) -> Result<Option<VerificationReport>, Error> {
        match self.report_record(id.as_str()).await {
            Ok(ReportRecord { report, .. }) => Ok(Some(report.ok_or(Error::Incomplete("report"))?.redacted())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) if error.is_damage() => {
                tracing::error!(report = %id, %error, "a report that is redacted cannot be read: its frame replaces it");
                Ok(Some(VerificationReport {
                    id: id.to_string(),
                    created: Some(id.made().into()),
                    livemode: session.public.livemode,
                    r#type: session.public.r#type,
                    verification_session: Some(session.id.to_string()),
                    ..VerificationReport::default()
                }))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the pictures, with their keys, out of a session and its attempts. Answers what is kept of the attempts.
    pub(super) async fn discard_images(&self, session: &mut Session) -> Result<Vec<(u32, AttemptRecord)>, Error> {
        let mut attempts = Vec::new();
        for attempt in 1..=session.attempts {
            let kept = match self.attempt(&session.id, attempt).await {
                Ok(kept) => kept,
                Err(error) if error.is_damage() => {
                    tracing::error!(session = %session.id, attempt, %error, "the record of an attempt that is cleared cannot be read");
                    Some(AttemptRecord::default())
                }
                Err(error) => return Err(error),
            };
            if let Some(AttemptRecord { report, images }) = kept {
                session.discard(images);
                attempts.push((
                    attempt,
                    AttemptRecord {
                        report,
                        images: Vec::new(),
                    },
                ));
            }
        }
        let held = std::mem::take(&mut session.images);
        session.discard(held);
        Ok(attempts)
    }

    /// Deletes the files of a session's discarded pictures. A redaction is complete then.
    pub async fn delete_discarded(&self, id: &str) -> Result<Session, Error> {
        let deleted: Vec<DiscardedImage> = self.session(id, None).await?.discarded;
        for image in &deleted {
            self.evidence.delete(&image.path).await?;
        }
        self.change(id, None, |session| {
            let before = session.discarded.len();
            session.discarded.retain(|image| !deleted.contains(image));
            let redacting = session.state()?.redaction == Some(Redaction::Processing);
            if redacting && session.discarded.is_empty() {
                let event = session.apply(Action::FinishRedaction)?;
                if let Some(receipt) = &mut session.receipt {
                    receipt.completed = Some(now());
                }
                return Ok(Some(Change::of(event)));
            }
            // Somebody else was faster.
            Ok((session.discarded.len() < before).then(|| Change::of(None)))
        })
        .await
    }
}
