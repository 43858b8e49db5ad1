//! The steps of a verification, each under one name in traces, metrics and insights.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use proto::identity::v1::Timing;
use tracing::Span;

use crate::{insights, metrics};

/// A span of one step. Its name is one of a few: never what the step works on.
pub fn span(stage: &'static str) -> Span {
    tracing::info_span!("stage", otel.name = stage)
}

/// Does a part of a step in a span of its own, and adds the time that it took.
pub fn timed<T>(stage: &'static str, spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let value = span(stage).in_scope(work);
    *spent += started.elapsed();
    value
}

/// What the steps of something that is done took: for metrics, and for its insights.
pub fn timings(stages: &[(&'static str, Duration)]) -> Vec<Timing> {
    static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
        metrics::long_durations(
            "bonafide.stage.duration",
            "Steps of verifications, all of one step in one check together",
        )
    });
    let record = |(stage, spent): &(&'static str, Duration)| {
        DURATION.record(spent.as_secs_f64(), &[KeyValue::new("stage", *stage)]);
        insights::timing(stage, *spent)
    };
    stages.iter().map(record).collect()
}
