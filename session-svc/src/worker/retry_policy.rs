//! Trying again, inside the lease, what another service could not do just now.

use std::future::Future;
use std::time::Duration;

use service_kit::deadline;
use tokio::time::{Instant, sleep};
use tonic::{Response, Status};

use crate::backoff::Backoff;
use crate::upstream;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to go on trying. A service that is being replaced is back before; after that the job may wait in the queue.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// Calls until the answer is one that trying again will not change, or too much time has passed.
pub(super) async fn with_retries<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let until = Instant::now() + GIVE_UP_AFTER;
    let mut backoff = Backoff::new();
    loop {
        match deadline::scope(Some(CALL_TIMEOUT), call()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if upstream::is_transient(&status) => {
                let pause = backoff.after(&status);
                if Instant::now() + pause >= until {
                    return Err(status);
                }
                sleep(pause).await;
            }
            Err(status) => return Err(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tonic::Code;

    /// How many calls are made before the answer to `answers`, the last of which repeats.
    async fn calls(answers: &[Result<(), Code>]) -> (usize, Result<(), Code>) {
        let made = Cell::new(0);
        let outcome = with_retries(async || {
            let answer = answers[made.get().min(answers.len() - 1)];
            made.set(made.get() + 1);
            answer.map(Response::new).map_err(|code| Status::new(code, ""))
        })
        .await;
        (made.get(), outcome.map_err(|status| status.code()))
    }

    #[tokio::test(start_paused = true)]
    async fn tries_again_only_what_may_change() {
        let late = [
            Err(Code::Unavailable),
            Err(Code::ResourceExhausted),
            Err(Code::DeadlineExceeded),
            Ok(()),
        ];
        assert_eq!(calls(&late).await, (4, Ok(())));
        for code in [
            Code::Internal,
            Code::InvalidArgument,
            Code::NotFound,
            Code::Unauthenticated,
        ] {
            assert_eq!(calls(&[Err(code)]).await, (1, Err(code)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_in_the_end() {
        let started = Instant::now();
        let (made, outcome) = calls(&[Err(Code::Unavailable)]).await;
        assert_eq!(outcome, Err(Code::Unavailable));
        let took = started.elapsed();
        assert!(
            made > 20 && took <= GIVE_UP_AFTER && took > GIVE_UP_AFTER - Duration::from_secs(5),
            "{made} calls in {took:?}"
        );
    }
}
