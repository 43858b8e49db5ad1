//! `grpc.health.v1`: one entry per dependency, one for the whole, and two for probes.
//!
//! The empty service name answers for the whole: SERVING while everything does that the service [`Health::depends_on`].
//! What it [`Health::uses`] has an entry too but does not count: a service that can do part of its work without it, or do it later,
//! is not taken away from its callers. `grpc_health_probe -service=redis` (or whatever it is called) tells about that one.
//!
//! * `liveness`: SERVING from the first moment on, whatever dependencies say, and until no more calls are taken. Restarting a process
//!   mends none of its dependencies.
//! * `readiness`: the same as the empty name. NOT_SERVING, too, before the dependencies were asked and from the moment on in which the
//!   service is asked to stop.
//!
//! The admin port tells the same over HTTP.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use opentelemetry::KeyValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::metrics;
use crate::readiness::{self, Readiness};

/// How often dependencies are asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long a dependency has to answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// How often one is asked before it is away: a single answer that comes late takes no replica from its callers.
const TRIES: usize = 2;

/// How soon it is asked again, and how often while the service is not ready.
const RETRY: Duration = Duration::from_millis(500);

/// The names of the whole.
const WHOLE: [&str; 2] = ["", "readiness"];

/// The name of what depends on nothing.
const LIVENESS: &str = "liveness";

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

struct Dependency {
    name: &'static str,
    required: bool,
    check: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl Dependency {
    async fn answers(&self) -> bool {
        for again in 0..TRIES {
            if again > 0 {
                tokio::time::sleep(RETRY).await;
            }
            if tokio::time::timeout(LONGEST_ANSWER, (self.check)()).await == Ok(true) {
                return true;
            }
        }
        false
    }
}

/// The health of one service.
pub struct Health {
    reporter: HealthReporter,
    dependencies: Vec<Dependency>,
}

impl Health {
    /// A service without dependencies: healthy while it runs.
    pub fn new() -> Self {
        Self {
            reporter: HealthReporter::new(),
            dependencies: Vec::new(),
        }
    }

    /// Adds what no call can be served without; `check` answers whether it can be used now.
    pub fn depends_on<F>(self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.with(name, true, check)
    }

    /// The same with a `check` that takes a moment's work.
    pub fn depends_on_blocking(
        self,
        name: &'static str,
        check: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> Self {
        self.depends_on(name, move || {
            let answer = tokio::task::spawn_blocking(check.clone());
            async { answer.await.unwrap_or(false) }
        })
    }

    /// Adds what the service can do without for a while; `check` answers whether it can be used now.
    pub fn uses<F>(self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.with(name, false, check)
    }

    fn with<F>(mut self, name: &'static str, required: bool, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.dependencies.push(Dependency {
            name,
            required,
            check: Arc::new(move || Box::pin(check())),
        });
        self
    }

