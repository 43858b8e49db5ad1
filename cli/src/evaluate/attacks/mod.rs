//! `bonafide evaluate attacks`: how often a disguised picture passes for a selfie, and a selfie for a disguised picture.
//!
//! Every presentation goes the way of the service, its two files to its report. Errors are counted after ISO/IEC 30107-3: by kind of
//! attack, beside how many there were and how sure the share is, for the people that thresholds may be chosen by and for all others.

mod page;
mod row;
mod summary;

use std::path::PathBuf;
use std::sync::Arc;

use selfie_svc::calibration::operating_point;
use selfie_svc::checker::Checker;
use selfie_svc::config::DEFAULT_FALSE_MATCH_RATE;
use selfie_svc::pipeline::{FacePipeline, MODELS};
use selfie_svc::presentation::{Detection, Unchecked};
use service_kit::config::Device;
use vision::device;
use vision::models::{Console, ModelStore};

use super::output::{create_folder, require_folder, write_rows, write_summary};
use super::page::write_page;
use super::pictures::rows;
use crate::attacks::Presentation;
use crate::dataset;
use crate::stdout::print_json;
use row::{Line, Row};
use summary::Summary;

/// What to evaluate.
#[derive(Debug, clap::Args)]
pub struct Attacks {
    /// Folder of the pictures
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// What they are: one JSON object a line, with `image` (the selfie), `reference` (the document), `identity`, and `attack` where it
    /// is one, as `bonafide attacks` writes it [default: truth.jsonl in the folder of the pictures]
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Folder for results.csv, summary.json and report.html
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Share of impostors that may pass, as selfie-svc's --false-match-rate has it
    #[arg(long, env = "BONAFIDE_FALSE_MATCH_RATE", default_value_t = DEFAULT_FALSE_MATCH_RATE)]
    false_match_rate: f64,
    /// What the networks run on: cpu, or cuda:N where the program was built with CUDA
    #[arg(long, env = "BONAFIDE_DEVICE", default_value_t)]
    device: Device,
}

impl Attacks {
    /// Measures and writes the results. A presentation that fails is a row of them.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<()> {
        require_folder(&self.images)?;
        let path = self.truth.clone().unwrap_or_else(|| self.images.join("truth.jsonl"));
        let truths: Vec<Arc<Presentation>> = dataset::read(&path)?.into_iter().map(Arc::new).collect();
        create_folder(&self.out)?;
        store.ensure(&MODELS, &Console::default())?;
        let device = device::open(self.device.gpu())?;
        let pipeline = FacePipeline::load(store, &device)?;
        let attacks = Detection::load(store, &device, Unchecked::Pass)?;
        let checker = Checker::new(pipeline, attacks, operating_point(self.false_match_rate)?);
        let images = self.images.clone();
        let work = move |truth: &_, caller: &_| row::check(&checker, &images, truth, caller);
        let rows = rows(truths, work, Row::failed).await?;
        write_rows(&self.out.join("results.csv"), rows.iter().map(Line::of))?;
        let summary = Summary::of(&rows);
        write_summary(&self.out, &summary)?;
        write_page(&self.out.join("report.html"), &page::draw(&summary, &rows))?;
        print_json(&summary)
    }
}

#[cfg(test)]
mod tests;
