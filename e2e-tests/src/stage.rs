//! One deployment that all tests of a binary share, with its logs and spans in memory.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cli::api::Api;
use cli::client::{Client, Outcome, Submission};
use cli::deployment::{Deployment, Options};
use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use service_kit::config::{Secret, TelemetryConfig};
use service_kit::testing::{Lines, Samples};
use service_kit::tls::ClientTls;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tracing::Instrument as _;

use crate::pictures::Pictures;

/// Everything that our own crates would ever log.
const LOG: &str = "info,cli=trace,doc_check_svc=trace,report_svc=trace,selfie_svc=trace,service_kit=trace,\
                   session_svc=trace,vision=trace";

/// How long spans may take to be exported.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A running deployment and what it tells about itself.
pub struct Stage {
    /// Pictures to submit.
    pub pictures: Pictures,
    /// All four services.
    pub deployment: Deployment,
    runtime: Runtime,
    logs: Lines,
    spans: InMemorySpanExporter,
    data: TempDir,
}

static STAGE: LazyLock<Option<Stage>> = LazyLock::new(|| {
    let pictures = Pictures::open()?;
    Some(Stage::open(pictures).expect("all services start"))
});

/// The stage, on which services play from the first call to the end of the process; `None` without networks.
pub fn stage() -> Option<&'static Stage> {
    STAGE.as_ref()
}

impl Stage {
    fn open(pictures: Pictures) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let logs = Lines::default();
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let config = TelemetryConfig {
            log: LOG.to_owned(),
            ..TelemetryConfig::default()
        };
        let writer = {
            let logs = logs.clone();
            move || logs.clone()
        };
        let subscriber = service_kit::telemetry::subscriber(&config, writer, &provider)?;
        tracing::subscriber::set_global_default(subscriber)?;

        service_kit::testing::tell_metrics();

        let data = tempfile::tempdir()?;
        let mut options = Options {
            models: Some(pictures.store().root().to_owned()),
            admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            ..Options::in_folder(data.path())
        };
        options.keep_face_crops = true;
        options.documents.allow_specimens = true;
        let deployment = runtime.block_on(Deployment::start(options))?;
        Ok(Self {
            pictures,
            deployment,
            runtime,
            logs,
            spans,
            data,
        })
    }

    /// The folder of everything that is kept.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Runs one test's future.
    pub fn run<T>(&self, test: impl Future<Output = T>) -> T {
        self.runtime.block_on(test)
    }

    /// A backend with a key that reads sensitive fields.
    pub fn client(&self) -> anyhow::Result<Client> {
        let _inside = self.runtime.enter();
        Client::new(self.deployment.address(), &self.deployment.keys().restricted_api_key)
    }

    /// A caller with this credential, who makes every call on its own.
    pub fn api(&self, credential: &Secret) -> Api {
        let _inside = self.runtime.enter();
        Api::new(self.deployment.address(), credential, &ClientTls::default()).expect("an address and a credential")
    }

    /// A backend that makes every call on its own.
    pub fn backend(&self) -> Api {
        self.api(&self.deployment.keys().restricted_api_key)
    }

    /// Verifies in a trace of its own and answers the trace's id, once the verification has ended and every call of it on both sides.
    pub fn verify_traced(&self, submission: Submission) -> anyhow::Result<(Outcome, TraceId)> {
        let client = self.client()?;
        let span = tracing::info_span!("test");
        let context = span.in_scope(service_kit::telemetry::trace_context);
        // W3C Trace Context, 3.2: version, trace id, parent id and flags with dashes between.
        let trace = context.get("traceparent").and_then(|parent| parent.split('-').nth(1));
        let trace = TraceId::from_hex(trace.context("the span belongs to a trace")?)?;
        let outcome = self.run(client.verify(submission).instrument(span))?;
        // The caller hears of the completion a moment before the worker that made it is done, and whoever calls hears an answer before the
        // span of the service that gave it has ended. A watch ends when it likes.
        let completed = || {
            let mut spans = self.spans();
            spans.retain(|span| span.span_context.trace_id() == trace);
            let has_ended = |call: &SpanData| {
                let id = call.span_context.span_id();
                call.name.contains("/Watch") || spans.iter().any(|span| span.parent_span_id == id)
            };
            spans.iter().any(|span| span.name == "verification")
                && spans
                    .iter()
                    .filter(|span| span.span_kind == SpanKind::Client)
                    .all(has_ended)
        };
        let deadline = Instant::now() + LONGEST_WAIT;
        while !completed() {
            anyhow::ensure!(Instant::now() < deadline, "the verification's span did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok((outcome, trace))
    }

    /// The metrics of all services, as the admin port tells them.
    pub fn metrics(&self) -> anyhow::Result<Samples> {
        let admin = self.deployment.admin_address().context("a port for metrics")?;
        let (status, text) = self.run(service_kit::testing::get(admin, "/metrics"))?;
        anyhow::ensure!(status == 200, "{status}");
        Samples::parse(&text).map_err(anyhow::Error::msg)
    }

    /// All log lines up to now.
    pub fn logs(&self) -> String {
        self.logs.text()
    }

    /// All spans that have ended up to now.
    pub fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap_or_default()
    }
}
