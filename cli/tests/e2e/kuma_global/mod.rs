//! Our zone with a Kuma 2.13.9 global, which says what was recorded.

mod scripted;
mod zone;

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use serde_json::Value;
use tonic::Status;
use torii_cli::playground::{Site, wait_until};
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryResponse, Resource};
use torii_proto::kuma::mesh::v1alpha1::{Dataplane, KumaResource};

use scripted::{Global, State};
use zone::Zone;

use crate::recorded::{lines, message, messages, text};
use crate::{DEADLINE, without_envoy};

const RECORDING: &str = "kds/reconnect-and-changes.jsonl";
const ZONE: &str = "east";
/// Kuma's names of the recorded gateways, in order.
const GATEWAYS: [&str; 2] = [
    "edge-gateway-west-5fzvf29wvzv44zz4",
    "edge-gateway-x7d7z4729b7688d4",
];
const ROUTE: &str = "edge-gateway-route-cw479fw85vvw25cx";

/// A site without zones: its addresses and folder are for the global and the zone of the test.
async fn start(recording: &[Value]) -> (Site, Global, Zone) {
    let site = Site::start(without_envoy().nodes(1).zones(&[]))
        .await
        .unwrap();
    let mut address = site.layout().node_address(0).octets();
    address[3] = 31;
    let global = Global::start(address.into(), &site.layout().dir, recording).await;
    let zone = Zone::start(&site, &global).await;
    (site, global, zone)
}

