//! `bonafide evaluate documents`: whether what the check of documents says is so.
//!
//! Every document of the truth goes the way of the service, its files to its report, and each field that the report states is compared
//! with what stands on the document. The figure that counts is how many documents were verified with a field that is not so.

mod calibration;
mod page;
mod plot;
mod row;
mod score;
mod summary;

use std::path::PathBuf;
use std::sync::Arc;

use doc_check_svc::checker::Checker;
use doc_check_svc::reader::{DocumentReader, MODELS};
use proto::document::v1::DocumentPolicy;
use service_kit::config::Device;
use time::OffsetDateTime;
use vision::device;
use vision::models::{Console, ModelStore};

use super::output::{create_folder, require_folder, write_summary};
use super::page::write_page;
use super::pictures::rows;
use crate::dataset::{self, Truth};
use crate::stdout::print_json;
use row::Row;
use summary::Summary;

/// What to evaluate.
#[derive(Debug, clap::Args)]
pub struct Documents {
    /// Folder of the pictures
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// What stands on them: one JSON object a line, with `image` and `mrz`, the lines as printed, and what else is known, as
    /// `bonafide specimen --draw` writes it [default: truth.jsonl in the folder of the pictures]
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Folder for results.csv, summary.json and report.html
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Read worn zones from print, as session-svc's --allow-worn-zones has it
    #[arg(long)]
    allow_worn_zones: bool,
    /// What the networks run on: cpu, or cuda:N where the program was built with CUDA
    #[arg(long, env = "BONAFIDE_DEVICE", default_value_t)]
    device: Device,
}

impl Documents {
    /// Measures and writes the results. A document that fails is a row of them.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<()> {
        require_folder(&self.images)?;
        let path = self.truth.clone().unwrap_or_else(|| self.images.join("truth.jsonl"));
        let truths: Vec<Arc<Truth>> = dataset::read(&path)?.into_iter().map(Arc::new).collect();
        create_folder(&self.out)?;
        store.ensure(&MODELS, &Console::default())?;
        let checker = Checker::new(DocumentReader::load(store, &device::open(self.device.gpu())?)?);
        let (images, today) = (self.images.clone(), OffsetDateTime::now_utc().date());
        // What is drawn, and what standards publish, are specimens.
        let policy = DocumentPolicy {
            allow_specimens: true,
            allow_worn_zones: self.allow_worn_zones,
            ..DocumentPolicy::default()
        };
        let work = move |truth: &_, caller: &_| row::check(&checker, &images, truth, today, &policy, caller);
        let rows = rows(truths, work, Row::failed).await?;
        row::write(&self.out.join("results.csv"), &rows)?;
        let summary = Summary::of(&rows);
        write_summary(&self.out, &summary)?;
        write_page(&self.out.join("report.html"), &page::draw(&summary, &rows))?;
        print_json(&summary.headline)
    }
}

#[cfg(test)]
mod tests;
