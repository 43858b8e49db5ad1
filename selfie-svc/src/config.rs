//! Configuration of selfie-svc.

use std::path::PathBuf;

use service_kit::config::{ComputeConfig, ServeConfig};

use crate::calibration::{OperatingPoint, OutOfRange, operating_point};
use crate::presentation::Unchecked;

/// Share of impostors that pass by default.
pub const DEFAULT_FALSE_MATCH_RATE: f64 = 1e-4;

/// Everything that can be set.
#[derive(Clone, Debug, clap::Args)]
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
    /// Share of impostors that may pass, 0.000001 to 0.01; sets the similarity threshold.
    #[arg(long, env = "BONAFIDE_FALSE_MATCH_RATE", default_value_t = DEFAULT_FALSE_MATCH_RATE)]
    pub false_match_rate: f64,
    /// Presentation attack detection.
    #[command(flatten)]
    pub liveness: LivenessConfig,
}

/// What can be set about presentation attack detection.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct LivenessConfig {
    /// Refuse selfies where no presentation attack detection is installed, rather than verify them by the other tests alone.
    #[arg(long, env = "BONAFIDE_REQUIRE_LIVENESS", value_parser = clap::builder::BoolishValueParser::new())]
    pub require_liveness: bool,
}

impl LivenessConfig {
    /// What becomes of selfies that nothing tells from attacks.
    #[must_use]
    pub fn unchecked(self) -> Unchecked {
        if self.require_liveness {
            Unchecked::Refused
        } else {
            Unchecked::Pass
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            serve: ServeConfig::default(),
            compute: ComputeConfig::default(),
            models: None,
            false_match_rate: DEFAULT_FALSE_MATCH_RATE,
            liveness: LivenessConfig::default(),
        }
    }
}

impl AsRef<ServeConfig> for Config {
    fn as_ref(&self) -> &ServeConfig {
        &self.serve
    }
}

impl Config {
    /// The threshold that the configured false match rate asks for.
    pub fn operating_point(&self) -> Result<OperatingPoint, OutOfRange> {
        operating_point(self.false_match_rate)
    }
}
