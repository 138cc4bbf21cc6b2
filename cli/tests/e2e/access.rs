//! Every port refuses a caller without a token, or with one of somebody else.

use std::net::SocketAddr;
use std::sync::Arc;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use torii_cli::playground::{Site, wait_until};
use torii_proto::envoy::config::core::v3::Node;
use torii_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use torii_proto::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;

use crate::{DEADLINE, without_envoy};

async fn channel(address: SocketAddr, ca: &std::path::Path) -> Channel {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(std::fs::read(ca).unwrap()))
        .domain_name(address.ip().to_string());
    Endpoint::from_shared(format!("https://{address}"))
        .unwrap()
        .tls_config(tls)
        .unwrap()
        .connect()
        .await
        .unwrap()
}

fn headers<T>(message: T, zone: Option<&str>, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    if let Some(zone) = zone {
        metadata.insert("client-id", zone.parse().unwrap());
    }
    if let Some(token) = token {
        metadata.insert("authorization", token.trim().parse().unwrap());
    }
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn kds_refuses_a_missing_token_and_one_of_another_zone() {
    let site = Site::start(without_envoy().nodes(1).zones(&[]))
        .await
        .unwrap();
    let address = SocketAddr::from((site.layout().node_address(0), 5685));
    let channel = channel(address, &site.layout().global_ca()).await;
    let west = site
        .torii(&["generate", "zone-token", "--zone", "west"], "")
        .await
        .unwrap();
    let ask = |zone, token| {
        let mut client = KDSSyncServiceClient::new(channel.clone());
        let request = headers(
            tokio_stream::pending::<DeltaDiscoveryRequest>(),
            zone,
            token,
        );
        async move { client.global_to_zone_sync(request).await.map(drop) }
    };
    let code = |result: Result<(), Status>| result.err().map(|status| status.code());
    assert_eq!(code(ask(Some("west"), Some(&west)).await), None);
    assert_eq!(
        code(ask(Some("east"), None).await),
        Some(Code::Unauthenticated)
    );
    assert_eq!(
        code(ask(Some("east"), Some(&west)).await),
        Some(Code::PermissionDenied)
    );
    assert_eq!(
        code(ask(None, Some(&west)).await),
        Some(Code::InvalidArgument)
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ads_refuses_a_missing_token_and_one_of_another_proxy() {
    let site = Site::start(without_envoy().nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let address = SocketAddr::from((site.layout().zone_address(0), 5678));
    let channel = channel(address, &site.layout().zone_ca("east")).await;
    let token = |name: &'static str| {
        let site = &site;
        async move {
            site.torii(&["generate", "dataplane-token", "--name", name], "")
                .await
                .unwrap()
        }
    };
    // The demo's application is a Dataplane of the zone.
    let (own, other) = (token("app-east").await, token("somebody-else").await);
    let ask = |token: Option<String>| {
        let mut client = AggregatedDiscoveryServiceClient::new(channel.clone());
        let first = DeltaDiscoveryRequest {
            node: Some(Node {
                id: "default.app-east".to_owned(),
                ..Node::default()
            }),
            type_url: "type.googleapis.com/envoy.config.cluster.v3.Cluster".to_owned(),
            ..DeltaDiscoveryRequest::default()
        };
        let stream =
            tokio_stream::StreamExt::chain(tokio_stream::once(first), tokio_stream::pending());
        let request = headers(stream, None, token.as_deref());
        async move {
            let mut answers = client
                .delta_aggregated_resources(request)
                .await?
                .into_inner();
            // A proxy that is let in and has nothing to be told is not answered at once.
            match tokio::time::timeout(std::time::Duration::from_secs(3), answers.message()).await {
                Ok(Err(status)) => Err(status),
                _ => Ok(()),
            }
        }
    };
    let code = |result: Result<(), Status>| result.err().map(|status| status.code());
    assert_eq!(code(ask(Some(own)).await), None);
    assert_eq!(code(ask(None).await), Some(Code::Unauthenticated));
    assert_eq!(
        code(ask(Some(other)).await),
        Some(Code::Unauthenticated).or(Some(Code::PermissionDenied))
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_refuses_a_caller_without_a_token_at_global_and_zone() {
    let site = Site::start(without_envoy().nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let site = Arc::new(site);
    let places = [
        (site.layout().node_address(0), site.layout().global_ca()),
        (site.layout().zone_address(0), site.layout().zone_ca("east")),
    ];
    for (address, ca) in places {
        let url = format!("https://{address}:5682");
        let ca = ca.display().to_string();
        for arguments in [
            vec!["get", "meshes"],
            vec!["status"],
            vec!["generate", "user-token", "--name", "x", "--valid-for", "1h"],
        ] {
            let mut all = arguments.clone();
            all.extend([
                "--config-file",
                "/nonexistent",
                "--address",
                &url,
                "--ca-file",
                &ca,
                "--token",
                "nonsense",
            ]);
            let error = site.torii(&all, "").await.unwrap_err().to_string();
            assert!(
                error.contains("401") || error.to_lowercase().contains("token"),
                "{arguments:?}: {error}"
            );
        }
    }
    wait_until("the site still works", DEADLINE, || async {
        site.status()
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap();
    Arc::into_inner(site).unwrap().stop().await;
}
