//! `torii demo-app`: a web server that says where it is.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::error::{Exit, Failure};
use crate::output::error::tell;

/// Run a tiny web server that answers every request with the same words (for the demo and for tests)
#[derive(Args, Debug)]
#[command(hide = true)]
pub(crate) struct DemoApp {
    /// Address and port to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:5000")]
    address: SocketAddr,

    /// What to answer
    #[arg(long, value_name = "WORDS", default_value = "hello")]
    say: String,
}

impl DemoApp {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let listener = TcpListener::bind(self.address).await.map_err(|error| {
            Failure::Other(format!(
                "cannot listen on {}: {error}; choose another address with --address",
                self.address
            ))
        })?;
        tell(&format!("listening on {}", self.address));
        serve(listener, Bytes::from(format!("{}\n", self.say))).await
    }
}

async fn serve(listener: TcpListener, words: Bytes) -> Result<Exit, Failure> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, words.clone()));
            }
            // The client is gone again, or there are no more file descriptors: others may fare better.
            Err(error) => {
                tell(&format!("cannot accept a connection: {error}"));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, words: Bytes) {
    // An answer goes out at once, for those who measure.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |_| {
        let mut response = Response::new(Full::new(words.clone()));
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        async move { Ok::<_, Infallible>(response) }
    });
    // A client that goes away is no event.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn one_connection_carries_several_requests() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, Bytes::from_static(b"east\n")));
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            stream
                .write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            while !answer.ends_with("\r\n\r\neast\n") {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "{answer}");
                answer.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
        server.abort();
    }
}
