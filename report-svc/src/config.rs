//! Configuration of report-svc.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use service_kit::config::{Secret, ServeConfig};
use zeroize::Zeroizing;

use crate::evidence::Location;
use crate::limits::Limits;
use crate::master_key::{MasterKeyError, master_key};
use crate::retention::RetentionRule;
use crate::seal::{Keyring, KeyringError};
use crate::storage::redis::{RedisTlsConfig, Risk};

/// Where the state lies.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RedisConfig {
    /// Redis, e.g. redis://user:password@host:6379, or rediss:// over TLS; several addresses separated by commas are the seeds of a
    /// Cluster. Without it the state lies in one file in the data folder, for one process.
    #[arg(
        id = "redis_url",
        long = "redis-url",
        env = "BONAFIDE_REDIS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub url: Option<Secret>,
    /// What Redis may lack all the same, separated by commas: a server that may lose state is refused otherwise.
    #[arg(
        id = "redis_allow",
        long = "redis-allow",
        env = "BONAFIDE_REDIS_ALLOW",
        value_enum,
        value_delimiter = ',',
        value_name = "RISK"
    )]
    pub allow: Vec<Risk>,
    /// Certificates.
    #[command(flatten)]
    pub tls: RedisTlsConfig,
}

/// Everything that can be set.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// How the service listens.
    #[command(flatten)]
    pub serve: ServeConfig,
    /// Folder of the pictures and, without Redis, of the database file. Several replicas need one folder that they share. Not needed
    /// with Redis and a bucket.
    #[arg(long, env = "BONAFIDE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Bucket of the pictures instead of the folder, s3://bucket or s3://bucket/prefix: of S3 or of a service that speaks its
    /// protocol. Access to it is set by AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (or a role that the machine has),
    /// AWS_ENDPOINT_URL, and AWS_ALLOW_HTTP=true for one without TLS.
    #[arg(long, env = "BONAFIDE_EVIDENCE", value_name = "URL")]
    pub evidence: Option<String>,
    /// The state.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// Master keys as id:base64 of 32 bytes, separated by commas: the first seals, all open. Needed with Redis; without it a
    /// key is made in keys/master_key under --data.
    #[arg(long, env = "BONAFIDE_MASTER_KEYS", hide_env_values = true)]
    pub master_keys: Option<Secret>,
    /// File with the master keys, one a line.
    #[arg(long, env = "BONAFIDE_MASTER_KEYS_FILE")]
    pub master_keys_file: Option<PathBuf>,
    /// How often a job is leased before it is given up and the person is asked to try again.
    #[arg(long, env = "BONAFIDE_MAX_DELIVERIES", default_value_t = default(|limits| limits.deliveries))]
    pub max_deliveries: NonZeroU32,
    /// How often a session is submitted; after that the backend must open a new one.
    #[arg(long, env = "BONAFIDE_MAX_ATTEMPTS", default_value_t = default(|limits| limits.attempts))]
    pub max_attempts: NonZeroU32,
    /// Pictures uploaded for one submission, those included that others replaced.
    #[arg(long, env = "BONAFIDE_MAX_IMAGES_PER_ATTEMPT", default_value_t = default(|limits| limits.images_per_attempt))]
    pub max_images_per_attempt: NonZeroU32,
    /// Pictures uploaded to one session in all.
    #[arg(long, env = "BONAFIDE_MAX_IMAGES", default_value_t = default(|limits| limits.images))]
    pub max_images: NonZeroU32,
    /// MiB of pictures uploaded to one session in all.
    #[arg(long, env = "BONAFIDE_MAX_IMAGES_MIB", default_value_t = default(|limits| (limits.image_bytes / MIB) as u32))]
    pub max_images_mib: NonZeroU32,
    /// What time takes away.
    #[command(flatten)]
    pub retention: RetentionConfig,
}

/// What is kept, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub struct RetentionConfig {
    /// How long events are kept for whoever reads them late.
    #[arg(long, env = "BONAFIDE_EVENT_RETENTION", default_value = "30d", value_parser = humantime::parse_duration)]
    pub event_retention: Duration,
    /// How long what is personal is kept, separated by commas: sessions=TIME after they reached their status, then they are redacted;
    /// images=TIME after that and the last upload, then nobody can open them any more. account:sessions=TIME and account:images=TIME hold
    /// for one account. For ever where nothing is said. Another time holds for the sessions that are
    /// there, too, within a day.
    #[arg(
        long,
        env = "BONAFIDE_RETENTION",
        value_delimiter = ',',
        value_name = "[ACCOUNT:]KIND=TIME"
    )]
    pub retention: Vec<RetentionRule>,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            event_retention: Duration::from_secs(30 * 24 * 3600),
            retention: Vec::new(),
        }
    }
}

