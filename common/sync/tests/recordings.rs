//! What real Kuma 2.13.9 programs sent: everything decodes, what we would send is what they sent, and either recorded
//! end gets answers from our machines that it accepts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test, its functions included"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use base64::Engine as _;
use prost::Message;

use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1 as mesh;
use torii_resource::meta::label;
use torii_resource::{KindName, Resource, registry};
use torii_sync::guard::{Guard, Memory};
use torii_sync::kuma::{self, Peer};
use torii_sync::receiver::{self, Item, Receiver};
use torii_sync::scope::{Scope, Variant};
use torii_sync::sender::{self, Loaded, Sender};
use torii_sync::{Entry, ResourceVersion, WireKey};

const FILES: [&str; 6] = [
    "first-join",
    "reconnect-and-changes",
    "zone-restart",
    "name-conflict",
    "all-kinds",
    "backoff",
];
const DOWN: &str = "/kuma.mesh.v1alpha1.KDSSyncService/GlobalToZoneSync";
const UP: &str = "/kuma.mesh.v1alpha1.KDSSyncService/ZoneToGlobalSync";

/// The folder with the recordings, if this machine has it.
fn recordings() -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            here.ancestors()
                .map(|folder| folder.join("shared"))
                .find(|shared| shared.join("recordings/kds").is_dir())
        });
    let found = found
        .map(|shared| shared.join("recordings/kds"))
        .filter(|folder| folder.is_dir());
    if found.is_none() {
        let required = std::env::var("TORII_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("shared"),
            "TORII_REQUIRE wants the shared recordings, and they are not there"
        );
        println!("skipped: no shared recordings");
    }
    found
}

#[derive(Debug)]
struct Recorded {
    method: String,
    type_name: String,
    stream: u64,
    raw: Vec<u8>,
}

fn read(folder: &std::path::Path, file: &str) -> Vec<Recorded> {
    let text = std::fs::read_to_string(folder.join(format!("{file}.jsonl"))).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .filter(|line| line["event"] == "message")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            Recorded {
                method: text("method"),
                type_name: text("type"),
                stream: line["stream"].as_u64().unwrap(),
                raw: base64::engine::general_purpose::STANDARD
                    .decode(text("raw"))
                    .unwrap(),
            }
        })
        .collect()
}

fn responses(recorded: &[Recorded], method: &str) -> Vec<DeltaDiscoveryResponse> {
    recorded
        .iter()
        .filter(|message| {
            message.method == method && message.type_name.ends_with("DeltaDiscoveryResponse")
        })
        .map(|message| DeltaDiscoveryResponse::decode(message.raw.as_slice()).unwrap())
        .collect()
}

fn requests(recorded: &[Recorded], method: &str) -> Vec<DeltaDiscoveryRequest> {
    recorded
        .iter()
        .filter(|message| {
            message.method == method && message.type_name.ends_with("DeltaDiscoveryRequest")
        })
        .map(|message| DeltaDiscoveryRequest::decode(message.raw.as_slice()).unwrap())
        .collect()
}

fn again<M: Message + Default>(raw: &[u8]) -> usize {
    M::decode(raw).unwrap().encoded_len()
}

