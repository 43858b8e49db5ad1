//! A private redis-server, and the Redis storage on it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proto::id::{Kind, PARTITIONS};
use report_svc::assemble::Findings;
use report_svc::error::Error;
use report_svc::evidence::Evidence;
use report_svc::id::Id;
use report_svc::storage::redis::Redis;
use report_svc::storage::{Deliveries, JobState, Storage};
use report_svc::store::{Failed, Queued};
use tokio::sync::mpsc;

use crate::certificates::Issued;
use crate::clock::Hand;
use crate::conformance::{Subject, suite};
use crate::process::Running;

/// A redis-server on a free loopback port, with a folder of its own; stopped when dropped.
pub(crate) struct RedisServer {
    process: Running,
    pub(crate) port: u16,
    pub(crate) address: String,
    client: redis::Client,
    folder: tempfile::TempDir,
}

impl RedisServer {
    /// Starts one; `None`, and a line that says so, where redis-server is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Option<Self> {
        Self::start_as(None, arguments).await
    }

    /// Starts one with TLS alone, if a certificate is given for it.
    pub(crate) async fn start_as(certificate: Option<&Issued>, arguments: &[&str]) -> Option<Self> {
        // Another process may take the port between finding and using it: then the next one is tried.
        for _ in 0..10 {
            let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
            let settings = certificate.map(|certificate| certificate.settings(port));
            let settings = settings.iter().flatten();
            let settings: Vec<String> = settings
                .flat_map(|(name, value)| [format!("--{name}"), value.clone()])
                .collect();
            let all: Vec<&str> = settings
                .iter()
                .map(String::as_str)
                .chain(arguments.iter().copied())
                .collect();
            let Ok(process) = spawn(port, folder.path(), &all) else {
                service_kit::testing::skipped("redis-server is not installed");
                return None;
            };
            let (address, client) = match certificate {
                None => {
                    let address = format!("redis://127.0.0.1:{port}");
                    (address.clone(), redis::Client::open(address))
                }
                Some(certificate) => {
                    let address = format!("rediss://localhost:{port}");
                    let client = redis::Client::build_with_tls(address.as_str(), certificate.certificates());
                    (address, client)
                }
            };
            let mut server = Self {
                process,
                port,
                address,
                client: client.expect("an address"),
                folder,
            };
            if server.answers().await {
                return Some(server);
            }
        }
        panic!("redis-server does not start");
    }

    /// Where it writes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it as a power cut would, and starts it again on what it had written.
    async fn kill_and_start(&mut self, while_down: impl AsyncFnOnce()) {
        self.process.0.kill().expect("our child");
        self.process.0.wait().expect("our child");
        while_down().await;
        let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
        self.process = spawn(self.port, self.folder.path(), &arguments).expect("installed");
        assert!(self.answers().await);
    }

    /// Waits until it answers; false when it ended instead.
    async fn answers(&mut self) -> bool {
        loop {
            if self.client.get_multiplexed_async_connection().await.is_ok() {
                return true;
            }
            if self.process.0.try_wait().expect("our child").is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Writes a session's job, which is given in Lua.
    async fn pack(&self, jobs: &str, session: &Id, job: &str) {
        let script = format!("return redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack({job}))");
        self.command(&["EVAL", &script, "1", jobs, session.as_str()]).await;
    }

    /// Sends one command.
    pub(crate) async fn command(&self, words: &[&str]) -> redis::Value {
        let mut connection = self.client.get_multiplexed_async_connection().await.expect("connects");
        let mut command = redis::Cmd::new();
        words.iter().for_each(|word| {
            command.arg(*word);
        });
        command.query_async(&mut connection).await.expect("answers")
    }
}

/// A port that is free now, as is the one 10,000 above it, on which a Cluster's nodes talk to each other.
pub(crate) fn free_port() -> u16 {
    loop {
        let free = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        if let Some(bus) = free.checked_add(10_000)
            && TcpListener::bind(("127.0.0.1", bus)).is_ok()
        {
            return free;
        }
    }
}

fn spawn(port: u16, folder: &Path, arguments: &[&str]) -> std::io::Result<Running> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .arg("--dir")
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .map(Running)
}

/// Three nodes that share the slots.
pub(crate) async fn start_cluster() -> Option<Vec<RedisServer>> {
    start_cluster_as(None).await
}

