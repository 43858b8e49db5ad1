//! Pictures: files in an object store, each sealed under a key of its own.
//!
//! The key lies in the session's record and nowhere else, so that a redaction of the record destroys the picture, whatever
//! copies of the file exist. A file is written before the record that names it and deleted after the record that does not
//! name it any more: a crash between leaves a file that nobody can open, and never a record without its file.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

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
    /// Not the URL of a bucket.
    #[error("evidence is kept in s3://bucket or s3://bucket/prefix")]
    Url,
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

/// Where pictures are kept.
#[derive(Clone, Debug)]
pub enum Location {
    /// A local folder.
    Folder(PathBuf),
    /// A bucket of S3 or of what speaks its protocol: `s3://bucket/prefix`. The environment says how to reach it.
    Bucket(String),
}

/// What is written to find out whether anything can be.
const PROBE: &str = "health";

/// How long the object store may take for one attempt, and for all attempts of a request.
const ATTEMPT_TIMEOUT: &str = "5 seconds";
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The store of pictures. Clones share it.
#[derive(Clone, Debug)]
pub struct Evidence {
    store: Arc<dyn ObjectStore>,
    /// Bytes of the last write, if it failed; 0 when it did not.
    failed: Arc<AtomicUsize>,
    /// Held while as many bytes are tried again.
    trying: Arc<Mutex<()>>,
}

impl Evidence {
    /// Opens the store, and writes to it to see that this can be done.
    ///
    /// # Errors
    /// [`EvidenceError::Url`] for a bucket's URL that is none; [`EvidenceError::Store`] when the store does not take what is written.
    pub async fn open(location: Location) -> Result<Self, EvidenceError> {
        let evidence = match location {
            Location::Folder(folder) => Self::in_folder(&folder)?,
            Location::Bucket(url) => Self::in_bucket(&url)?,
        };
        evidence.write(&Path::from(PROBE), PutPayload::new()).await?;
        Ok(evidence)
    }

    fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            failed: Arc::default(),
            trying: Arc::default(),
        }
    }

    /// A bucket: `s3://bucket` or `s3://bucket/prefix`.
    fn in_bucket(url: &str) -> Result<Self, EvidenceError> {
        let rest = url.strip_prefix("s3://").ok_or(EvidenceError::Url)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(EvidenceError::Url);
        }
        let retry = RetryConfig {
            max_retries: 3,
            retry_timeout: REQUEST_TIMEOUT,
            ..RetryConfig::default()
        };
        service_kit::tls::choose_provider();
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), ATTEMPT_TIMEOUT)
            .with_retry(retry)
            .build()?;
        Ok(Self::over(Arc::new(PrefixStore::new(store, prefix))))
    }

    /// A local folder, made when it is missing. What was put is on disk when it is answered.
    pub fn in_folder(folder: &FilePath) -> Result<Self, EvidenceError> {
        let make = |source| object_store::Error::Generic {
            store: "folder",
            source: Box::new(source),
        };
        std::fs::create_dir_all(folder).map_err(make)?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self::over(Arc::new(store)))
    }

    /// Kept in memory, for tests.
    pub fn in_memory() -> Self {
        Self::over(Arc::new(InMemory::new()))
    }

    /// SHA-256 of a picture, which comes back with it.
    pub async fn digest(&self, picture: Vec<u8>) -> Result<(Vec<u8>, Vec<u8>), EvidenceError> {
        compute(move || {
            let digest = Sha256::digest(&picture).to_vec();
            Ok((picture, digest))
        })
        .await
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
        self.write(&Path::from(path.as_str()), PutPayload::from(sealed)).await?;
        Ok(Kept { key, path })
    }

    async fn write(&self, path: &Path, bytes: PutPayload) -> Result<(), EvidenceError> {
        let length = bytes.content_length();
        let written = self.store.put(path, bytes).await;
        // What is empty fits on every disk that is full: a byte does not.
        let failed = if written.is_ok() { 0 } else { length.max(1) };
        self.failed.store(failed, Ordering::Relaxed);
        written?;
        Ok(())
    }

    /// Reads and opens a picture.
    pub async fn get(&self, file: &Id, kept: Kept) -> Result<Vec<u8>, EvidenceError> {
        let sealed = self.store.get(&Path::from(kept.path.as_str())).await?.bytes().await?;
        let id = file.to_string();
        compute(move || Ok(kept.key.open(Kind::Evidence, &id, &sealed)?.to_vec())).await
    }

    /// Deletes the file of a picture that nobody can open any more, if it is there.
    pub async fn delete(&self, path: &str) -> Result<(), EvidenceError> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the store answers, and takes what is written. Where the last write failed, as many bytes are tried, since a disk that is
    /// full takes small files for a while. That may take longer than a caller waits: it goes on without him, and the next one hears of it.
    pub async fn healthy(&self) -> bool {
        let probe = Path::from(PROBE);
        let failed = self.failed.load(Ordering::Relaxed);
        if failed == 0 {
            return self.store.head(&probe).await.is_ok() || self.write(&probe, PutPayload::new()).await.is_ok();
        }
        let Ok(trying) = Arc::clone(&self.trying).try_lock_owned() else {
            return false;
        };
        let evidence = self.clone();
        let tried = tokio::spawn(async move {
            let _trying = trying;
            let fits = evidence.write(&probe, vec![0; failed].into()).await.is_ok();
            fits && evidence.write(&probe, PutPayload::new()).await.is_ok()
        });
        tried.await.unwrap_or(false)
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
    use object_store::throttle::{ThrottleConfig, ThrottledStore};
    use proto::id::Kind as IdKind;
    use tokio::time::{sleep, timeout};

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

        for _ in 0..2 {
            evidence.delete(&kept.path).await.expect("deleted");
        }
        assert!(matches!(
            evidence.get(&first, kept).await,
            Err(EvidenceError::Missing(_))
        ));
        assert_eq!(evidence.get(&second, other).await.expect("get"), b"another");
    }

    #[tokio::test]
    async fn is_healthy_again_when_it_takes_pictures_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("evidence");
        let evidence = Evidence::open(Location::Folder(place.clone())).await.expect("a store");
        assert!(evidence.healthy().await);
        let file = Id::new(IdKind::File, 7);
        // Where its folder was, a file is.
        std::fs::remove_dir_all(&place).expect("removed");
        std::fs::write(&place, "in the way").expect("written");
        let refused = evidence.put(&file, b"a picture".to_vec()).await;
        assert!(matches!(refused, Err(EvidenceError::Store(_))), "{refused:?}");
        assert!(!evidence.healthy().await);
        std::fs::remove_file(&place).expect("removed");
        assert!(evidence.healthy().await);
        evidence.put(&file, b"a picture".to_vec()).await.expect("kept");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_tried_again_may_take_longer_than_its_caller() {
        let slow = ThrottleConfig {
            wait_put_per_call: Duration::from_secs(10),
            ..ThrottleConfig::default()
        };
        let evidence = Evidence::over(Arc::new(ThrottledStore::new(InMemory::new(), slow)));
        evidence.failed.store(1000, Ordering::Relaxed);
        let mut answers = Vec::new();
        while answers.last() != Some(&Ok(true)) && answers.len() < 100 {
            answers.push(timeout(Duration::from_secs(2), evidence.healthy()).await.map_err(drop));
            sleep(Duration::from_secs(5)).await;
        }
        // Begun at 0 s, looked at again after 7 and 12.
        assert_eq!(answers, [Err(()), Ok(false), Ok(true)]);
    }

    #[tokio::test]
    async fn a_bucket_has_a_url() {
        for url in ["evidence", "s3:evidence", "s3://", "s3:///prefix", "https://bucket"] {
            let opened = Evidence::open(Location::Bucket(url.to_owned())).await;
            assert!(matches!(opened, Err(EvidenceError::Url)), "{url}");
        }
    }
}