    /// What answers, with nothing ready yet.
    pub(crate) async fn service(&self) -> HealthServer<HealthService> {
        self.reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
        self.report_not_ready().await;
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Asks every dependency until `shutdown`, then reports NOT_SERVING so that no new request is sent here.
    pub(crate) async fn watch(
        &mut self,
        service: &'static str,
        shutdown: &CancellationToken,
        readiness: &watch::Sender<Readiness>,
    ) {
        let up = metrics::meter()
            .u64_gauge("bonafide.dependency.up")
            .with_description("Whether what a service depends on answers it: 1 or 0")
            .build();
        // A dependency that hangs does not keep the service from saying that it stops.
        let _stopped = shutdown
            .run_until_cancelled(async {
                loop {
                    let asked = self.ask().await;
                    for one in asked.dependencies() {
                        let dependency = KeyValue::new("dependency", one.name);
                        up.record(one.answers.into(), &[KeyValue::new("service", service), dependency]);
                    }
                    let pause = if asked.is_ready() { INTERVAL } else { RETRY };
                    let before = readiness.send_replace(asked.clone());
                    // What is away for an hour is no news every five seconds.
                    for one in asked.changes_since(&before) {
                        if one.answers {
                            tracing::info!(dependency = one.name, "dependency answers again");
                        } else {
                            tracing::warn!(dependency = one.name, "dependency does not answer");
                        }
                    }
                    tokio::time::sleep(pause).await;
                }
            })
            .await;
        readiness.send_replace(Readiness::Stopping);
        self.report_not_ready().await;
    }

    async fn report_not_ready(&self) {
        for name in self.names() {
            self.reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
    }

    /// Ends all `Watch` streams, which would keep the server from stopping.
    pub(crate) async fn end_watches(&mut self) {
        for name in self.names().into_iter().chain([LIVENESS]) {
            self.reporter.clear_service_status(name).await;
        }
    }

    fn names(&self) -> Vec<&'static str> {
        let dependencies = self.dependencies.iter().map(|dependency| dependency.name);
        dependencies.chain(WHOLE).collect()
    }

    async fn ask(&self) -> Readiness {
        let answers = self.dependencies.iter().map(async |dependency| {
            let healthy = dependency.answers().await;
            self.reporter.set_service_status(dependency.name, status(healthy)).await;
            readiness::Dependency {
                name: dependency.name,
                required: dependency.required,
                answers: healthy,
            }
        });
        let asked = Readiness::Asked(join_all(answers).await);
        for name in WHOLE {
            self.reporter.set_service_status(name, status(asked.is_ready())).await;
        }
        asked
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

fn status(healthy: bool) -> ServingStatus {
    if healthy {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tokio::time::Instant;
    use tonic::Request;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health as _;

    use super::*;

    /// What callers are told.
    pub(crate) struct Reported(HealthService);

    impl Health {
        pub(crate) fn reported(&self) -> Reported {
            Reported(HealthService::from_health_reporter(self.reporter.clone()))
        }
    }

    impl Reported {
        pub(crate) async fn serving(&self, service: &str) -> bool {
            let request = HealthCheckRequest {
                service: service.to_owned(),
            };
            let answer = self.0.check(Request::new(request)).await;
            answer.expect("an entry").into_inner().status == ServingStatus::Serving as i32
        }
    }

    #[tokio::test(start_paused = true)]
    async fn dependencies_that_hang_hold_up_no_end() {
        let (asked, shutdown) = (Arc::new(Notify::new()), CancellationToken::new());
        let notify = Arc::clone(&asked);
        let hangs = move || {
            notify.notify_one();
            std::future::pending()
        };
        let mut health = Health::new().depends_on("store", hangs.clone()).uses("check", hangs);
        let (readiness, _) = watch::channel(Readiness::Starting);
        let begun = Instant::now();
        health.ask().await;
        assert_eq!(begun.elapsed(), 2 * LONGEST_ANSWER + RETRY, "they are asked at once");

        asked.notified().await;
        let begun = Instant::now();
        tokio::join!(health.watch("test-svc", &shutdown, &readiness), async {
            asked.notified().await;
            shutdown.cancel();
        });
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(!health.reported().serving("").await);
        assert_eq!(*readiness.borrow(), Readiness::Stopping);
    }

    #[tokio::test(start_paused = true)]
    async fn liveness_depends_on_nothing() {
        let health = Health::new().depends_on("store", || async { false });
        let _service = health.service().await;
        let reported = health.reported();
        let serving = async || (reported.serving("liveness").await, reported.serving("readiness").await);
        assert_eq!(serving().await, (true, false), "nothing was asked yet");
        health.ask().await;
        assert_eq!(serving().await, (true, false));

        let health = Health::new().depends_on("store", || async { true });
        let _service = health.service().await;
        assert!(!health.reported().serving("readiness").await);
        health.ask().await;
        assert!(health.reported().serving("readiness").await);
        health.report_not_ready().await;
        assert!(!health.reported().serving("readiness").await);
        assert!(health.reported().serving("liveness").await);
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_follows_what_is_needed() {
        let (works, shutdown) = (Arc::new(AtomicBool::new(true)), CancellationToken::new());
        let answer = Arc::clone(&works);
        let mut health = Health::new().depends_on("store", move || {
            let answer = answer.load(Ordering::Relaxed);
            async move { answer }
        });
        let reported = health.reported();
        let (readiness, mut told) = watch::channel(Readiness::Starting);
        tokio::join!(health.watch("test-svc", &shutdown, &readiness), async {
            for answers in [true, false, true] {
                works.store(answers, Ordering::Relaxed);
                let expected = told.wait_for(|told| told.is_ready() == answers).await;
                assert!(expected.is_ok());
                assert_eq!(reported.serving("readiness").await, answers);
            }
            shutdown.cancel();
        });
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_that_is_late_changes_nothing() {
        for (late, expected) in [(1, true), (2, false)] {
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let health = Health::new().depends_on("store", move || {
                let nth = count.fetch_add(1, Ordering::Relaxed);
                async move {
                    if nth < late {
                        tokio::time::sleep(2 * LONGEST_ANSWER).await;
                    }
                    true
                }
            });
            assert_eq!(health.ask().await.is_ready(), expected, "{late} late");
            assert_eq!(asked.load(Ordering::Relaxed), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_needed_counts_for_the_whole() {
        let health = Health::new()
            .depends_on("store", || async { true })
            .uses("check", || async { false });
        health.ask().await;
        assert!(health.reported().serving("").await);
        assert!(health.reported().serving("store").await);
        assert!(!health.reported().serving("check").await);

        for fails in [
            Health::new().depends_on("store", || async { false }),
            Health::new().depends_on_blocking("device", || false),
            Health::new().depends_on_blocking("device", || panic!("as planned")),
        ] {
            fails.ask().await;
            assert!(!fails.reported().serving("").await);
        }
        let works = Health::new().depends_on_blocking("device", || true);
        works.ask().await;
        assert!(works.reported().serving("").await);
    }
}
