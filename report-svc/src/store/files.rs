//! The pictures of a session for whoever may look at them: found by their ids alone, and with the attempts that used them.

use std::collections::BTreeMap;

use proto::id::Kind as IdKind;
use proto::identity::v1::File;
use proto::store::v1::ImageRecord;

use super::{Session, Store};
use crate::error::Error;
use crate::evidence::EvidenceError;
use crate::id::Id;

/// A picture, and the attempts that used it.
struct Picture {
    image: ImageRecord,
    attempts: Vec<u32>,
}

impl Picture {
    /// What may be told of it.
    fn file(&self, session: &Session) -> Option<File> {
        let file = self.image.file.clone()?;
        Some(File {
            verification_session: Some(session.id.to_string()),
            attempts: self.attempts.clone(),
            ..file
        })
    }
}

impl Store {
    /// What is known of an account's picture.
    pub async fn file(&self, file: &str, account: &str) -> Result<File, Error> {
        let (session, _, picture) = self.picture(file, Some(account)).await?;
        picture.file(&session).ok_or(Error::Incomplete("file"))
    }

    /// The same, and the picture itself; without an account, whosever it is.
    pub async fn read_file(&self, file: &str, account: Option<&str>) -> Result<(File, Vec<u8>), Error> {
        let (session, id, picture) = self.picture(file, account).await?;
        let known = picture.file(&session).ok_or(Error::Incomplete("file"))?;
        match self.open_image(&id, picture.image).await {
            // It was replaced or redacted meanwhile: then it is not found any more.
            Err(error @ Error::Evidence(EvidenceError::Missing(_))) => {
                self.picture(file, account).await?;
                Err(error)
            }
            opened => Ok((known, opened?)),
        }
    }

    /// The pictures of an account's session, in the order of their ids.
    pub async fn files(&self, session: &str, account: &str) -> Result<Vec<File>, Error> {
        let session = self.session(session, Some(account)).await?;
        let pictures = self.pictures(&session).await?;
        Ok(pictures.values().filter_map(|picture| picture.file(&session)).collect())
    }

    async fn picture(&self, file: &str, account: Option<&str>) -> Result<(Session, Id, Picture), Error> {
        let id = Id::parse(IdKind::File, file).ok_or(Error::FileNotFound)?;
        let session = self.storage.session_of_file(&id).await?.ok_or(Error::FileNotFound)?;
        let session = match self.session(session.as_str(), account).await {
            // Of another account: then there is no such file.
            Err(Error::SessionNotFound) => return Err(Error::FileNotFound),
            session => session?,
        };
        let picture = self.pictures(&session).await?.remove(file);
        Ok((session, id, picture.ok_or(Error::FileNotFound)?))
    }

    /// The pictures that a session holds, and those that earlier attempts used, by their ids: none from the moment at which its redaction
    /// was asked for.
    async fn pictures(&self, session: &Session) -> Result<BTreeMap<String, Picture>, Error> {
        let mut pictures = BTreeMap::new();
        if session.state()?.redaction.is_some() {
            return Ok(pictures);
        }
        for attempt in 1..=session.attempts {
            match self.attempt(&session.id, attempt).await {
                Ok(finished) => note(&mut pictures, finished.unwrap_or_default().images, attempt),
                // Its pictures are lost with their keys, unless the session holds them still.
                Err(error) if error.is_damage() => {
                    tracing::error!(session = %session.id, attempt, %error, "an attempt's record cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        for image in &session.images {
            // What is held has been held since the first submission that used it.
            let attempts = match image.attempt {
                0 => Vec::new(),
                first => (first..=session.attempts).collect(),
            };
            if let Some(file) = &image.file {
                let image = image.clone();
                pictures.insert(file.id.clone(), Picture { image, attempts });
            }
        }
        Ok(pictures)
    }
}

fn note(pictures: &mut BTreeMap<String, Picture>, images: Vec<ImageRecord>, attempt: u32) {
    for image in images {
        let Some(id) = image.file.as_ref().map(|file| file.id.clone()) else {
            continue;
        };
        let attempts = Vec::new();
        pictures
            .entry(id)
            .or_insert(Picture { image, attempts })
            .attempts
            .push(attempt);
    }
}