#[test]
fn every_message_decodes_without_a_loss() {
    let Some(folder) = recordings() else { return };
    let mut count = 0;
    for file in FILES {
        for message in read(&folder, file) {
            let raw = message.raw.as_slice();
            let length = match message.type_name.as_str() {
                "envoy.service.discovery.v3.DeltaDiscoveryRequest" => {
                    again::<DeltaDiscoveryRequest>(raw)
                }
                "envoy.service.discovery.v3.DeltaDiscoveryResponse" => {
                    again::<DeltaDiscoveryResponse>(raw)
                }
                "kuma.mesh.v1alpha1.ZoneHealthCheckRequest" => {
                    again::<mesh::ZoneHealthCheckRequest>(raw)
                }
                "kuma.mesh.v1alpha1.ZoneHealthCheckResponse" => {
                    again::<mesh::ZoneHealthCheckResponse>(raw)
                }
                "kuma.mesh.v1alpha1.XDSConfigRequest" => again::<mesh::XdsConfigRequest>(raw),
                "kuma.mesh.v1alpha1.XDSConfigResponse" => again::<mesh::XdsConfigResponse>(raw),
                "kuma.mesh.v1alpha1.StatsRequest" => again::<mesh::StatsRequest>(raw),
                "kuma.mesh.v1alpha1.StatsResponse" => again::<mesh::StatsResponse>(raw),
                "kuma.mesh.v1alpha1.ClustersRequest" => again::<mesh::ClustersRequest>(raw),
                "kuma.mesh.v1alpha1.ClustersResponse" => again::<mesh::ClustersResponse>(raw),
                other => panic!("{file}: a message of type {other}"),
            };
            assert_eq!(
                length,
                raw.len(),
                "{file}: {} loses a field",
                message.type_name
            );
            count += 1;
        }
    }
    assert!(count > 1000, "{count} messages");
}

/// A resource as its owner stored it before it was sent: no origin, the writer's name.
fn source(sent: &Resource, keep: &[&str]) -> Resource {
    let mut source = sent.clone();
    sent.display_name().clone_into(&mut source.key.name);
    source
        .labels
        .retain(|key, _| keep.contains(&key.as_str()) || !key.starts_with("kuma.io/"));
    source
}

/// Every resource of our kinds: the same bytes and the same version come out of our own encoder.
#[test]
fn what_kuma_sent_is_what_we_would_send() {
    let Some(folder) = recordings() else { return };
    let to_zone = Scope::ToZone {
        variant: Variant::Hashed,
        public_key: |key| Some(key.to_vec()),
    };
    let mut seen: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for file in FILES {
        let recorded = read(&folder, file);
        for (method, keep) in [
            (
                DOWN,
                &[label::DISPLAY_NAME, label::MESH, label::KDS_SYNC][..],
            ),
            (
                UP,
                &[
                    label::PROXY_TYPE,
                    label::ENV,
                    label::DISPLAY_NAME,
                    label::MESH,
                ][..],
            ),
        ] {
            for response in responses(&recorded, method) {
                if registry::by_name(&response.type_url).is_none() {
                    continue;
                }
                let zone: std::sync::Arc<str> = response
                    .control_plane
                    .as_ref()
                    .unwrap()
                    .identifier
                    .as_str()
                    .into();
                let wires = response.resources.clone();
                for (item, wire) in kuma::incoming(response).items.into_iter().zip(wires) {
                    let Item::Good(key, resource) = item else {
                        panic!("{file}: {item:?}")
                    };
                    let sent = wire.resource.unwrap().value;
                    assert_eq!(ResourceVersion::of(&sent).to_string(), wire.version);
                    assert_eq!(
                        mesh::KumaResource::decode(sent.as_slice())
                            .unwrap()
                            .encode_to_vec(),
                        sent
                    );
                    assert_eq!(key.to_string(), wire.name);
                    let mut source = source(&resource, keep);
                    if method == DOWN && resource.key.kind.as_str() == "GlobalSecret" {
                        if !source.key.name.starts_with("zone-token-signing-key") {
                            // Kuma has a deny-list, we have an allow-list (kds §10.2 P10).
                            assert_eq!(to_zone.entry(&source), None, "{}", source.key);
                            continue;
                        }
                        source.labels.clear();
                    }
                    let to_global = Scope::ToGlobal {
                        zone: std::sync::Arc::clone(&zone),
                        variant: Variant::Hashed,
                    };
                    let scope = if method == DOWN { &to_zone } else { &to_global };
                    let entry = scope
                        .entry(&source)
                        .unwrap_or_else(|| panic!("{file}: {source:?} does not travel"));
                    assert_eq!(entry, Entry::new(key, sent), "{file}: {source:?}");
                    *seen
                        .entry((resource.key.kind.to_string(), method))
                        .or_default() += 1;
                }
            }
        }
    }
    let kinds: BTreeSet<&str> = seen.keys().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            "CircuitBreaker",
            "Config",
            "Dataplane",
            "ExternalService",
            "FaultInjection",
            "GlobalSecret",
            "HealthCheck",
            "Mesh",
            "MeshGateway",
            "MeshGatewayRoute",
            "ProxyTemplate",
            "RateLimit",
            "Retry",
            "Secret",
            "Timeout",
            "TrafficLog",
            "TrafficPermission",
            "TrafficRoute",
            "VirtualOutbound",
        ]
    );
}

