//! The replicas of a service, and which of them a call goes to.
//!
//! A name is resolved again every few seconds: that of a headless service of Kubernetes has the addresses of all pods that are ready.
//! A call goes to the one of two replicas, drawn by lot, that has fewer calls under way ("power of two choices"). One that could not be
//! reached is passed over until a health check reaches it again.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::time::{Instant, timeout};
use tonic::ConnectError;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::util::rng::{HasherRng, Rng as _};

/// How long the answer for a name is used before it is asked for again.
const RESOLVE_AGAIN: Duration = Duration::from_secs(5);

/// The same while no replica can be reached.
const RESOLVE_SOON: Duration = Duration::from_secs(1);

/// How long resolving a name, or a health check of a replica that could not be reached, may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// A host and port that stand for one replica or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Where the addresses of a name come from, and how one is connected to.
pub(crate) trait Network: Send + Sync + 'static {
    /// The addresses behind a name.
    fn resolve<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// A channel to one of them. It connects when it is first used.
    fn channel(&self, name: &Name, address: SocketAddr) -> Channel;
}

/// The replicas behind some names. Clones share them.
#[derive(Clone)]
pub(crate) struct Replicas(Arc<Shared>);

struct Shared {
    names: Vec<Name>,
    network: Box<dyn Network>,
    known: Mutex<Known>,
    /// Held by whoever resolves the names.
    resolving: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    replicas: Vec<Arc<Replica>>,
    resolved: Option<Instant>,
}

struct Replica {
    name: Name,
    address: SocketAddr,
    channel: Channel,
    calls: AtomicUsize,
    unreachable: AtomicBool,
}

/// A replica that a call goes to.
pub(crate) struct Picked(Arc<Replica>);

/// None of the names has an address.
#[derive(Debug, thiserror::Error)]
#[error("{0} has no address")]
struct Unresolved(String);

impl Replicas {
    pub(crate) fn new(names: Vec<Name>, network: impl Network) -> Self {
        Self(Arc::new(Shared {
            names,
            network: Box::new(network),
            known: Mutex::default(),
            resolving: tokio::sync::Mutex::default(),
        }))
    }

    /// A replica for the next call.
    ///
    /// # Errors
    /// When no name has an address.
    pub(crate) async fn pick(&self) -> Result<Picked, ConnectError> {
        let shared = &self.0;
        if shared.is_due() {
            if shared.known().replicas.is_empty() {
                shared.resolve().await;
            } else {
                // Calls go on with what is known.
                let shared = Arc::clone(shared);
                tokio::spawn(async move { shared.resolve().await });
            }
        }
        let known = shared.known();
        let mut candidates: Vec<_> = known.replicas.iter().filter(|replica| replica.is_reachable()).collect();
        if candidates.is_empty() {
            candidates = known.replicas.iter().collect();
        }
        by_lot(&candidates).ok_or_else(|| {
            let hosts: Vec<_> = shared.names.iter().map(|name| name.host.clone()).collect();
            ConnectError(Box::new(Unresolved(hosts.join(", "))))
        })
    }

    /// Whether there is a replica that, for all that is known, can be reached.
    pub(crate) fn are_reachable(&self) -> bool {
        self.0.known().are_reachable()
    }
}

/// The less busy one of two that are drawn.
fn by_lot(replicas: &[&Arc<Replica>]) -> Option<Picked> {
    let count = replicas.len() as u64;
    let mut lot = HasherRng::default();
    let picked = match replicas {
        [] => return None,
        [only] => only,
        _ => {
            let first = lot.next_range(0..count);
            // Another one.
            let second = (first + lot.next_range(1..count)) % count;
            let [first, second] = [first, second].map(|index| replicas[index as usize]);
            if second.calls.load(Ordering::Relaxed) < first.calls.load(Ordering::Relaxed) {
                second
            } else {
                first
            }
        }
    };
    picked.calls.fetch_add(1, Ordering::Relaxed);
    Some(Picked(Arc::clone(picked)))
}

