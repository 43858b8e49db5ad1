//! Pictures: files in an object store, each sealed under a key of its own.
//!
//! The key lies in the session's record and nowhere else, so that a redaction of the record destroys the picture, whatever
//! copies of the file exist. A file is written before the record that names it and deleted after the record that does not
//! name it any more: a crash between leaves a file that nobody can open, and never a record without its file.

use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::id::Id;
use crate::seal::{Kind, SealError, SecretKey};

/// Why a picture could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder or bucket does not answer.
    #[error("object store: {0}")]
    Store(object_store::Error),
    /// The file is not there, and trying again will not bring it.
    #[error("object store: {0}")]
    Missing(object_store::Error),
    /// The file does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The process is stopping.
    #[error("the evidence store was closed")]
    Closed,
}

impl From<object_store::Error> for EvidenceError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing(error),
            _ => Self::Store(error),
        }
    }
}

/// Where a picture lies and what opens it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The picture's own key.
    pub key: SecretKey,
    /// Path in the object store.
    pub path: String,
}

/// The store of pictures. Clones share it.
#[derive(Clone, Debug)]
pub struct Evidence(Arc<dyn ObjectStore>);

impl Evidence {
    /// A local folder, made when it is missing. What was put is on disk when it is answered.
    pub fn in_folder(folder: &FilePath) -> Result<Self, EvidenceError> {
        let make = |source| object_store::Error::Generic {
            store: "folder",
            source: Box::new(source),
        };
        std::fs::create_dir_all(folder).map_err(make)?;
        Ok(Self(Arc::new(
            LocalFileSystem::new_with_prefix(folder)?.with_fsync(true),
        )))
    }

    /// Kept in memory, for tests.
    pub fn in_memory() -> Self {
        Self(Arc::new(InMemory::new()))
    }

    /// Seals and stores a picture; all of it or nothing.
    pub async fn put(&self, file: &Id, picture: Vec<u8>) -> Result<Kept, EvidenceError> {
        let id = file.to_string();
        let (key, sealed) = compute(move || {
            let key = SecretKey::random()?;
            let sealed = key.seal(Kind::Evidence, &id, &picture)?;
            Ok((key, sealed))
        })
        .await?;
        let path = format!("p{:02}/{file}", file.partition());
        self.0.put(&Path::from(path.as_str()), PutPayload::from(sealed)).await?;
        Ok(Kept { key, path })
    }

    /// Reads and opens a picture.
    pub async fn get(&self, file: &Id, kept: Kept) -> Result<Vec<u8>, EvidenceError> {
        let sealed = self.0.get(&Path::from(kept.path.as_str())).await?.bytes().await?;
        let id = file.to_string();
        compute(move || Ok(kept.key.open(Kind::Evidence, &id, &sealed)?.to_vec())).await
    }

    /// Deletes a picture that no record names any more. Whether it works matters little: its key is gone.
    pub async fn delete(&self, path: &str) {
        match self.0.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => tracing::warn!(%error, "a replaced picture could not be deleted"),
        }
    }

    /// Whether the store answers.
    pub async fn healthy(&self) -> bool {
        let probe = self.0.head(&Path::from("health")).await;
        matches!(probe, Ok(_) | Err(object_store::Error::NotFound { .. }))
    }
}

/// Ten megabytes take milliseconds: not on a thread that others wait for.
async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T, EvidenceError> {
    Ok(tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| EvidenceError::Closed)??)
}

#[cfg(test)]
mod tests {
    use proto::id::Kind as IdKind;

    use super::*;

    #[tokio::test]
    async fn keeps_pictures_that_only_their_own_key_opens() {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = Evidence::in_folder(folder.path()).expect("a store");
        assert!(evidence.healthy().await);
        let [first, second] = [(); 2].map(|()| Id::new(IdKind::File, 7));
        let picture = b"a picture of a face".repeat(1000);
        let kept = evidence.put(&first, picture.clone()).await.expect("put");
        let other = evidence.put(&second, b"another".to_vec()).await.expect("put");
        assert_eq!(kept.path, format!("p07/{first}"));

        let on_disk = std::fs::read(folder.path().join(&kept.path)).expect("one file");
        assert!(!on_disk.windows(9).any(|window| window == b"a picture"));
        assert_eq!(evidence.get(&first, kept.clone()).await.expect("get"), picture);
        let wrong_key = Kept {
            key: other.key.clone(),
            ..kept.clone()
        };
        assert!(matches!(
            evidence.get(&first, wrong_key).await,
            Err(EvidenceError::Seal(_))
        ));
        assert!(
            matches!(evidence.get(&second, kept.clone()).await, Err(EvidenceError::Seal(_))),
            "bound to its id"
        );

        evidence.delete(&kept.path).await;
        evidence.delete(&kept.path).await;
        assert!(matches!(
            evidence.get(&first, kept).await,
            Err(EvidenceError::Missing(_))
        ));
        assert_eq!(evidence.get(&second, other).await.expect("get"), b"another");
    }
}
