//! What the workers of a replica tell of themselves.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, UpDownCounter};
use service_kit::metrics;

use super::Outcome;

/// The instruments of all workers of a replica.
pub(super) struct Instruments {
    busy: UpDownCounter<i64>,
    outcomes: Counter<u64>,
}

impl Instruments {
    pub(super) fn new() -> Self {
        let meter = metrics::meter();
        let new = Self {
            busy: meter
                .i64_up_down_counter("bonafide.verification.workers.busy")
                .with_description("Verification workers that have a job")
                .with_unit("{worker}")
                .build(),
            outcomes: meter
                .u64_counter("bonafide.job.deliveries.ended")
                .with_description("Deliveries of jobs to workers, by how they ended")
                .with_unit("{delivery}")
                .build(),
        };
        // From nothing on, so that the first of a kind is an increase.
        new.busy.add(0, &[]);
        for outcome in NAMES {
            new.outcomes.add(0, &[KeyValue::new("outcome", outcome)]);
        }
        new
    }

    /// How many workers there are.
    pub(super) fn workers(&self, number: usize) {
        let gauge = metrics::meter()
            .u64_gauge("bonafide.verification.workers")
            .with_description("Verification workers")
            .with_unit("{worker}")
            .build();
        gauge.record(number as u64, &[]);
    }

    pub(super) fn begin(&self) {
        self.busy.add(1, &[]);
    }

    pub(super) fn end(&self, outcome: &Outcome) {
        self.busy.add(-1, &[]);
        self.outcomes.add(1, &[KeyValue::new("outcome", name(outcome))]);
    }
}

const NAMES: [&str; 4] = ["completed", "lease_lost", "handed_back", "handed_back_excused"];

fn name(outcome: &Outcome) -> &'static str {
    let [completed, lease_lost, handed_back, excused] = NAMES;
    match outcome {
        Outcome::Completed => completed,
        Outcome::LeaseLost => lease_lost,
        Outcome::HandBack { excused: false, .. } => handed_back,
        Outcome::HandBack { excused: true, .. } => excused,
    }
}
