//! Connections: to one server, to a master behind Sentinels, or to a Cluster; and the one that listens for changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Arg, Client, Cmd, ErrorKind, FromRedisValue as _, Pipeline, RedisError, RedisFuture, RedisResult, Value};
use service_kit::metrics;
use tokio_stream::StreamExt as _;

use super::keys;
use super::sentinel::{self, Sentinel};
use super::timeouts::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT, tcp_settings};
use super::tls::{ConnectError, RedisTls};
use crate::storage::Changes;

/// Pause before listening again after the connection broke. Whoever waits for changes looks by himself meanwhile.
const LISTEN_AGAIN: Duration = Duration::from_millis(500);

/// Awaited before a command is sent.
pub type Hook = Arc<dyn Fn(&Cmd) -> BoxFuture<'static, ()> + Send + Sync>;

/// A connection that opens itself again after it broke. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    link: Link,
    hook: Option<Hook>,
    duration: Histogram<f64>,
}

#[derive(Clone)]
enum Link {
    Server(ConnectionManager),
    Sentinel(Arc<Sentinel>),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects, and answers whom to listen to as well; several addresses are the seeds of a Cluster.
    pub(super) async fn open(addresses: &str, tls: &RedisTls) -> Result<(Self, Publishers), ConnectError> {
        if sentinel::is_one(addresses) {
            let master = Arc::new(Sentinel::open(addresses, tls)?);
            if let Err(error) = master.connection().await {
                return Err(ConnectError::explained(error, &master.servers().await).await);
            }
            return Ok((Self::over(Link::Sentinel(master.clone())), Publishers::Sentinel(master)));
        }
        let addresses: Vec<&str> = addresses.split(',').map(str::trim).collect();
        let clients = addresses.iter().map(|address| tls.client(*address));
        let clients: Vec<Client> = clients.collect::<Result<_, _>>()?;
        let link = match clients.as_slice() {
            [server] => to_server(server).await,
            _ => to_cluster(&addresses, tls).await,
        };
        match link {
            Ok(link) => Ok((Self::over(link), Publishers::Nodes(clients))),
            Err(error) => Err(ConnectError::explained(error, &clients).await),
        }
    }

    fn over(link: Link) -> Self {
        Self {
            link,
            hook: None,
            // Name and attributes: OpenTelemetry semantic conventions for database clients.
            duration: metrics::durations(
                "db.client.operation.duration",
                "Commands to Redis, retries of the client among them",
            ),
        }
    }

    /// The same connection, with a hook.
    pub(super) fn hooked(&self, hook: Hook) -> Self {
        Self {
            hook: Some(hook),
            ..self.clone()
        }
    }

    /// Asks the server, or every master of a Cluster, whose host and port are told. What one of them refuses is its answer.
    pub(super) async fn ask_masters(&mut self, command: Cmd) -> RedisResult<Vec<(Option<String>, Value)>> {
        let answer = match &mut self.link {
            Link::Server(connection) => connection.req_packed_command(&command).await,
            Link::Sentinel(master) => master.send(&command).await,
            Link::Cluster(connection) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                return named(connection.route_command(command, masters).await?);
            }
        };
        let answer = answer.or_else(|error| Ok::<_, RedisError>(Value::ServerError(error.try_into()?)))?;
        Ok(vec![(None, answer)])
    }
}

async fn to_server(server: &Client) -> RedisResult<Link> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_number_of_retries(1);
    let manager = server.get_connection_manager_with_config(config).await?;
    Ok(Link::Server(manager))
}

async fn to_cluster(seeds: &[&str], tls: &RedisTls) -> RedisResult<Link> {
    let mut client = ClusterClient::builder(seeds.iter().copied())
        .tcp_settings(tcp_settings())
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(RESPONSE_TIMEOUT);
    if let Some(certificates) = tls.certificates() {
        client = client.certs(certificates);
    }
    Ok(Link::Cluster(client.build()?.get_async_connection().await?))
}

/// The answers of all masters of a Cluster, by host and port.
fn named(answers: Value) -> RedisResult<Vec<(Option<String>, Value)>> {
    let Value::Map(answers) = answers else {
        return Err((ErrorKind::Parse, "not an answer of every master").into());
    };
    let named = |(master, answer)| Ok((Some(String::from_redis_value(master)?), answer));
    answers.into_iter().map(named).collect()
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let hook = self.hook.as_ref().map(|hook| hook(command));
        let (duration, name) = (self.duration.clone(), name(command));
        let answer = match &mut self.link {
            Link::Server(connection) => connection.req_packed_command(command),
            Link::Sentinel(master) => Box::pin(master.send(command)),
            Link::Cluster(connection) => connection.req_packed_command(command),
        };
        Box::pin(async move {
            if let Some(hook) = hook {
                hook.await;
            }
            let started = Instant::now();
            let answer = answer.await;
            let mut attributes = vec![
                KeyValue::new("db.system.name", "redis"),
                KeyValue::new("db.operation.name", name),
            ];
            attributes.extend(error(&answer).map(|kind| KeyValue::new("error.type", kind)));
            duration.record(started.elapsed().as_secs_f64(), &attributes);
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match &mut self.link {
            Link::Server(connection) => connection.req_packed_commands(pipeline, offset, count),
            Link::Sentinel(master) => Box::pin(master.send_all(pipeline, offset, count)),
            Link::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match &self.link {
            Link::Server(connection) => connection.get_db(),
            Link::Sentinel(master) => master.db(),
            Link::Cluster(connection) => connection.get_db(),
        }
    }
}

/// The name of a command. There are as many as this service knows.
fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(Arg::Simple(name)) => String::from_utf8_lossy(name).to_ascii_uppercase(),
        _ => String::new(),
    }
}

/// The kind of an error: the server's own word for it, or that it did not answer.
fn error(answer: &RedisResult<Value>) -> Option<String> {
    match answer {
        Ok(Value::ServerError(error)) => Some(error.code().to_owned()),
        Ok(_) => None,
        Err(error) => Some(error.code().unwrap_or(error.category()).to_owned()),
    }
}

/// Whose messages are listened to.
pub(super) enum Publishers {
    /// Any of these: in a Cluster every node hears everything.
    Nodes(Vec<Client>),
    /// The master of the moment.
    Sentinel(Arc<Sentinel>),
}

impl Publishers {
    /// A client of the one that is listened to at the n-th attempt.
    async fn client(&self, attempt: usize) -> RedisResult<Client> {
        match self {
            Self::Nodes(clients) => {
                let client = clients.get(attempt % clients.len().max(1)).cloned();
                client.ok_or_else(|| (ErrorKind::InvalidClientConfig, "no address").into())
            }
            Self::Sentinel(master) => master.client().await,
        }
    }
}

/// Turns what scripts publish into notifications in this process, for ever.
pub(super) async fn listen(publishers: Publishers, changes: Changes) {
    for attempt in 0.. {
        let heard = async { listen_to(publishers.client(attempt).await?, &changes).await };
        if let Err(error) = heard.await {
            tracing::warn!(%error, "redis does not tell of changes: waiting calls look for themselves until it does");
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn listen_to(client: Client, changes: &Changes) -> RedisResult<()> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(keys::CHANGES).await?;
    // Whatever happened before the subscription was not heard.
    changes.everything_changed();
    let mut messages = subscription.into_on_message();
    while let Some(message) = messages.next().await {
        let text: String = message.get_payload()?;
        match text.split_once(':') {
            Some(("session", id)) => changes.session_changed(id),
            Some(("job", _)) => changes.job_arrived(),
            _ => {}
        }
    }
    Ok(())
}
