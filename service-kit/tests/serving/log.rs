//! What is logged on this thread, on which all tasks of a test run.

use opentelemetry_sdk::trace::SdkTracerProvider;
use service_kit::testing::Listening;

pub(crate) struct Log(Listening);

impl Log {
    pub(crate) fn start() -> Self {
        Self(Listening::start("info", &SdkTracerProvider::default()))
    }

    /// The lines with this text in them.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        let lines = self.0.lines();
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