/// Everything that the last stream's global has sent is acknowledged, except for these types.
fn all_acknowledged(state: &State, except: &[&str]) -> Result<(), String> {
    let down = state.down()?;
    let missing: Vec<_> = down
        .sent
        .iter()
        .filter(|response| !except.contains(&response.type_url.as_str()))
        .filter(|response| !down.acknowledged(response))
        .map(|response| response.type_url.as_str())
        .collect();
    let subscribed = down
        .requests
        .iter()
        .filter(|request| request.response_nonce.is_empty())
        .count();
    // One of them is Torii's own type, which Kuma does not answer.
    (missing.is_empty() && !down.sent.is_empty() && down.sent.len() + 1 >= subscribed)
        .then_some(())
        .ok_or_else(|| format!("{subscribed} subscribed, not acknowledged: {missing:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_follows_a_kuma_global_and_its_changes() {
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let (site, global, zone) = start(&recording).await;
    zone.has("meshgateways", &GATEWAYS).await;
    zone.has("meshgatewayroutes", &[ROUTE]).await;
    let gateways = zone.list("meshgateways").await.unwrap();
    for (gateway, name) in gateways.iter().zip(["edge-gateway-west", "edge-gateway"]) {
        assert_eq!(gateway["labels"]["kuma.io/origin"], "global");
        assert_eq!(gateway["labels"]["kuma.io/display-name"], name);
    }
    global
        .until("everything is acknowledged", |state| {
            all_acknowledged(state, &[])
        })
        .await;
    {
        let state = global.state();
        spoken_as_a_zone(&state, &recording);
    }

    // The recorded changes of a route: created, changed, removed.
    let of_route = |event: &&Value| event["t"].as_f64() > Some(120.0);
    let changes: Vec<DeltaDiscoveryResponse> =
        messages(&recording, "GlobalToZoneSync", "server->client")
            .filter(of_route)
            .map(message)
            .filter(|change: &DeltaDiscoveryResponse| change.type_url == "MeshGatewayRoute")
            .collect();
    let [create, change, remove] = changes.try_into().unwrap();
    let demo = create.resources[0]
        .name
        .trim_end_matches(".default")
        .to_owned();
    global.push(create);
    zone.has("meshgatewayroutes", &[ROUTE, &demo]).await;
    let before = zone.list("meshgatewayroutes").await.unwrap();
    global.push(change);
    wait_until("the change arrives", DEADLINE, || async {
        let now = zone.list("meshgatewayroutes").await?;
        (now != before)
            .then_some(())
            .ok_or_else(|| format!("{now:?}"))
    })
    .await
    .unwrap();
    global.push(remove);
    zone.has("meshgatewayroutes", &[ROUTE]).await;
    global
        .until("the changes are acknowledged", |state| {
            all_acknowledged(state, &[])
        })
        .await;
    drop(zone);
    site.stop().await;
}

/// Headers, nodes, subscriptions and acknowledgements of the zone's first stream are what a Kuma global reads.
fn spoken_as_a_zone(state: &State, recording: &[Value]) {
    let down = state.down().unwrap();
    let header = |name: &str| -> Vec<&str> {
        let values = down.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    };
    assert_eq!(header("client-id"), [ZONE]);
    assert_eq!(header("kds-version"), ["v3"]);
    assert_eq!(header("version").len(), 1);
    let features = header("features");
    assert!(features.contains(&"hash-suffix"), "{features:?}");
    assert!(
        !features.contains(&"zone-ping-health"),
        "this zone calls no HealthCheck: a global that believed so would drop it"
    );
    let asked: Vec<_> = down
        .requests
        .iter()
        .filter(|request| request.response_nonce.is_empty())
        .collect();
    let types: BTreeSet<&str> = asked
        .iter()
        .map(|request| request.type_url.as_str())
        .collect();
    assert_eq!(types.len(), asked.len(), "each type once");
    let kumas: BTreeSet<&str> = messages(recording, "GlobalToZoneSync", "client->server")
        .map(|event| text(&event["decoded"], "typeUrl"))
        .collect();
    let news: Vec<_> = types.difference(&kumas).collect();
    assert_eq!(
        news,
        [&"torii.Progress"],
        "a Kuma zone asks for everything else too"
    );
    for request in &asked {
        assert_eq!(request.resource_names_subscribe, ["*"]);
        assert!(request.initial_resource_versions.is_empty());
    }
    assert!(asked[0].node.as_ref().unwrap().metadata.is_some());
    for request in &down.requests {
        assert_eq!(request.node.as_ref().unwrap().id, ZONE);
        assert!(request.error_detail.is_none(), "{:?}", request.error_detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kuma_global_that_lost_its_gateways_is_held_until_an_operator_accepts_it() {
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let (site, global, zone) = start(&recording).await;
    zone.has("meshgateways", &GATEWAYS).await;
    global.lose("MeshGateway");
    global.end(Some(Status::unavailable("the global restarts")));
    wait_until("status shows what is held", DEADLINE, || async {
        let guard = zone.status().await?.zones[0].guard.clone();
        let told = guard.contains("MeshGateway") && guard.contains("accept-global");
        told.then_some(()).ok_or(guard)
    })
    .await
    .unwrap();
    global
        .until("everything else is acknowledged", |state| {
            (state.downs.len() >= 2)
                .then_some(())
                .ok_or("no second stream")?;
            all_acknowledged(state, &["MeshGateway"])
        })
        .await;
    {
        let state = global.state();
        let down = state.down().unwrap();
        let held = down.first("MeshGateway").unwrap();
        assert!(held.resources.is_empty());
        let answered = down
            .requests
            .iter()
            .any(|request| request.response_nonce == held.nonce);
        assert!(!answered, "neither acknowledged nor rejected");
    }
    zone.has("meshgateways", &GATEWAYS).await;
    zone.has("meshgatewayroutes", &[ROUTE]).await;

    zone.torii(&["zone", "accept-global"], "").await;
    zone.has("meshgateways", &[]).await;
    zone.has("meshgatewayroutes", &[ROUTE]).await;
    global
        .until("the empty set is acknowledged", |state| {
            all_acknowledged(state, &[])
        })
        .await;
    wait_until("status is clean again", DEADLINE, || async {
        let guard = zone.status().await?.zones[0].guard.clone();
        guard.is_empty().then_some(()).ok_or(guard)
    })
    .await
    .unwrap();
    drop(zone);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_comes_back_however_a_kuma_global_ends_its_stream() {
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let (site, global, zone) = start(&recording).await;
    // Kuma ends streams with OK too, e.g. when it shuts down; an old one does not know the service.
    let ends = [
        None,
        Some(Status::unavailable("draining")),
        Some(Status::unimplemented("unknown service")),
        Some(Status::internal("nack")),
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let streams = number + 1;
        global
            .until("the zone follows", |state| {
                (state.downs.len() == streams)
                    .then_some(())
                    .ok_or_else(|| format!("{} streams", state.downs.len()))?;
                all_acknowledged(state, &[])
            })
            .await;
        global.end(end);
    }
    global
        .until("the zone follows again", |state| {
            all_acknowledged(state, &[])
        })
        .await;
    wait_until("status says so", DEADLINE, || async {
        let zone = zone.status().await?.zones[0].clone();
        (zone.connected == Some(true) && zone.guard.is_empty())
            .then_some(())
            .ok_or_else(|| format!("{zone:?}"))
    })
    .await
    .unwrap();
    zone.has("meshgateways", &GATEWAYS).await;
    drop(zone);
    site.stop().await;
}

/// The recorded Dataplanes, by display name, as the real zone sent them.
fn dataplanes(recording: &[Value]) -> BTreeMap<String, (Resource, KumaResource)> {
    messages(recording, "ZoneToGlobalSync", "client->server")
        .map(message::<DeltaDiscoveryResponse>)
        .filter(|response| response.type_url == "Dataplane")
        .flat_map(|response| response.resources)
        .map(|resource| {
            let body = KumaResource::decode(resource.resource.as_ref().unwrap().value.as_slice());
            let body = body.unwrap();
            let name = body.meta.as_ref().unwrap().labels["kuma.io/display-name"].clone();
            (name, (resource, body))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kuma_global_gets_the_zones_dataplanes_under_kumas_names_and_labels() {
    const BLUE: &str = "
type: Dataplane
mesh: default
name: blue-east
networking:
  address: 127.0.0.1
  inbound:
    - port: 9001
      tags:
        kuma.io/service: blue
        kuma.io/protocol: http
";
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let (site, global, zone) = start(&recording).await;
    zone.has("meshgateways", &GATEWAYS).await;
    zone.torii(&["apply", "-f", "-"], BLUE).await;
    let offered = |state: &State| {
        let responses = state.ups.iter().flat_map(|up| &up.responses);
        let dataplanes: Vec<_> = responses
            .filter(|response| response.type_url == "Dataplane")
            .cloned()
            .collect();
        Ok::<_, String>(dataplanes)
    };
    let (name, response) = global
        .until("the Dataplane is offered", |state| {
            let responses = offered(state)?;
            let found = responses.iter().find_map(|response| {
                let resource = response.resources.first()?;
                Some((resource.name.clone(), response.clone()))
            });
            found.ok_or_else(|| format!("{responses:?}"))
        })
        .await;
    let (recorded, kumas) = &dataplanes(&recording)["blue-east"];
    assert_eq!(name, recorded.name);
    assert_eq!(response.control_plane.unwrap().identifier, ZONE);
    assert!(
        response.system_version_info.is_empty(),
        "marks are for Torii peers"
    );
    let any = response.resources[0].resource.as_ref().unwrap();
    assert_eq!(any.type_url, recorded.resource.as_ref().unwrap().type_url);
    let ours = KumaResource::decode(any.value.as_slice()).unwrap();
    let (ours_meta, kumas_meta) = (ours.meta.clone().unwrap(), kumas.meta.clone().unwrap());
    assert_eq!(ours_meta.name, kumas_meta.name);
    assert_eq!(ours_meta.mesh, kumas_meta.mesh);
    assert_eq!(ours_meta.labels, kumas_meta.labels);
    assert!(ours_meta.version.is_empty());
    let spec = |body: &KumaResource| {
        let any = body.spec.clone().unwrap();
        (
            any.type_url,
            Dataplane::decode(any.value.as_slice()).unwrap(),
        )
    };
    assert_eq!(spec(&ours), spec(kumas));

    zone.torii(&["delete", "dataplane", "blue-east"], "").await;
    global
        .until("its removal is told", |state| {
            let responses = offered(state)?;
            let removed = responses
                .iter()
                .any(|response| response.removed_resources == [name.clone()]);
            removed
                .then_some(())
                .ok_or_else(|| format!("{responses:?}"))
        })
        .await;
    {
        let state = global.state();
        let subscribed: BTreeSet<&str> = messages(&recording, "ZoneToGlobalSync", "server->client")
            .map(|event| text(&event["decoded"], "typeUrl"))
            .collect();
        let answered: BTreeSet<&str> = state.ups[0]
            .responses
            .iter()
            .map(|response| response.type_url.as_str())
            .collect();
        assert_eq!(
            answered, subscribed,
            "each subscription is answered, kinds that we do not have too"
        );
    }
    drop(zone);
    site.stop().await;
}
