//! The recorded state-of-the-world stream of the Envoy, message by message, with our names, versions and nonces in it.

use std::collections::BTreeMap;

use prost::Message as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Streaming};
use torii_cli::playground::{Site, route_with_header};
use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::listener::v3::Listener;
use torii_proto::envoy::google::protobuf::value::Kind;
use torii_proto::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use torii_proto::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};

use super::{RECORDING, ZONE, dataplane, site, token};
use crate::DEADLINE;
use crate::recorded::{lines, message, messages};

const METHOD: &str = "StreamAggregatedResources";
const RTDS: &str = "type.googleapis.com/envoy.service.runtime.v3.Runtime";
const CDS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const EDS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const LDS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const RDS: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/// The recorded Envoy, on one stream.
struct Stream {
    requests: mpsc::Sender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
    nonce: u64,
}

impl Stream {
    /// Opens the stream as Envoy does: its headers, and the first request with the node.
    async fn open(channel: &Channel, token: &str, first: DiscoveryRequest) -> Self {
        let (requests, queue) = mpsc::channel(16);
        requests.send(first).await.unwrap();
        let mut request = Request::new(ReceiverStream::new(queue));
        let metadata = request.metadata_mut();
        metadata.insert("authorization", token.parse().unwrap());
        metadata.insert("x-envoy-internal", "true".parse().unwrap());
        metadata.insert("x-forwarded-for", "127.0.0.1".parse().unwrap());
        let responses = AggregatedDiscoveryServiceClient::new(channel.clone())
            .stream_aggregated_resources(request)
            .await
            .unwrap()
            .into_inner();
        Self {
            requests,
            responses,
            nonce: 0,
        }
    }

    async fn send(&self, request: DiscoveryRequest) {
        assert!(
            request.node.is_none(),
            "only the first request has the node"
        );
        self.requests.send(request).await.unwrap();
    }

    /// The next response, and that it is one of the stream: decimal nonces that count over all types.
    async fn next(&mut self) -> DiscoveryResponse {
        let response = tokio::time::timeout(DEADLINE, self.responses.message())
            .await
            .expect("an answer")
            .unwrap()
            .unwrap();
        let nonce: u64 = response.nonce.parse().unwrap();
        assert!(nonce > self.nonce, "{nonce} after {}", self.nonce);
        self.nonce = nonce;
        assert!(!response.version_info.is_empty());
        assert!(
            !response
                .control_plane
                .clone()
                .unwrap()
                .identifier
                .is_empty()
        );
        for resource in &response.resources {
            assert_eq!(resource.type_url, response.type_url);
        }
        response
    }

    /// The next response, of this type.
    async fn expect(&mut self, type_url: &str) -> DiscoveryResponse {
        let response = self.next().await;
        assert_eq!(response.type_url, type_url);
        response
    }
}

/// An ACK as Envoy writes it.
fn ack(names: &[String], response: &DiscoveryResponse) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: response.type_url.clone(),
        version_info: response.version_info.clone(),
        response_nonce: response.nonce.clone(),
        resource_names: names.to_vec(),
        ..DiscoveryRequest::default()
    }
}

async fn connect(site: &Site) -> Channel {
    let address = site.layout().zone_address(0);
    let ca = std::fs::read(site.layout().zone_ca(ZONE)).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca))
        .domain_name(address.to_string());
    Endpoint::from_shared(format!("https://{address}:5678"))
        .unwrap()
        // Envoy names its cluster as the authority.
        .origin("https://ads_cluster".parse().unwrap())
        .tls_config(tls)
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// The recorded requests of one stream, in order; the Dataplane in the node is this site's.
fn requests(events: &[Value], site: &Site, recording: &[Value]) -> Vec<DiscoveryRequest> {
    let stream = messages(events, METHOD, "client->server").next().unwrap()["stream"].clone();
    let events: Vec<Value> = events
        .iter()
        .filter(|event| event["stream"] == stream)
        .cloned()
        .collect();
    let recorded = messages(&events, METHOD, "client->server");
    recorded
        .map(|event| {
            let mut request: DiscoveryRequest = message(event);
            let metadata = request
                .node
                .as_mut()
                .and_then(|node| node.metadata.as_mut());
            if let Some(metadata) = metadata {
                let resource = metadata.fields.get_mut("dataplane.resource").unwrap();
                resource.kind = Some(Kind::StringValue(dataplane(recording, site)));
            }
            request
        })
        .collect()
}

