//! Growing, jittered pauses between tries.

use std::time::Duration;

use service_kit::status;
use tonic::Status;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Longest pause that another service may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// The pauses of one series of tries.
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    /// How long to wait after this failure: at least as long as it asks for. Doubles each time up to 5 s; a random half of it is
    /// left out, so that replicas that failed together do not come back together.
    pub(crate) fn after(&mut self, status: &Status) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        // Without random numbers there is no jitter, which is no reason to fail.
        let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        let jittered = pause.mul_f64(0.5 + 0.5 * random);
        status::retry_after(status).map_or(jittered, |asked| jittered.max(asked.min(LONGEST_ASKED)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::status::Problem;

    #[test]
    fn doubles_up_to_its_longest() {
        let mut backoff = Backoff::new();
        let status = Status::unavailable("");
        let mut expected = FIRST;
        for _ in 0..10 {
            let pause = backoff.after(&status);
            assert!(pause >= expected / 2 && pause <= expected, "{pause:?} of {expected:?}");
            expected = (expected * 2).min(LONGEST);
        }
    }

    #[test]
    fn waits_as_long_as_it_is_asked_to() {
        let asks = |delay| Status::from(Problem::new(proto::reason::OVERLOADED, "").retry_after(delay));
        assert_eq!(
            Backoff::new().after(&asks(Duration::from_secs(3))),
            Duration::from_secs(3)
        );
        assert_eq!(Backoff::new().after(&asks(Duration::from_secs(3600))), LONGEST_ASKED);
    }
}