/// The same with TLS alone, if a certificate is given for it.
pub(crate) async fn start_cluster_as(certificate: Option<&Issued>) -> Option<Vec<RedisServer>> {
    let mut nodes = Vec::new();
    for slots in [["0", "5000"], ["5001", "11000"], ["11001", "16383"]] {
        let node = RedisServer::start_as(certificate, &["--cluster-enabled", "yes"]).await?;
        node.command(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).await;
        nodes.push(node);
    }
    for node in &nodes[1..] {
        nodes[0]
            .command(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string()])
            .await;
    }
    for node in &nodes {
        loop {
            let state: String = redis::from_redis_value(node.command(&["CLUSTER", "INFO"]).await).expect("text");
            if state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:3") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Some(nodes)
}

pub(crate) struct OnRedis {
    storage: Arc<dyn Storage>,
    hand: Hand,
}

impl OnRedis {
    async fn connect(addresses: &str) -> Self {
        Self::over(Redis::connect(addresses).await.expect("connects"))
    }

    pub(crate) fn over(storage: Redis) -> Self {
        let hand = Hand::new();
        Self {
            storage: Arc::new(storage.with_clock(hand.clock())),
            hand,
        }
    }
}

#[async_trait::async_trait]
impl Subject for OnRedis {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    fn hand(&self) -> &Hand {
        &self.hand
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn does_what_every_storage_must() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    suite(&OnRedis::connect(&server.address).await).await;
}

#[tokio::test]
async fn a_replica_hears_of_the_changes_of_another() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let [here, there] = [
        Redis::connect(&server.address).await,
        Redis::connect(&server.address).await,
    ]
    .map(|storage| Arc::new(storage.expect("connects")) as Arc<dyn Storage>);
    let mut jobs = there.changes().jobs();
    // The subscription itself counts as a change: after it, messages are heard.
    jobs.changed().await.expect("open");
    let id = crate::conformance::submit(here.as_ref()).await;
    tokio::time::timeout(Duration::from_secs(10), jobs.changed())
        .await
        .expect("told")
        .expect("open");
    let lease = there
        .lease(&crate::conformance::request(Duration::from_secs(60)))
        .await
        .expect("storage")
        .expect("a job");
    assert_eq!(lease.lease.session, id);
    let request = crate::conformance::request(Duration::from_secs(60));
    assert_eq!(here.lease(&request).await.expect("storage"), None);
}

/// Without a clock of the test's: as in production, the server tells the time.
#[tokio::test]
async fn leases_lapse_by_the_servers_clock() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    let id = crate::conformance::submit(&storage).await;
    let request = |time| crate::conformance::request(time);
    let (short, long) = (Duration::from_millis(1), Duration::from_secs(60));
    let first = storage.lease(&request(short)).await.expect("storage").expect("queued");
    let again = loop {
        if let Some(again) = storage.lease(&request(long)).await.expect("storage") {
            break again;
        }
    };
    assert_eq!((&again.lease.session, first.delivery, again.delivery), (&id, 1, 2));
    assert_eq!(storage.lease(&request(long)).await.expect("storage"), None);
}

