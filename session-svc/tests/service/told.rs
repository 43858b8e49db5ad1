//! What is told of this thread, on which all tasks of session-svc run: log lines and spans.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use service_kit::config::TelemetryConfig;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

pub(crate) struct Told {
    lines: Lines,
    spans: InMemorySpanExporter,
    _guard: DefaultGuard,
    _other: Dispatch,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Told {
    /// Keeps the log lines that this filter lets through, and all spans.
    pub(crate) fn start(filter: &str) -> Self {
        let (lines, spans) = (Lines::default(), InMemorySpanExporter::default());
        let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let config = TelemetryConfig {
            log: filter.to_owned(),
            ..TelemetryConfig::default()
        };
        let writer = {
            let lines = lines.clone();
            move || lines.clone()
        };
        let subscriber = service_kit::telemetry::subscriber(&config, writer, &traces).expect("a filter");
        Self {
            lines,
            spans,
            _guard: tracing::subscriber::set_default(subscriber),
            // With one alone, what a thread without any comes across first would be told by nobody (tracing-core, `callsite`).
            _other: Dispatch::new(NoSubscriber::new()),
        }
    }

    pub(crate) fn lines(&self) -> String {
        String::from_utf8_lossy(&self.lines.0.lock().expect("no panic")).into_owned()
    }

    /// Those that have ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("kept")
    }
}
