//! How long Redis is waited for.

use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;

/// How long a connection may take to open.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long Redis may take to answer.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a connection may be silent before the other side is asked whether it is there; and how often it is asked again.
const SILENCE: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long the other side may acknowledge nothing of what was sent. Linux counts from the last sign of it, the silence included: what
/// is left beyond that is for several questions, any of which may be lost.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Of a connection that is not opened again.
pub(super) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
}

/// A machine that went away without a word is noticed within seconds, not after the quarter of an hour for which the system sends again
/// what nobody acknowledges. Commands are small: none waits until the one before is acknowledged.
pub(super) fn tcp_settings() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(SILENCE).with_interval(ASK_AGAIN);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNACKNOWLEDGED);
    settings
}
