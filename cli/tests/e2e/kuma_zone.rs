//! The recorded first contact of a real Kuma 2.13.9 zone, replayed against a running Torii global.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use torii_cli::playground::{Site, gateway, route};
use torii_proto::envoy::config::core::v3::Node;
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1::KumaResource;
use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;

use crate::{DEADLINE, without_envoy};

const ZONE: &str = "east";
const WRAPPER: &str = "type.googleapis.com/kuma.mesh.v1alpha1.KumaResource";

/// The recorded subscriptions, if this machine has the recordings.
fn subscriptions() -> Option<Vec<DeltaDiscoveryRequest>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            here.ancestors()
                .map(|folder| folder.join("shared"))
                .find(|shared| shared.join("recordings/kds").is_dir())
        });
    let Some(file) = found
        .map(|shared| shared.join("recordings/kds/first-join.jsonl"))
        .filter(|file| file.is_file())
    else {
        let required = std::env::var("TORII_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("shared"),
            "TORII_REQUIRE wants the shared recordings, and they are not there"
        );
        println!("skipped: no shared recordings");
        return None;
    };
    Some(read(&file))
}

fn read(file: &Path) -> Vec<DeltaDiscoveryRequest> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut seen = BTreeSet::new();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| {
            line["event"] == "message"
                && line["method"]
                    .as_str()
                    .unwrap_or_default()
                    .ends_with("GlobalToZoneSync")
        })
        .filter(|line| {
            line["type"]
                .as_str()
                .unwrap_or_default()
                .ends_with("DeltaDiscoveryRequest")
        })
        .map(|line| {
            let raw = base64::engine::general_purpose::STANDARD
                .decode(line["raw"].as_str().unwrap())
                .unwrap();
            DeltaDiscoveryRequest::decode(raw.as_slice()).unwrap()
        })
        // The recorder cut the connection more than once: the first subscription of each type is enough.
        .filter(|request| {
            request.response_nonce.is_empty() && seen.insert(request.type_url.clone())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_kuma_zone_gets_answers_that_it_would_accept() {
    let Some(subscriptions) = subscriptions() else {
        return;
    };
    assert_eq!(subscriptions.len(), 43);
    let mut options = without_envoy().nodes(1).zones(&[]);
    options.global_arguments = vec!["--kds-unauthenticated-zone".to_owned(), ZONE.to_owned()];
    let site = Site::start(options).await.unwrap();
    site.apply(&format!("{}---\n{}", gateway(), route()))
        .await
        .unwrap();

    let node = site.layout().node_address(0);
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(
            std::fs::read(site.layout().global_ca()).unwrap(),
        ))
        .domain_name(node.to_string());
    let endpoint =
        Endpoint::from_shared(format!("https://{}", SocketAddr::from((node, 5685)))).unwrap();
    let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
    // As a zone does: gzip both ways, everything subscribed before anything is read.
    let mut client = KDSSyncServiceClient::new(channel)
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let (send, requests) = mpsc::channel(128);
    for subscription in &subscriptions {
        send.send(subscription.clone()).await.unwrap();
    }
    let mut request = Request::new(ReceiverStream::new(requests));
    let metadata = request.metadata_mut();
    metadata.insert("client-id", ZONE.parse().unwrap());
    metadata.insert("kds-version", "v3".parse().unwrap());
    metadata.append("features", "zone-ping-health".parse().unwrap());
    metadata.append("features", "hash-suffix".parse().unwrap());
    metadata.insert("version", "2.13.9".parse().unwrap());
    let mut answers = client
        .global_to_zone_sync(request)
        .await
        .unwrap()
        .into_inner();

    let mut unanswered: BTreeSet<String> = subscriptions
        .iter()
        .map(|request| request.type_url.clone())
        .collect();
    let mut nonces = BTreeSet::new();
    while !unanswered.is_empty() {
        let answer = tokio::time::timeout(DEADLINE, answers.message())
            .await
            .unwrap_or_else(|_| panic!("never answered: {unanswered:?}"))
            .unwrap()
            .unwrap();
        assert!(nonces.insert(answer.nonce.clone()), "a nonce twice");
        acceptable(&answer);
        assert!(
            unanswered.remove(&answer.type_url),
            "{} is answered twice",
            answer.type_url
        );
        send.send(DeltaDiscoveryRequest {
            node: Some(Node {
                id: ZONE.to_owned(),
                ..Node::default()
            }),
            type_url: answer.type_url,
            response_nonce: answer.nonce,
            ..DeltaDiscoveryRequest::default()
        })
        .await
        .unwrap();
    }
    site.stop().await;
}

/// What a Kuma zone demands of a response, or it drops the connection for ever (kds §1.5, §4.6, §11.1).
fn acceptable(answer: &DeltaDiscoveryResponse) {
    assert_eq!(answer.control_plane.as_ref().unwrap().identifier, "global");
    assert!(
        answer.system_version_info.is_empty(),
        "marks are for Torii peers"
    );
    let mut names = Vec::new();
    for resource in &answer.resources {
        let any = resource.resource.as_ref().unwrap();
        assert_eq!(any.type_url, WRAPPER);
        let body = KumaResource::decode(any.value.as_slice()).unwrap();
        let meta = body.meta.unwrap();
        assert_eq!(
            meta.labels.get("kuma.io/origin").map(String::as_str),
            Some("global")
        );
        assert!(meta.version.is_empty());
        assert!(
            body.spec
                .unwrap()
                .type_url
                .starts_with("type.googleapis.com/kuma.")
        );
        names.push(meta.name);
    }
    match answer.type_url.as_str() {
        "Mesh" => assert_eq!(names, ["default"]),
        "MeshGateway" => assert_eq!(
            names,
            ["edge-gateway-x7d7z4729b7688d4"],
            "hashed as Kuma does"
        ),
        "Config" => assert_eq!(names, ["kuma-cluster-id"]),
        "GlobalSecret" => assert_eq!(
            names,
            ["zone-token-signing-public-key-1"],
            "no private key leaves"
        ),
        "Secret" => assert_eq!(names, ["dataplane-token-signing-key-default-1"]),
        _ => {}
    }
}
