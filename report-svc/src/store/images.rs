//! Pictures of a session, and handing them over to the checks.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use proto::id::Kind as IdKind;
use proto::identity::v1::{File, ImagePurpose, VerificationErrorCode};
use proto::store::v1::ImageRecord;

use super::session::find_image;
use super::{Caller, Change, Once, Session, Store, now};
use crate::error::Error;
use crate::evidence::Kept;
use crate::id::Id;
use crate::lifecycle::{Action, transition};
use crate::seal::SecretKey;
use crate::storage::{FileEntries, JobStep};

impl Store {
    /// Seals a picture and attaches it, instead of the one of the same purpose. That one is deleted, unless an attempt used it.
    pub async fn put_image(
        &self,
        session: &str,
        caller: impl Into<Caller<'_>>,
        purpose: ImagePurpose,
        data: Vec<u8>,
    ) -> Result<File, Error> {
        let caller = caller.into();
        let account = caller.account;
        if data.is_empty() {
            return Err(Error::ImageEmpty);
        }
        if data.len() > proto::MAX_IMAGE_BYTES {
            return Err(Error::ImageTooLarge(data.len()));
        }
        let mut before = self.session(session, account).await?;
        let (data, digest) = match caller.idempotency_key {
            Some(_) => self.evidence.digest(data).await?,
            None => (data, Vec::new()),
        };
        let parameters = [purpose.as_str_name().as_bytes(), &digest];
        let once = Once::of(caller, "put_image", session, parameters);
        if let Some(once) = &once
            && self.answered(&mut before, once).await?
            && let Some(file) = before.public_file(purpose)
        {
            return Ok(file.clone());
        }
        // Asked before anything is written, and again in the step itself.
        transition(before.state()?, Action::Attach)?;
        self.require_space(&before, data.len() as u64)?;
        let (file, image) = self.keep_image(&before.id, purpose, data).await?;
        let (mut happened, mut used, mut replaced) = (false, false, None);
        let held_before = before.file(purpose).cloned();
        let attached = self.change(session, account, once, |session| {
            // The step may have happened although we were told of a conflict: then nothing is replaced any more.
            happened = session.image(&file.id).is_some();
            used = session.attempts > before.attempts;
            let mut change = Change::of(session.apply(Action::Attach)?);
            if !happened {
                // Others put a picture in its place: in that of this one, too, if the step happened. Then its bytes are gone.
                if session.file(purpose) != held_before.as_ref() {
                    return Err(Error::Contended);
                }
                self.require_space(session, file.size)?;
                replaced = session.attach(image.clone());
                change.files = FileEntries {
                    added: id_of(&image).into_iter().collect(),
                    removed: replaced.as_ref().and_then(id_of).into_iter().collect(),
                };
            }
            Ok(change)
        });
        match attached.await {
            Ok(session) => match session.public_file(purpose) {
                Some(held) if held.id == file.id => {
                    if let Some(replaced) = replaced {
                        self.delete_unnamed(&replaced.path).await;
                    }
                    Ok(file)
                }
                // The same call happened elsewhere. A redaction may have left nothing of it since.
                first => {
                    self.delete_unnamed(&image.path).await;
                    first.cloned().ok_or(Error::FileNotFound)
                }
            },
            // The step may have happened although its answer was lost: the file stays.
            Err(error @ (Error::Storage(_) | Error::Stopping)) => Err(error),
            Err(_) if happened => Ok(file),
            // The step may have happened, an attempt have used the picture, and another one have replaced it since.
            Err(error) if used => Err(error),
            Err(error) => match self.session(session, account).await {
                // The last of many tries may have happened, too.
                Ok(session) if session.image(&file.id).is_some() => Ok(file),
                Ok(_) => {
                    self.delete_unnamed(&image.path).await;
                    Err(error)
                }
                Err(_) => Err(error),
            },
        }
    }

    /// Seals a session's picture under a key of its own and stores it. No record names it yet.
    pub(super) async fn keep_image(
        &self,
        session: &Id,
        purpose: ImagePurpose,
        data: Vec<u8>,
    ) -> Result<(File, ImageRecord), Error> {
        let id = Id::new(IdKind::File, session.partition());
        let file = File {
            id: id.to_string(),
            purpose: purpose.into(),
            size: data.len() as u64,
            created: Some(now()),
            ..File::default()
        };
        let kept = self.evidence.put(&id, data).await?;
        let image = ImageRecord {
            file: Some(file.clone()),
            key: kept.key.expose().to_vec(),
            path: kept.path,
            attempt: 0,
        };
        Ok((file, image))
    }

