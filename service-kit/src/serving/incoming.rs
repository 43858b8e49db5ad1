//! Connections as they come: those with TLS once their handshake is over. Each handshake is a task of its own, so that none that
//! is slow or hostile holds up another. Their number has no limit of its own, as that of connections has none: each has a time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_util::either::Either;
use tonic::transport::server::{Connected, TcpIncoming};

use super::lingering::{Connection, Lingering};
use crate::tls::{Acceptor, Caller};

pub(super) struct Incoming {
    sockets: TcpIncoming,
    lingering: Lingering,
    acceptor: Option<Acceptor>,
    handshakes: JoinSet<Option<Accepted>>,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, lingering: Lingering, acceptor: Option<Acceptor>) -> Self {
        Self {
            sockets: TcpIncoming::from(listener).with_nodelay(Some(true)),
            lingering,
            acceptor,
            handshakes: JoinSet::new(),
        }
    }

    /// What has come last, unless its handshake comes first.
    fn accept(&mut self, socket: TcpStream) -> Option<Accepted> {
        let from = socket.peer_addr().ok();
        let connection = self.lingering.connection(socket);
        match self.acceptor.clone() {
            Some(acceptor) => {
                self.handshakes.spawn(handshake(acceptor, connection, from));
                None
            }
            None => Some(Accepted {
                stream: Either::Left(connection),
                caller: Caller::Unidentified,
            }),
        }
    }
}

async fn handshake(acceptor: Acceptor, connection: Connection, from: Option<SocketAddr>) -> Option<Accepted> {
    let (stream, caller) = acceptor.accept(connection, from).await?;
    Some(Accepted {
        stream: Either::Right(stream),
        caller,
    })
}

impl Stream for Incoming {
    type Item = io::Result<Accepted>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.handshakes.poll_join_next(context) {
                Poll::Ready(Some(Ok(Some(accepted)))) => return Poll::Ready(Some(Ok(accepted))),
                // It has failed, which was told.
                Poll::Ready(Some(_)) => continue,
                Poll::Ready(None) | Poll::Pending => {}
            }
            let Some(socket) = ready!(Pin::new(&mut this.sockets).poll_next(context)) else {
                return Poll::Ready(None);
            };
            if let Some(accepted) = socket.map(|socket| this.accept(socket)).transpose() {
                return Poll::Ready(Some(accepted));
            }
        }
    }
}

/// A connection that calls come over.
pub(super) struct Accepted {
    stream: Either<Connection, TlsStream<Connection>>,
    caller: Caller,
}

impl Connected for Accepted {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
