//! The master key of a folder of data: made when the folder is first used, kept in it, readable by its owner only.
//!
//! Whoever starts report-svc on a folder, by itself or with `bonafide up`, finds the same key here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use service_kit::config::Secret;
use service_kit::private;
use zeroize::Zeroizing;

use crate::seal::{Keyring, SealError};
use crate::storage::embedded::DATABASE_FILE;

/// Name of the folder of keys under the folder of data.
const FOLDER: &str = "keys";

/// Name of the key's file under the folder of keys.
const FILE: &str = "master_key";

/// The id of a key that is made here.
const FIRST: &str = "first";

/// Why a folder of data has no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// A new key would open nothing of what is there.
    #[error("{database} is there, but its master key {key} is not: put the key back, nothing can be read without it")]
    Lost {
        /// What was sealed under the key.
        database: PathBuf,
        /// Where the key was.
        key: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] SealError),
}

/// The master keys of the folder `data`, in the form that [`Keyring::parse`] reads. Makes the folder and a key where there are
/// none yet, unless there is something that the key that is missing sealed.
pub fn master_key(data: &Path) -> Result<Secret, MasterKeyError> {
    let (database, key) = (data.join(DATABASE_FILE), data.join(FOLDER).join(FILE));
    let failed = |source| MasterKeyError::File {
        path: key.clone(),
        source,
    };
    // Before the key: another process that starts now makes its key before its database.
    let used = database.try_exists().map_err(failed)?;
    if !key.try_exists().map_err(failed)? {
        if used {
            return Err(MasterKeyError::Lost { database, key });
        }
        private::create_folder(&data.join(FOLDER)).map_err(failed)?;
        private::write_once(&key, &Keyring::generate(FIRST)?).map_err(failed)?;
        tracing::info!(path = %key.display(), "made a master key: keep it, nothing can be read without it");
    }
    Ok(Secret::new(
        fs::read_to_string(&key).map(Zeroizing::new).map_err(failed)?.trim(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Kind;

    #[test]
    fn is_made_once_and_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let ring = || Keyring::parse(master_key(&data).expect("made or found").expose()).expect("a key");
        let sealed = ring().seal(Kind::Session, "vs_1", b"x").expect("seals");
        fs::write(data.join(DATABASE_FILE), sealed.as_slice()).expect("writes");
        let opened = ring().open(Kind::Session, "vs_1", &sealed).expect("opens");
        assert_eq!(opened.as_slice(), b"x");
        let kept = fs::read_dir(data.join(FOLDER)).expect("made").count();
        assert_eq!(kept, 1, "nothing is left beside the key file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: PathBuf| fs::metadata(path).expect("made").permissions().mode() & 0o777;
            assert_eq!(mode(data.join(FOLDER)), 0o700);
            assert_eq!(mode(data.join(FOLDER).join(FILE)), 0o600);
        }
    }

    #[test]
    fn is_not_made_anew_for_what_it_would_not_open() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(DATABASE_FILE), b"sealed").expect("writes");
        let error = master_key(folder.path()).expect_err("lost");
        assert!(matches!(error, MasterKeyError::Lost { .. }), "{error}");
        assert!(!folder.path().join(FOLDER).exists());
    }
}
