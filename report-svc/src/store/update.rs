//! What a backend sets of a session after its creation.

use proto::MAX_METADATA_ENTRIES;
use proto::identity::v1::{ProvidedDetails, UpdateVerificationSessionRequest, VerificationSessionOptions};
use service_kit::status::Violations;

use super::{Change, Session, Store};
use crate::error::Error;
use crate::lifecycle::Action;

impl Store {
    /// Sets what the request gives, all of it or nothing.
    pub async fn set(&self, account: &str, request: &UpdateVerificationSessionRequest) -> Result<Session, Error> {
        self.update(&request.verification_session, Some(account), |session| {
            set(session, request)?;
            Ok(Change::of(None))
        })
        .await
    }
}

fn set(session: &mut Session, request: &UpdateVerificationSessionRequest) -> Result<(), Error> {
    if request.options.is_some() || request.provided_details.is_some() {
        session.apply(Action::Update)?;
    }
    // Also where nothing is set: what is refused must not depend on that.
    session.apply(Action::SetMetadata)?;
    if let Some(VerificationSessionOptions {
        document: Some(document),
        ..
    }) = &request.options
    {
        session.public.options.get_or_insert_default().document = Some(document.clone());
    }
    if let Some(ProvidedDetails { email, phone }) = &request.provided_details {
        let details = session.public.provided_details.get_or_insert_default();
        for (held, given) in [(&mut details.email, email), (&mut details.phone, phone)] {
            if given.is_some() {
                held.clone_from(given);
            }
        }
    }
    let metadata = &mut session.public.metadata;
    for (key, value) in &request.metadata {
        if value.is_empty() {
            metadata.remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
    let mut violations = Violations::new();
    violations.require(
        metadata.len() <= MAX_METADATA_ENTRIES,
        "metadata",
        "must have at most 50 entries, those that the session has included",
    );
    violations.check().map_err(Error::Invalid)
}
