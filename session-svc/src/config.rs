//! Configuration of session-svc.

use std::num::NonZeroUsize;
use std::time::Duration;

use service_kit::config::{Secret, ServeConfig};
use service_kit::tls::ClientCertConfig;

use crate::documents::DocumentConfig;
use crate::files::PublicUrl;

/// How long a job stays with a worker that does not say that it is still at it.
const DEFAULT_LEASE: Duration = Duration::from_secs(10);

/// Uploads received at once: at 12 MiB each, what a small machine has left.
const DEFAULT_MAX_UPLOADS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Pictures sent at once, which share the memory with uploads.
const DEFAULT_MAX_DOWNLOADS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Sessions that an account watches at once.
const DEFAULT_MAX_WATCHES: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// Name of a replica that is not told its name.
const DEFAULT_REPLICA: &str = "session-svc";

/// Everything that can be set.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// How the service listens. The service token is what it shows to the other services.
    #[command(flatten)]
    pub serve: ServeConfig,
    /// What it shows to the other services.
    #[command(flatten)]
    pub client_cert: ClientCertConfig,
    /// API keys of backends, separated by commas: `account=sk_live_…`, or `account=rk_live_…` for a restricted key, which also
    /// reads sensitive fields; `sk_test_…` and `rk_test_…` open the account's test mode.
    #[arg(long, env = "BONAFIDE_API_KEYS", hide_env_values = true)]
    pub api_keys: Secret,
    /// Key that signs client secrets and file links, the same for all replicas: base64 of at least 32 bytes (`openssl rand -base64 32`).
    #[arg(long, env = "BONAFIDE_CLIENT_SECRET_KEY", hide_env_values = true)]
    pub client_secret_key: Secret,
    /// Address of report-svc, e.g. https://report-svc:50051.
    #[arg(long, env = "BONAFIDE_REPORT_ADDRESS")]
    pub report_address: String,
    /// Address of doc-check-svc.
    #[arg(long, env = "BONAFIDE_DOCUMENT_ADDRESS")]
    pub document_address: String,
    /// Address of selfie-svc.
    #[arg(long, env = "BONAFIDE_SELFIE_ADDRESS")]
    pub selfie_address: String,
    /// Verifications driven at once; two per core when not given, 0 for a replica that only answers calls.
    #[arg(long, env = "BONAFIDE_VERIFICATION_WORKERS")]
    pub verification_workers: Option<usize>,
    /// Name of this replica, by which operators find its workers in the queue. Containers have it in HOSTNAME.
    #[arg(long, env = "HOSTNAME", default_value = DEFAULT_REPLICA)]
    pub replica: String,
    /// How long a job stays with a worker that died before another one gets it; 100ms to 1h.
    #[arg(long, env = "BONAFIDE_LEASE", default_value = "10s", value_parser = humantime::parse_duration)]
    pub lease: Duration,
    /// Pictures received at once by this replica; each takes up to 12 MiB of memory.
    #[arg(long, env = "BONAFIDE_MAX_UPLOADS", default_value_t = DEFAULT_MAX_UPLOADS)]
    pub max_uploads: NonZeroUsize,
    /// Pictures sent at once by this replica; each takes up to 10 MiB of memory, and as much again while it arrives from report-svc. More
    /// wait for a moment.
    #[arg(long, env = "BONAFIDE_MAX_DOWNLOADS", default_value_t = DEFAULT_MAX_DOWNLOADS)]
    pub max_downloads: NonZeroUsize,
    /// Address at which browsers reach this service, with which file links begin, e.g. `https://identity.example.com`. When not given, a
    /// link begins with the address that its caller called, where TLS ends here or it is one of this machine, and there are none elsewhere.
    #[arg(long, env = "BONAFIDE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
    /// Sessions that one account watches at once on this replica.
    #[arg(long, env = "BONAFIDE_MAX_WATCHES", default_value_t = DEFAULT_MAX_WATCHES)]
    pub max_watches: NonZeroUsize,
    /// Keep the faces that were compared, of the portrait and of the selfie, as files beside the pictures that were uploaded, and for as
    /// long as these: see report-svc's --retention.
    #[arg(long, env = "BONAFIDE_KEEP_FACE_CROPS", value_parser = clap::builder::BoolishValueParser::new())]
    pub keep_face_crops: bool,
    /// Which documents are accepted.
    #[command(flatten)]
    pub documents: DocumentConfig,
}

impl Default for Config {
    /// The defaults of the flags. Keys and addresses have none: they are empty, and refused at start unless they are set.
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            client_cert: ClientCertConfig::default(),
            api_keys: Secret::new(""),
            client_secret_key: Secret::new(""),
            report_address: String::new(),
            document_address: String::new(),
            selfie_address: String::new(),
            verification_workers: None,
            replica: DEFAULT_REPLICA.to_owned(),
            lease: DEFAULT_LEASE,
            max_uploads: DEFAULT_MAX_UPLOADS,
            max_downloads: DEFAULT_MAX_DOWNLOADS,
            public_url: None,
            max_watches: DEFAULT_MAX_WATCHES,
            keep_face_crops: false,
            documents: DocumentConfig::default(),
        }
    }
}

impl AsRef<ServeConfig> for Config {
    fn as_ref(&self) -> &ServeConfig {
        &self.serve
    }
}

impl Config {
    /// Number of verifications driven at once. Workers wait for other services, hence more than cores.
    pub fn verification_workers(&self) -> usize {
        self.verification_workers
            .unwrap_or_else(|| 2 * std::thread::available_parallelism().map_or(1, usize::from))
    }
}
