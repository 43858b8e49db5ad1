//! The keys of a deployment: made when it first starts, kept in its data folder, readable by its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::config::Secret;

/// Name of the folder in the data folder.
const FOLDER: &str = "keys";
const API_KEY: &str = "api_key";
const RESTRICTED_API_KEY: &str = "restricted_api_key";

/// All keys of one deployment.
#[derive(Clone, Debug)]
pub struct Keys {
    /// `sk_live_…`: for backends that need no sensitive fields.
    pub api_key: Secret,
    /// `rk_live_…`: also reads sensitive fields.
    pub restricted_api_key: Secret,
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
        create_private_folder(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let key = |name: &str, prefix: &str, encode: fn([u8; 32]) -> String| {
            read_or_make(&folder.join(name), || Ok(format!("{prefix}{}", encode(random()?))))
        };
        let base64 = |random: [u8; 32]| STANDARD.encode(random);
        Ok(Self {
            api_key: key(API_KEY, "sk_live_", hex::encode)?,
            restricted_api_key: key(RESTRICTED_API_KEY, "rk_live_", hex::encode)?,
            client_secret_key: key("client_secret_key", "", base64)?,
            master_key: key("master_key", "first:", base64)?,
            service_token: key("service_token", "", hex::encode)?,
        })
    }

    /// Both API keys as session-svc takes them.
    pub fn list(&self, account: &str) -> Secret {
        let (plain, restricted) = (self.api_key.expose(), self.restricted_api_key.expose());
        Secret::new(format!("{account}={plain},{account}={restricted}"))
    }

    /// Where a data folder keeps the API key.
    pub fn api_key_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(API_KEY)
    }

    /// Where a data folder keeps the API key that also reads sensitive fields.
    pub fn restricted_api_key_file(data: &Path) -> PathBuf {
        data.join(FOLDER).join(RESTRICTED_API_KEY)
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

fn read_or_make(file: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<Secret> {
    if file
        .try_exists()
        .with_context(|| format!("cannot read {}", file.display()))?
    {
        return read_key(file);
    }
    let key = make()?;
    write_private(file, &key).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Secret::new(key))
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(random)
}

/// Writes a whole file or none: half a master key would lock everything away.
fn write_private(file: &Path, content: &str) -> std::io::Result<()> {
    let unfinished = file.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written: File = options.open(&unfinished)?;
    writeln!(written, "{content}")?;
    written.sync_all()?;
    fs::rename(unfinished, file)
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
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
    fn an_empty_key_file_is_said() {
        let data = tempfile::tempdir().expect("a folder");
        Keys::open(data.path()).expect("made");
        fs::write(Keys::api_key_file(data.path()), "\n").expect("emptied");
        let error = Keys::open(data.path()).expect_err("no key");
        assert!(error.to_string().contains("holds no key"), "{error}");
    }
}