impl Shared {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to resolve the names.
    fn is_due(&self) -> bool {
        let known = self.known();
        let longest_age = if known.are_reachable() {
            RESOLVE_AGAIN
        } else {
            RESOLVE_SOON
        };
        known.resolved.is_none_or(|resolved| resolved.elapsed() >= longest_age)
    }

    /// Resolves the names, unless somebody else just did. Of a name without an answer what was known stays.
    async fn resolve(&self) {
        let _turn = self.resolving.lock().await;
        if !self.is_due() {
            return;
        }
        let answers = self.names.iter().map(async |name| {
            let answer = timeout(LONGEST_ANSWER, self.network.resolve(name)).await;
            answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        });
        let answers = join_all(answers).await;
        let before = self.known().replicas.clone();
        let mut now: Vec<Arc<Replica>> = Vec::new();
        for (name, answer) in self.names.iter().zip(answers) {
            let known = before.iter().filter(|replica| replica.name == *name);
            match answer {
                Ok(addresses) if !addresses.is_empty() => {
                    for address in addresses {
                        let same = known.clone().find(|replica| replica.address == address);
                        now.push(same.map_or_else(|| Arc::new(self.replica(name, address)), Arc::clone));
                    }
                }
                answer => {
                    let error = answer.err().map(tracing::field::display);
                    tracing::warn!(host = name.host, error, "a service's name has no address");
                    now.extend(known.cloned());
                }
            }
        }
        now.sort_by_key(|replica| replica.address);
        now.dedup_by_key(|replica| replica.address);
        *self.known() = Known {
            replicas: now.clone(),
            resolved: Some(Instant::now()),
        };
        join_all(now.iter().map(|replica| replica.ask_again())).await;
    }

    fn replica(&self, name: &Name, address: SocketAddr) -> Replica {
        Replica {
            name: name.clone(),
            address,
            channel: self.network.channel(name, address),
            calls: AtomicUsize::new(0),
            unreachable: AtomicBool::new(false),
        }
    }
}

impl Known {
    fn are_reachable(&self) -> bool {
        self.replicas.iter().any(|replica| replica.is_reachable())
    }
}

impl Replica {
    fn is_reachable(&self) -> bool {
        !self.unreachable.load(Ordering::Relaxed)
    }

    /// Asks one that could not be reached for its health.
    async fn ask_again(&self) {
        if self.is_reachable() {
            return;
        }
        let mut client = HealthClient::new(self.channel.clone());
        let answer = timeout(LONGEST_ANSWER, client.check(HealthCheckRequest::default())).await;
        if let Ok(Ok(answer)) = answer
            && answer.get_ref().status() == ServingStatus::Serving
        {
            self.unreachable.store(false, Ordering::Relaxed);
        }
    }
}

impl Picked {
    /// The channel to it.
    pub(crate) fn channel(&self) -> Channel {
        self.0.channel.clone()
    }

    /// It could not be reached, or could.
    pub(crate) fn was_reached(&self, reached: bool) {
        self.0.unreachable.store(!reached, Ordering::Relaxed);
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::transport::{Endpoint, Server};

    use super::*;

    /// Answers for one name; `None` for a resolver that fails.
    #[derive(Clone, Default)]
    struct Answers(Arc<Mutex<Option<Vec<SocketAddr>>>>);

    impl Answers {
        fn are(&self, ports: &[u16]) {
            let address = |port: &u16| SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            *self.0.lock().expect("no panic") = Some(ports.iter().map(address).collect());
        }

        fn fail(&self) {
            *self.0.lock().expect("no panic") = None;
        }
    }

    impl Network for Answers {
        fn resolve<'a>(&'a self, _: &'a Name) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            let answer = self.0.lock().expect("no panic").clone();
            Box::pin(async { answer.ok_or_else(|| io::Error::other("the resolver is away")) })
        }

        fn channel(&self, _: &Name, address: SocketAddr) -> Channel {
            Endpoint::from_shared(format!("http://{address}"))
                .expect("an address")
                .connect_lazy()
        }
    }

    fn replicas(answers: &Answers) -> Replicas {
        let name = Name {
            host: "checks".to_owned(),
            port: 1,
        };
        Replicas::new(vec![name], answers.clone())
    }

