//! `bonafide evaluate documents`: how many machine-readable zones are read whole.

use std::path::PathBuf;

use doc_check_svc::evaluate::{evaluate, read_truth};
use doc_check_svc::reader::{DocumentReader, MODELS};
use service_kit::config::Device;
use time::OffsetDateTime;
use vision::device;
use vision::models::{Console, ModelStore};

use super::output::{print_summary, require_folder};
use crate::progress::bar;

/// What to evaluate.
#[derive(Debug, clap::Args)]
pub struct Documents {
    /// Folder of the pictures
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// What stands on them: one JSON object a line, with `image` and `mrz`, the lines as printed
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Folder for results.csv and summary.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the networks run on: cpu, or cuda:N where the program was built with CUDA
    #[arg(long, env = "BONAFIDE_DEVICE", default_value_t)]
    device: Device,
}

impl Documents {
    /// Measures and writes the results. One picture after the other, so that the times are those of a picture alone.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<()> {
        require_folder(&self.images)?;
        let pictures = read_truth(&self.truth)?.len();
        store.ensure(&MODELS, &Console::default())?;
        let reader = DocumentReader::load(store, &device::open(self.device.gpu())?)?;
        let bar = bar(pictures);
        let today = OffsetDateTime::now_utc().date();
        let summary = evaluate(&reader, &self.images, &self.truth, &self.out, today, |_| bar.inc(1))?;
        bar.finish_and_clear();
        print_summary(&summary)
    }
}
