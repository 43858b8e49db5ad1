//! `bonafide demo`: four services verify a specimen document against a face, three times.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use proto::identity::v1::VerificationErrorCode;
use service_kit::config::ComputeConfig;
use time::macros::date;
use time::{Date, Duration};
use vision::models::{Console, ModelStore, Sample, Silent};
use vision::picture::{Limits, Picture};

use crate::client::{Client, Outcome, Submission};
use crate::deployment::{self, Deployment, Options};
use crate::render::{Style, text};
use crate::specimen::{DEFAULT_WIDTH, Fonts, Format, Specimen, head_and_shoulders};
use crate::stdout::print;

/// Start all services in this process and watch three verifications
#[derive(Debug, clap::Args)]
pub struct Demo {
    #[command(flatten)]
    compute: ComputeConfig,
}

/// One verification of the demonstration.
struct Scene {
    title: &'static str,
    what: &'static str,
    expiry: Date,
    selfie: Sample,
    /// `None` when it ends verified.
    expected: Option<VerificationErrorCode>,
}

const VALID: Date = date!(2034 - 04 - 15);

const SCENES: [Scene; 3] = [
    Scene {
        title: "a matching pair",
        what: "specimen passport with the portrait of obama.jpg, selfie obama2.jpg",
        expiry: VALID,
        selfie: Sample::Obama2,
        expected: None,
    },
    Scene {
        title: "another person",
        what: "the same passport, selfie biden.jpg",
        expiry: VALID,
        selfie: Sample::Biden,
        expected: Some(VerificationErrorCode::SelfieFaceMismatch),
    },
    Scene {
        title: "an expired document",
        what: "a specimen passport that expired on 2012-04-15, selfie obama2.jpg",
        expiry: date!(2012 - 04 - 15),
        selfie: Sample::Obama2,
        expected: Some(VerificationErrorCode::DocumentExpired),
    },
];

impl Demo {
    /// Runs the command; the exit code is 1 when an outcome is not the expected one.
    pub async fn run(self, store: &ModelStore) -> anyhow::Result<ExitCode> {
        let style = Style::of_stdout();
        let progress = Console::default();
        store.ensure(&deployment::MODELS, &progress)?;
        store.ensure_samples(&progress)?;
        let fonts = Fonts::load(store, &progress)?;

        let started = Instant::now();
        let data = tempfile::tempdir().context("cannot create a folder for the time of the demonstration")?;
        let mut options = Options {
            compute: self.compute,
            models: Some(store.root().to_owned()),
            ..Options::in_folder(data.path())
        };
        options.documents.allow_specimens = true;
        let deployment = Deployment::start(options).await?;
        let mut opening = format!(
            "{}\n",
            style.bold("Four services in this process, over gRPC, with a store that is gone afterwards")
        );
        for (service, address) in deployment.services() {
            let _ = writeln!(opening, "  {service:14} {address}");
        }
        let _ = writeln!(opening, "  ready in {:.2} s", started.elapsed().as_secs_f64());
        print(&opening)?;

        let mut as_expected = true;
        let mut closing = String::from("\n");
        for (number, scene) in (1..).zip(&SCENES) {
            print(&format!(
                "\n{} {}\n",
                style.bold(&format!("{number}. {}:", scene.title)),
                scene.what
            ))?;
            let outcome = scene.play(&deployment, store, &fonts).await?;
            print(&text::verification(
                &outcome.session,
                &outcome.report,
                outcome.elapsed,
                style,
            ))?;
            as_expected &= scene.conclude(&outcome, &mut closing);
        }
        deployment.shutdown().await?;
        print(&closing)?;
        Ok(if as_expected {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

impl Scene {
    async fn play(&self, deployment: &Deployment, store: &ModelStore, fonts: &Fonts) -> anyhow::Result<Outcome> {
        let photograph = Picture::decode(&store.sample(Sample::Obama)?, &Limits::default())?;
        let portrait = head_and_shoulders(&photograph, store, &Silent)?;
        // Valid for ten years, its last day included.
        let issue = self.expiry.replace_year(self.expiry.year() - 10)? + Duration::DAY;
        let specimen = Specimen {
            issue,
            expiry: self.expiry,
            portrait: Some(portrait),
            ..Specimen::example(Format::Td3)
        };
        let submission = Submission {
            document: specimen.draw(fonts, DEFAULT_WIDTH)?.front.encode_jpeg(92)?,
            selfie: Some(store.sample(self.selfie)?),
            ..Submission::default()
        };
        let client = Client::new(deployment.address(), &deployment.keys().restricted_api_key)?;
        client.verify(submission).await
    }

    /// Adds a line to the closing and says whether the outcome is the expected one.
    fn conclude(&self, outcome: &Outcome, closing: &mut String) -> bool {
        let code = outcome.session.last_error.as_ref().map(|error| error.code());
        let as_expected = outcome.verified() == self.expected.is_none() && code == self.expected;
        let word = |code: Option<VerificationErrorCode>| code.map_or("verified".to_owned(), text::error_code);
        let remark = match as_expected {
            true => "as expected".to_owned(),
            false => format!("expected {}", word(self.expected)),
        };
        let _ = writeln!(
            closing,
            "{:20} {:22} {:5.2} s   {remark}",
            self.title,
            word(code),
            outcome.elapsed.as_secs_f64()
        );
        as_expected
    }
}