/// A call dies before each of its commands in turn; the request is sent again.
#[tokio::test]
async fn a_call_that_died_leaves_no_second_lease() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    for lives in 0.. {
        let sessions = [
            crate::conformance::submit(&storage).await,
            crate::conformance::submit(&storage).await,
        ];
        let request = crate::conformance::request(Duration::from_secs(60));
        let (dies, mut died) = mpsc::unbounded_channel();
        let commands = AtomicUsize::new(0);
        let dying = storage.hooked(Arc::new(move |_| {
            let lives_on = commands.fetch_add(1, Ordering::SeqCst) < lives;
            let dies = dies.clone();
            Box::pin(async move {
                if !lives_on {
                    let _ = dies.send(());
                    std::future::pending::<()>().await;
                }
            })
        }));
        let first = tokio::select! {
            leased = dying.lease(&request) => leased.expect("storage"),
            _ = died.recv() => None,
        };
        let again = storage.lease(&request).await.expect("storage").expect("queued");
        assert!(
            first.as_ref().is_none_or(|first| *first == again),
            "after {lives} commands"
        );
        let mut held = 0;
        for session in &sessions {
            let job = storage.job(session).await.expect("storage").expect("queued");
            held += usize::from(matches!(job.state, JobState::Leased { .. }));
        }
        assert_eq!(held, 1, "after {lives} commands");
        for _ in &sessions {
            if let Some(leased) = storage.lease(&request).await.expect("storage") {
                crate::conformance::finish(&storage, &leased.lease).await;
            }
        }
        if first.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn a_node_that_is_away_holds_up_no_jobs_of_the_others() {
    let Some(mut nodes) = start_cluster().await else {
        return;
    };
    for node in &nodes {
        let partly = ["CONFIG", "SET", "cluster-require-full-coverage", "no"];
        node.command(&partly).await;
    }
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
    let storage = Redis::connect(&addresses.join(",")).await.expect("connects");
    for _ in 0..32 {
        crate::conformance::submit(&storage).await;
    }
    nodes.pop();
    // What a request is known by may lie on the node that is away: another one comes through.
    for _ in 0..20 {
        let request = crate::conformance::request(Duration::from_secs(60));
        if let Ok(Some(_)) = storage.lease(&request).await {
            return;
        }
    }
    panic!("nothing is leased");
}

#[tokio::test]
async fn entries_that_are_not_ours_are_met_once() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    let stranger = Id::new(Kind::VerificationSession, 3);
    for (partition, entry) in [("p03", "by hand"), ("p03", stranger.as_str()), ("p09", "by hand")] {
        server
            .command(&["ZADD", &format!("{{{partition}}}:v5:due"), "1", entry])
            .await;
        server
            .command(&["HSET", &format!("{{{partition}}}:v5:jobs"), entry, "not packed by us"])
            .await;
    }
    let id = crate::conformance::submit(&storage).await;
    let request = || crate::conformance::request(Duration::from_secs(60));
    let leased = storage.lease(&request()).await.expect("storage").expect("queued");
    assert_eq!(leased.lease.session, id, "they hold up nobody");
    assert_eq!(storage.lease(&request()).await.expect("storage"), None);
    for partition in ["p03", "p09"] {
        let left = server.command(&["ZCARD", &format!("{{{partition}}}:v5:due")]).await;
        let held = i64::from(format!("p{:02}", id.partition()) == partition);
        assert_eq!(left, redis::Value::Int(held));
    }
    assert_eq!(storage.job(&stranger).await.expect("storage"), None);

    // Nor do they hide what was set aside.
    for partition in 0..PARTITIONS {
        for entry in ["a", "vs_", "z"] {
            let letters = format!("{{p{partition:02}}}:v5:dead-letters");
            server.command(&["ZADD", &letters, "0", entry]).await;
        }
    }
    crate::conformance::lists_what_was_set_aside(&storage).await;
}

#[tokio::test]
async fn a_job_that_is_not_as_we_write_it_holds_up_nobody() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    let [stranger, nobody, id] = [1, 2, 3].map(|partition| Id::new(Kind::VerificationSession, partition));
    for row in [
        "{ attempt = 1 }",
        "{ attempt = '1', delivery = 0, excused = 0 }",
        "{ attempt = 1, delivery = 0.5, excused = 0 }",
    ] {
        server.command(&["ZADD", "{p01}:v5:due", "1", stranger.as_str()]).await;
        server.pack("{p01}:v5:jobs", &stranger, row).await;
        let request = crate::conformance::request(Duration::from_secs(60));
        assert_eq!(storage.lease(&request).await.expect("goes on"), None, "{row}");
    }
    // Keys of another type.
    server.command(&["ZADD", "{p01}:v5:due", "1", stranger.as_str()]).await;
    server.command(&["DEL", "{p01}:v5:jobs"]).await;
    server.command(&["SET", "{p01}:v5:jobs", "by hand"]).await;
    server.command(&["SET", "{p02}:v5:due", nobody.as_str()]).await;
    server.command(&["ZADD", "{p03}:v5:due", "2", id.as_str()]).await;
    server
        .pack("{p03}:v5:jobs", &id, "{ attempt = 1, delivery = 0, excused = 0 }")
        .await;
    let request = crate::conformance::request(Duration::from_secs(60));
    let leased = storage.lease(&request).await.expect("goes on").expect("queued");
    assert_eq!((leased.lease.session, leased.delivery), (id, 1));
}

