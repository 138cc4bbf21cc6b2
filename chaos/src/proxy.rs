//! A TCP proxy that misbehaves on command: cut, refuse, stall, or cut after a number of bytes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the proxy does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// Ends every connection at once, and each new one as soon as it is accepted.
    Cut,
    /// Passes nothing on, but keeps connections open: a half-open network.
    Stall,
    /// Ends a connection when this many more bytes went from the server to the client.
    CutAfter(u64),
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepted: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl FaultProxy {
    /// Listens on `listen` and passes connections on to `target`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(listen: SocketAddr, target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let fault = watch::Sender::new(Fault::None);
        let accepted = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        tokio::spawn(accept(
            listener,
            target,
            fault.clone(),
            Arc::clone(&accepted),
            stop.clone(),
        ));
        Ok(Self {
            address,
            fault,
            accepted,
            stop,
        })
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens to present and future connections.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    fault: watch::Sender<Fault>,
    accepted: Arc<AtomicU64>,
    stop: CancellationToken,
) {
    loop {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => client,
                Err(_) => continue,
            },
        };
        accepted.fetch_add(1, Ordering::Relaxed);
        let fault = fault.subscribe();
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                // Either end may go away at any time: that is what the proxy is for.
                _ = carry(client, target, fault) => {}
            }
        });
    }
}

async fn carry(
    client: TcpStream,
    target: SocketAddr,
    fault: watch::Receiver<Fault>,
) -> io::Result<()> {
    if *fault.borrow() == Fault::Cut {
        return Ok(());
    }
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::select! {
        ended = copy(client_read, server_write, fault.clone(), false) => ended,
        ended = copy(server_read, client_write, fault, true) => ended,
    }
}

/// Copies until the end, a cut, or an error. Only the direction to the client counts bytes.
async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut fault: watch::Receiver<Fault>,
    counts: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0_u64;
    loop {
        let present = *fault.borrow_and_update();
        let room = match present {
            Fault::Cut => return Ok(()),
            Fault::Stall => {
                if fault.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            Fault::CutAfter(limit) if counts => limit.saturating_sub(passed),
            Fault::None | Fault::CutAfter(_) => buffer.len() as u64,
        };
        if room == 0 {
            return Ok(());
        }
        let length = buffer
            .len()
            .min(usize::try_from(room).unwrap_or(usize::MAX));
        let slice = buffer.get_mut(..length).unwrap_or_default();
        tokio::select! {
            changed = fault.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                passed = 0;
            }
            read = from.read(slice) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                to.write_all(slice.get(..read).unwrap_or_default()).await?;
                passed += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn bytes_pass_until_the_cut() {
        let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), echo().await)
            .await
            .unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        proxy.set(Fault::Cut);
        assert_eq!(client.read(&mut answer).await.unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn a_connection_ends_after_its_bytes() {
        let proxy = FaultProxy::start("127.0.0.1:0".parse().unwrap(), echo().await)
            .await
            .unwrap();
        proxy.set(Fault::CutAfter(3));
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        assert_eq!(answer, b"hel");
        assert_eq!(proxy.accepted(), 1);
    }
}
