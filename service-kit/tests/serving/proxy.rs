//! A network between client and server that is slow, and that breaks.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// For every chunk, in each direction.
const DELAY: Duration = Duration::from_millis(1);

/// Where a connection is reset.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reset {
    /// After so many bytes from the client.
    Asked(usize),
    /// After so many bytes from the server.
    Answered(usize),
}

/// Passes connections on to `server`. One after the other is reset at the next of `resets`, for as long as there are any.
pub(crate) async fn start<I>(server: SocketAddr, resets: I) -> SocketAddr
where
    I: IntoIterator<Item = Reset>,
    I::IntoIter: Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let mut resets = resets.into_iter();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(connection(client, server, resets.next()));
        }
    });
    address
}

async fn connection(mut client: TcpStream, server: SocketAddr, reset: Option<Reset>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (asked, answered) = match reset {
        Some(Reset::Asked(bytes)) => (bytes, usize::MAX),
        Some(Reset::Answered(bytes)) => (usize::MAX, bytes),
        None => (usize::MAX, usize::MAX),
    };
    {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let asked = pass(from_client, to_server, asked);
        let answered = pass(from_server, to_client, answered);
        if reset.is_none() {
            tokio::try_join!(asked, answered)?;
            return Ok(());
        }
        tokio::select! {
            _ = asked => {}
            _ = answered => {}
        }
    }
    client.set_zero_linger()?;
    server.set_zero_linger()
}

/// Passes on what comes, to its end or as far as `most` bytes.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut most: usize) -> io::Result<()> {
    let mut chunk = vec![0; 64 * 1024];
    while most > 0 {
        let read = from.read(&mut chunk).await?.min(most);
        if read == 0 {
            return to.shutdown().await;
        }
        tokio::time::sleep(DELAY).await;
        to.write_all(&chunk[..read]).await?;
        most -= read;
    }
    Ok(())
}