/// Names of what a response brings, by a reader of its bodies.
fn names(response: &DiscoveryResponse, read: impl Fn(&[u8]) -> Vec<String>) -> Vec<String> {
    let bodies = response.resources.iter();
    bodies.flat_map(|resource| read(&resource.value)).collect()
}

/// Clusters that want their endpoints from EDS.
fn eds_names(response: &DiscoveryResponse) -> Vec<String> {
    names(response, |body| {
        let cluster = Cluster::decode(body).unwrap();
        let eds = cluster.eds_cluster_config.is_some();
        eds.then_some(cluster.name).into_iter().collect()
    })
}

/// Route tables that listeners want from RDS. Their names are in the filter's bytes, as in Envoy's own request.
fn rds_names(response: &DiscoveryResponse) -> Vec<String> {
    use torii_proto::envoy::config::listener::v3::filter::ConfigType;
    use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
    use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;

    names(response, |body| {
        let listener = Listener::decode(body).unwrap();
        let filters = listener
            .filter_chains
            .into_iter()
            .flat_map(|chain| chain.filters);
        filters
            .filter_map(|filter| {
                let Some(ConfigType::TypedConfig(any)) = filter.config_type else {
                    return None;
                };
                let manager = HttpConnectionManager::decode(any.value.as_slice()).unwrap();
                match manager.route_specifier {
                    Some(RouteSpecifier::Rds(rds)) => Some(rds.route_config_name),
                    _ => None,
                }
            })
            .collect()
    })
}

/// What the recorded Envoy holds after its start: each type's response and the names that it asked for.
type Held = BTreeMap<&'static str, (Vec<String>, DiscoveryResponse)>;

