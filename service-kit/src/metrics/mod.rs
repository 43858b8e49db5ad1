//! Metrics: one set of instruments, read by whoever scrapes `/metrics` and pushed over OTLP where an endpoint is configured.
//!
//! Names, units and attributes are those of OpenTelemetry's semantic conventions where there are any, and begin with `bonafide.`
//! where there are none; `/metrics` shows them by the standard translation (dots become underscores, the unit and `_total` come
//! last). Attributes take few values, all of them ours: methods, codes, steps, names of networks. Never an id, never a word of a person's.
//!
//! Instruments are made when a service starts: what is recorded before [`provider`] was called is lost.

mod process;
mod text;

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    InstrumentKind, ManualReader, MeterProviderBuilder, Pipeline, SdkMeterProvider, Temporality,
};

pub(crate) use text::Format;

/// Bounds of the buckets of durations in seconds: those that the semantic conventions give for calls.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The same for work that may wait for what is away.
const SECONDS_AND_MINUTES: [f64; 16] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];

/// What `/metrics` reads: like the instruments themselves, one of its kind in a process.
static READER: OnceLock<Shared> = OnceLock::new();

/// Makes the metrics of this process, for all services in it. `pushing` adds what they are pushed by.
pub fn provider(
    resource: Resource,
    pushing: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder,
) -> SdkMeterProvider {
    let reader = Shared::default();
    let builder = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(reader.clone());
    let provider = pushing(builder).build();
    // A second one in a process, as tests may want it, is read by nobody.
    if READER.set(reader).is_ok() {
        opentelemetry::global::set_meter_provider(provider.clone());
        process::observe(&meter());
        let build = meter()
            .u64_gauge("bonafide.build.info")
            .with_description("What this program was built from")
            .build();
        build.record(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]);
    }
    provider
}

/// What makes our instruments.
pub fn meter() -> Meter {
    opentelemetry::global::meter("bonafide")
}

/// A histogram of the durations of calls and of what is as short.
pub fn durations(name: &'static str, description: &'static str) -> Histogram<f64> {
    within(&SECONDS, name, description)
}

/// A histogram of durations of seconds to minutes.
pub fn long_durations(name: &'static str, description: &'static str) -> Histogram<f64> {
    within(&SECONDS_AND_MINUTES, name, description)
}

fn within(bounds: &[f64], name: &'static str, description: &'static str) -> Histogram<f64> {
    meter()
        .f64_histogram(name)
        .with_description(description)
        .with_unit("s")
        .with_boundaries(bounds.to_vec())
        .build()
}

/// Tells which networks a service computes with, by name and SHA-256, and on what.
pub fn models(models: &[(String, String)], device: crate::config::Device) {
    let info = meter()
        .u64_gauge("bonafide.model.info")
        .with_description(
            "A network that is loaded, by the first digits of its SHA-256, and the device that it runs on",
        )
        .build();
    for (name, sha256) in models {
        let short: String = sha256.chars().take(12).collect();
        info.record(
            1,
            &[
                KeyValue::new("model", name.clone()),
                KeyValue::new("sha256", short),
                KeyValue::new("device", device.to_string()),
            ],
        );
    }
}

/// All metrics of this process as text; nothing where none were made.
pub(crate) fn render(format: Format) -> String {
    let mut metrics = ResourceMetrics::default();
    if let Some(reader) = READER.get()
        && let Err(error) = reader.collect(&mut metrics)
    {
        tracing::warn!(%error, "metrics cannot be read");
    }
    text::encode(&metrics, format)
}

/// A reader that both the SDK and `/metrics` hold.
#[derive(Clone, Default)]
struct Shared(Arc<ManualReader>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MetricReader for Shared {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
