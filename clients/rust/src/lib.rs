//! Client of Bonafide for backends: opens verification sessions, waits for their outcome, reads reports and pictures.
//!
//! ```no_run
//! use bonafide_client::v1::{CreateVerificationSessionRequest, VerificationType};
//!
//! # async fn run() -> Result<(), bonafide_client::Error> {
//! let client = bonafide_client::Client::new("https://identity.example.com", "sk_live_…")?;
//! let sessions = client.sessions();
//! let session = sessions
//!     .create(CreateVerificationSessionRequest {
//!         r#type: VerificationType::Document.into(),
//!         ..Default::default()
//!     })
//!     .await?;
//! // The person's device uploads and submits with `session.client_secret`; see `Client::person`.
//! let session = sessions.wait(&session.id).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Calls that are safe to repeat are sent again: every call that changes something carries an idempotency key. Messages are those of the
//! contract ([`v1`]).

mod address;
mod call;
mod client;
mod error;
mod files;
mod idempotency;
mod pages;
mod person;
mod reports;
mod sessions;
mod test_helpers;
mod watch;

/// The messages of the contract, version 1.
pub use proto::identity::v1;

/// Status codes of gRPC, and durations and times of messages.
pub use prost_types::{Duration, Timestamp};
pub use tonic::Code;

pub use client::{Builder, Client};
pub use error::{Error, Violation};
pub use files::Files;
pub use person::Person;
pub use reports::Reports;
pub use sessions::Sessions;
pub use test_helpers::TestHelpers;
