//! What a service sees of a request that came through a gateway.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use torii_cli::playground::{Site, wait_until};

use crate::{DEADLINE, with_envoy};

const PORT: u16 = 5200;

/// Answers every request with its own head.
async fn mirror(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = Vec::new();
            let mut byte = [0; 1];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
                head.push(byte[0]);
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                head.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.write_all(&head).await;
        });
    }
}

async fn ask(gateway: SocketAddr) -> Result<String, String> {
    let mut stream = TcpStream::connect(gateway)
        .await
        .map_err(|error| error.to_string())?;
    let request = "GET /mirror HTTP/1.1\r\nhost: foo.example.com\r\nx-kuma-tags: forged\r\nconnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .map_err(|error| error.to_string())?;
    if answer.starts_with("HTTP/1.1 200") && answer.contains("/mirror") {
        Ok(answer)
    } else {
        Err(answer)
    }
}

/// gateway-xds §3.1: Kuma's own arrangement of these headers never reaches the service.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_gets_the_gateways_tags_and_never_those_of_a_client() {
    let Some(options) = with_envoy() else { return };
    let site = Site::start(options.nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let address = site.layout().zone_address(0);
    let listener = TcpListener::bind(SocketAddr::from((address, PORT)))
        .await
        .unwrap();
    tokio::spawn(mirror(listener));
    let dataplane = format!(
        "type: Dataplane\nmesh: default\nname: mirror\nnetworking:\n  address: {address}\n  inbound:\n  - port: {PORT}\n    tags:\n      \
         kuma.io/service: mirror\n      kuma.io/protocol: http\n"
    );
    site.torii_in("east", &["apply", "-f", "-"], &dataplane)
        .await
        .unwrap();
    let route = "type: MeshGatewayRoute\nmesh: default\nname: mirror\nselectors:\n- match:\n    kuma.io/service: edge-gateway\nconf:\n  http:\n    \
                 rules:\n    - matches:\n      - path:\n          match: EXACT\n          value: /mirror\n      backends:\n      - destination:\n          \
                 kuma.io/service: mirror\n";
    site.apply_and_wait(route).await.unwrap();
    let gateway = SocketAddr::from((address, 8080));
    let seen = wait_until("the mirror answers", DEADLINE, || ask(gateway))
        .await
        .unwrap();
    let tags: Vec<_> = seen
        .lines()
        .filter(|line| line.to_lowercase().starts_with("x-kuma-tags:"))
        .collect();
    assert_eq!(
        tags,
        ["x-kuma-tags: &kuma.io/service=edge-gateway&&kuma.io/zone=east&"],
        "{seen}"
    );
    site.stop().await;
}
