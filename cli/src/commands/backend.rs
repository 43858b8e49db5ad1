//! What commands have in common that call a deployment as a backend does.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use proto::MAX_PAGE_ITEMS;
use proto::identity::v1::CreatedFilter;
use serde_json::{Value, json};
use service_kit::config::Secret;
use service_kit::tls::{ClientTls, TlsConfig};
use tonic::Status;

use crate::api::Api;
use crate::client::{RESTRICTED_KEY, refusal, with_scheme};
use crate::deployment::{self, LOCAL};
use crate::keys::{self, Keys};
use crate::stdout::{print, print_json};

/// Which deployment is called, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct Backend {
    /// Address of session-svc
    #[arg(long, env = "BONAFIDE_ADDRESS", default_value = LOCAL, value_name = "URL", global = true)]
    address: String,
    /// File with the API key [default: $BONAFIDE_API_KEY, else the key of `bonafide up` on this machine]
    #[arg(long, value_name = "FILE", global = true)]
    api_key_file: Option<PathBuf>,
    /// Call with the test key of `bonafide up` on this machine
    #[arg(long, conflicts_with = "api_key_file", global = true)]
    test: bool,
    /// For an address with https.
    #[command(flatten)]
    tls: TlsConfig,
    /// How to print what is answered
    #[arg(long, default_value = "text", global = true)]
    pub(super) format: Format,
}

/// A deployment that can be called.
pub(super) struct Deployed {
    address: String,
    pub(super) api: Api,
    /// Whether the key may ask for sensitive fields.
    pub(super) reads_sensitive: bool,
}

impl Deployed {
    /// What was answered, or one sentence on why it was refused.
    pub(super) fn answered<T>(&self, what: &str, answer: Result<T, Status>) -> anyhow::Result<T> {
        answer.map_err(|status| refusal(&self.address, what, &status))
    }
}

impl Backend {
    pub(super) fn open(&self) -> anyhow::Result<Deployed> {
        let address = with_scheme(&self.address);
        let key = if self.test {
            test_key()?
        } else {
            api_key(self.api_key_file.as_deref())?
        };
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
        .context("a deployment needs an API key: name its file with --api-key-file or set BONAFIDE_API_KEY")
}

/// The test key of a deployment of this user on this machine.
fn test_key() -> anyhow::Result<Secret> {
    let data = deployment::default_data_folder().context("no folder of `bonafide up` on this machine: set HOME")?;
    keys::read_key(&Keys::restricted_test_api_key_file(&data))
}

/// How to print what was answered.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Which page of a list is read, and of what time.
#[derive(Debug, clap::Args)]
pub(super) struct PageArgs {
    /// Only those with this client_reference_id
    #[arg(long, value_name = "REFERENCE")]
    pub(super) reference: Option<String>,
    /// Only those created at this time or later, e.g. 2026-11-27T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    since: Option<SystemTime>,
    /// Only those created before this time
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    until: Option<SystemTime>,
    /// Only those created before the one with this id
    #[arg(long, value_name = "ID")]
    pub(super) starting_after: Option<String>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl PageArgs {
    pub(super) fn created(&self) -> CreatedFilter {
        CreatedFilter {
            gte: self.since.map(Into::into),
            lt: self.until.map(Into::into),
            ..CreatedFilter::default()
        }
    }

    /// Reads page after page and prints what they have: as text while it comes, for there may be much, as JSON in the end. `read` answers
    /// what comes after an id, so many at the most, and whether there is more.
    pub(super) async fn print<T>(
        self,
        format: Format,
        mut read: impl AsyncFnMut(Option<String>, u32) -> anyhow::Result<(Vec<T>, bool)>,
        id: impl Fn(&T) -> &str,
        text: impl Fn(&[T]) -> String,
        json: impl Fn(&T) -> Value,
    ) -> anyhow::Result<()> {
        let (mut after, mut left, mut has_more) = (self.starting_after, self.limit, true);
        let mut all = Vec::new();
        while has_more && left > 0 {
            let (page, more) = read(after.clone(), left.min(MAX_PAGE_ITEMS)).await?;
            left = left.saturating_sub(page.len() as u32);
            after = page.last().map(|last| id(last).to_owned());
            has_more = more && after.is_some();
            match format {
                Format::Text => print(&text(&page))?,
                Format::Json => all.extend(page.iter().map(&json)),
            }
        }
        if let Format::Json = format {
            let list = json!({ "object": "list", "data": all, "has_more": has_more });
            print_json(&list)?;
        } else if let (true, Some(after)) = (has_more, after) {
            eprintln!("there are more: --starting-after {after}");
        }
        Ok(())
    }
}
