//! A master that Sentinels watch over. Who it is, is asked when a connection is opened, and so again after a failover: the connection to
//! the old master breaks, or answers that it is a replica now.

use std::sync::{Mutex, PoisonError};

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisConnectionInfo,
    RedisError, RedisResult, ServerErrorKind, TlsMode, Value, cmd,
};

use super::timeouts::{config, tcp_settings};
use super::tls::{ConnectError, RedisTls};

/// What an address says.
#[derive(Debug)]
struct Address {
    sentinels: Vec<ConnectionAddr>,
    /// The name under which the Sentinels know the master.
    master: String,
    /// User, password and database of the master.
    server: ConnectionInfo,
    sentinel_password: Option<String>,
    is_protected: bool,
}

/// The master behind some Sentinels.
pub(super) struct Sentinel {
    sentinels: Vec<Client>,
    /// Of the master.
    name: String,
    tls: RedisTls,
    client: tokio::sync::Mutex<SentinelClient>,
    connection: Mutex<Option<MultiplexedConnection>>,
    db: i64,
}

/// Whether an address names Sentinels.
pub(super) fn is_one(address: &str) -> bool {
    address.starts_with("redis+sentinel://") || address.starts_with("rediss+sentinel://")
}

impl Address {
    /// `redis+sentinel://[user:password@]host:port,host:port/master[/db][?sentinel_password=…]`.
    fn parse(address: &str) -> RedisResult<Self> {
        const SHAPE: &str =
            "not redis+sentinel://[user:password@]host:port,host:port/master[/db][?sentinel_password=...]";
        let malformed = || RedisError::from((ErrorKind::InvalidClientConfig, SHAPE));
        let (scheme, rest) = address.split_once("+sentinel://").ok_or_else(malformed)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').ok_or_else(malformed)?;
        let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (master, db) = path.split_once('/').unwrap_or((path, "0"));
        if master.is_empty() || hosts.is_empty() {
            return Err(malformed());
        }
        // Credentials and hosts are written as in the address of a server.
        let sentinels = hosts
            .split(',')
            .map(|host| Ok(format!("{scheme}://{host}").into_connection_info()?.addr().clone()))
            .collect::<RedisResult<_>>()?;
        let sentinel_password = match query.split_once('=') {
            Some(("sentinel_password", password)) => {
                let with_password = format!("redis://:{password}@sentinel").into_connection_info()?;
                with_password.redis_settings().password().map(str::to_owned)
            }
            None if query.is_empty() => None,
            _ => return Err(malformed()),
        };
        Ok(Self {
            sentinels,
            master: master.to_owned(),
            server: format!("redis://{credentials}@master/{db}").into_connection_info()?,
            sentinel_password,
            is_protected: scheme == "rediss",
        })
    }
}

