//! What is logged on this thread, on which all tasks of a test run.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::trace::SdkTracerProvider;
use service_kit::config::TelemetryConfig;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

pub(crate) struct Log {
    lines: Lines,
    _other: Dispatch,
    _guard: DefaultGuard,
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

impl Log {
    pub(crate) fn start() -> Self {
        let lines = Lines::default();
        let config = TelemetryConfig {
            log: "info".to_owned(),
            ..TelemetryConfig::default()
        };
        let writer = {
            let lines = lines.clone();
            move || lines.clone()
        };
        let subscriber =
            service_kit::telemetry::subscriber(&config, writer, &SdkTracerProvider::default()).expect("a filter");
        Self {
            lines,
            // Where there is one alone, tracing asks the thread that comes to an event first, which may be that of another test, whether
            // anybody ever listens to it.
            _other: Dispatch::new(NoSubscriber::default()),
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines with this text in them.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        let lines = self.lines.0.lock().expect("no panic");
        let lines = String::from_utf8_lossy(&lines);
        lines
            .lines()
            .filter(|line| line.contains(text))
            .map(str::to_owned)
            .collect()
    }

    /// Waits until there are so many lines with this text in them.
    pub(crate) async fn wait_for(&self, count: usize, text: &str) {
        while self.lines(text).len() < count {
            tokio::task::yield_now().await;
        }
    }
}
