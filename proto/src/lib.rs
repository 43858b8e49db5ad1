//! Bonafide's gRPC contract: generated types, clients and servers, and the details that errors carry.
//!
//! Depends on nothing else in the workspace; services know each other only through this crate.

#![allow(missing_docs)] // The `.proto` files carry the documentation.

use std::time::Duration;

#[cfg(test)]
mod contract_tests;
pub mod country;
mod document_policy;
pub mod id;
mod image_purpose;
pub mod reason;
mod simulation;

/// The public API: sessions, capture, reports.
pub mod identity {
    pub mod v1 {
        tonic::include_proto!("bonafide.identity.v1");
        include!(concat!(env!("OUT_DIR"), "/bonafide.identity.v1.debug.rs"));
    }
}

/// Faces alone, for programs that need no session. Answered by selfie-svc.
pub mod face {
    pub mod v1 {
        tonic::include_proto!("bonafide.face.v1");
        include!(concat!(env!("OUT_DIR"), "/bonafide.face.v1.debug.rs"));
    }
}

/// Between session-svc and doc-check-svc.
pub mod document {
    pub mod v1 {
        tonic::include_proto!("bonafide.document.v1");
        include!(concat!(env!("OUT_DIR"), "/bonafide.document.v1.debug.rs"));
    }
}

/// Between session-svc and selfie-svc.
pub mod selfie {
    pub mod v1 {
        tonic::include_proto!("bonafide.selfie.v1");
        include!(concat!(env!("OUT_DIR"), "/bonafide.selfie.v1.debug.rs"));
    }
}

/// Between session-svc and report-svc.
pub mod store {
    pub mod v1 {
        tonic::include_proto!("bonafide.store.v1");
        include!(concat!(env!("OUT_DIR"), "/bonafide.store.v1.debug.rs"));
    }
}

/// Every package above; a server's reflection describes those that it answers.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// Largest message that carries one picture: 10 MiB of picture and space for the rest.
pub const MAX_IMAGE_MESSAGE_BYTES: usize = MAX_IMAGE_BYTES + 64 * 1024;

/// Largest message that carries all pictures of one verification.
pub const MAX_CHECK_MESSAGE_BYTES: usize = 3 * MAX_IMAGE_BYTES + 64 * 1024;

/// Most items of one page of a list.
pub const MAX_PAGE_ITEMS: u32 = 100;

/// Most bytes of the items of one page, unless a single one has more: what clients take in one message by default, less some.
pub const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// Most entries of a session's metadata.
pub const MAX_METADATA_ENTRIES: usize = 50;

/// What an account is called in test mode, after its name. No name has a slash.
pub const TEST_MODE_SUFFIX: &str = "/test";

/// Longest time for which the outcome of a session of test mode can be put off.
pub const MAX_SIMULATED_DELAY: Duration = Duration::from_secs(3600);

/// Largest picture file that is accepted.
pub const MAX_IMAGE_BYTES: usize = 10 * 1024 * 1024;