    /// So many calls that all go on; sorted counts of them by port.
    async fn call(replicas: &Replicas, calls: usize) -> (Vec<Picked>, Vec<(u16, usize)>) {
        let mut picked = Vec::new();
        for _ in 0..calls {
            picked.push(replicas.pick().await.expect("an address"));
        }
        let mut counts = std::collections::BTreeMap::new();
        for picked in &picked {
            *counts.entry(picked.0.address.port()).or_insert(0) += 1;
        }
        (picked, counts.into_iter().collect())
    }

    fn ports(counts: &[(u16, usize)]) -> Vec<u16> {
        counts.iter().map(|(port, _)| *port).collect()
    }

    /// Lets time pass, and the next call ask for the name again.
    async fn later(replicas: &Replicas) {
        tokio::time::advance(RESOLVE_AGAIN).await;
        drop(replicas.pick().await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn calls_go_to_those_with_fewer() {
        let answers = Answers::default();
        answers.are(&[1, 2, 3]);
        let replicas = replicas(&answers);
        let (mut calls, counts) = call(&replicas, 300).await;
        assert_eq!(ports(&counts), [1, 2, 3]);
        assert!(counts.iter().all(|(_, count)| (90..=110).contains(count)), "{counts:?}");
        // One that has none is taken whenever it is drawn: two times in three.
        calls.retain(|call| call.0.address.port() != 1);
        let (_more, counts) = call(&replicas, 90).await;
        assert!(counts[0].0 == 1 && counts[0].1 >= 36, "{counts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn replicas_come_and_go_with_their_name() {
        let answers = Answers::default();
        let replicas = replicas(&answers);
        let error = replicas.pick().await.map(|_| ()).expect_err("no address yet");
        assert_eq!(error.to_string(), "checks has no address");
        answers.are(&[1, 2]);
        assert!(replicas.pick().await.is_err(), "it is not asked for all the time");
        tokio::time::advance(RESOLVE_SOON).await;
        assert_eq!(ports(&call(&replicas, 100).await.1), [1, 2]);
        answers.are(&[2, 3]);
        assert_eq!(ports(&call(&replicas, 100).await.1), [1, 2]);
        later(&replicas).await;
        assert_eq!(ports(&call(&replicas, 100).await.1), [2, 3]);
        // What is known is better than nothing.
        answers.are(&[]);
        later(&replicas).await;
        answers.fail();
        later(&replicas).await;
        assert_eq!(ports(&call(&replicas, 100).await.1), [2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_not_reached_is_passed_over() {
        let answers = Answers::default();
        answers.are(&[1, 2]);
        let replicas = replicas(&answers);
        let (calls, _) = call(&replicas, 100).await;
        let reached = |port, reached| {
            let call = calls.iter().find(|call| call.0.address.port() == port);
            call.expect("a call").was_reached(reached);
        };
        reached(1, false);
        assert_eq!(ports(&call(&replicas, 100).await.1), [2]);
        reached(2, false);
        assert!(!replicas.are_reachable());
        assert_eq!(ports(&call(&replicas, 100).await.1), [1, 2], "nothing better is known");
        reached(1, true);
        assert_eq!(ports(&call(&replicas, 100).await.1), [1]);
    }

    #[tokio::test]
    async fn one_that_is_healthy_again_gets_calls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let answers = Answers::default();
        answers.are(&[address.port()]);
        let replicas = replicas(&answers);
        let call = replicas.pick().await.expect("an address");
        call.was_reached(false);
        let (reporter, health) = tonic_health::server::health_reporter();
        let server = Server::builder()
            .add_service(health)
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(server);
        reporter
            .set_service_status("", tonic_health::ServingStatus::NotServing)
            .await;
        call.0.ask_again().await;
        assert!(!replicas.are_reachable());
        reporter
            .set_service_status("", tonic_health::ServingStatus::Serving)
            .await;
        call.0.ask_again().await;
        assert!(replicas.are_reachable());
        server.abort();
    }
}
