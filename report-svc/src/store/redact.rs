//! Removing what is personal, for good.
//!
//! One step takes it out of the session, its reports and attempts, the lists by references and the idempotency record, and with the keys
//! in them out of pictures and events, wherever copies of those are. What is left is files that nobody can open; when they are
//! deleted, the redaction is complete. Whoever dies in between leaves a session that the sweeper goes on with.

use proto::id::Kind as IdKind;
use proto::identity::v1::{RedactionReceipt, VerificationReport};
use proto::store::v1::{AttemptRecord, DiscardedImage, ReportRecord};

use super::{Caller, Change, Once, Session, Store, TRIES, now, references};
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::{Action, Redaction};
use crate::redaction::Redact as _;
use crate::reference::Reference;
use crate::seal::SecretKey;
use crate::storage::{ListQuery, Listed, Order, Scope};

/// Reports looked through at once, where an attempt's record does not say which is its own.
const REPORTS_AT_ONCE: usize = 100;

impl Store {
    /// Removes what is personal from a session that is not being processed; one that requires input is canceled. With an account, only
    /// that account's. What is left to do is [`delete_discarded`](Self::delete_discarded).
    pub async fn redact(&self, id: &str, caller: impl Into<Caller<'_>>) -> Result<Session, Error> {
        let caller = caller.into();
        let once = Once::of(caller, "redact", id, []);
        self.redact_if(id, caller.account, once, |_| Ok(true)).await
    }

    pub(super) async fn redact_if(
        &self,
        id: &str,
        account: Option<&str>,
        once: Option<Once>,
        wanted: impl Fn(&Session) -> Result<bool, Error>,
    ) -> Result<Session, Error> {
        let event_key = SecretKey::random()?;
        for _ in 0..TRIES {
            let mut session = self.session(id, account).await?;
            if let Some(once) = &once
                && self.answered(&mut session, once).await?
            {
                return Ok(session);
            }
            // The step may have happened although we were told of a conflict.
            let is_done = session.event_key.expose() == event_key.expose();
            if is_done || !wanted(&session)? {
                return Ok(session);
            }
            let change = Change {
                answers: once,
                ..self.redaction(&mut session, event_key.clone()).await?
            };
            if self.commit(&mut session, change).await? {
                return Ok(session);
            }
        }
        Err(Error::Contended)
    }

    async fn redaction(&self, session: &mut Session, event_key: SecretKey) -> Result<Change, Error> {
        let keyring = self.records.keyring();
        // A report may have been listed under another master key than the session is sealed under now.
        let tags = |reference| keyring.reference_tags(&session.account, reference);
        let of_reports = references(&session.public).filter(Reference::is_client_alone);
        let unlisted = of_reports.flat_map(tags).collect();
        let event = session.apply(Action::Redact)?;
        let (reports, attempts) = self.redacted_attempts(session).await?;
        let idempotency = self.redacted_answer(session).await?;
        let receipt = RedactionReceipt {
            requested: Some(now()),
            completed: None,
            files: session.discarded.iter().map(|image| image.file.clone()).collect(),
            reports: reports.iter().map(|(id, _)| id.to_string()).collect(),
            events: session.events,
            idempotency_record: idempotency.is_some(),
        };
        session.redact(event_key, receipt);
        Ok(Change {
            reports,
            unlisted,
            attempts,
            idempotency,
            files: session.discarded_files(),
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
        // Where the record of an attempt is damaged, its report is looked for.
        let ids = if named.clone().any(str::is_empty) {
            self.reports_in_list(session).await?
        } else {
            named
                .filter_map(|report| Id::parse(IdKind::VerificationReport, report))
                .collect()
        };
        let mut reports = Vec::new();
        for id in ids {
            if let Some(report) = self.redacted_report(session, &id).await? {
                reports.push((id, report));
            }
        }
        Ok((reports, attempts))
    }

    /// The reports of a session, as far as they can be read, and its last one, from the list of all of its account's since its creation.
    async fn reports_in_list(&self, session: &Session) -> Result<Vec<Id>, Error> {
        let mut query = ListQuery {
            scope: Scope::Account(session.account.clone()),
            listed: Listed::Reports(Some(session.public.r#type())),
            between: session.id.unique()..u128::MAX,
            order: Order::OldestFirst,
            limit: REPORTS_AT_ONCE,
        };
        let last = session.public.last_verification_report.as_deref();
        let mut found = Vec::new();
        loop {
            let ids = self.storage.list(&query).await?;
            for id in &ids {
                let is_of_session = match self.report_record(id.as_str()).await {
                    Ok(record) => {
                        record.report.and_then(|report| report.verification_session).as_deref()
                            == Some(session.id.as_str())
                    }
                    Err(error) if error.is_damage() || error.is_missing() => false,
                    Err(error) => return Err(error),
                };
                if is_of_session || last == Some(id.as_str()) {
                    found.push(id.clone());
                }
            }
            match ids.last() {
                Some(id) if ids.len() == query.limit => query.between.start = id.unique() + 1,
                _ => return Ok(found),
            }
        }
    }

    /// What is left of a report, if there is one. Of one that is damaged that is its frame.
    async fn redacted_report(&self, session: &Session, id: &Id) -> Result<Option<VerificationReport>, Error> {
        match self.report_record(id.as_str()).await {
            Ok(ReportRecord {
                report: Some(report), ..
            }) => Ok(Some(report.redacted())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) if !error.is_damage() => Err(error),
            damaged => {
                let error = damaged.err().unwrap_or(Error::Incomplete("report"));
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
        self.change(id, None, None, |session| {
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
