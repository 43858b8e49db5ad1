//! Connections that end without a reset ("lingering close": RFC 9112, 9.6).
//!
//! A socket that is closed while the other side still sends answers with a reset, and a reset makes the other side throw away what
//! it has not read yet: the GOAWAY that says which calls were not seen, or the last answers. So only the half that writes is
//! closed; what still comes is read and discarded, until the other side has read to the end and closed as well.
//!
//! hyper shuts a connection down in good order and drops it, or, after an error, only drops it. Both end here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// How long the other side has to read to the end.
const LONGEST: Duration = Duration::from_secs(3);

/// Bytes that are discarded. Whoever heeds our flow control sends less after the end: 1 MiB of bodies, and the heads of 200 calls.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// Sockets that linger at once; with more, connections end with their sockets.
const MOST_SOCKETS: usize = 1024;

/// The sockets whose connections have ended.
#[derive(Clone, Debug)]
pub(super) struct Lingering {
    sockets: TaskTracker,
    permits: Arc<Semaphore>,
}

impl Lingering {
    pub(super) fn new() -> Self {
        Self {
            sockets: TaskTracker::new(),
            permits: Arc::new(Semaphore::new(MOST_SOCKETS)),
        }
    }

    /// A connection whose socket lingers when it has ended.
    pub(super) fn connection(&self, socket: TcpStream) -> Connection {
        Connection {
            socket: Some(socket),
            lingering: self.clone(),
        }
    }

    /// Waits for the sockets that linger.
    pub(super) async fn ended(&self) {
        self.sockets.close();
        self.sockets.wait().await;
    }

    fn take(&self, socket: TcpStream) {
        // Without a runtime the process ends, and its sockets with it.
        let (Ok(runtime), Ok(permit)) = (Handle::try_current(), Arc::clone(&self.permits).try_acquire_owned()) else {
            return;
        };
        let linger = async move {
            linger(socket).await;
            drop(permit);
        };
        self.sockets.spawn_on(linger, &runtime);
    }
}

/// Whatever fails here: the connection is over.
async fn linger(mut socket: TcpStream) {
    if socket.shutdown().await.is_ok() {
        let rest = &mut socket.take(MOST_BYTES);
        let _ = tokio::time::timeout(LONGEST, tokio::io::copy(rest, &mut tokio::io::sink())).await;
    }
}

/// An accepted connection.
pub(super) struct Connection {
    /// Taken when the connection is dropped, and not before.
    socket: Option<TcpStream>,
    lingering: Lingering,
}

impl Connection {
    fn socket(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let socket = self.get_mut().socket.as_mut();
        socket.map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.lingering.take(socket);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(context, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Both ends of a connection.
    async fn pair(lingering: &Lingering) -> (TcpStream, Connection) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("bound"))
            .await
            .expect("listens");
        let (socket, _) = listener.accept().await.expect("connected");
        (client, lingering.connection(socket))
    }

    #[tokio::test]
    async fn what_was_said_last_is_read_by_who_still_speaks() {
        let lingering = Lingering::new();
        let (mut client, mut server) = pair(&lingering).await;
        client.write_all(&[7; 100_000]).await.expect("taken by the kernel");
        server.write_all(b"the end").await.expect("taken by the kernel");
        drop(server);
        // With a reset these would fail, and the answer would be gone.
        for _ in 0..10 {
            client.write_all(&[7; 100_000]).await.expect("discarded");
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("all of it");
        assert_eq!(answer, "the end");
        drop(client);
        lingering.ended().await;
    }

    #[tokio::test]
    async fn more_than_flow_control_allows_is_not_discarded() {
        let lingering = Lingering::new();
        let (mut client, server) = pair(&lingering).await;
        drop(server);
        let endless = async {
            let mut taken = 0;
            while client.write_all(&[7; 100_000]).await.is_ok() {
                taken += 100_000;
            }
            taken
        };
        let (taken, ()) = tokio::join!(endless, lingering.ended());
        // What the kernel holds on both sides comes on top.
        assert!(taken < 4 * MOST_BYTES, "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_lingers_for_ever() {
        let lingering = Lingering::new();
        let (client, server) = pair(&lingering).await;
        drop(server);
        lingering.ended().await;
        drop(client);
    }

    #[tokio::test]
    async fn a_crowd_does_not_linger() {
        let lingering = Lingering::new();
        let (client, server) = pair(&lingering).await;
        let _taken = lingering.permits.acquire_many(MOST_SOCKETS as u32).await.expect("open");
        drop(server);
        assert!(lingering.sockets.is_empty());
        drop(client);
    }
}
