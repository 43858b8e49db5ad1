//! The service that is called from outside: verification sessions, capture, reports, and the workers that drive the checks.
//!
//! ```text
//! caller ─▶ auth (interceptor) ─▶ limits ─▶ validate ─▶ sessions | capture | reports | files | … ─▶ report-svc
//! browser ─▶ auth (file link) ───────────────────────▶ files ──────────────────────────────────▶ report-svc
//!                                                                                     │ job
//!                      doc-check-svc ◀─┬─ worker ◀──────────── lease ─────────────────┘
//!                         selfie-svc ◀─┘     └──────────────── CompleteVerification ─▶ report-svc
//! ```
//!
//! Nothing is kept between calls: any replica answers any call, and a job whose worker died is leased to another.

mod auth;
mod backoff;
mod capture;
pub mod config;
pub mod documents;
pub mod error;
mod files;
mod limits;
mod once;
mod present;
mod reports;
pub mod server;
mod sessions;
mod test_helpers;
mod upstream;
mod validate;
mod watch;
mod worker;

pub use auth::{ApiKeyError, ClientSecretKeyError};
pub use files::{NoPublicUrl, PublicUrl};
pub use validate::ImageFault;

use proto::store::v1::store_service_client::StoreServiceClient;
use service_kit::client::ServiceChannel;

/// report-svc, as this service calls it. Clones share the connection.
type Store = StoreServiceClient<ServiceChannel>;
