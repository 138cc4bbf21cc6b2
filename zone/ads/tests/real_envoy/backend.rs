//! HTTP servers that answer with their name, and a client that keeps its connection.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// Starts a server on a free port of this address; it runs as long as the test.
pub(crate) async fn serve(address: Ipv4Addr, name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((address, 0))
        .await
        .expect("the address is local");
    let at = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = service_fn(move |_| async move {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(
                        name.as_bytes(),
                    ))))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    at
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) body: String,
}

/// A kept-alive connection.
pub(crate) struct Client {
    sender: SendRequest<Empty<Bytes>>,
}

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(to).await.ok()?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .ok()?;
        tokio::spawn(connection);
        Some(Self { sender })
    }

    pub(crate) async fn get(&mut self) -> Result<Answer, hyper::Error> {
        self.sender.ready().await?;
        let request = Request::get("/")
            .header("host", "gateway")
            .body(Empty::new())
            .expect("a request");
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        let version = response
            .headers()
            .get("x-version")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer {
            status,
            version,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