/// Under the folder of data.
const EVIDENCE_FOLDER: &str = "evidence";

const MIB: u64 = 1024 * 1024;

/// The default of a limit; all of them are greater than zero.
fn default(limit: impl Fn(&Limits) -> u32) -> NonZeroU32 {
    NonZeroU32::new(limit(&Limits::default())).unwrap_or(NonZeroU32::MIN)
}

/// A configuration that must not be started with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nowhere to keep something.
    #[error("{0} need --data (BONAFIDE_DATA), or {1}")]
    DataMissing(&'static str, &'static str),
    /// No attempt could reach its limit.
    #[error("--max-images must not be less than --max-images-per-attempt")]
    ImagesBelowAttempt,
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

impl AsRef<ServeConfig> for Config {
    fn as_ref(&self) -> &ServeConfig {
        &self.serve
    }
}

impl Config {
    /// The embedded storage in a folder, on a free loopback port.
    pub fn embedded(data: impl Into<PathBuf>) -> Self {
        Self {
            serve: ServeConfig::default(),
            data: Some(data.into()),
            evidence: None,
            redis: RedisConfig::default(),
            master_keys: None,
            master_keys_file: None,
            max_deliveries: default(|limits| limits.deliveries),
            max_attempts: default(|limits| limits.attempts),
            max_images_per_attempt: default(|limits| limits.images_per_attempt),
            max_images: default(|limits| limits.images),
            max_images_mib: default(|limits| (limits.image_bytes / MIB) as u32),
            retention: RetentionConfig::default(),
        }
    }

    /// What one session may take up, and one job.
    pub fn limits(&self) -> Result<Limits, ConfigError> {
        if self.max_images < self.max_images_per_attempt {
            return Err(ConfigError::ImagesBelowAttempt);
        }
        Ok(Limits {
            deliveries: self.max_deliveries.get(),
            attempts: self.max_attempts.get(),
            images_per_attempt: self.max_images_per_attempt.get(),
            images: self.max_images.get(),
            image_bytes: u64::from(self.max_images_mib.get()) * MIB,
        })
    }

    /// The folder of the database file.
    pub(crate) fn folder_of_state(&self) -> Result<&Path, ConfigError> {
        let missing = || ConfigError::DataMissing("sessions and reports", "--redis-url (BONAFIDE_REDIS_URL)");
        self.data.as_deref().ok_or_else(missing)
    }

    /// The folder or bucket of the pictures.
    pub(crate) fn evidence(&self) -> Result<Location, ConfigError> {
        let missing = || ConfigError::DataMissing("pictures", "--evidence (BONAFIDE_EVIDENCE)");
        match &self.evidence {
            Some(url) => Ok(Location::Bucket(url.clone())),
            None => {
                let data = self.data.as_deref().ok_or_else(missing)?;
                Ok(Location::Folder(data.join(EVIDENCE_FOLDER)))
            }
        }
    }

    /// The master keys; makes the folder of data and a key file in it where none are given and one process is all there is.
    pub(crate) fn keyring(&self) -> Result<Keyring, ConfigError> {
        let list = match (&self.master_keys, &self.master_keys_file) {
            (Some(_), Some(_)) => return Err(ConfigError::KeysTwice),
            (Some(keys), None) => keys.clone(),
            (None, Some(path)) => read(path)?,
            (None, None) if self.redis.url.is_some() => return Err(ConfigError::KeysMissing),
            (None, None) => master_key(self.folder_of_state()?)?,
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
    fn the_defaults_are_those_of_the_limits() {
        assert_eq!(
            Config::embedded("data").limits().expect("go together"),
            Limits::default()
        );
    }

    #[test]
    fn refuses_what_does_not_go_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::embedded(folder.path());
        let images = Config {
            max_images: NonZeroU32::MIN,
            ..config.clone()
        };
        assert!(matches!(images.limits(), Err(ConfigError::ImagesBelowAttempt)));
        let redis = Config {
            redis: RedisConfig {
                url: Some(Secret::new("redis://127.0.0.1")),
                ..RedisConfig::default()
            },
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
