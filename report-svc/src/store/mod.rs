//! What is done to sessions: read, decide, write; again when somebody else was faster.

mod complete;
mod create;
mod events;
mod files;
mod images;
mod jobs;
mod leave;
mod list;
mod once;
mod queue;
mod redact;
mod reschedule;
mod session;
mod simulate;
mod sweep;
mod update;

use std::sync::Arc;
use std::time::SystemTime;

use proto::id::{Kind as IdKind, PARTITIONS};
use proto::identity::v1::VerificationReport;
use proto::store::v1::{AttemptRecord, ReportRecord, SessionRecord};

pub use events::Event;
pub use list::{Cursor, Filter, Page, ReportFilter};
pub use once::Caller;
use once::Once;
pub use queue::{Failed, Queued};
pub use reschedule::Rescheduling;
pub use session::Session;
use session::references;

use crate::error::Error;
use crate::evidence::Evidence;
use crate::id::Id;
use crate::instruments::Instruments;
use crate::lifecycle::{Action, EventType};
use crate::limits::Limits;
use crate::records::Records;
use crate::reference::Reference;
use crate::retention::RetentionPolicy;
use crate::seal::{Keyring, Kind};
use crate::storage::{
    Commit, Committed, FileEntries, Idempotency, IndexEntry, JobStep, ReferenceTag, Reindex, ReportEntry,
    SealedAttempt, SealedReport, Storage, Versioned,
};

/// Conflicts after which a change is given up: the person's device, the backend and a worker may meet, but not this often.
const TRIES: usize = 16;

/// Everything that is remembered. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    storage: Arc<dyn Storage>,
    evidence: Evidence,
    records: Records,
    limits: Limits,
    retention: Arc<RetentionPolicy>,
    instruments: Instruments,
}

/// What comes with a change of a session, in the same step.
struct Change {
    event: Option<EventType>,
    /// New, or other than before.
    reports: Vec<(Id, VerificationReport)>,
    /// By which references the reports are found no more.
    unlisted: Vec<ReferenceTag>,
    /// Ended, or something else is kept of them from now on.
    attempts: Vec<(u32, AttemptRecord)>,
    idempotency: Option<Idempotency>,
    /// Which call it answers.
    answers: Option<Once>,
    files: FileEntries,
    job: JobStep,
    /// Whether an attempt ends by it.
    ends_attempt: bool,
}

impl Change {
    fn of(event: Option<EventType>) -> Self {
        Self {
            event,
            reports: Vec::new(),
            unlisted: Vec::new(),
            attempts: Vec::new(),
            idempotency: None,
            answers: None,
            files: FileEntries::default(),
            job: JobStep::Keep,
            ends_attempt: false,
        }
    }
}

impl Store {
    /// A store over a storage.
    pub fn new(storage: Arc<dyn Storage>, evidence: Evidence, keyring: Keyring, limits: Limits) -> Self {
        Self {
            storage,
            evidence,
            records: Records::new(keyring),
            limits,
            retention: Arc::default(),
            instruments: Instruments::new(),
        }
    }

    /// The same, keeping what is personal for no longer than this.
    pub fn with_retention(self, retention: RetentionPolicy) -> Self {
        Self {
            retention: Arc::new(retention),
            ..self
        }
    }

    /// Whether sessions can be read and written now.
    pub async fn storage_is_healthy(&self) -> bool {
        self.storage.healthy().await
    }

    /// Whether pictures can be read and written now.
    pub async fn evidence_is_healthy(&self) -> bool {
        self.evidence.healthy().await
    }