/// The state of the recorded global, as our sender would load it.
fn state(recorded: &[Recorded]) -> Loaded {
    let scope = Scope::ToZone {
        variant: Variant::Hashed,
        public_key: |key| Some(key.to_vec()),
    };
    let mut resources: BTreeMap<_, Resource> = BTreeMap::new();
    for response in responses(recorded, DOWN) {
        if registry::by_name(&response.type_url).is_some() {
            for item in kuma::incoming(response).items {
                let Item::Good(_, resource) = item else {
                    panic!("{item:?}")
                };
                let source = source(&resource, &[]);
                resources.insert(source.key.clone(), source);
            }
        }
    }
    Loaded {
        mark: "c/1/1".parse().unwrap(),
        types: scope.sets(resources.values()),
    }
}

/// The zone's requests of one stream against our sender: each type is answered once, in full, after its subscription.
#[test]
fn a_recorded_zone_gets_answers_from_our_sender_that_it_accepts() {
    let Some(folder) = recordings() else { return };
    for file in ["first-join", "reconnect-and-changes"] {
        let recorded = read(&folder, file);
        let requests = requests(&recorded, DOWN);
        let peer = Peer::of(requests[0].node.as_ref().unwrap());
        assert_eq!(
            (peer.zone.as_str(), peer.version.as_str(), peer.variant()),
            ("east", "2.13.9", Variant::Hashed)
        );
        assert!(!peer.torii && peer.config.contains("\"store\""));

        let mut sender = Sender::new(sender::Config {
            torii: peer.torii,
            mesh_first: true,
            ..sender::Config::default()
        });
        let mut answers: BTreeMap<String, DeltaDiscoveryResponse> = BTreeMap::new();
        let mut nonces = BTreeSet::new();
        let mut unjudged: Vec<String> = Vec::new();
        let take = |actions: Vec<sender::Action>,
                    answers: &mut BTreeMap<_, _>,
                    unjudged: &mut Vec<String>| {
            for action in actions {
                if let sender::Action::Send(response) = action {
                    assert!(response.full, "{response:?}");
                    let wire = kuma::response(&response, "global");
                    unjudged.push(wire.type_url.clone());
                    assert!(
                        answers.insert(wire.type_url.clone(), wire).is_none(),
                        "answered twice"
                    );
                }
            }
        };
        let mut subscribed = BTreeSet::new();
        take(
            sender
                .handle(sender::Event::Loaded(state(&recorded)))
                .unwrap(),
            &mut answers,
            &mut unjudged,
        );
        for request in requests {
            if request.response_nonce.is_empty() {
                subscribed.insert(request.type_url.clone());
                take(
                    sender.handle(kuma::sender_event(request)).unwrap(),
                    &mut answers,
                    &mut unjudged,
                );
            }
        }
        // The zone acknowledges in the order of the answers, with our nonces instead of the recorded ones.
        while !unjudged.is_empty() {
            for type_url in std::mem::take(&mut unjudged) {
                let nonce = answers[&type_url].nonce.clone();
                assert!(nonces.insert(nonce.clone()), "a nonce twice");
                let ack = DeltaDiscoveryRequest {
                    type_url,
                    response_nonce: nonce,
                    ..DeltaDiscoveryRequest::default()
                };
                take(
                    sender.handle(kuma::sender_event(ack)).unwrap(),
                    &mut answers,
                    &mut unjudged,
                );
            }
        }
        assert_eq!(subscribed.len(), 43, "{file}");
        assert_eq!(
            answers.keys().cloned().collect::<BTreeSet<_>>(),
            subscribed,
            "{file}"
        );
        assert_eq!(sender.unacknowledged().count(), 0);
        judge_as_a_zone(&answers);
    }
}

