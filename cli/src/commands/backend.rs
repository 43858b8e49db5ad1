//! What commands have in common that call a deployment as a backend does.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use service_kit::config::Secret;
use service_kit::tls::{ClientTls, TlsConfig};

use crate::api::Api;
use crate::client::{RESTRICTED_KEY, with_scheme};
use crate::deployment;
use crate::keys::{self, Keys};

/// Which deployment is called, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct Backend {
    /// Address of session-svc, e.g. http://127.0.0.1:50051
    #[arg(long, env = "BONAFIDE_ADDRESS", value_name = "URL", global = true)]
    address: Option<String>,
    /// File with the API key [default: $BONAFIDE_API_KEY, else the key of `bonafide up` on this machine]
    #[arg(long, value_name = "FILE", global = true)]
    api_key_file: Option<PathBuf>,
    /// For an address with https.
    #[command(flatten)]
    tls: TlsConfig,
}

/// A deployment that can be called.
pub(super) struct Deployed {
    /// For messages.
    pub(super) address: String,
    pub(super) api: Api,
    /// Whether the key may ask for sensitive fields.
    pub(super) reads_sensitive: bool,
}

impl Backend {
    pub(super) fn open(&self) -> anyhow::Result<Deployed> {
        let address = self.address.as_deref();
        let address = with_scheme(address.context("name session-svc with --address or BONAFIDE_ADDRESS")?);
        let key = api_key(self.api_key_file.as_deref())?;
        Ok(Deployed {
            api: Api::new(&address, &key, &ClientTls::open(&self.tls)?)?,
            reads_sensitive: key.expose().starts_with(RESTRICTED_KEY),
            address,
        })
    }
}

/// The key from the file named, else from the environment, else that of a deployment of this user on this machine.
pub(super) fn api_key(file: Option<&Path>) -> anyhow::Result<Secret> {
    let local = deployment::default_data_folder().map(|data| Keys::restricted_api_key_file(&data));
    keys::chosen(file, "BONAFIDE_API_KEY", local.as_deref())?
        .context("--address needs an API key: name its file with --api-key-file or set BONAFIDE_API_KEY")
}

/// How to print what was answered.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}