    /// Whether the master keys open what is stored: of each partition the oldest event is tried. Some that do not open are told to the
    /// log, since keys may have been given up on purpose.
    ///
    /// # Errors
    /// Why none of them opens.
    pub async fn keys_fit(&self) -> Result<(), Error> {
        let (mut opened, mut refused) = (0, None);
        for partition in 0..PARTITIONS {
            match self.event_records(partition, 0, 1).await {
                Ok(events) => opened += events.len(),
                Err(error @ Error::Seal(_)) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) if opened == 0 => Err(error),
            Some(error) => {
                tracing::warn!(%error, "some records cannot be opened with the master keys given");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Marks what changed; see [`crate::storage::Changes`].
    pub fn changes(&self) -> &crate::storage::Changes {
        self.storage.changes()
    }

    /// Reads a session; with an account, only that account's.
    pub async fn session(&self, id: &str, account: Option<&str>) -> Result<Session, Error> {
        let id = Id::parse(IdKind::VerificationSession, id).ok_or(Error::SessionNotFound)?;
        let found = self.storage.session(&id).await?.ok_or(Error::SessionNotFound)?;
        let session = self.open(id, &found)?;
        if account.is_some_and(|account| account != session.account) {
            return Err(Error::SessionNotFound);
        }
        Ok(session)
    }

    fn open(&self, id: Id, found: &Versioned) -> Result<Session, Error> {
        let record: SessionRecord = self.records.open(Kind::Session, id.as_str(), &found.record)?;
        let keyring = self.records.keyring();
        let beside = |reference| keyring.reference_tag_beside(&found.record, &record.account, reference);
        let public = record.session.as_ref();
        let tags = public
            .into_iter()
            .flat_map(references)
            .filter_map(|reference| beside(reference).transpose())
            .collect::<Result<_, _>>()?;
        Session::from_record(id, found.version, record, tags)
    }

    /// requires_input → canceled.
    pub async fn cancel(&self, id: &str, caller: impl Into<Caller<'_>>) -> Result<Session, Error> {
        let caller = caller.into();
        let once = Once::of(caller, "cancel", id, []);
        self.change(id, caller.account, once, |session| {
            Ok(Change::of(session.apply(Action::Cancel)?))
        })
        .await
    }

    /// Reads an account's report.
    pub async fn report(&self, id: &str, account: &str) -> Result<VerificationReport, Error> {
        let record = self.report_record(id).await?;
        if record.account != account {
            return Err(Error::ReportNotFound);
        }
        record.report.ok_or(Error::Incomplete("report"))
    }

    /// The reports of an account's session, oldest first.
    async fn reports_of(&self, session: &Id, account: &str) -> Result<Vec<Id>, Error> {
        let session = self.session(session.as_str(), Some(account)).await?;
        let mut reports = Vec::new();
        for attempt in 1..=session.attempts {
            match self.attempt(&session.id, attempt).await {
                Ok(finished) => {
                    reports
                        .extend(finished.and_then(|finished| Id::parse(IdKind::VerificationReport, &finished.report)));
                }
                Err(error) if error.is_damage() => {
                    tracing::error!(session = %session.id, attempt, %error, "an attempt's record cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(reports)
    }

    /// The report of a session's latest finished attempt, if there is one that can be read.
    pub async fn last_report(&self, session: &Session) -> Result<Option<VerificationReport>, Error> {
        let Some(id) = &session.public.last_verification_report else {
            return Ok(None);
        };
        match self.report_record(id).await {
            Ok(record) => Ok(record.report),
            // The session is no less readable for it.
            Err(error) if error.is_damage() || error.is_missing() => {
                tracing::error!(report = id, %error, "a report cannot be read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn report_record(&self, id: &str) -> Result<ReportRecord, Error> {
        let id = Id::parse(IdKind::VerificationReport, id).ok_or(Error::ReportNotFound)?;
        let sealed = self.storage.report(&id).await?.ok_or(Error::ReportNotFound)?;
        self.records.open(Kind::Report, id.as_str(), &sealed)
    }

    /// Reads, lets `decide` say what changes, and writes unless that is nothing; starts over when somebody else wrote in between. An
    /// error of `decide` leaves everything as it was. A call that happened before is answered as it was then. One of a backend that changes
    /// nothing is written for its answer; a person, whom nobody answers for, could fill the storage with those.
    async fn change<C: Into<Option<Change>>>(
        &self,
        id: &str,
        account: Option<&str>,
        once: Option<Once>,
        mut decide: impl FnMut(&mut Session) -> Result<C, Error>,
    ) -> Result<Session, Error> {
        for _ in 0..TRIES {
            let mut session = self.session(id, account).await?;
            if let Some(once) = &once
                && self.answered(&mut session, once).await?
            {
                return Ok(session);
            }
            let change = match decide(&mut session)?.into() {
                Some(change) => change,
                None if once.is_some() && account.is_some() => Change::of(None),
                None => return Ok(session),
            };
            let change = Change {
                answers: once,
                ..change
            };
            if self.commit(&mut session, change).await? {
                return Ok(session);
            }
        }
        Err(Error::Contended)
    }

    /// Writes a session that was changed; false when somebody else wrote since it was read.
    async fn commit(&self, session: &mut Session, change: Change) -> Result<bool, Error> {
        session.derive_insights();
        session.events += u32::from(change.event.is_some());
        let record = self
            .records
            .seal(Kind::Session, session.id.as_str(), &session.to_record())?;
        let event = change.event.map(|event| self.seal_event(session, event)).transpose()?;
        let reports = change.reports.into_iter();
        let reports = reports.map(|(id, report)| self.seal_report(session, id, report, &change.unlisted));
        let attempts = change.attempts.iter();
        let attempts = attempts.map(|(attempt, record)| self.seal_attempt(&session.id, *attempt, record));
        // The record is sealed under the current key, and so is the reference tagged.
        let to = IndexEntry {
            account: session.account.clone(),
            references: self.reference_tags(session),
            status: session.state()?.status,
        };
        let from = session.found_by.clone();
        let answer = change.answers.map(|once| self.seal_answer(session, &once));
        let step = Commit {
            session: session.id.clone(),
            expected: session.version,
            record,
            reports: reports.collect::<Result<_, _>>()?,
            attempts: attempts.collect::<Result<_, _>>()?,
            idempotency: change.idempotency,
            answer: answer.transpose()?,
            event,
            reindex: (from != to).then_some(Reindex { from, to }),
            expires: self.expires(session)?,
            files: change.files,
            job: change.job,
        };
        match self.storage.commit(step).await? {
            Committed::Done(version) => session.version = version,
            Committed::Conflict => return Ok(false),
            Committed::JobLost => return Err(Error::LeaseLost),
        }
        if change.ends_attempt {
            self.instruments.verified(session.submitted, &session.public);
        }
        Ok(true)
    }

    /// When something of a session expires, if ever.
    fn expires(&self, session: &Session) -> Result<Option<SystemTime>, Error> {
        Ok(self.expiry(session)?.map(|(moment, _)| moment))
    }

    /// Under the current key.
    fn reference_tags(&self, session: &Session) -> Vec<ReferenceTag> {
        let tag = |reference| self.records.keyring().reference_tag(&session.account, reference);
        references(&session.public).filter_map(tag).collect()
    }

    /// Reports are listed by a `client_reference_id` alone.
    fn report_tags(&self, session: &Session) -> Vec<ReferenceTag> {
        let by_client = references(&session.public).filter(Reference::is_client_alone);
        let tag = |reference| self.records.keyring().reference_tag(&session.account, reference);
        by_client.filter_map(tag).collect()
    }

    fn seal_report(
        &self,
        session: &Session,
        id: Id,
        report: VerificationReport,
        unlisted: &[ReferenceTag],
    ) -> Result<SealedReport, Error> {
        let record = ReportRecord {
            report: Some(report),
            account: session.account.clone(),
        };
        Ok(SealedReport {
            record: self.records.seal(Kind::Report, id.as_str(), &record)?,
            id,
            entry: ReportEntry {
                account: session.account.clone(),
                r#type: session.public.r#type(),
                references: self.report_tags(session),
            },
            unlisted: unlisted.to_vec(),
        })
    }

    fn seal_attempt(&self, session: &Id, attempt: u32, record: &AttemptRecord) -> Result<SealedAttempt, Error> {
        let record = self
            .records
            .seal(Kind::Attempt, &attempt_id(session, attempt), record)?;
        Ok(SealedAttempt { attempt, record })
    }

    /// What is kept of an attempt, once it has finished.
    async fn attempt(&self, session: &Id, attempt: u32) -> Result<Option<AttemptRecord>, Error> {
        let sealed = self.storage.attempt(session, attempt).await?;
        sealed
            .map(|sealed| self.records.open(Kind::Attempt, &attempt_id(session, attempt), &sealed))
            .transpose()
    }
}

/// What an attempt's record is bound to.
fn attempt_id(session: &Id, attempt: u32) -> String {
    format!("{session}/{attempt}")
}

fn now() -> prost_types::Timestamp {
    SystemTime::now().into()
}

impl From<crate::storage::NotALease> for Error {
    /// A token that we never gave holds no lease.
    fn from(_: crate::storage::NotALease) -> Self {
        Self::LeaseLost
    }
}