/// The recorded start: RTDS alone, then each type when the one before has been answered.
async fn start(stream: &mut Stream, recorded: &[DiscoveryRequest]) -> Held {
    let order: Vec<&str> = recorded
        .iter()
        .filter(|request| request.response_nonce.is_empty())
        .map(|request| request.type_url.as_str())
        .collect();
    assert_eq!(order, [RTDS, CDS, EDS, LDS, RDS], "as recorded");
    let first = |type_url: &str, names: &[String]| {
        let of_type = |request: &&DiscoveryRequest| request.type_url == type_url;
        let mut request = recorded.iter().find(of_type).unwrap().clone();
        request.resource_names = names.to_vec();
        request
    };
    let mut held = Held::new();
    let runtime = stream.expect(RTDS).await;
    let layer = recorded[0].resource_names.clone();
    assert_eq!(runtime.resources.len(), 1, "the layer that was asked for");

    stream.send(first(CDS, &[])).await;
    stream.send(ack(&layer, &runtime)).await;
    let clusters = stream.expect(CDS).await;
    let eds = eds_names(&clusters);
    assert_eq!(eds.len(), 1, "the demo's service");
    // Envoy asks for the endpoints before it acknowledges the cluster that wants them.
    stream.send(first(EDS, &eds)).await;
    stream.send(ack(&[], &clusters)).await;
    let endpoints = stream.expect(EDS).await;
    assert_eq!(endpoints.resources.len(), 1);
    stream.send(first(LDS, &[])).await;
    stream.send(ack(&eds, &endpoints)).await;
    let listeners = stream.expect(LDS).await;
    let rds = rds_names(&listeners);
    assert_eq!(rds.len(), 1);
    stream.send(first(RDS, &rds)).await;
    stream.send(ack(&[], &listeners)).await;
    let routes = stream.expect(RDS).await;
    assert_eq!(routes.resources.len(), 1);
    stream.send(ack(&rds, &routes)).await;
    for (type_url, names, response) in [
        (RTDS, layer, runtime),
        (CDS, Vec::new(), clusters),
        (EDS, eds, endpoints),
        (LDS, Vec::new(), listeners),
        (RDS, rds, routes),
    ] {
        held.insert(type_url, (names, response));
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_envoy_is_answered_as_it_needs_at_start_on_a_change_and_after_a_reconnect() {
    let (Some(recording), Some(reconnect)) = (lines(RECORDING), lines("dp/zone-restart.jsonl"))
    else {
        return;
    };
    let site = site().await;
    let token = token(&site).await;
    let channel = connect(&site).await;
    let recorded = requests(&recording, &site, &recording);
    let mut stream = Stream::open(&channel, &token, recorded[0].clone()).await;
    let start: Vec<_> = recorded.iter().take(10).cloned().collect();
    let mut held = self::start(&mut stream, &start).await;
    acknowledged(&site).await;

    // A change of the route alone is a response of RDS alone, with another version.
    site.apply(&route_with_header("x-change", "one"))
        .await
        .unwrap();
    let routes = stream.expect(RDS).await;
    let (names, before) = held.get_mut(RDS).unwrap();
    assert_ne!(routes.version_info, before.version_info);
    stream.send(ack(names, &routes)).await;
    *before = routes;
    acknowledged(&site).await;

    // The burst of a reconnect: everything at once, with versions and without nonces. Each is answered.
    drop(stream);
    let burst = requests(&reconnect, &site, &recording);
    let burst: Vec<_> = burst
        .into_iter()
        .take(5)
        .map(|mut request| {
            assert!(request.response_nonce.is_empty() && !request.version_info.is_empty());
            let (names, response) = &held[request.type_url.as_str()];
            request.resource_names.clone_from(names);
            request.version_info.clone_from(&response.version_info);
            request
        })
        .collect();
    let order: Vec<_> = burst
        .iter()
        .map(|request| request.type_url.as_str())
        .collect();
    assert_eq!(order, [RTDS, CDS, EDS, LDS, RDS], "as recorded");
    let mut stream = Stream::open(&channel, &token, burst[0].clone()).await;
    for request in &burst[1..] {
        stream.send(request.clone()).await;
    }
    let mut answered = BTreeMap::new();
    while answered.len() < 5 {
        let response = stream.next().await;
        let (names, before) = &held[response.type_url.as_str()];
        assert_eq!(
            response.version_info, before.version_info,
            "nothing changed: {}",
            response.type_url
        );
        stream.send(ack(names, &response)).await;
        assert!(
            answered
                .insert(response.type_url.clone(), response.resources.len())
                .is_none(),
            "{} is answered twice",
            response.type_url
        );
    }
    assert!(answered.values().all(|count| *count > 0), "{answered:?}");
    // A replaced cluster makes Envoy ask for its endpoints once more, without a nonce: that is no acknowledgement.
    let again = burst.iter().find(|request| request.type_url == EDS);
    stream.send(again.unwrap().clone()).await;
    let endpoints = stream.expect(EDS).await;
    stream.send(ack(&held[EDS].0, &endpoints)).await;
    acknowledged(&site).await;
    site.stop().await;
}

/// The zone says that the proxy has everything.
async fn acknowledged(site: &Site) {
    use torii_api::status::ProxyState;
    use torii_cli::playground::wait_until;

    wait_until("the proxy has acknowledged", DEADLINE, || async {
        let status = site
            .zone_client(ZONE)
            .unwrap()
            .status()
            .await
            .map_err(|error| error.to_string())?;
        let proxies = &status.zones[0].proxies;
        (proxies.len() == 1 && proxies[0].state == ProxyState::Acknowledged)
            .then_some(())
            .ok_or_else(|| format!("{proxies:?}"))
    })
    .await
    .unwrap();
}
