//! Calls about sessions.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _, pin_mut};

use crate::call::Calls;
use crate::client::CALL;
use crate::idempotency::Keyed as _;
use crate::pages;
use crate::v1::verification_session_service_client::VerificationSessionServiceClient;
use crate::v1::{
    CancelVerificationSessionRequest, CreateVerificationSessionRequest, GetVerificationSessionRequest,
    ListVerificationSessionsRequest, ListVerificationSessionsResponse, RedactVerificationSessionRequest,
    UpdateVerificationSessionRequest, VerificationSession,
};
use crate::{Error, watch};

/// How long the checks may take until [`Sessions::wait`] gives up.
const CHECKS: Duration = Duration::from_secs(120);

/// Calls about sessions.
#[derive(Clone)]
pub struct Sessions {
    calls: Calls,
}

/// A call that answers the session.
macro_rules! answers_session {
    ($($(#[$doc:meta])+ $name:ident($request:ty) = $method:ident;)+) => {
        $(
            $(#[$doc])+
            ///
            /// # Errors
            /// When it is refused or not answered in time.
            pub async fn $name(&self, request: $request) -> Result<VerificationSession, Error> {
                self.calls
                    .unary(CALL, request.keyed(), |channel, request| async move {
                        VerificationSessionServiceClient::new(channel).$method(request).await
                    })
                    .await
            }
        )+
    };
}

impl Sessions {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls }
    }

    answers_session! {
        /// Opens a session.
        create(CreateVerificationSessionRequest) = create_verification_session;
        /// Sets parts of a session; what is not given stays.
        update(UpdateVerificationSessionRequest) = update_verification_session;
        /// Cancels a session that requires input.
        cancel(CancelVerificationSessionRequest) = cancel_verification_session;
        /// Removes for good what is personal in a session.
        redact(RedactVerificationSessionRequest) = redact_verification_session;
    }

    /// Reads a session; what `expand` asks for is in it, too.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn get(&self, id: &str, expand: &[&str]) -> Result<VerificationSession, Error> {
        let request = GetVerificationSessionRequest {
            verification_session: id.to_owned(),
            expand: expand.iter().map(|path| (*path).to_owned()).collect(),
        };
        self.calls
            .unary(CALL, request, |channel, request| async move {
                VerificationSessionServiceClient::new(channel)
                    .get_verification_session(request)
                    .await
            })
            .await
    }

    /// One page of the account's sessions, newest first.
    ///
    /// # Errors
    /// When it is refused or not answered in time.
    pub async fn list(
        &self,
        request: ListVerificationSessionsRequest,
    ) -> Result<ListVerificationSessionsResponse, Error> {
        self.calls
            .unary(CALL, request, |channel, request| async move {
                VerificationSessionServiceClient::new(channel)
                    .list_verification_sessions(request)
                    .await
            })
            .await
    }

    /// All of them, page by page: newest first or, from `ending_before` on, oldest first.
    pub fn list_all(
        &self,
        request: ListVerificationSessionsRequest,
    ) -> impl Stream<Item = Result<VerificationSession, Error>> + use<> {
        let sessions = self.clone();
        pages::all(request, move |page| {
            let sessions = sessions.clone();
            async move { sessions.list(page).await }
        })
    }

    /// The session as it is, and again at each change, until it is canceled or redacted, and without end otherwise: whoever waits for a
    /// time stops reading. Goes on by itself where the connection breaks, for as long as [`Builder::reconnect_timeout`] says.
    ///
    /// [`Builder::reconnect_timeout`]: crate::Builder::reconnect_timeout
    pub fn watch(&self, id: &str) -> impl Stream<Item = Result<VerificationSession, Error>> + use<> {
        watch::sessions(self.calls.clone(), id.to_owned(), None)
    }

    /// The session when its checks have ended: verified, canceled, or requiring input after an attempt, within 120 seconds. For when the
    /// person has submitted: of a session that requires input again it answers the last attempt.
    ///
    /// # Errors
    /// When it is refused, or the checks have not ended by then.
    pub async fn wait(&self, id: &str) -> Result<VerificationSession, Error> {
        self.wait_for(id, CHECKS).await
    }

    /// The same within another time.
    ///
    /// # Errors
    /// When it is refused, or the checks have not ended by then.
    pub async fn wait_for(&self, id: &str, deadline: Duration) -> Result<VerificationSession, Error> {
        let watched = watch::sessions(self.calls.clone(), id.to_owned(), Some(deadline));
        pin_mut!(watched);
        while let Some(session) = watched.next().await {
            let session = session?;
            if watch::has_ended(&session) {
                return Ok(session);
            }
        }
        Err(Error::late(deadline))
    }
}
