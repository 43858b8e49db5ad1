//! A session in memory, between its record and the world.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use prost_types::Timestamp;
use proto::id::Kind;
use proto::identity::v1::redaction::Status as RedactionStatus;
use proto::identity::v1::{
    File, ImagePurpose, Redaction as PublicRedaction, RedactionReceipt, SessionInsights, VerificationError,
    VerificationErrorCode as ErrorCode, VerificationSession, VerificationSessionStatus,
};
use proto::store::v1::{DiscardedImage, ImageRecord, SessionRecord, StoredSession, Uploaded};

use super::now;
use crate::error::Error;
use crate::id::Id;
use crate::lifecycle::{Action, EventType, Redaction, State, Status, transition};
use crate::limits::{ImageLimit, Limits};
use crate::redaction::Redact as _;
use crate::reference::Reference;
use crate::retention::Retention;
use crate::seal::SecretKey;
use crate::storage::{FileEntries, IndexEntry, ReferenceTag};

/// What time does to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Files of discarded pictures are to be deleted, and a redaction ends.
    Discarded,
    /// Nobody came.
    Waiting,
    /// The pictures were kept for long enough.
    Images,
    /// So was all the rest.
    Session,
}

/// How long a session waits for a person. The address of the page on which they submit is good for as long.
const WAITS_FOR: Duration = Duration::from_secs(48 * 3600);

/// A session as it was read, and as it is being changed.
pub struct Session {
    /// `vs_…`.
    pub id: Id,
    /// The version that was read.
    pub version: u64,
    /// The account that it belongs to.
    pub account: String,
    /// What backends see, without `client_secret` and `url`.
    pub public: VerificationSession,
    /// The pictures held, at most one of each purpose.
    pub images: Vec<ImageRecord>,
    /// How many times it was submitted.
    pub attempts: u32,
    /// When it was submitted last.
    pub submitted: Option<Timestamp>,
    /// When its last attempt failed that did.
    pub failed: Option<Timestamp>,
    /// W3C trace context of the last submission.
    pub trace_context: HashMap<String, String>,
    /// What was uploaded, whether or not it is held.
    pub uploaded: Uploaded,
    /// Opens the copies of it in its events.
    pub(super) event_key: SecretKey,
    /// How many events were made of it.
    pub(super) events: u32,
    /// Under what the answer to its creation is kept.
    pub(super) idempotency_key: Option<[u8; 32]>,
    /// When its status was reached.
    pub(super) status_reached: Timestamp,
    /// Pictures whose keys are gone, until their files are.
    pub(super) discarded: Vec<DiscardedImage>,
    /// What a redaction destroyed.
    pub(super) receipt: Option<RedactionReceipt>,
    /// In test mode, what the last submission ends with; verified where it is unspecified.
    pub simulated_error: ErrorCode,
    /// What it is found by, as it was read.
    pub(super) found_by: IndexEntry,
}

fn moment(timestamp: Timestamp) -> Result<SystemTime, Error> {
    SystemTime::try_from(timestamp).map_err(|_| Error::Incomplete("time"))
}

fn status(public: &VerificationSession) -> Result<Status, Error> {
    match public.status() {
        VerificationSessionStatus::RequiresInput => Ok(Status::RequiresInput),
        VerificationSessionStatus::Processing => Ok(Status::Processing),
        VerificationSessionStatus::Verified => Ok(Status::Verified),
        VerificationSessionStatus::Canceled => Ok(Status::Canceled),
        VerificationSessionStatus::Unspecified => Err(Error::Incomplete("status")),
    }
}

/// What its account gave a session to find it by. A redaction leaves nothing of it.
pub(super) fn references(public: &VerificationSession) -> impl Iterator<Item = Reference<'_>> {
    let given = match public.redaction {
        None => Reference {
            client: public.client_reference_id.as_deref(),
            customer: public.related_customer.as_deref(),
            customer_account: public.related_customer_account.as_deref(),
        },
        Some(_) => Reference::default(),
    };
    given.parts()
}

/// The picture with this id.
pub(super) fn find_image<'a>(images: &'a [ImageRecord], file: &str) -> Option<&'a ImageRecord> {
    let named = |image: &&ImageRecord| image.file.as_ref().is_some_and(|held| held.id == file);
    images.iter().find(named)
}

impl Session {
    /// A record as it was read, under the tags of its references.
    pub(super) fn from_record(
        id: Id,
        version: u64,
        record: SessionRecord,
        references: Vec<ReferenceTag>,
    ) -> Result<Self, Error> {
        let simulated_error = record.simulated_error();
        let public = record.session.ok_or(Error::Incomplete("session"))?;
        Ok(Self {
            event_key: SecretKey::from_bytes(&record.event_key).ok_or(Error::Incomplete("event key"))?,
            events: record.events,
            idempotency_key: record.idempotency_key.try_into().ok(),
            status_reached: record.status_reached.unwrap_or_else(|| id.made().into()),
            discarded: record.discarded_images,
            receipt: record.redaction,
            id,
            version,
            found_by: IndexEntry {
                account: record.account.clone(),
                references,
                status: status(&public)?,
            },
            account: record.account,
            public,
            images: record.images,
            attempts: record.attempts,
            submitted: record.submitted,
            failed: record.failed,
            trace_context: record.trace_context,
            uploaded: record.uploaded.unwrap_or_default(),
            simulated_error,
        })
    }