    /// Deletes the file of a picture that no record names. Whether it works matters little: its key is gone.
    pub(super) async fn delete_unnamed(&self, path: &str) {
        if let Err(error) = self.evidence.delete(path).await {
            tracing::warn!(%error, "a picture that was not kept could not be deleted");
        }
    }

    /// Opens a picture that a session holds, or that an earlier attempt of it used.
    pub async fn image(&self, session: &str, file: &str) -> Result<Vec<u8>, Error> {
        let session = self.session(session, None).await?;
        let id = Id::parse(IdKind::File, file).ok_or(Error::FileNotFound)?;
        let image = match session.image(file) {
            Some(image) => image.clone(),
            None => self.earlier_image(&session, file).await?,
        };
        self.open_image(&id, image).await
    }

    pub(super) async fn open_image(&self, id: &Id, image: ImageRecord) -> Result<Vec<u8>, Error> {
        let key = SecretKey::from_bytes(&image.key).ok_or(Error::FileNotFound)?;
        Ok(self.evidence.get(id, Kept { key, path: image.path }).await?)
    }

    /// A picture that was replaced after an attempt used it.
    async fn earlier_image(&self, session: &Session, file: &str) -> Result<ImageRecord, Error> {
        for attempt in (1..=session.attempts).rev() {
            let used = self.attempt(&session.id, attempt).await?;
            if let Some(image) = used.as_ref().and_then(|used| find_image(&used.images, file)) {
                return Ok(image.clone());
            }
        }
        Err(Error::FileNotFound)
    }

    /// Whether the session may have another picture of this size.
    fn require_space(&self, session: &Session, size: u64) -> Result<(), Error> {
        self.require_attempt(session)?;
        let exceeded = session.image_limit(size, &self.limits);
        exceeded.map_or(Ok(()), |limit| Err(Error::ImagesExhausted(limit)))
    }

    /// Whether the session may be submitted once more.
    fn require_attempt(&self, session: &Session) -> Result<(), Error> {
        if session.attempts < self.limits.attempts {
            return Ok(());
        }
        Err(Error::AttemptsExhausted(session.attempts))
    }

    /// requires_input → processing, and one job.
    pub async fn submit(
        &self,
        session: &str,
        caller: impl Into<Caller<'_>>,
        trace_context: HashMap<String, String>,
    ) -> Result<Session, Error> {
        let caller = caller.into();
        let once = Once::of(caller, "submit", session, []);
        let ready = |session: &mut Session| {
            // A choice is made anew for each submission.
            session.simulated_error = VerificationErrorCode::Unspecified;
            let missing = session.missing();
            if missing.is_empty() {
                return Ok(());
            }
            Err(Error::ImagesMissing(missing))
        };
        self.hand_over(session, caller.account, once, trace_context, Duration::ZERO, ready)
            .await
    }

    /// requires_input → processing, and one job that is due after `delay`. Where the session is not `ready`, that says why.
    pub(super) async fn hand_over(
        &self,
        session: &str,
        account: Option<&str>,
        once: Option<Once>,
        trace_context: HashMap<String, String>,
        delay: Duration,
        ready: impl Fn(&mut Session) -> Result<(), Error>,
    ) -> Result<Session, Error> {
        let mut first = None;
        let mut is_submitted = false;
        let updated = self.change(session, account, once, |session| {
            // The step may have happened although its answer was lost, and its attempt may be over: another one was not asked for. Under a
            // key the answer is found.
            let attempt = *first.get_or_insert(session.attempts.saturating_add(1));
            if once.is_none() && session.attempts >= attempt {
                is_submitted = true;
                return Err(Error::Contended);
            }
            let event = session.apply(Action::Submit)?;
            self.require_attempt(session)?;
            ready(session)?;
            // The job may be handed back for a while from when on it is due.
            session.count_submission((SystemTime::now() + delay).into());
            session.trace_context.clone_from(&trace_context);
            Ok(Change {
                job: JobStep::Enqueue {
                    attempt: session.attempts,
                    delay,
                },
                ..Change::of(event)
            })
        });
        match updated.await {
            Err(Error::Contended) if is_submitted => self.session(session, account).await,
            updated => updated,
        }
    }
}

/// The id of a picture's file.
pub(super) fn id_of(image: &ImageRecord) -> Option<Id> {
    Id::parse(IdKind::File, &image.file.as_ref()?.id)
}
