//! Logs as JSON lines on standard error; traces and metrics over OTLP where an endpoint is configured.
//!
//! Nothing personal may be recorded: span fields and log fields are ids, counts, durations and codes.

use std::collections::HashMap;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::TelemetryConfig;
use crate::propagation;

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not in `tracing-subscriber`'s syntax.
    #[error("--log is not a list such as info,session_svc=debug: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The endpoint is not an address.
    #[error("--otlp-endpoint cannot be used: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something in this process started telemetry before.
    #[error("telemetry was started twice")]
    Twice(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Running telemetry. Call [`Telemetry::shutdown`] last, or the newest spans are lost.
#[derive(Default)]
#[must_use = "dropping it without shutdown loses the newest spans"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Telemetry {
    /// Starts telemetry for the whole process. Must be called inside a tokio runtime.
    pub fn start(service: &'static str, config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let telemetry = match &config.otlp_endpoint {
            Some(endpoint) => Self::exporting(service, endpoint)?,
            None => Self::default(),
        };
        let subscriber = subscriber(config, std::io::stderr, telemetry.traces.as_ref())?;
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(telemetry)
    }

    fn exporting(service: &'static str, endpoint: &str) -> Result<Self, TelemetryError> {
        let resource = Resource::builder().with_service_name(service).build();
        let spans = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()?;
        let metrics = opentelemetry_otlp::MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build()?;
        let traces = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(spans)
            .build();
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(metrics)
            .build();
        opentelemetry::global::set_meter_provider(metrics.clone());
        Ok(Self {
            traces: Some(traces),
            metrics: Some(metrics),
        })
    }

    /// Sends what is still held back. Waits for the collector, but not long.
    pub fn shutdown(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the newest spans were lost");
        }
        if let Some(metrics) = self.metrics
            && let Err(error) = metrics.shutdown()
        {
            tracing::warn!(%error, "the newest metrics were lost");
        }
    }
}

/// The subscriber behind [`Telemetry::start`], for tests that bring a writer and an exporter of their own.
pub fn subscriber<W>(
    config: &TelemetryConfig,
    writer: W,
    traces: Option<&SdkTracerProvider>,
) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.log)?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer)
        .with_filter(filter);
    Ok(Registry::default().with(lines).with(traces.map(spans)))
}

/// Spans are exported at `info` and above whatever the logs' filter says, so that a quiet log does not tear traces apart.
/// The exporter's own calls are left out: they would trace themselves.
fn spans<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let filter = tracing_subscriber::filter::Targets::new()
        .with_default(tracing::Level::INFO)
        .with_target("h2", tracing_subscriber::filter::LevelFilter::OFF)
        .with_target("hyper", tracing_subscriber::filter::LevelFilter::OFF)
        .with_target("tonic", tracing_subscriber::filter::LevelFilter::OFF);
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("bonafide"))
        .with_filter(filter)
}

/// The current span's W3C trace context, to be stored with work that goes on later.
pub fn trace_context() -> HashMap<String, String> {
    propagation::inject_map(&Span::current().context())
}

/// Makes `span` part of the trace that a stored context belongs to.
pub fn continue_trace(span: &Span, context: &HashMap<String, String>) {
    // Fails only where no OpenTelemetry layer is installed, and then there is nothing to link.
    let _ = span.set_parent(propagation::extract_map(context));
}
