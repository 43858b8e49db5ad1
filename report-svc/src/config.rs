//! Configuration of report-svc.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use service_kit::config::{Secret, ServeConfig};
use zeroize::Zeroizing;

use crate::seal::{Keyring, KeyringError, SealError};

/// How often a job is leased before it is given up.
pub const DEFAULT_MAX_DELIVERIES: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Name of the key file that is made where no master keys are given.
const KEY_FILE: &str = "master-keys";

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
    /// key file is made under --data.
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
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] SealError),
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
            (Some(keys), None) => Zeroizing::new(keys.expose().to_owned()),
            (None, Some(path)) => read(path)?,
            (None, None) if self.redis_url.is_some() => return Err(ConfigError::KeysMissing),
            (None, None) => self.own_keys()?,
        };
        Ok(Keyring::parse(&list)?)
    }

    fn own_keys(&self) -> Result<Zeroizing<String>, ConfigError> {
        let path = self.data.join(KEY_FILE);
        if !path.exists() {
            std::fs::create_dir_all(&self.data).map_err(|source| file_error(&self.data, source))?;
            write_once(&path, &Keyring::generate("local-1")?).map_err(|source| file_error(&path, source))?;
            tracing::info!(path = %path.display(), "made a master key: keep it, nothing can be read without it");
        }
        read(&path)
    }
}

/// Writes a file that only its owner may read, whole or not at all, unless there is one already.
fn write_once(path: &Path, content: &str) -> std::io::Result<()> {
    let staged = path.with_extension(std::process::id().to_string());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&staged)?;
    writeln!(file, "{content}")?;
    file.sync_all()?;
    // A link, unlike a rename, leaves a key alone that another process made meanwhile.
    let linked = std::fs::hard_link(&staged, path);
    std::fs::remove_file(&staged)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: std::io::Error) -> ConfigError {
    ConfigError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Kind;

    #[test]
    fn makes_a_key_once_and_finds_it_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::embedded(folder.path().join("data"));
        let sealed = config
            .keyring()
            .expect("made")
            .seal(Kind::Session, "vs_1", b"x")
            .expect("seals");
        assert_eq!(
            config
                .keyring()
                .expect("found")
                .open(Kind::Session, "vs_1", &sealed)
                .expect("opens")
                .as_slice(),
            b"x"
        );
        assert_eq!(
            std::fs::read_dir(&config.data).expect("made").count(),
            1,
            "nothing is left beside the key file"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(config.data.join(KEY_FILE))
                .expect("made")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

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
