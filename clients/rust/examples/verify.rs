//! Verifies a person:
//!
//!     cargo run --example verify -- ADDRESS API_KEY_FILE DOCUMENT SELFIE [CA]

use std::{env, fs};

use anyhow::{Context as _, bail};
use bonafide_client::Client;
use bonafide_client::v1::{
    CreateVerificationSessionRequest, DocumentOptions, ImagePurpose, VerificationSessionOptions, VerificationType,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, key, document, selfie, ca @ ..] = &arguments[..] else {
        bail!("usage: verify ADDRESS API_KEY_FILE DOCUMENT SELFIE [CA]");
    };
    let read = |path: &String| fs::read(path).with_context(|| format!("cannot read {path}"));
    let mut client = Client::builder(address, String::from_utf8(read(key)?)?);
    if let Some(ca) = ca.first() {
        client = client.ca(read(ca)?);
    }
    let client = client.build()?;

    // The backend opens a session ...
    let document_options = DocumentOptions {
        require_matching_selfie: true,
        ..DocumentOptions::default()
    };
    let session = client
        .sessions()
        .create(CreateVerificationSessionRequest {
            r#type: VerificationType::Document.into(),
            client_reference_id: Some("order 1007".to_owned()),
            options: Some(VerificationSessionOptions {
                document: Some(document_options),
                ..VerificationSessionOptions::default()
            }),
            ..CreateVerificationSessionRequest::default()
        })
        .await?;

    // ... the person's device uploads and submits with the session's client secret ...
    let person = client.person(&session)?;
    person.upload(ImagePurpose::DocumentFront, read(document)?).await?;
    person.upload(ImagePurpose::Selfie, read(selfie)?).await?;
    person.submit().await?;

    // ... and the backend waits for the outcome and reads the report.
    let session = client.sessions().wait(&session.id).await?;
    println!("{}", session.status().as_str_name());
    if let Some(error) = &session.last_error {
        println!("{} - {}", error.code().as_str_name(), error.reason);
    }
    let report = session.last_verification_report.context("no attempt ended")?;
    let report = client.reports().get(&report).await?;
    let found = report.document.unwrap_or_default();
    println!(
        "{} {}",
        found.first_name.unwrap_or_default(),
        found.last_name.unwrap_or_default()
    );
    let selfie = report.insights.and_then(|insights| insights.selfie);
    if let Some((similarity, threshold)) = selfie.and_then(|selfie| selfie.similarity.zip(selfie.threshold)) {
        println!("similarity {similarity:.3}, threshold {threshold:.3}");
    }
    Ok(())
}