#[tokio::test]
async fn a_session_that_is_not_ours_is_set_aside() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage: Arc<dyn Storage> = Arc::new(Redis::connect(&server.address).await.expect("connects"));
    let store = crate::store::store(storage, Evidence::in_memory());
    let [replaced, changed] = [
        crate::store::submitted(&store).await,
        crate::store::submitted(&store).await,
    ];
    let key = |id: &Id| format!("{{p{:02}}}:v5:session:{id}", id.partition());
    server.command(&["SET", &key(&replaced), "by hand"]).await;
    server.command(&["HSET", &key(&changed), "version", "one"]).await;
    let other = crate::store::submitted(&store).await;
    // One request, as of a worker that asks again after an error.
    let request = crate::conformance::request(Duration::from_secs(60));
    let job = store.lease(&request).await.expect("goes on").expect("queued");
    assert_eq!(job.verification_session, other.as_str());
    let letters = store.dead_letters(None, 10).await.expect("storage");
    let mut aside: Vec<_> = letters.iter().map(|letter| letter.session.to_string()).collect();
    let mut expected = [replaced.to_string(), changed.to_string()];
    aside.sort();
    expected.sort();
    assert_eq!(aside, expected);
    for session in aside {
        let failed = store.fail(&session, 1).await.expect("dropped");
        assert_eq!(failed, Failed::JobDropped);
    }
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_hides_no_other() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    let sessions: Vec<Id> = (0..6).map(|_| Id::new(Kind::VerificationSession, 4)).collect();
    for (index, session) in sessions.iter().enumerate() {
        let reason = ["'session_missing'", "'unheard of'", "{}"][index % 3];
        let job = format!("{{ attempt = 1, delivery = 1, excused = 0, since = 1, reason = {reason} }}");
        server.pack("{p04}:v5:jobs", session, &job).await;
        server
            .command(&["ZADD", "{p04}:v5:dead-letters", "0", session.as_str()])
            .await;
    }
    for (limit, readable) in [(1, vec![0]), (2, vec![0, 3]), (10, vec![0, 3])] {
        let letters = storage.dead_letters(4, None, limit).await.expect("storage");
        let listed: Vec<_> = letters.iter().map(|letter| &letter.session).collect();
        assert_eq!(
            listed,
            readable.iter().map(|index| &sessions[*index]).collect::<Vec<_>>()
        );
    }
    assert_eq!(storage.job(&sessions[1]).await.expect("storage"), None);
    assert!(
        storage
            .requeue(&sessions[1], 1, Deliveries::Forgotten)
            .await
            .expect("storage"),
        "for whoever names it"
    );
}

#[tokio::test]
async fn a_session_whose_job_cannot_be_read_gets_a_new_one() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let storage: Arc<dyn Storage> = Arc::new(Redis::connect(&server.address).await.expect("connects"));
    let store = crate::store::store(Arc::clone(&storage), Evidence::in_memory());
    let request = || crate::conformance::request(Duration::from_secs(60));
    let session = crate::store::submitted(&store).await;
    let jobs = format!("{{p{:02}}}:v5:jobs", session.partition());
    server
        .command(&["HSET", &jobs, session.as_str(), "not packed by us"])
        .await;
    assert!(store.lease(&request()).await.expect("storage").is_none());
    assert_eq!(
        store.queued(session.as_str()).await.expect("storage"),
        Queued::Lost {
            session: session.clone(),
            attempt: 1
        }
    );
    assert!(matches!(
        store.requeue(session.as_str(), 2).await,
        Err(Error::JobNotFound)
    ));
    for _ in 0..2 {
        store.requeue(session.as_str(), 1).await.expect("processing");
    }
    let job = store.lease(&request()).await.expect("storage").expect("queued");
    assert_eq!(
        (job.verification_session.as_str(), job.attempt, job.delivery),
        (session.as_str(), 1, 1)
    );
    store.requeue(session.as_str(), 1).await.expect("in the queue");
    assert!(store.lease(&request()).await.expect("storage").is_none(), "once");
    let lease = job.lease_token.parse().expect("a lease");
    assert!(
        store
            .complete(&lease, Findings::default())
            .await
            .expect("held")
            .completed_now
    );
    for error in [
        store.requeue(session.as_str(), 1).await.err(),
        store.queued(session.as_str()).await.err(),
    ] {
        assert!(matches!(error, Some(Error::JobNotFound)), "{error:?}");
    }
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_an_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a free port");
    assert!(Redis::connect(&format!("redis://{free}")).await.is_err());
    assert!(Redis::connect("not an address").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_does_what_every_storage_must() {
    let Some(nodes) = start_cluster().await else { return };
    let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
    suite(&OnRedis::connect(&addresses.join(",")).await).await;
}

#[tokio::test]
async fn goes_on_where_it_was_when_redis_comes_back() {
    let Some(mut server) = RedisServer::start().await else {
        return;
    };
    let storage = Redis::connect(&server.address).await.expect("connects");
    let id = crate::conformance::submit(&storage).await;
    let mut jobs = storage.changes().jobs();
    server
        .kill_and_start(async || {
            assert!(storage.session(&id).await.is_err());
            assert!(!storage.healthy().await);
        })
        .await;
    // The connection opens itself again; calls fail until it has.
    let found = loop {
        match storage.session(&id).await {
            Ok(found) => break found.expect("kept"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    assert_eq!(found.version, 2);
    tokio::time::timeout(Duration::from_secs(10), jobs.changed())
        .await
        .expect("listens again")
        .expect("open");
    let lease = storage
        .lease(&crate::conformance::request(Duration::from_secs(60)))
        .await
        .expect("storage")
        .expect("still queued");
    assert_eq!((lease.lease.session, lease.delivery), (id, 1));
}
