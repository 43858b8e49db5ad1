//! Pictures, each sealed under a key of its own, in an object store.
//!
//! The key lies in the session's record and nowhere else: destroying it destroys the picture, also in every copy of the store that
//! somebody keeps. A picture is written before the record that names it, so what a crash leaves behind is at worst a sealed file
//! without a key.

use std::fmt;
use std::path::Path as Folder;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use proto::id::Kind as IdKind;
use proto::store::v1::ImageRecord;
use zeroize::Zeroizing;

use crate::seal::{Kind, SealError, SecretKey};

/// Why a picture cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder cannot be used.
    #[error("evidence cannot be kept in this folder")]
    Folder(#[source] object_store::Error),
    /// The object store failed.
    #[error("the object store failed")]
    Store(#[from] object_store::Error),
    /// The picture is not there any more.
    #[error("the picture is gone")]
    Gone,
    /// The picture's key or its ciphertext is damaged.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Where pictures are kept. Clones share it.
#[derive(Clone)]
pub struct Evidence {
    objects: Arc<dyn ObjectStore>,
}

/// A picture that was written: what the session's record must remember of it.
pub struct Kept {
    /// The picture's own key.
    pub key: SecretKey,
    /// Where it lies.
    pub path: String,
}

impl Evidence {
    /// Keeps pictures in a local folder, which is made where it is missing.
    pub fn in_folder(folder: &Folder) -> Result<Self, EvidenceError> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|source| {
            EvidenceError::Folder(object_store::Error::Generic {
                store: "folder",
                source: source.into(),
            })
        })?;
        let objects = LocalFileSystem::new_with_prefix(folder)
            .map_err(EvidenceError::Folder)?
            .with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
        })
    }

    /// Keeps pictures in memory.
    pub fn in_memory() -> Self {
        Self {
            objects: Arc::new(InMemory::new()),
        }
    }

    /// Seals a picture under a new key and writes it.
    pub async fn keep(&self, session: &str, file: &str, data: &[u8]) -> Result<Kept, EvidenceError> {
        let key = SecretKey::random()?;
        let sealed = key.seal(Kind::Evidence, file, data)?;
        let path = path(session, file);
        self.objects.put(&path, sealed.into()).await?;
        Ok(Kept { key, path: path.into() })
    }

    /// Reads a picture and opens it.
    pub async fn open(&self, image: &ImageRecord) -> Result<Zeroizing<Vec<u8>>, EvidenceError> {
        let key = SecretKey::from_bytes(&image.key).ok_or(SealError::Damaged)?;
        let file = image.file.as_ref().ok_or(SealError::Damaged)?;
        let found = self.objects.get(&Path::from(image.path.as_str())).await.map_err(gone)?;
        let sealed = found.bytes().await.map_err(gone)?;
        Ok(key.open(Kind::Evidence, &file.id, &sealed)?)
    }

    /// Deletes a picture that no record names any more. One that is not there counts as deleted.
    pub async fn delete(&self, image: &ImageRecord) -> Result<(), EvidenceError> {
        match self.objects.delete(&Path::from(image.path.as_str())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evidence")
    }
}

/// `p07/vs_07…/file_07…`: by partition, so that no folder grows without bound.
fn path(session: &str, file: &str) -> Path {
    let partition = proto::id::partition(IdKind::VerificationSession, session).unwrap_or_default();
    Path::from_iter([format!("p{partition:02}").as_str(), session, file])
}

fn gone(error: object_store::Error) -> EvidenceError {
    match error {
        object_store::Error::NotFound { .. } => EvidenceError::Gone,
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use proto::identity::v1::File;

    use super::*;

    fn record(file: &str, kept: &Kept) -> ImageRecord {
        ImageRecord {
            file: Some(File {
                id: file.to_owned(),
                ..File::default()
            }),
            key: kept.key.expose().to_vec(),
            path: kept.path.clone(),
        }
    }

    #[tokio::test]
    async fn opens_what_it_kept_and_only_that() {
        let folder = tempfile::tempdir().expect("a folder");
        for evidence in [
            Evidence::in_folder(folder.path()).expect("usable"),
            Evidence::in_memory(),
        ] {
            let kept = evidence.keep("vs_1", "file_1", b"a face").await.expect("kept");
            let image = record("file_1", &kept);
            assert_eq!(evidence.open(&image).await.expect("opened").as_slice(), b"a face");

            let other_name = record("file_2", &kept);
            assert!(matches!(
                evidence.open(&other_name).await,
                Err(EvidenceError::Seal(SealError::Damaged))
            ));
            let mut without_key = image.clone();
            without_key.key.clear();
            assert!(matches!(
                evidence.open(&without_key).await,
                Err(EvidenceError::Seal(SealError::Damaged))
            ));

            evidence.delete(&image).await.expect("deleted");
            evidence.delete(&image).await.expect("deleted before");
            assert!(matches!(evidence.open(&image).await, Err(EvidenceError::Gone)));
        }
    }

    #[tokio::test]
    async fn nothing_of_a_picture_lies_in_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let evidence = Evidence::in_folder(folder.path()).expect("usable");
        let plain = b"a face that must not be seen on the disk".repeat(20);
        let kept = evidence.keep("vs_1", "file_1", &plain).await.expect("kept");
        let sealed = std::fs::read(folder.path().join(kept.path)).expect("a file");
        assert!(!sealed.windows(8).any(|window| window == &plain[..8]));
    }
}