/// What a Kuma zone insists on (kds §1.5, §4.6): else it drops the connection, or stores nothing.
fn judge_as_a_zone(answers: &BTreeMap<String, DeltaDiscoveryResponse>) {
    for (type_url, answer) in answers {
        assert_eq!(answer.system_version_info, "", "Kuma gets no mark");
        assert_eq!(answer.control_plane.as_ref().unwrap().identifier, "global");
        for wire in &answer.resources {
            let any = wire.resource.as_ref().unwrap();
            assert_eq!(
                any.type_url,
                "type.googleapis.com/kuma.mesh.v1alpha1.KumaResource"
            );
            let body = mesh::KumaResource::decode(any.value.as_slice()).unwrap();
            let meta = body.meta.unwrap();
            assert_eq!(meta.labels["kuma.io/origin"], "global");
            assert_eq!(meta.version, "", "Kuma sends it empty");
            assert_eq!(wire.name, format!("{}.{}", meta.name, meta.mesh));
            let message = registry::by_name(type_url).unwrap().descriptor.message;
            assert_eq!(
                body.spec.unwrap().type_url,
                format!("type.googleapis.com/{message}")
            );
        }
    }
    for needed in ["Mesh", "Secret", "GlobalSecret", "Config"] {
        assert!(!answers[needed].resources.is_empty(), "{needed}");
    }
}

/// The global's responses against our receiver: stored, and acknowledged with the recorded nonces.
#[test]
fn a_recorded_global_is_followed_and_acknowledged() {
    let Some(folder) = recordings() else { return };
    for file in ["first-join", "reconnect-and-changes", "zone-restart"] {
        let recorded = read(&folder, file);
        let stream = recorded
            .iter()
            .find(|message| message.method == DOWN)
            .unwrap()
            .stream;
        let recorded: Vec<Recorded> = recorded
            .into_iter()
            .filter(|message| message.stream == stream)
            .collect();
        let types = kuma::zone_types();
        let mut zone = Receiver::new(receiver::Config {
            types: types.clone(),
            held: BTreeMap::new(),
            guard: Guard::new(Memory::default()),
        });
        let mut acknowledged = BTreeSet::new();
        let mut stored: BTreeSet<(KindName, WireKey)> = BTreeSet::new();
        for response in responses(&recorded, DOWN) {
            let mut actions = zone.handle(receiver::Event::Response(kuma::incoming(response)));
            actions.extend(zone.handle(receiver::Event::Idle));
            while let Some(action) = actions.pop() {
                match action {
                    receiver::Action::Commit(transaction) => {
                        assert_eq!(
                            (&transaction.mark, &transaction.refused),
                            (&None, &Vec::new()),
                            "{file}"
                        );
                        for (kind, change) in transaction.types {
                            stored
                                .extend(change.upserts.into_keys().map(|key| (kind.clone(), key)));
                        }
                        actions.extend(zone.handle(receiver::Event::Committed));
                    }
                    receiver::Action::Send(request) => {
                        assert_eq!(request.error, None, "{file}");
                        acknowledged.insert((request.type_name.to_string(), request.nonce));
                    }
                    other => panic!("{file}: {other:?}"),
                }
            }
        }
        let theirs: BTreeSet<(String, String)> = requests(&recorded, DOWN)
            .into_iter()
            .filter(|request| !request.response_nonce.is_empty())
            .map(|request| (request.type_url, request.response_nonce))
            .filter(|(name, _)| types.iter().any(|known| known.as_str() == name))
            .collect();
        assert_eq!(acknowledged, theirs, "{file}");
        assert!(
            stored.contains(&(KindName::new("Mesh"), WireKey::new("", "default"))),
            "{file}"
        );
    }
}
