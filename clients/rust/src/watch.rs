//! A session as it changes, over as many connections as that takes.

use std::future::pending;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Streaming;

use crate::Error;
use crate::call::{Calls, pause};
use crate::v1::verification_session_service_client::VerificationSessionServiceClient;
use crate::v1::{
    VerificationSession, VerificationSessionStatus, WatchVerificationSessionRequest, redaction::Status as Redaction,
};

struct Watch {
    calls: Calls,
    session: String,
    deadline: Option<(Instant, Duration)>,
    answers: Option<Streaming<VerificationSession>>,
    last: Option<VerificationSession>,
    /// Connections that were lost in a row.
    lost: u32,
    has_ended: bool,
}

/// The session at each change.
pub(crate) fn sessions(
    calls: Calls,
    session: String,
    deadline: Option<Duration>,
) -> impl Stream<Item = Result<VerificationSession, Error>> {
    let watch = Watch {
        calls,
        session,
        deadline: deadline.map(|deadline| (Instant::now() + deadline, deadline)),
        answers: None,
        last: None,
        lost: 0,
        has_ended: false,
    };
    stream::unfold(watch, |mut watch| async move {
        if watch.has_ended {
            return None;
        }
        let changed = watch.changed().await;
        watch.has_ended = changed.as_ref().map_or(true, is_final);
        Some((changed, watch))
    })
}

impl Watch {
    /// The next change.
    async fn changed(&mut self) -> Result<VerificationSession, Error> {
        let deadline = self.deadline;
        let passed = async {
            match deadline {
                Some((until, _)) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = self.next() => changed,
            () = passed => Err(Error::late(deadline.map(|(_, deadline)| deadline).unwrap_or_default())),
        }
    }

    async fn next(&mut self) -> Result<VerificationSession, Error> {
        loop {
            let error = match self.message().await {
                Ok(Some(session)) => {
                    self.lost = 0;
                    if !self.last.as_ref().is_some_and(|last| is_same(last, &session)) {
                        self.last = Some(session.clone());
                        return Ok(session);
                    }
                    continue;
                }
                // In order, as every few minutes: watched again at once, unless that happens again and again.
                Ok(None) => None,
                Err(error) if error.may_pass() => Some(error),
                Err(error) => return Err(error),
            };
            self.answers = None;
            let asked = error.and_then(|error| error.retry_after());
            sleep(asked.unwrap_or_else(|| pause(self.lost))).await;
            self.lost += 1;
        }
    }

    async fn message(&mut self) -> Result<Option<VerificationSession>, Error> {
        let answers = match &mut self.answers {
            Some(answers) => answers,
            none => {
                let request = WatchVerificationSessionRequest {
                    verification_session: self.session.clone(),
                };
                let left = self.deadline.map(|(until, _)| until - Instant::now());
                let watched = self.calls.stream(left, request, |channel, request| async move {
                    VerificationSessionServiceClient::new(channel)
                        .watch_verification_session(request)
                        .await
                });
                none.insert(watched.await?)
            }
        };
        Ok(answers.message().await?)
    }
}

/// Nothing follows but its redaction, or nothing at all.
fn is_final(session: &VerificationSession) -> bool {
    let redaction = session.redaction.as_ref().map(|redaction| redaction.status());
    session.status() == VerificationSessionStatus::Canceled
        || matches!(redaction, Some(Redaction::Redacted | Redaction::Validated))
}

/// Its checks have ended, and no others were asked for.
pub(crate) fn has_ended(session: &VerificationSession) -> bool {
    match session.status() {
        VerificationSessionStatus::Verified | VerificationSessionStatus::Canceled => true,
        VerificationSessionStatus::RequiresInput => session.last_error.is_some(),
        VerificationSessionStatus::Processing | VerificationSessionStatus::Unspecified => false,
    }
}

/// Client secrets are fresh in each answer.
fn is_same(a: &VerificationSession, b: &VerificationSession) -> bool {
    let without_secret = |session: &VerificationSession| VerificationSession {
        client_secret: None,
        ..session.clone()
    };
    without_secret(a) == without_secret(b)
}
