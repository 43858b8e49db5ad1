//! Keeping a lease while its job is worked on.

use std::future::Future;
use std::time::Duration;

use proto::reason;
use service_kit::{deadline, status};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};
use tonic::Status;

/// Tries within one lease. Each begins at its time, whatever became of the one before, and is over when the next one begins: two may
/// hang until then, and the third still keeps the lease.
const TRIES: u32 = 4;

/// Extends a lease of this length, which was given just now, over and over; ends when it is lost.
pub(super) async fn keep<F>(lease: Duration, mut extend: impl FnMut() -> F)
where
    F: Future<Output = Result<(), Status>>,
{
    let pause = lease / TRIES;
    let mut ends = Instant::now() + lease;
    let mut times = interval_at(Instant::now() + pause, pause);
    times.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let asked = times.tick().await;
        if asked >= ends {
            return;
        }
        match timeout_at(asked + pause, deadline::scope(Some(pause), extend())).await {
            Ok(Ok(())) => ends = asked + lease,
            // It is extended at the latest when the next try is answered, or has ended by then.
            Err(_elapsed) => {}
            Ok(Err(status)) if status::reason(&status) == Some(reason::LEASE_LOST) => return,
            // Whatever else report-svc says is no word on the lease.
            Ok(Err(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;

    use service_kit::status::Problem;

    use super::*;

    const LEASE: Duration = Duration::from_secs(40);

    /// What a try comes to.
    #[derive(Clone, Copy)]
    enum Answer {
        Extended,
        Hangs,
        Refused,
        Fails,
        Lost,
    }

    /// Keeps a lease that is extended as `answers` say, the last of which repeats; when each try was made and when keeping it ended,
    /// in seconds, within a quarter of an hour.
    async fn kept(answers: &[Answer]) -> (Vec<u64>, Option<u64>) {
        let started = Instant::now();
        let tries = RefCell::new(Vec::new());
        let keeping = keep(LEASE, || {
            let mut tries = tries.borrow_mut();
            let answer = answers[tries.len().min(answers.len() - 1)];
            tries.push(started.elapsed().as_secs());
            async move {
                match answer {
                    Answer::Extended => Ok(()),
                    Answer::Hangs => pending().await,
                    Answer::Refused => Err(Status::unavailable("away")),
                    Answer::Fails => Err(Status::internal("a defect")),
                    Answer::Lost => Err(Problem::new(reason::LEASE_LOST, "lost").into()),
                }
            }
        });
        let ended = tokio::time::timeout(Duration::from_secs(900), keeping).await;
        let ended = ended.is_ok().then(|| started.elapsed().as_secs());
        (tries.into_inner(), ended)
    }

    #[tokio::test(start_paused = true)]
    async fn is_extended_at_fixed_times() {
        let (tries, ended) = kept(&[Answer::Extended]).await;
        assert_eq!(tries[..4], [10, 20, 30, 40]);
        assert_eq!((tries.len(), ended), (90, None));
    }

    #[tokio::test(start_paused = true)]
    async fn two_tries_in_a_row_may_come_to_nothing() {
        for failure in [Answer::Hangs, Answer::Refused, Answer::Fails] {
            let (tries, ended) = kept(&[failure, failure, Answer::Extended]).await;
            assert_eq!(tries[..4], [10, 20, 30, 40]);
            assert_eq!(ended, None);
            // Later, too.
            let (tries, ended) = kept(&[Answer::Extended, failure, failure, Answer::Extended]).await;
            assert_eq!((&tries[..4], ended), ([10, 20, 30, 40].as_slice(), None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn is_lost_when_its_time_has_passed() {
        for failure in [Answer::Hangs, Answer::Refused, Answer::Fails] {
            assert_eq!(kept(&[failure]).await, (vec![10, 20, 30], Some(40)));
            let (tries, ended) = kept(&[Answer::Extended, failure]).await;
            assert_eq!((tries, ended), (vec![10, 20, 30, 40], Some(50)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn is_lost_at_once_when_it_is_anothers() {
        assert_eq!(kept(&[Answer::Hangs, Answer::Lost]).await, (vec![10, 20], Some(20)));
    }
}
