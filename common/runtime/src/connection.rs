//! One connection: find out which HTTP it speaks, serve it, end it gracefully.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::serve::{PeerInfo, ServeOptions};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes in flight without an acknowledgement, a stream and a connection: never the limit within a data centre.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Serves the connection until it ends, or until `stop` and then what was begun.
pub(crate) async fn serve<S>(
    mut stream: S,
    peer: PeerInfo,
    router: Router,
    stop: &CancellationToken,
    options: &Arc<ServeOptions>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let remote = peer.remote;
    let first = tokio::select! {
        first = tokio::time::timeout(options.header_read_timeout, First::read(&mut stream)) => first,
        () = stop.cancelled() => return,
    };
    let Ok(Ok(first)) = first else {
        tracing::debug!(server = options.name, %remote, "closed without a request");
        return;
    };
    let version_2 = first.is_preface();
    let io = TokioIo::new(Prefixed { first, stream });
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        tower::ServiceExt::oneshot(router.clone(), request)
    });
    let outcome = if version_2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(options.keepalive_interval)
            .keep_alive_timeout(options.keepalive_timeout)
            .max_concurrent_streams(options.max_streams)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(options.header_read_timeout);
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(server = options.name, %remote, %error, "connection ended");
    }
}

/// The first bytes of a connection: read to tell the HTTP version, then read again by the server.
struct First {
    bytes: [u8; PREFACE.len()],
    read: usize,
    given: usize,
}

impl First {
    /// Reads until the bytes are HTTP/2's preface or cannot become it.
    async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Self> {
        let mut first = Self {
            bytes: [0; PREFACE.len()],
            read: 0,
            given: 0,
        };
        while first.read < PREFACE.len() && first.bytes[..first.read] == PREFACE[..first.read] {
            match stream.read(&mut first.bytes[first.read..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => first.read += more,
            }
        }
        Ok(first)
    }

    fn is_preface(&self) -> bool {
        self.bytes[..self.read] == *PREFACE
    }
}

/// A stream whose first bytes were read already.
struct Prefixed<S> {
    first: First,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let first = &mut self.first;
        if first.given < first.read {
            let count = buffer.remaining().min(first.read - first.given);
            buffer.put_slice(&first.bytes[first.given..first.given + count]);
            first.given += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