    /// The record to be written.
    pub fn to_record(&self) -> SessionRecord {
        SessionRecord {
            session: Some(self.public.clone()),
            account: self.account.clone(),
            images: self.images.clone(),
            attempts: self.attempts,
            submitted: self.submitted,
            failed: self.failed,
            trace_context: self.trace_context.clone(),
            uploaded: Some(self.uploaded),
            event_key: self.event_key.expose().to_vec(),
            events: self.events,
            idempotency_key: self.idempotency_key.map_or_else(Vec::new, Vec::from),
            status_reached: Some(self.status_reached),
            discarded_images: self.discarded.clone(),
            redaction: self.receipt.clone(),
            simulated_error: self.simulated_error.into(),
        }
    }

    /// What other services get.
    pub fn to_stored(&self) -> StoredSession {
        StoredSession {
            session: Some(self.public.clone()),
            account: self.account.clone(),
            version: self.version,
            is_final: self.state().is_ok_and(State::is_final),
            last_report: None,
        }
    }

    /// Where it stands.
    pub fn state(&self) -> Result<State, Error> {
        let status = status(&self.public)?;
        let redaction = match self.public.redaction.as_ref().map(PublicRedaction::status) {
            None => None,
            Some(RedactionStatus::Processing) => Some(Redaction::Processing),
            Some(RedactionStatus::Redacted | RedactionStatus::Validated) => Some(Redaction::Redacted),
            Some(RedactionStatus::Unspecified) => return Err(Error::Incomplete("redaction status")),
        };
        Ok(State { status, redaction })
    }

    /// Moves it along, or refuses; answers the event to be told.
    pub fn apply(&mut self, action: Action) -> Result<Option<EventType>, Error> {
        let state = self.state()?;
        let next = transition(state, action)?;
        if next.to.status != state.status {
            self.status_reached = now();
        }
        self.public.set_status(next.to.status.into());
        self.public.redaction = next.to.redaction.map(|redaction| {
            let status = match redaction {
                Redaction::Processing => RedactionStatus::Processing,
                Redaction::Redacted => RedactionStatus::Redacted,
            };
            PublicRedaction { status: status.into() }
        });
        Ok(next.event)
    }

    /// What time does to it first, and when, unless it changes before.
    pub(super) fn expiry(&self, retention: Retention, limits: &Limits) -> Result<Option<(SystemTime, Expiry)>, Error> {
        let state = self.state()?;
        let made = self.id.made();
        if !self.discarded.is_empty() || state.redaction == Some(Redaction::Processing) {
            let requested = self.receipt.as_ref().and_then(|receipt| receipt.requested);
            let since = requested.map_or(Ok(made), moment)?;
            return Ok(Some((since, Expiry::Discarded)));
        }
        if state.redaction.is_some() || state.status == Status::Processing {
            return Ok(None);
        }
        // An upload puts no waiting off.
        let since = self.failed.map_or(Ok(made), moment)?;
        let error = self.public.last_error.as_ref().map(VerificationError::code);
        let has_left = error.is_some_and(ErrorCode::precedes_submission);
        let waits = state == State::NEW && !has_left && self.attempts < limits.attempts;
        // A person may be in the middle of it for as long as they are waited for, and after an upload for as long again.
        let settled = if state == State::NEW {
            let uploads = self.images.iter().filter_map(|image| image.file.as_ref()?.created);
            let uploads = uploads.map(moment).collect::<Result<Vec<_>, _>>()?;
            uploads.into_iter().fold(since, SystemTime::max) + WAITS_FOR
        } else {
            moment(self.status_reached)?.max(made)
        };
        let kept_for = |time: Option<Duration>| settled.checked_add(time?);
        let expiries = [
            waits.then_some((since + WAITS_FOR, Expiry::Waiting)),
            kept_for(retention.sessions).map(|moment| (moment, Expiry::Session)),
            kept_for(retention.images)
                .filter(|_| !self.images.is_empty())
                .map(|moment| (moment, Expiry::Images)),
        ];
        Ok(expiries.into_iter().flatten().min_by_key(|(moment, _)| *moment))
    }

    /// Gives up the keys of pictures: nobody can open them any more.
    pub(super) fn discard(&mut self, images: impl IntoIterator<Item = ImageRecord>) {
        for ImageRecord { file, path, .. } in images {
            let discarded = DiscardedImage {
                file: file.map(|file| file.id).unwrap_or_default(),
                path,
            };
            // Attempts may share a picture.
            if !self.discarded.contains(&discarded) {
                self.discarded.push(discarded);
            }
        }
    }

