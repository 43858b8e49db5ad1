//! `bonafide verify`: one verification, against a running deployment or in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use proto::identity::v1::{DocumentType, FileLink, ImagePurpose};
use selfie_svc::config::LivenessConfig;
use serde_json::json;
use service_kit::config::ComputeConfig;
use service_kit::tls::{ClientTls, TlsConfig};
use session_svc::documents::DocumentConfig;
use vision::models::{Console, ModelStore};

use super::backend::{Format, api_key};
use crate::client::{Client, Outcome, Submission, read_picture, with_scheme};
use crate::deployment::{self, Deployment, LOCAL, Options};
use crate::render::{Style, json, text};
use crate::stdout::{print, print_json};

/// Verify one document, with or without a selfie
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// Picture of the document's side with the portrait; for a passport the data page
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
    /// Picture of the other side of a card
    #[arg(long, value_name = "FILE")]
    document_back: Option<PathBuf>,
    /// Picture of the person's face, which must then match the document's portrait
    #[arg(long, value_name = "FILE")]
    selfie: Option<PathBuf>,
    /// A type of document that is accepted, may be given several times [default: all]
    #[arg(long = "allowed-type", value_name = "TYPE")]
    allowed_types: Vec<Allowed>,
    /// How to print the session and the report
    #[arg(long, default_value = "text")]
    format: Format,
    /// Deployment to ask [default: with --api-key-file alone $BONAFIDE_ADDRESS, else 127.0.0.1:50051; without either all services are
    /// started in this process for a moment]
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// File with the API key for --address [default: $BONAFIDE_API_KEY, else the key of `bonafide up` on this machine]
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// For --address.
    #[command(flatten)]
    tls: TlsConfig,
    /// Of the services in this process; a deployment that is asked with --address has its own.
    #[command(flatten)]
    documents: DocumentConfig,
    #[command(flatten)]
    liveness: LivenessConfig,
    #[command(flatten)]
    compute: ComputeConfig,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Allowed {
    DrivingLicense,
    IdCard,
    Passport,
}

impl From<Allowed> for DocumentType {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::DrivingLicense => Self::DrivingLicense,
            Allowed::IdCard => Self::IdCard,
            Allowed::Passport => Self::Passport,
        }
    }
}

impl Verify {
    /// Runs the command; the exit code is 0 when verified, 1 when not.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        let optional = |path: &Option<PathBuf>| path.as_deref().map(read_picture).transpose();
        let submission = Submission {
            document: read_picture(&self.document)?,
            document_back: optional(&self.document_back)?,
            selfie: optional(&self.selfie)?,
            allowed_types: self.allowed_types.iter().copied().map(DocumentType::from).collect(),
        };
        let (outcome, links) = match self.deployment() {
            Some(address) => {
                let key = api_key(self.api_key_file.as_deref())?;
                let tls = ClientTls::open(&self.tls)?;
                let client = Client::with_tls(&with_scheme(&address), &key, tls)?;
                let outcome = client.verify(submission).await?;
                // What was found is worth more than these.
                let links = client.links(&outcome.session).await.unwrap_or_else(|error| {
                    eprintln!("{error:#}");
                    Vec::new()
                });
                (outcome, links)
            }
            // Its pictures are gone with its services.
            None => (self.in_process(submission, store).await?, Vec::new()),
        };
        self.print(&outcome, &links)?;
        Ok(if outcome.verified() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(1)
        })
    }

    /// The address to call: with a key file alone that of the environment, as other commands have it, else the local one.
    fn deployment(&self) -> Option<String> {
        let named = || std::env::var("BONAFIDE_ADDRESS").unwrap_or_else(|_| LOCAL.to_owned());
        self.address.clone().or_else(|| self.api_key_file.is_some().then(named))
    }

    async fn in_process(&self, submission: Submission, store: &ModelStore) -> anyhow::Result<Outcome> {
        store.ensure(&deployment::MODELS, &Console::default())?;
        let data = tempfile::tempdir().context("cannot create a folder for the time of the verification")?;
        let options = Options {
            documents: self.documents.clone(),
            liveness: self.liveness,
            compute: self.compute.clone(),
            models: Some(store.root().to_owned()),
            ..Options::in_folder(data.path())
        };
        let deployment = Deployment::start(options).await?;
        let client = Client::new(deployment.address(), &deployment.keys().restricted_api_key)?;
        let outcome = client.verify(submission).await;
        deployment.shutdown().await?;
        outcome
    }

    fn print(&self, outcome: &Outcome, links: &[(ImagePurpose, FileLink)]) -> anyhow::Result<()> {
        let Outcome {
            session,
            report,
            elapsed,
        } = outcome;
        match self.format {
            Format::Text => {
                let style = Style::of_stdout();
                let page = text::verification(session, report, *elapsed, style);
                print(&format!("{page}{}", text::links(links, style)))
            }
            Format::Json => {
                let links: Vec<_> = links.iter().map(|(_, link)| json::file_link(link)).collect();
                let (session, report) = (json::session(session), json::report(report));
                print_json(&json!({ "session": session, "report": report, "links": links }))
            }
        }
    }
}