impl Sentinel {
    pub(super) fn open(address: &str, tls: &RedisTls) -> Result<Self, ConnectError> {
        let address = Address::parse(address)?;
        let client = |sentinel: &ConnectionAddr| {
            let mut settings = RedisConnectionInfo::default();
            if let Some(password) = &address.sentinel_password {
                settings = settings.set_password(password);
            }
            tls.client(sentinel.clone().into_connection_info()?.set_redis_settings(settings))
        };
        let sentinels = address.sentinels.iter().map(client).collect::<Result<_, _>>()?;
        let name = address.master.clone();
        let settings = address.server.redis_settings();
        let mut builder = SentinelClientBuilder::new(address.sentinels, address.master, SentinelServerType::Master)?
            .set_client_to_redis_db(settings.db())
            .set_client_to_redis_tcp_settings(tcp_settings())
            .set_client_to_sentinel_tcp_settings(tcp_settings());
        if let Some(username) = settings.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = settings.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(password) = address.sentinel_password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if address.is_protected {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = tls.certificates() {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        Ok(Self {
            sentinels,
            name,
            tls: tls.clone(),
            client: tokio::sync::Mutex::new(builder.build()?),
            connection: Mutex::default(),
            db: settings.db(),
        })
    }

    /// All that are called on the way: the Sentinels, and the master that one of them knows.
    pub(super) async fn servers(&self) -> Vec<Client> {
        let mut servers = self.sentinels.clone();
        for sentinel in &self.sentinels {
            if let Ok(master) = self.master_known_to(sentinel).await {
                servers.push(master);
                break;
            }
        }
        servers
    }

    async fn master_known_to(&self, sentinel: &Client) -> Result<Client, ConnectError> {
        let mut connection = sentinel.get_multiplexed_async_connection_with_config(&config()).await?;
        let mut who = cmd("SENTINEL");
        who.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        let (host, port): (String, u16) = who.query_async(&mut connection).await?;
        let address = match sentinel.get_connection_info().addr() {
            ConnectionAddr::TcpTls { insecure, .. } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: *insecure,
                tls_params: None,
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        self.tls.client(address)
    }

    pub(super) fn db(&self) -> i64 {
        self.db
    }

    /// A client of the present master.
    pub(super) async fn client(&self) -> RedisResult<Client> {
        self.client.lock().await.async_get_client().await
    }

    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let answer = self.connection().await?.req_packed_command(command).await;
        self.forget_lost_master(&answer);
        answer
    }

    pub(super) async fn send_all(&self, commands: &Pipeline, offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        let mut connection = self.connection().await?;
        let answer = connection.req_packed_commands(commands, offset, count).await;
        self.forget_lost_master(&answer);
        answer
    }

    /// The connection to the master, opened where there is none.
    pub(super) async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        if let Some(connection) = self.opened().clone() {
            return Ok(connection);
        }
        let mut client = self.client.lock().await;
        // Another call opened it meanwhile.
        if let Some(connection) = self.opened().clone() {
            return Ok(connection);
        }
        let connection = client.get_async_connection_with_config(&config()).await?;
        *self.opened() = Some(connection.clone());
        Ok(connection)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_lost_master<T>(&self, answer: &RedisResult<T>) {
        if let Err(error) = answer
            && (error.is_unrecoverable_error()
                || error.is_timeout()
                || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly))
        {
            *self.opened() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_sentinels_master_and_credentials() {
        let address = Address::parse("redis+sentinel://us%65r:p%40ss@a:1,b:26379/my-master/3?sentinel_password=s%2F");
        let address = address.expect("complete");
        let hosts: Vec<_> = address.sentinels.iter().map(ToString::to_string).collect();
        let settings = address.server.redis_settings();
        assert_eq!(
            (hosts.join(" "), address.master.as_str()),
            ("a:1 b:26379".to_owned(), "my-master")
        );
        let credentials = (settings.username(), settings.password(), settings.db());
        assert_eq!(credentials, (Some("user"), Some("p@ss"), 3));
        assert_eq!(
            (address.sentinel_password.as_deref(), address.is_protected),
            (Some("s/"), false)
        );

        let protected = Address::parse("rediss+sentinel://[::1]:26379/m").expect("complete");
        let settings = protected.server.redis_settings();
        assert_eq!(
            (settings.username(), settings.password(), settings.db()),
            (None, None, 0)
        );
        assert_eq!((protected.sentinel_password, protected.is_protected), (None, true));
    }

    #[test]
    fn addresses_that_lack_something_are_refused() {
        for address in [
            "redis+sentinel://",
            "redis+sentinel://a:1",
            "redis+sentinel://a:1/",
            "redis+sentinel:///m",
            "redis+sentinel://a:one/m",
            "redis+sentinel://a:1,/m",
            "redis+sentinel://a:1/m/x",
            "redis+sentinel://a:1/m?password=x",
        ] {
            let error = Address::parse(address).map(|_| ()).expect_err(address);
            assert!(!error.to_string().contains("a:1"), "it may hold a password: {error}");
        }
    }
}
