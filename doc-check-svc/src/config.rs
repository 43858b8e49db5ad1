//! Configuration of doc-check-svc.

use std::path::PathBuf;

use service_kit::config::{ComputeConfig, ServeConfig};

/// Everything that can be set.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Config {
    /// How the service listens.
    #[command(flatten)]
    pub serve: ServeConfig,
    /// Inference threads.
    #[command(flatten)]
    pub compute: ComputeConfig,
    /// Folder of the model store; the user's cache folder when not given.
    #[arg(long, env = "BONAFIDE_MODELS")]
    pub models: Option<PathBuf>,
}

impl AsRef<ServeConfig> for Config {
    fn as_ref(&self) -> &ServeConfig {
        &self.serve
    }
}
