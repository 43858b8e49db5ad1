//! What a pool tells of its queue and of its workers.

use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};

use crate::config::ComputeConfig;
use crate::metrics;

/// How a piece of work ended.
#[derive(Clone, Copy)]
enum Outcome {
    /// With a result.
    Done,
    /// Its caller had left before a worker was free.
    Abandoned,
    Panicked,
    /// The queue was full.
    Refused,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Done, Self::Abandoned, Self::Panicked, Self::Refused];

    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Abandoned => "abandoned",
            Self::Panicked => "panicked",
            Self::Refused => "refused",
        }
    }
}

/// The instruments of one pool.
pub(super) struct Instruments {
    pool: KeyValue,
    queued: UpDownCounter<i64>,
    busy: UpDownCounter<i64>,
    waited: Histogram<f64>,
    worked: Histogram<f64>,
    outcomes: Counter<u64>,
}

impl Instruments {
    pub(super) fn new(pool: &str, config: &ComputeConfig) -> Self {
        let meter = metrics::meter();
        let new = Self {
            pool: KeyValue::new("pool", pool.to_owned()),
            queued: meter
                .i64_up_down_counter("bonafide.compute.queue.length")
                .with_description("Requests that wait for an inference worker")
                .with_unit("{request}")
                .build(),
            busy: meter
                .i64_up_down_counter("bonafide.compute.workers.busy")
                .with_description("Inference workers that work")
                .with_unit("{worker}")
                .build(),
            waited: metrics::durations(
                "bonafide.compute.wait.duration",
                "Wait of a request for an inference worker",
            ),
            worked: metrics::durations(
                "bonafide.compute.work.duration",
                "Work on a request by an inference worker",
            ),
            outcomes: meter
                .u64_counter("bonafide.compute.requests")
                .with_description("Requests to inference workers, by how they ended")
                .with_unit("{request}")
                .build(),
        };
        let limits = [
            ("bonafide.compute.queue.limit", "Requests that may wait", config.queue()),
            ("bonafide.compute.workers", "Inference workers", config.workers().get()),
        ];
        for (name, description, value) in limits {
            let gauge = meter.u64_gauge(name).with_description(description).build();
            gauge.record(value as u64, std::slice::from_ref(&new.pool));
        }
        // From nothing on, so that the first of a kind is an increase.
        new.queued.add(0, std::slice::from_ref(&new.pool));
        new.busy.add(0, std::slice::from_ref(&new.pool));
        for outcome in Outcome::ALL {
            new.count(outcome, 0);
        }
        new
    }

    /// A request enters the queue.
    pub(super) fn queue(&self) -> Instant {
        self.queued.add(1, std::slice::from_ref(&self.pool));
        Instant::now()
    }

    /// It finds no place there after all.
    pub(super) fn refuse(&self) {
        self.queued.add(-1, std::slice::from_ref(&self.pool));
        self.count(Outcome::Refused, 1);
    }

    /// A worker takes it off the queue.
    pub(super) fn take(&self, queued: Instant) {
        self.queued.add(-1, std::slice::from_ref(&self.pool));
        self.record(&self.waited, queued.elapsed());
    }

    /// Nobody waits for it any more.
    pub(super) fn abandon(&self) {
        self.count(Outcome::Abandoned, 1);
    }

    /// Runs the work; `None` when it panicked.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> Option<T>) -> Option<T> {
        self.busy.add(1, std::slice::from_ref(&self.pool));
        let started = Instant::now();
        let value = work();
        self.record(&self.worked, started.elapsed());
        self.busy.add(-1, std::slice::from_ref(&self.pool));
        self.count(
            if value.is_some() {
                Outcome::Done
            } else {
                Outcome::Panicked
            },
            1,
        );
        value
    }

    fn record(&self, histogram: &Histogram<f64>, time: Duration) {
        histogram.record(time.as_secs_f64(), std::slice::from_ref(&self.pool));
    }

    fn count(&self, outcome: Outcome, number: u64) {
        let outcome = KeyValue::new("outcome", outcome.name());
        self.outcomes.add(number, &[self.pool.clone(), outcome]);
    }
}
