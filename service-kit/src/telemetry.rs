//! Logs as JSON lines on standard error; traces and metrics over OTLP where an endpoint is configured; metrics for whoever scrapes them
//! (see [`crate::metrics`]).
//!
//! Traces are kept whether or not they are sent anywhere: every log line that belongs to a call has its `trace_id` and `span_id`, and
//! the lines of all services about one verification have the same `trace_id`.
//!
//! Nothing personal may be recorded: span fields and log fields are ids, counts, durations and codes.

use std::collections::HashMap;
use std::fmt;

use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Event, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::fmt::format::{self, FormatEvent, FormatFields, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::TelemetryConfig;
use crate::{metrics, propagation};

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
#[must_use = "dropping it without shutdown loses the newest spans"]
pub struct Telemetry {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    /// Starts telemetry for the whole process. Must be called inside a tokio runtime.
    pub fn start(service: &'static str, config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let mut traces = SdkTracerProvider::builder().with_resource(resource.clone());
        let mut pushed = None;
        if let Some(endpoint) = &config.otlp_endpoint {
            let spans = opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .build()?;
            traces = traces.with_batch_exporter(spans);
            let metrics = opentelemetry_otlp::MetricExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .build()?;
            pushed = Some(metrics);
        }
        let telemetry = Self {
            traces: traces.build(),
            metrics: metrics::provider(resource, |builder| match pushed {
                Some(exporter) => builder.with_periodic_exporter(exporter),
                None => builder,
            }),
        };
        let subscriber = subscriber(config, std::io::stderr, &telemetry.traces)?;
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(telemetry)
    }

    /// Sends what is still held back. Waits for the collector, but not long.
    pub fn shutdown(self) {
        if let Err(error) = self.traces.shutdown() {
            tracing::warn!(%error, "the newest spans were lost");
        }
        if let Err(error) = self.metrics.shutdown() {
            tracing::warn!(%error, "the newest metrics were lost");
        }
    }
}

/// The subscriber behind [`Telemetry::start`], for tests that bring a writer and an exporter of their own.
pub fn subscriber<W>(
    config: &TelemetryConfig,
    writer: W,
    traces: &SdkTracerProvider,
) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.log)?;
    let json = format::format()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(InTrace(json))
        .with_writer(writer)
        .with_filter(filter);
    Ok(Registry::default().with(lines).with(spans(traces)))
}

/// JSON lines that begin with the place in the trace that they belong to, where there is one: W3C ids in lower-case hexadecimal, as
/// `trace_id` and `span_id` (OpenTelemetry, "Trace Context in non-OTLP Log Formats").
struct InTrace<F>(F);

impl<S, N, F> FormatEvent<S, N> for InTrace<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        // The layer of spans makes the span that is entered the current one of OpenTelemetry.
        let place = opentelemetry::Context::map_current(|context| context.span().span_context().clone());
        match line.strip_prefix('{') {
            Some(rest) if place.is_valid() => {
                let (trace, span) = (place.trace_id(), place.span_id());
                write!(writer, r#"{{"trace_id":"{trace}","span_id":"{span}",{rest}"#)
            }
            _ => writer.write_str(&line),
        }
    }
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

/// Makes `span` name another that led to it and is of another trace.
pub fn link(span: &Span, cause: &Span) {
    span.add_link(cause.context().span().span_context().clone());
}

/// Makes `span` part of the trace that a stored context belongs to.
pub fn continue_trace(span: &Span, context: &HashMap<String, String>) {
    // Fails only where no OpenTelemetry layer is installed, and then there is nothing to link.
    let _ = span.set_parent(propagation::extract_map(context));
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged outside of a span, in one, and in one that the log's filter hides.
    fn logged() -> (Vec<String>, String) {
        let (lines, traces) = (Lines::default(), SdkTracerProvider::default());
        let config = TelemetryConfig {
            log: "warn".to_owned(),
            ..TelemetryConfig::default()
        };
        let writer = {
            let lines = lines.clone();
            move || lines.clone()
        };
        let subscriber = subscriber(&config, writer, &traces).expect("a filter");
        let trace = tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("outside");
            let span = tracing::info_span!("request");
            span.in_scope(|| tracing::warn!("inside"));
            span.context().span().span_context().trace_id().to_string()
        });
        let written = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("UTF-8");
        (written.lines().map(str::to_owned).collect(), trace)
    }

    #[test]
    fn a_line_says_which_trace_it_belongs_to() {
        let (lines, trace) = logged();
        let [outside, inside] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert!(outside.starts_with(r#"{"timestamp""#), "{outside}");
        assert!(
            inside.starts_with(&format!(r#"{{"trace_id":"{trace}","span_id":""#)),
            "{inside}"
        );
        assert!(
            inside.ends_with('}') && inside.contains(r#""message":"inside""#),
            "{inside}"
        );
    }
}
