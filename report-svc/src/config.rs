//! Configuration of report-svc.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use service_kit::config::{Secret, ServeConfig};
use zeroize::Zeroizing;

use crate::master_key::{MasterKeyError, master_key};
use crate::seal::{Keyring, KeyringError};

/// How often a job is leased before it is given up.
pub const DEFAULT_MAX_DELIVERIES: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Everything that can be set.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// How the service listens.
    #[command(flatten)]
    pub serve: ServeConfig,
    /// Folder of the pictures and, without Redis, of the database file. Several replicas need one folder that they share.
    #[arg(long, env = "BONAFIDE_DATA")]
    pub data: PathBuf,
    /// Redis, e.g. redis://user:password@host:6379; several addresses separated by commas are the seeds of a Cluster. Without
    /// it the state lies in one file under --data, for one process.
    #[arg(long, env = "BONAFIDE_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Secret>,
    /// Master keys as id:base64 of 32 bytes, separated by commas: the first seals, all open. Needed with Redis; without it a
    /// key is made in keys/master_key under --data.
    #[arg(long, env = "BONAFIDE_MASTER_KEYS", hide_env_values = true)]
    pub master_keys: Option<Secret>,
    /// File with the master keys, one a line.
    #[arg(long, env = "BONAFIDE_MASTER_KEYS_FILE")]
    pub master_keys_file: Option<PathBuf>,
    /// How often a job is leased before it is given up and the person is asked to try again.
    #[arg(long, env = "BONAFIDE_MAX_DELIVERIES", default_value_t = DEFAULT_MAX_DELIVERIES)]
    pub max_deliveries: NonZeroU32,
}

/// A configuration that must not be started with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Keys in two places.
    #[error("give the master keys with --master-keys or with --master-keys-file, not with both")]
    KeysTwice,
    /// Replicas cannot share a key that one of them made.
    #[error("redis needs --master-keys or --master-keys-file: every replica must open what another one sealed")]
    KeysMissing,
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// The file with the master keys cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of data has no key and gets none.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
}

impl Config {
    /// The embedded storage in a folder, on a free loopback port.
    pub fn embedded(data: impl Into<PathBuf>) -> Self {
        Self {
            serve: ServeConfig::default(),
            data: data.into(),
            redis_url: None,
            master_keys: None,
            master_keys_file: None,
            max_deliveries: DEFAULT_MAX_DELIVERIES,
        }
    }

    /// The master keys; makes the folder of data and a key file in it where none are given and one process is all there is.
    pub(crate) fn keyring(&self) -> Result<Keyring, ConfigError> {
        let list = match (&self.master_keys, &self.master_keys_file) {
            (Some(_), Some(_)) => return Err(ConfigError::KeysTwice),
            (Some(keys), None) => keys.clone(),
            (None, Some(path)) => read(path)?,
            (None, None) if self.redis_url.is_some() => return Err(ConfigError::KeysMissing),
            (None, None) => master_key(&self.data)?,
        };
        Ok(Keyring::parse(list.expose())?)
    }
}

fn read(path: &Path) -> Result<Secret, ConfigError> {
    let list = std::fs::read_to_string(path).map(Zeroizing::new);
    let list = list.map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(Secret::new(list.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_does_not_go_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::embedded(folder.path());
        let redis = Config {
            redis_url: Some(Secret::new("redis://127.0.0.1")),
            ..config.clone()
        };
        assert!(matches!(redis.keyring(), Err(ConfigError::KeysMissing)));
        let keys = Some(Secret::new(Keyring::generate("k1").expect("random numbers").as_str()));
        assert!(
            Config {
                master_keys: keys.clone(),
                ..redis.clone()
            }
            .keyring()
            .is_ok()
        );
        let file = Some(folder.path().join("absent"));
        let twice = Config {
            master_keys: keys,
            master_keys_file: file.clone(),
            ..redis.clone()
        };
        assert!(matches!(twice.keyring(), Err(ConfigError::KeysTwice)));
        let absent = Config {
            master_keys_file: file,
            ..redis
        };
        assert!(matches!(absent.keyring(), Err(ConfigError::File { .. })));
    }
}
