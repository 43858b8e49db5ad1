//! `bonafide evaluate`: error rates on pictures of one's own.

use std::process::ExitCode;

use clap::Subcommand;
use vision::models::ModelStore;

use crate::evaluate::{attacks::Attacks, documents::Documents, faces::Faces};

/// Measure error rates on pictures of your own
#[derive(Debug, clap::Args)]
pub struct Evaluate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// How often the comparison of faces errs
    Faces(Faces),
    /// How many machine-readable zones are read whole
    Documents(Documents),
    /// How often a picture in disguise passes for a selfie, and a selfie for a picture in disguise
    Attacks(Attacks),
}

impl Evaluate {
    /// Measures; pictures that fail are rows of the result.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Faces(faces) => faces.run(store).await?,
            What::Documents(documents) => documents.run(store).await?,
            What::Attacks(attacks) => attacks.run(store).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
