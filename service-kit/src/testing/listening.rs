//! What is told of a thread, on which all tasks of a test run.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

use crate::config::TelemetryConfig;
use crate::telemetry;

/// Log lines, kept in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// All of them up to now.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to this thread until it is dropped.
#[derive(Debug)]
pub struct Listening {
    lines: Lines,
    _other: Dispatch,
    _guard: DefaultGuard,
}

impl Listening {
    /// Keeps the log lines that this filter lets through, and hands all spans to `traces`.
    ///
    /// # Panics
    /// With a filter that is none.
    pub fn start(filter: &str, traces: &SdkTracerProvider) -> Self {
        let lines = Lines::default();
        let config = TelemetryConfig {
            log: filter.to_owned(),
            ..TelemetryConfig::default()
        };
        let writer = {
            let lines = lines.clone();
            move || lines.clone()
        };
        let subscriber = telemetry::subscriber(&config, writer, traces).expect("a filter");
        Self {
            lines,
            // Where there is one alone, tracing asks the thread that comes to a span or an event first, which may be that of another
            // test, whether anybody ever listens to it.
            _other: Dispatch::new(NoSubscriber::default()),
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// All log lines up to now.
    pub fn lines(&self) -> String {
        self.lines.text()
    }
}
