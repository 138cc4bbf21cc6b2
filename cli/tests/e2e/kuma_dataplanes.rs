//! The zone-to-global side of a real Kuma 2.13.9 zone, as recorded, against a running Torii global.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Streaming};
use torii_cli::playground::{Site, wait_until};
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;

use crate::https::{Https, operator};
use crate::recorded::{lines, message, messages, text};
use crate::{DEADLINE, without_envoy};

const ZONE: &str = "east";
const METHOD: &str = "ZoneToGlobalSync";

/// What the recorded zone answers to a subscription, by type.
type Answers = BTreeMap<String, DeltaDiscoveryResponse>;

/// The first answer of each type.
fn answers(recording: &[Value]) -> Answers {
    let mut answers = Answers::new();
    for event in messages(recording, METHOD, "client->server") {
        let response: DeltaDiscoveryResponse = message(event);
        answers.entry(response.type_url.clone()).or_insert(response);
    }
    answers
}

/// The zone's end of a stream.
struct Zone {
    responses: mpsc::Sender<DeltaDiscoveryResponse>,
    requests: Streaming<DeltaDiscoveryRequest>,
    nonce: usize,
}

impl Zone {
    async fn open(channel: &Channel) -> Self {
        let mut client = KDSSyncServiceClient::new(channel.clone())
            .send_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Gzip);
        let (responses, queue) = mpsc::channel(64);
        let mut request = Request::new(ReceiverStream::new(queue));
        let metadata = request.metadata_mut();
        for (name, value) in [
            ("client-id", ZONE),
            ("kds-version", "v3"),
            ("features", "zone-ping-health"),
            ("features", "hash-suffix"),
            ("version", "2.13.9"),
        ] {
            metadata.append(name, value.parse().unwrap());
        }
        let requests = client.zone_to_global_sync(request).await.unwrap();
        Self {
            responses,
            requests: requests.into_inner(),
            nonce: 0,
        }
    }

    async fn request(&mut self) -> DeltaDiscoveryRequest {
        tokio::time::timeout(DEADLINE, self.requests.message())
            .await
            .expect("a request")
            .unwrap()
            .unwrap()
    }

    async fn respond(&mut self, mut response: DeltaDiscoveryResponse) -> String {
        self.nonce += 1;
        response.nonce = self.nonce.to_string();
        self.responses.send(response).await.unwrap();
        self.nonce.to_string()
    }

    /// Answers every subscription, until the Dataplanes are acknowledged. Gives the types that were subscribed.
    async fn serve(&mut self, answers: &Answers) -> BTreeSet<String> {
        let mut subscribed = BTreeSet::new();
        let mut waiting: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let request = self.request().await;
            assert_eq!(request.node.as_ref().unwrap().id, ZONE);
            if request.response_nonce.is_empty() {
                let answer = answers[&request.type_url].clone();
                assert!(
                    subscribed.insert(request.type_url.clone()),
                    "{} is subscribed twice",
                    request.type_url
                );
                assert_eq!(request.resource_names_subscribe, ["*"]);
                let nonce = self.respond(answer).await;
                waiting.insert(request.type_url, nonce);
            } else {
                acknowledges(&request, &waiting[&request.type_url]);
                waiting.remove(&request.type_url);
                if waiting.is_empty() && subscribed.contains("Dataplane") {
                    return subscribed;
                }
            }
        }
    }
}

fn acknowledges(request: &DeltaDiscoveryRequest, nonce: &str) {
    assert!(request.error_detail.is_none(), "{:?}", request.error_detail);
    assert_eq!(request.response_nonce, nonce, "{}", request.type_url);
}

async fn connect(site: &Site) -> Channel {
    let node = site.layout().node_address(0);
    let ca = std::fs::read(site.layout().global_ca()).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca))
        .domain_name(node.to_string());
    Endpoint::from_shared(format!("https://{node}:5685"))
        .unwrap()
        .tls_config(tls)
        .unwrap()
        .connect()
        .await
        .unwrap()
}

