//! A session as it changes, over as many connections as that takes.

use std::future::pending;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::Streaming;

use crate::Error;
use crate::call::{self, Calls, pause};
use crate::client::CALL;
use crate::v1::verification_session_service_client::VerificationSessionServiceClient;
use crate::v1::{
    VerificationSession, VerificationSessionStatus, WatchVerificationSessionRequest, redaction::Status as Redaction,
};

/// How long one stream may take, so that none hangs. The server ends it before that.
const LONGEST_STREAM: Duration = Duration::from_secs(600);

/// A stream that went on for so long is none of a row of streams that bring nothing.
const LASTING: Duration = Duration::from_secs(10);

/// How long a server can have a watch wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

struct Watch {
    calls: Calls,
    session: String,
    deadline: Option<(Instant, Duration)>,
    answers: Option<Streaming<VerificationSession>>,
    /// When they began.
    began: Instant,
    /// Whether one of them came.
    is_answered: bool,
    /// When the last stream ended that was answered, or the watch began.
    silent_since: Instant,
    /// Streams in a row that were short and brought nothing new.
    fruitless: u32,
    /// What was told last, without its client secret.
    last: Option<VerificationSession>,
    is_over: bool,
}

/// The session at each change.
pub(crate) fn sessions(
    calls: Calls,
    session: String,
    deadline: Option<Duration>,
) -> impl Stream<Item = Result<VerificationSession, Error>> {
    let now = Instant::now();
    let watch = Watch {
        calls,
        session,
        deadline: deadline.map(|deadline| (call::until(deadline), deadline)),
        answers: None,
        began: now,
        is_answered: false,
        silent_since: now,
        fruitless: 0,
        last: None,
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
            // Not by the stream's own deadline alone: that is for the server to see.
            let received = timeout(LONGEST_STREAM, self.message()).await;
            let error = match received.unwrap_or_else(|_elapsed| Err(Error::late(LONGEST_STREAM))) {
                Ok(Some(session)) => {
                    self.is_answered = true;
                    // Client secrets are fresh in each answer.
                    let state = VerificationSession {
                        client_secret: None,
                        ..session.clone()
                    };
                    if self.last.as_ref() == Some(&state) {
                        continue;
                    }
                    self.fruitless = 0;
                    self.last = Some(state);
                    return Ok(session);
                }
                // In order, as every few minutes.
                Ok(None) => None,
                Err(error) if error.is_cut_off() => Some(error),
                Err(error) => return Err(error),
            };
            self.wait(error).await?;
        }
    }

    /// Waits until another stream may be opened, where one ended.
    async fn wait(&mut self, error: Option<Error>) -> Result<(), Error> {
        let now = Instant::now();
        self.answers = None;
        if self.is_answered {
            self.is_answered = false;
            self.silent_since = now;
        }
        if now - self.began >= LASTING {
            self.fruitless = 0;
        }
        let patience = match self.last {
            Some(_) => self.calls.reconnect_timeout,
            // It is a call as others until it is answered.
            None => self.calls.deadline.unwrap_or(CALL),
        };
        let left = patience.saturating_sub(now - self.silent_since);
        if left.is_zero() {
            return Err(error.unwrap_or_else(Error::silent));
        }
        let asked = error.as_ref().and_then(Error::retry_after).unwrap_or_default();
        // Not at once where that is asked for: it may be each time.
        let pause = pause(self.fruitless).max(asked.min(LONGEST_WAIT)).min(left);
        if let Some((until, deadline)) = self.deadline
            && pause >= until - now
        {
            return Err(error.unwrap_or_else(|| Error::late(deadline)));
        }
        self.fruitless += 1;
        sleep(pause).await;
        Ok(())
    }

    async fn message(&mut self) -> Result<Option<VerificationSession>, Error> {
        let answers = match &mut self.answers {
            Some(answers) => answers,
            none => {
                let request = WatchVerificationSessionRequest {
                    verification_session: self.session.clone(),
                };
                self.began = Instant::now();
                let left = self.deadline.map_or(LONGEST_STREAM, |(until, _)| until - self.began);
                let left = left.min(LONGEST_STREAM);
                let watched = self.calls.stream(left, request, |channel, request| async move {
                    VerificationSessionServiceClient::new(channel)
                        .watch_verification_session(request)
                        .await
                });
                none.insert(watched.await?)
            }
        };
        answers.message().await.map_err(|status| self.calls.error(&status))
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