    /// The files of discarded pictures lead to it no more.
    pub(super) fn discarded_files(&self) -> FileEntries {
        let discarded = self.discarded.iter();
        FileEntries {
            added: Vec::new(),
            removed: discarded
                .filter_map(|image| Id::parse(Kind::File, &image.file))
                .collect(),
        }
    }

    /// Removes what is personal in it. The key takes the place of the one that opens the copies of it in events up to now.
    pub(super) fn redact(&mut self, event_key: SecretKey, receipt: RedactionReceipt) {
        self.event_key = event_key;
        self.public = std::mem::take(&mut self.public).redacted();
        self.trace_context.clear();
        self.idempotency_key = None;
        self.receipt = Some(receipt);
    }

    /// Whether this submission is the one that the checks run for now.
    pub fn is_processing(&self, attempt: u32) -> Result<bool, Error> {
        Ok(self.state()?.status == Status::Processing && self.attempts == attempt)
    }

    /// The limit that another picture of this size would exceed.
    pub fn image_limit(&self, size: u64, limits: &Limits) -> Option<ImageLimit> {
        let Uploaded {
            images,
            images_of_attempt,
            bytes,
        } = self.uploaded;
        if images_of_attempt >= limits.images_per_attempt {
            Some(ImageLimit::ImagesPerAttempt)
        } else if images >= limits.images {
            Some(ImageLimit::Images)
        } else if bytes.saturating_add(size) > limits.image_bytes {
            Some(ImageLimit::ImageBytes)
        } else {
            None
        }
    }

    /// Attaches a picture, instead of the one of the same purpose. Answers that one when nothing needs it any more: what an attempt
    /// was decided by is kept.
    pub fn attach(&mut self, image: ImageRecord) -> Option<ImageRecord> {
        let purpose = |image: &ImageRecord| image.file.as_ref().map(File::purpose);
        self.uploaded.images = self.uploaded.images.saturating_add(1);
        self.uploaded.images_of_attempt = self.uploaded.images_of_attempt.saturating_add(1);
        let size = image.file.as_ref().map_or(0, |file| file.size);
        self.uploaded.bytes = self.uploaded.bytes.saturating_add(size);
        let same = self.images.iter().position(|held| purpose(held) == purpose(&image));
        let replaced = same.map(|index| self.images.remove(index));
        self.images.push(image);
        self.images.sort_by_key(|image| purpose(image).map(i32::from));
        replaced.filter(|replaced| replaced.attempt == 0)
    }

    /// Counts a submission of the pictures that are held.
    pub fn count_submission(&mut self, submitted: Timestamp) {
        self.attempts = self.attempts.saturating_add(1);
        self.submitted = Some(submitted);
        self.uploaded.images_of_attempt = 0;
        for image in self.images.iter_mut().filter(|image| image.attempt == 0) {
            image.attempt = self.attempts;
        }
    }

    /// The picture, if the session holds it.
    pub fn image(&self, file: &str) -> Option<&ImageRecord> {
        find_image(&self.images, file)
    }

    /// The picture held for a purpose.
    pub fn file(&self, purpose: ImagePurpose) -> Option<&File> {
        let mut files = self.images.iter().filter_map(|image| image.file.as_ref());
        files.find(|file| file.purpose() == purpose)
    }

    /// The picture held for a purpose, as it was told last.
    pub fn public_file(&self, purpose: ImagePurpose) -> Option<&File> {
        let mut files = self.public.insights.iter().flat_map(|insights| &insights.files);
        files.find(|file| file.purpose() == purpose)
    }

    /// The pictures held, by purpose.
    pub fn files(&self) -> Vec<File> {
        self.images.iter().filter_map(|image| image.file.clone()).collect()
    }

    /// Whether its checks compare faces.
    pub(super) fn compares_faces(&self) -> bool {
        let options = self.public.options.as_ref();
        let document = options.and_then(|options| options.document.as_ref());
        self.public.livemode && document.is_some_and(|document| document.require_matching_selfie)
    }

    /// The pictures that must be uploaded before it can be submitted. Whether a document needs its back is known only when its
    /// front has been read: a back is never required. In test mode nothing is looked at, and nothing is required.
    pub fn missing(&self) -> Vec<ImagePurpose> {
        let selfie = self.compares_faces();
        [
            (ImagePurpose::DocumentFront, self.public.livemode),
            (ImagePurpose::Selfie, selfie),
        ]
        .into_iter()
        .filter(|(purpose, required)| *required && self.file(*purpose).is_none())
        .map(|(purpose, _)| purpose)
        .collect()
    }

    /// Brings the insights up to date, which follow from the rest, before it is written.
    pub fn derive_insights(&mut self) {
        self.public.insights = Some(SessionInsights {
            attempts: self.attempts,
            files: self.files(),
            redaction: self.receipt.clone(),
        });
    }
}
