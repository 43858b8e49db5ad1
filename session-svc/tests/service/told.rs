//! What is told of this thread, on which all tasks of session-svc run: log lines and spans.

use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use service_kit::testing::Listening;

pub(crate) struct Told {
    listening: Listening,
    spans: InMemorySpanExporter,
}

impl Told {
    /// Keeps the log lines that this filter lets through, and all spans.
    pub(crate) fn start(filter: &str) -> Self {
        let spans = InMemorySpanExporter::default();
        let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let listening = Listening::start(filter, &traces);
        Self { listening, spans }
    }

    pub(crate) fn lines(&self) -> String {
        self.listening.lines()
    }

    /// Those that have ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("kept")
    }
}
