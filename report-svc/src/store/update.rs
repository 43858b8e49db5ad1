//! What a backend sets of a session after its creation.

use prost::Message as _;
use proto::MAX_METADATA_ENTRIES;
use proto::identity::v1::{
    ProvidedDetails, UpdateDocumentOptions, UpdateVerificationSessionRequest, VerificationSession,
};
use service_kit::status::Violations;

use super::once::in_order;
use super::{Caller, Change, Once, Session, Store};
use crate::error::Error;
use crate::lifecycle::Action;

impl Store {
    /// Sets what the request gives, all of it or nothing.
    pub async fn update(&self, account: &str, request: &UpdateVerificationSessionRequest) -> Result<Session, Error> {
        let caller = Caller::new(Some(account), request.idempotency_key.as_deref());
        let once = once(caller, request);
        self.change(&request.verification_session, caller.account, once, |session| {
            let before = session.public.clone();
            set(session, request)?;
            // Where nothing changes, whoever watches has nothing to hear, and a worker that completes an attempt nothing to yield to,
            // unless an answer is to be kept.
            Ok((session.public != before).then(|| Change::of(None)))
        })
        .await
    }
}

/// The call under its idempotency key, if it has one: only then is the request hashed.
fn once(caller: Caller<'_>, request: &UpdateVerificationSessionRequest) -> Option<Once> {
    caller.idempotency_key?;
    let rest = UpdateVerificationSessionRequest {
        metadata: Default::default(),
        ..request.clone()
    }
    .encode_to_vec();
    let parameters = [rest.as_slice()].into_iter().chain(in_order(&request.metadata));
    Once::of(caller, "update", &request.verification_session, parameters)
}

fn set(session: &mut Session, request: &UpdateVerificationSessionRequest) -> Result<(), Error> {
    // Neither leads to an event.
    if request.options.is_some() || request.provided_details.is_some() {
        session.apply(Action::Update)?;
    }
    session.apply(Action::SetMetadata)?;
    let public = &mut session.public;
    if let Some(document) = request.options.as_ref().and_then(|options| options.document.as_ref()) {
        set_document_options(public, document);
    }
    if let Some(ProvidedDetails { email, phone }) = &request.provided_details {
        let details = public.provided_details.get_or_insert_default();
        for (held, given) in [(&mut details.email, email), (&mut details.phone, phone)] {
            if let Some(given) = given {
                *held = Some(given.clone()).filter(|given| !given.is_empty());
            }
        }
        public
            .provided_details
            .take_if(|details| *details == ProvidedDetails::default());
    }
    let metadata = &mut public.metadata;
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

fn set_document_options(public: &mut VerificationSession, given: &UpdateDocumentOptions) {
    let held = public.options.get_or_insert_default().document.get_or_insert_default();
    if !given.allowed_types.is_empty() {
        held.allowed_types.clone_from(&given.allowed_types);
    }
    for (held, given) in [
        (&mut held.require_id_number, given.require_id_number),
        (&mut held.require_live_capture, given.require_live_capture),
        (&mut held.require_matching_selfie, given.require_matching_selfie),
    ] {
        *held = given.unwrap_or(*held);
    }
}