/// Waits until the global has exactly these Dataplanes; gives them.
async fn has(global: &Https, names: &[&str]) -> Vec<Value> {
    let what = format!("the global has the Dataplanes {names:?}");
    wait_until(&what, DEADLINE, || async {
        let list = global.get("/meshes/default/dataplanes").await;
        let items = list["items"].as_array().unwrap().clone();
        let found: Vec<_> = items.iter().map(|item| text(item, "name")).collect();
        if found == names {
            Ok(items.clone())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn dataplanes_of_a_recorded_kuma_zone_appear_at_the_global_and_go_with_its_restart() {
    const NAMES: [&str; 3] = [
        "blue-east-f42w88449x44z8v9",
        "green-east-c677c8wvv2xfvzb4",
        "gw-east-72c7xz24x47zvwf4",
    ];
    const CHANGED: &str = "kds-dp-vb8f9wc482f72468";
    let (Some(recording), Some(restart)) = (
        lines("kds/reconnect-and-changes.jsonl"),
        lines("kds/zone-restart.jsonl"),
    ) else {
        return;
    };
    let mut options = without_envoy().nodes(1).zones(&[]);
    options.global_arguments = vec!["--kds-unauthenticated-zone".to_owned(), ZONE.to_owned()];
    let site = Site::start(options).await.unwrap();
    let global = operator(&site).await;
    let channel = connect(&site).await;

    let first = answers(&recording);
    let mut zone = Zone::open(&channel).await;
    let subscribed = zone.serve(&first).await;
    let kumas: BTreeSet<String> = first.keys().cloned().collect();
    assert!(
        subscribed.is_subset(&kumas),
        "only kinds that a Kuma zone has: {subscribed:?}"
    );
    let items = has(&global, &NAMES).await;
    for item in &items {
        assert_eq!(item["labels"]["kuma.io/zone"], ZONE);
        assert_eq!(item["labels"]["kuma.io/origin"], "zone");
        let shown = text(&item["labels"], "kuma.io/display-name");
        assert!(text(item, "name").starts_with(&format!("{shown}-")));
    }
    let refused = global
        .send(
            "PUT",
            &format!("/meshes/default/dataplanes/{}", NAMES[0]),
            &[("content-type", "application/json")],
            Some(&items[0].to_string()),
        )
        .await;
    assert_eq!(refused.status, 405, "{}", refused.body);

    // The recorded changes: a Dataplane comes and goes.
    let later: Vec<DeltaDiscoveryResponse> = messages(&recording, METHOD, "client->server")
        .filter(|event| event["t"].as_f64() > Some(120.0))
        .map(message)
        .filter(|response: &DeltaDiscoveryResponse| response.type_url == "Dataplane")
        .collect();
    let [create, remove] = later.try_into().unwrap();
    let nonce = zone.respond(create).await;
    acknowledges(&zone.request().await, &nonce);
    has(&global, &[NAMES[0], NAMES[1], NAMES[2], CHANGED]).await;
    let nonce = zone.respond(remove).await;
    acknowledges(&zone.request().await, &nonce);
    has(&global, &NAMES).await;

    // The zone is gone: what it had stays, and a restart with nothing takes it away.
    drop(zone);
    has(&global, &NAMES).await;
    let empty = answers(&restart);
    assert!(empty["Dataplane"].resources.is_empty(), "as recorded");
    let mut zone = Zone::open(&channel).await;
    zone.serve(&empty).await;
    has(&global, &[]).await;
    // Then its gateway registers again.
    let back: DeltaDiscoveryResponse = messages(&restart, METHOD, "client->server")
        .map(message::<DeltaDiscoveryResponse>)
        .filter(|response| response.type_url == "Dataplane" && !response.resources.is_empty())
        .last()
        .unwrap();
    let nonce = zone.respond(back).await;
    acknowledges(&zone.request().await, &nonce);
    has(&global, &[NAMES[2]]).await;
    site.stop().await;
}
