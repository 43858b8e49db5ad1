//! A session as it changes, over as many connections as that takes.

use std::future::pending;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep, sleep_until};
use tonic::Streaming;

use crate::Error;
use crate::call::{self, Calls, pause};
use crate::v1::verification_session_service_client::VerificationSessionServiceClient;
use crate::v1::{
    VerificationSession, VerificationSessionStatus, WatchVerificationSessionRequest, redaction::Status as Redaction,
};

/// How often in a row a watch is lost or ends without news until it is given up.
const MOST_LOST: u32 = 5;

/// A watch that went on for so long ended as all do.
const LASTING: Duration = Duration::from_secs(10);

struct Watch {
    calls: Calls,
    session: String,
    deadline: Option<(Instant, Duration)>,
    answers: Option<Streaming<VerificationSession>>,
    /// When they began.
    began: Instant,
    /// What was told last, without its client secret.
    last: Option<VerificationSession>,
    /// Connections in a row that were lost, or brought nothing new.
    lost: u32,
    is_over: bool,
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
        deadline: deadline.map(|deadline| (call::until(deadline), deadline)),
        answers: None,
        began: Instant::now(),
        last: None,
        lost: 0,
        is_over: false,
    };
    stream::unfold(watch, |mut watch| async move {
        if watch.is_over {
            return None;
        }
        let changed = watch.changed().await;
        watch.is_over = changed.as_ref().map_or(true, is_final);
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
                    // Client secrets are fresh in each answer.
                    let state = VerificationSession {
                        client_secret: None,
                        ..session.clone()
                    };
                    if self.last.as_ref() == Some(&state) {
                        continue;
                    }
                    self.lost = 0;
                    self.last = Some(state);
                    return Ok(session);
                }
                // In order, as every few minutes: watched again, each time later where that happens at once.
                Ok(None) => {
                    if self.began.elapsed() >= LASTING {
                        self.lost = 0;
                    }
                    None
                }
                Err(error) if error.may_pass() && self.lost < MOST_LOST => Some(error),
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
                self.began = Instant::now();
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

/// Nothing follows, unless somebody redacts a canceled session later.
fn is_final(session: &VerificationSession) -> bool {
    match session.redaction.as_ref().map(|redaction| redaction.status()) {
        Some(Redaction::Redacted | Redaction::Validated) => true,
        Some(Redaction::Processing | Redaction::Unspecified) => false,
        None => session.status() == VerificationSessionStatus::Canceled,
    }
}

/// Its checks have ended, and no others were asked for.
pub(crate) fn has_ended(session: &VerificationSession) -> bool {
    match session.status() {
        VerificationSessionStatus::Verified | VerificationSessionStatus::Canceled => true,
        // Without an attempt a `last_error` says why nobody came.
        VerificationSessionStatus::RequiresInput => {
            session.insights.as_ref().is_some_and(|insights| insights.attempts > 0)
        }
        VerificationSessionStatus::Processing | VerificationSessionStatus::Unspecified => false,
    }
}
