//! Servers over real sockets: both HTTP versions, peers, limits, draining.

use axum::Extension;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::*;

const LONG: Duration = Duration::from_secs(30);

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

fn router() -> Router {
    Router::new().route(
        "/",
        get(
            |Extension(peer): Extension<PeerInfo>, request: Request<Body>| async move {
                format!(
                    "{} {:?} {}",
                    peer.remote.ip(),
                    request.version(),
                    peer.client_certs.is_some()
                )
            },
        ),
    )
}

async fn plain(router: Router, options: ServeOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve_plain(listener, router, stop.clone(), options));
    Server {
        address,
        stop,
        task,
    }
}

async fn end(server: Server) {
    server.stop.cancel();
    tokio::time::timeout(LONG, server.task)
        .await
        .expect("ends in time")
        .unwrap()
        .unwrap();
}

fn request() -> Request<Body> {
    Request::get("http://localhost/")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap()
}

async fn text(response: http::Response<hyper::body::Incoming>) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

async fn get_1<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> String {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    text(sender.send_request(request()).await.unwrap()).await
}

async fn get_2<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> String {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    text(sender.send_request(request()).await.unwrap()).await
}

#[tokio::test]
async fn one_plain_port_speaks_both_versions() {
    let server = plain(router(), ServeOptions::new("test")).await;
    let connect = || TcpStream::connect(server.address);
    assert_eq!(
        get_1(connect().await.unwrap()).await,
        "127.0.0.1 HTTP/1.1 false"
    );
    assert_eq!(
        get_2(connect().await.unwrap()).await,
        "127.0.0.1 HTTP/2.0 false"
    );
    end(server).await;
}

/// A server's TLS, and the certificate to trust.
fn tls() -> (rustls::ServerConfig, CertificateDer<'static>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (config, certificate.der().clone())
}

#[tokio::test]
async fn over_tls_both_versions_work_with_and_without_alpn() {
    let (config, certificate) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let options = ServeOptions::new("test");
    let task = tokio::spawn(serve_tls(
        listener,
        Arc::new(config),
        router(),
        stop.clone(),
        options,
    ));

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    for (alpn, version_2) in [("", false), ("", true), ("http/1.1", false), ("h2", true)] {
        let mut client = client.clone();
        if !alpn.is_empty() {
            client.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        }
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(client))
            .connect(name, stream)
            .await
            .unwrap();
        let answer = if version_2 {
            get_2(stream).await
        } else {
            get_1(stream).await
        };
        assert!(answer.ends_with("false"), "{answer}");
    }
    end(Server {
        address,
        stop,
        task,
    })
    .await;
}

#[tokio::test]
async fn a_silent_client_is_closed_after_the_head_timeout() {
    let mut options = ServeOptions::new("test");
    options.header_read_timeout = Duration::from_millis(20);
    let server = plain(router(), options).await;
    for start in ["", "PRI * HT", "GET / HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, stream.read_to_end(&mut rest))
            .await
            .expect("closed")
            .unwrap_or_default();
    }
    end(server).await;
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_while_the_server_drains() {
    let (started, mut running) = tokio::sync::mpsc::channel(1);
    let release = CancellationToken::new();
    let gate = release.clone();
    let slow = Router::new().route(
        "/",
        get(move || async move {
            let _ = started.send(()).await;
            gate.cancelled().await;
            "done"
        }),
    );
    let server = plain(slow, ServeOptions::new("test")).await;
    let answer = tokio::spawn(get_2(TcpStream::connect(server.address).await.unwrap()));
    running.recv().await.unwrap();
    server.stop.cancel();
    release.cancel();
    assert_eq!(answer.await.unwrap(), "done");
    end(server).await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_after_the_drain() {
    let (started, mut running) = tokio::sync::mpsc::channel(1);
    let endless = Router::new().route(
        "/",
        get(move || async move {
            let _ = started.send(()).await;
            std::future::pending::<()>().await;
        }),
    );
    let mut options = ServeOptions::new("test");
    options.drain = Duration::from_millis(20);
    let server = plain(endless, options).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    running.recv().await.unwrap();
    end(server).await;
}

#[tokio::test]
async fn clients_beyond_the_limit_wait_until_one_leaves() {
    let mut options = ServeOptions::new("test");
    options.max_connections = 1;
    let server = plain(router(), options).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(first))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    text(sender.send_request(request()).await.unwrap()).await;
    let second = tokio::spawn(get_1(TcpStream::connect(server.address).await.unwrap()));
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(sender);
    connection.await.unwrap().unwrap();
    assert!(second.await.unwrap().starts_with("127.0.0.1"));
    end(server).await;
}

#[tokio::test]
async fn a_client_that_has_not_asked_anything_does_not_hold_up_the_end() {
    let (config, certificate) = tls();
    let mut options = ServeOptions::new("test");
    // Who waits for the drain fails the test.
    options.drain = LONG * 2;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let config = Arc::new(config);
    let task = tokio::spawn(serve_tls(listener, config, router(), stop.clone(), options));
    let server = Server {
        address,
        stop,
        task,
    };
    let _silent = TcpStream::connect(server.address).await.unwrap();
    // Connections are accepted in their order: who is answered came after the silent one.
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = TlsConnector::from(Arc::new(client)).connect(name, stream);
    get_1(connecting.await.unwrap()).await;
    end(server).await;
}
