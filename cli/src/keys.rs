//! The keys of a deployment: made when it first starts, kept in its data folder, readable by its owner only.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use report_svc::master_key::master_key;
use service_kit::config::Secret;
use service_kit::private;

/// Name of the folder in the data folder.
const FOLDER: &str = "keys";
const API_KEY: &str = "api_key";
const RESTRICTED_API_KEY: &str = "restricted_api_key";
const TEST_API_KEY: &str = "test_api_key";
const RESTRICTED_TEST_API_KEY: &str = "restricted_test_api_key";
const SERVICE_TOKEN: &str = "service_token";

/// All keys of one deployment.
#[derive(Clone, Debug)]
pub struct Keys {
    /// `sk_live_…`: for backends that need no sensitive fields.
    pub api_key: Secret,
    /// `rk_live_…`: also reads sensitive fields.
    pub restricted_api_key: Secret,
    /// `sk_test_…`: as `api_key`, in test mode.
    pub test_api_key: Secret,
    /// `rk_test_…`: as `restricted_api_key`, in test mode.
    pub restricted_test_api_key: Secret,
    /// Signs client secrets; 32 bytes in base64.
    pub client_secret_key: Secret,
    /// Seals what is stored; an id, a colon, and 32 bytes in base64. Without it the data folder cannot be read.
    pub master_key: Secret,
    /// What the services show one another.
    pub service_token: Secret,
}

impl Keys {
    /// Reads the keys in a data folder, making those that are not there yet.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join(FOLDER);
        private::create_folder(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let key = |name: &str, prefix: &str, encode: fn([u8; 32]) -> String| {
            read_or_make(&folder.join(name), || Ok(format!("{prefix}{}", encode(random()?))))
        };
        let base64 = |random: [u8; 32]| STANDARD.encode(random);
        Ok(Self {
            api_key: key(API_KEY, "sk_live_", hex::encode)?,
            restricted_api_key: key(RESTRICTED_API_KEY, "rk_live_", hex::encode)?,
            test_api_key: key(TEST_API_KEY, "sk_test_", hex::encode)?,
            restricted_test_api_key: key(RESTRICTED_TEST_API_KEY, "rk_test_", hex::encode)?,
            client_secret_key: key("client_secret_key", "", base64)?,
            master_key: master_key(data)?,
            service_token: key(SERVICE_TOKEN, "", hex::encode)?,
        })
    }

    /// All API keys as session-svc takes them.
    pub fn list(&self, account: &str) -> Secret {
        let keys = [
            &self.api_key,
            &self.restricted_api_key,
            &self.test_api_key,
            &self.restricted_test_api_key,
        ];
        Secret::new(keys.map(|key| format!("{account}={}", key.expose())).join(","))
    }

    /// Where a data folder keeps the API key.
    pub fn api_key_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(API_KEY)
    }

    /// Where a data folder keeps what the services show one another.
    pub fn service_token_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(SERVICE_TOKEN)
    }

    /// Where a data folder keeps the API key that also reads sensitive fields.
    pub fn restricted_api_key_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(RESTRICTED_API_KEY)
    }

    /// Where a data folder keeps the API key of test mode.
    pub fn test_api_key_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(TEST_API_KEY)
    }

    /// Where a data folder keeps the API key of test mode that also reads sensitive fields.
    pub fn restricted_test_api_key_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(RESTRICTED_TEST_API_KEY)
    }
}

/// Reads a file that holds one key.
pub fn read_key(file: &Path) -> anyhow::Result<Secret> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read the key in {}", file.display()))?;
    let key = text.trim();
    anyhow::ensure!(
        !key.is_empty(),
        "{} holds no key: remove it to get a new one",
        file.display()
    );
    Ok(Secret::new(key))
}

/// A key from the file named, else from the environment variable, else from a file of this machine's deployment if it is there.
///
/// # Errors
/// When a file cannot be read or holds no key.
pub fn chosen(named: Option<&Path>, variable: &str, local: Option<&Path>) -> anyhow::Result<Option<Secret>> {
    if let Some(file) = named {
        return read_key(file).map(Some);
    }
    if let Some(key) = std::env::var(variable).ok().filter(|key| !key.is_empty()) {
        return Ok(Some(Secret::new(key)));
    }
    local.filter(|file| file.exists()).map(read_key).transpose()
}

fn read_or_make(file: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<Secret> {
    if !file
        .try_exists()
        .with_context(|| format!("cannot read {}", file.display()))?
    {
        private::write_once(file, &make()?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    // Also what was just written: another process may have been first.
    read_key(file)
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_and_are_private() {
        let data = tempfile::tempdir().expect("a folder");
        let first = Keys::open(data.path()).expect("made");
        let again = Keys::open(data.path()).expect("read");
        assert_eq!(first.master_key.expose(), again.master_key.expose());
        assert!(first.api_key.expose().starts_with("sk_live_"));
        assert!(first.restricted_test_api_key.expose().starts_with("rk_test_"));
        assert_ne!(first.master_key.expose(), first.client_secret_key.expose());
        assert!(first.master_key.expose().starts_with("first:"));
        #[cfg(unix)]
        for entry in fs::read_dir(data.path().join(FOLDER)).expect("the folder") {
            use std::os::unix::fs::PermissionsExt as _;
            let entry = entry.expect("an entry");
            assert_eq!(
                entry.metadata().expect("metadata").permissions().mode() & 0o777,
                0o600,
                "{entry:?}"
            );
        }
    }

    #[test]
    fn the_first_of_two_starts_makes_the_key() {
        let data = tempfile::tempdir().expect("a folder");
        let file = data.path().join("key");
        let key = read_or_make(&file, || {
            // Another process, between our look and our writing.
            private::write_once(&file, "theirs")?;
            Ok("ours".to_owned())
        });
        assert_eq!(key.expect("a key").expose(), "theirs");
        assert_eq!(fs::read_dir(data.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn report_svc_alone_finds_the_same_master_key() {
        let data = tempfile::tempdir().expect("a folder");
        let keys = Keys::open(data.path()).expect("made");
        let found = master_key(data.path()).expect("found");
        assert_eq!(keys.master_key.expose(), found.expose());
    }

    #[test]
    fn an_empty_key_file_is_said() {
        let data = tempfile::tempdir().expect("a folder");
        Keys::open(data.path()).expect("made");
        fs::write(Keys::api_key_file(data.path()), "\n").expect("emptied");
        let error = Keys::open(data.path()).expect_err("no key");
        assert!(error.to_string().contains("holds no key"), "{error}");
    }
}
