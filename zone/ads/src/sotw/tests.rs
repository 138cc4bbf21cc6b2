//! The requests of a real Envoy (recordings of Kuma 2.13.9) against the session, and what this protocol says differently.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use prost::Message as _;

use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use torii_proto::envoy::config::listener::v3::Listener;
use torii_proto::envoy::config::route::v3::RouteConfiguration;
use torii_proto::envoy::google::rpc::Status;
use torii_proto::envoy::service::runtime::v3::Runtime;
use torii_render::{Part, Parts};
use torii_resource::Revision;

use super::*;
use crate::message::{Action, Desired, Event};
use crate::session::Session;

const ROUTE: &str = "edge-gateway-x7d7z4729b7688d4:HTTP:8080:*";

/// A session behind this protocol.
struct Server {
    session: Session,
    wire: Sotw,
    sent: Vec<DiscoveryResponse>,
}

impl Server {
    fn new() -> Self {
        Self {
            session: Session::new(Dialect::Sotw),
            wire: Sotw::default(),
            sent: Vec::new(),
        }
    }

    /// Takes an event in and gives what is sent then.
    fn event(&mut self, event: Event) -> Vec<DiscoveryResponse> {
        let mut sent = Vec::new();
        for action in self.session.handle(event) {
            if let Action::Send(response) = action {
                sent.push(self.wire.response(response, "zone"));
            }
        }
        self.sent.extend(sent.iter().cloned());
        sent
    }

    fn desired(&mut self, revision: u64, parts: &Parts) -> Vec<String> {
        let parts = Arc::new(parts.clone());
        let sent = self.event(Event::Desired(Arc::new(Desired {
            revision: Revision(revision),
            parts,
        })));
        sent.iter().map(words).collect()
    }

    fn request(&mut self, request: DiscoveryRequest) -> Vec<String> {
        let of = TypeUrl::parse(&request.type_url).expect("a known type");
        let request = self.wire.request(of, request);
        self.event(Event::Request(request))
            .iter()
            .map(words)
            .collect()
    }

    /// Answers the newest response of a type as Envoy does.
    fn answer(&mut self, of: TypeUrl, names: &[&str], error: Option<&str>) -> Vec<String> {
        let newest = self
            .sent
            .iter()
            .rev()
            .find(|response| response.type_url == of.as_str())
            .expect("one was sent");
        let request = DiscoveryRequest {
            version_info: newest.version_info.clone(),
            response_nonce: newest.nonce.clone(),
            error_detail: error.map(|message| Status {
                message: message.to_owned(),
                ..Status::default()
            }),
            ..ask(of, names)
        };
        self.request(request)
    }

    fn ack(&mut self, of: TypeUrl, names: &[&str]) -> Vec<String> {
        self.answer(of, names, None)
    }
}

fn ask(of: TypeUrl, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: of.as_str().to_owned(),
        resource_names: names.iter().map(ToString::to_string).collect(),
        ..DiscoveryRequest::default()
    }
}

/// The name of a resource of a type.
fn name_of(of: TypeUrl, body: &[u8]) -> String {
    match of {
        TypeUrl::Cluster => Cluster::decode(body).expect("a cluster").name,
        TypeUrl::Endpoint => {
            ClusterLoadAssignment::decode(body)
                .expect("endpoints")
                .cluster_name
        }
        TypeUrl::Listener => Listener::decode(body).expect("a listener").name,
        TypeUrl::Route => {
            RouteConfiguration::decode(body)
                .expect("a route configuration")
                .name
        }
        TypeUrl::Runtime => Runtime::decode(body).expect("a runtime").name,
        TypeUrl::Secret => panic!("not used here"),
    }
}

/// A response in short: type and the names in it.
fn words(response: &DiscoveryResponse) -> String {
    let of = TypeUrl::parse(&response.type_url).expect("a known type");
    let mut text = format!("{of:?}");
    for any in &response.resources {
        text.push('+');
        text.push_str(&name_of(of, &any.value));
    }
    text
}

/// What one event of a recording says.
struct Recorded {
    from_client: bool,
    raw: Vec<u8>,
}

fn recording(name: &str, stream: u64) -> Option<Vec<Recorded>> {
    let path = shared()?.join("recordings/dp").join(name);
    let text = std::fs::read_to_string(&path).expect("the recording is there");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a JSON line"));
    let messages = lines.filter(|event| event["event"] == "message" && event["stream"] == stream);
    let recorded = messages.map(|event| Recorded {
        from_client: event["dir"] == "client->server",
        raw: base64::engine::general_purpose::STANDARD
            .decode(event["raw"].as_str().expect("raw"))
            .expect("base64"),
    });
    Some(recorded.collect())
}

/// The folder with the recordings; none, with a word, when it is not there and need not be.
fn shared() -> Option<PathBuf> {
    let given = std::env::var_os("TORII_SHARED").map(PathBuf::from);
    let found = given.or_else(|| {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        above
            .map(|folder| folder.join("shared"))
            .find(|folder| folder.join("recordings").is_dir())
    });
    let required = std::env::var("TORII_REQUIRE").is_ok_and(|list| list.contains("shared"));
    assert!(
        found.is_some() || !required,
        "the shared folder is required and not there"
    );
    if found.is_none() {
        println!("skipped: no shared folder");
    }
    found
}

/// Requests and responses of a recorded stream.
fn split(recorded: &[Recorded]) -> (Vec<DiscoveryRequest>, Vec<DiscoveryResponse>) {
    let requests = recorded.iter().filter(|one| one.from_client);
    let responses = recorded.iter().filter(|one| !one.from_client);
    (
        requests
            .map(|one| DiscoveryRequest::decode(&*one.raw).expect("a request"))
            .collect(),
        responses
            .map(|one| DiscoveryResponse::decode(&*one.raw).expect("a response"))
            .collect(),
    )
}

/// Takes recorded responses as what is desired.
fn learn(parts: &mut Parts, responses: &[DiscoveryResponse]) {
    for response in responses {
        let of = TypeUrl::parse(&response.type_url).expect("a known type");
        if matches!(of, TypeUrl::Cluster) {
            let old: Vec<String> = parts.of_type(of).map(|part| part.name.clone()).collect();
            for name in old {
                parts.remove(of, &name);
            }
        }
        for any in &response.resources {
            let name = name_of(of, &any.value);
            let part = Part::from_body(name.clone(), any.value.clone().into());
            let part = match of {
                TypeUrl::Listener => part.with_routes([Arc::from(ROUTE)]),
                TypeUrl::Route => {
                    let text = String::from_utf8_lossy(&any.value).into_owned();
                    let used = ["blue-8f8e5d52988752a6", "green-57b00a7db3c90576"]
                        .into_iter()
                        .filter(|name| text.contains(name));
                    part.with_clusters(used.map(Arc::from))
                }
                _ => part,
            };
            parts.insert(of, part);
        }
    }
}

#[test]
fn a_recorded_envoy_starts_and_follows_every_change() {
    let Some(recorded) = recording("gateway-start-and-changes.jsonl", 3) else {
        return;
    };
    let (requests, responses) = split(&recorded);
    let (mut requests, blue) = (requests.into_iter(), ["blue-8f8e5d52988752a6"]);
    let mut next = || requests.next().expect("as many as recorded");
    let mut parts = Parts::new();
    learn(&mut parts, &responses[..5]);
    let mut server = Server::new();
    server.desired(1, &parts);

    assert_eq!(
        server.request(next()),
        ["Runtime+gateway.listeners"],
        "alone, and at once"
    );
    let clusters = server.request(next());
    assert_eq!(clusters.len(), 1);
    assert!(
        clusters[0].contains("+blue-8f8e5d52988752a6+"),
        "{clusters:?}"
    );
    assert!(server.request(next()).is_empty(), "RTDS ACK");
    assert_eq!(
        server.request(next()),
        ["Endpoint+blue-8f8e5d52988752a6"],
        "before the CDS ACK"
    );
    assert!(server.request(next()).is_empty(), "CDS ACK");
    assert_eq!(server.request(next()).len(), 1, "LDS");
    assert!(server.request(next()).is_empty(), "EDS ACK");
    assert_eq!(server.request(next()), [format!("Route+{ROUTE}")]);
    assert!(server.request(next()).is_empty(), "LDS ACK");
    assert!(server.request(next()).is_empty(), "RDS ACK");
    assert_eq!(server.session.standing().acknowledged, Revision(1));

    learn(&mut parts, &responses[5..6]);
    assert_eq!(
        server.desired(2, &parts),
        [format!("Route+{ROUTE}")],
        "a header is a route configuration and nothing else"
    );
    assert!(server.request(next()).is_empty(), "RDS ACK");
    assert_eq!(server.session.standing().acknowledged, Revision(2));

    // To another backend. The recorded server sent the route at once; ours waits for the cluster.
    learn(&mut parts, &responses[6..9]);
    let clusters = server.desired(3, &parts);
    assert_eq!(clusters.len(), 1);
    assert!(
        clusters[0].starts_with("Cluster+") && clusters[0].contains("+green-57b00a7db3c90576"),
        "{clusters:?}"
    );
    let endpoints = server.request(next());
    assert_eq!(
        endpoints,
        ["Endpoint+green-57b00a7db3c90576"],
        "with the nonce of the last endpoints, while CDS is not acknowledged"
    );
    let _too_early = next();
    let mut acknowledgement = next();
    acknowledgement.response_nonce = server.sent[server.sent.len() - 2].nonce.clone();
    assert_eq!(
        server.request(acknowledgement),
        [format!("Route+{ROUTE}")],
        "the CDS ACK is the warm signal"
    );
    let mut acknowledgement = next();
    acknowledgement.response_nonce = server.sent[server.sent.len() - 2].nonce.clone();
    assert!(server.request(acknowledgement).is_empty(), "EDS ACK");
    assert!(server.ack(TypeUrl::Route, &[ROUTE]).is_empty());
    assert_eq!(server.session.standing().acknowledged, Revision(3));

    // And back: the old cluster goes when the route has left it.
    learn(&mut parts, &responses[9..12]);
    let sent = server.desired(4, &parts);
    assert_eq!(sent.last(), Some(&format!("Route+{ROUTE}")));
    assert!(
        !sent.iter().any(|one| one.starts_with("Cluster")),
        "{sent:?}"
    );
    let clusters = server.ack(TypeUrl::Route, &[ROUTE]);
    assert_eq!(clusters.len(), 1);
    assert!(
        clusters[0].starts_with("Cluster+") && !clusters[0].contains("green"),
        "{clusters:?}"
    );
    assert!(
        server
            .request(DiscoveryRequest {
                response_nonce: "3".to_owned(),
                ..ask(TypeUrl::Endpoint, &blue)
            })
            .is_empty()
    );
    server.ack(TypeUrl::Cluster, &[]);
    server.ack(TypeUrl::Endpoint, &blue);
    assert_eq!(server.session.standing().acknowledged, Revision(4));
}

#[test]
fn a_recorded_envoy_that_reconnects_is_answered_in_every_type() {
    let Some(recorded) = recording("zone-restart.jsonl", 35) else {
        return;
    };
    let (requests, responses) = split(&recorded);
    let mut parts = Parts::new();
    learn(&mut parts, &responses);
    let mut server = Server::new();
    server.desired(9, &parts);
    let [runtime, clusters, endpoints, listeners, routes] = &requests[..5] else {
        panic!("five")
    };
    assert_eq!(
        server.request(runtime.clone()),
        ["Runtime+gateway.listeners"]
    );
    assert_eq!(server.request(clusters.clone()).len(), 1);
    assert_eq!(
        server.request(endpoints.clone()),
        ["Endpoint+blue-8f8e5d52988752a6"]
    );
    // This protocol does not tell what Envoy holds: what uses clusters waits for their ACK, which comes at once.
    assert!(server.request(listeners.clone()).is_empty());
    assert!(server.request(routes.clone()).is_empty());
    let again = &requests[5];
    assert!(again.response_nonce.is_empty());
    assert_eq!(
        server.request(again.clone()),
        ["Endpoint+blue-8f8e5d52988752a6"],
        "asked again without a nonce"
    );
    let sent = server.ack(TypeUrl::Cluster, &[]);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent[0].starts_with("Listener+edge-gateway") && sent[1].starts_with("Route+edge-gateway"),
        "{sent:?}"
    );
    for (of, name) in [
        (TypeUrl::Endpoint, "blue-8f8e5d52988752a6"),
        (TypeUrl::Route, ROUTE),
        (TypeUrl::Runtime, "gateway.listeners"),
    ] {
        server.ack(of, &[name]);
    }
    server.ack(TypeUrl::Listener, &[]);
    assert_eq!(server.session.standing().acknowledged, Revision(9));
}

fn named(of: TypeUrl, name: &str, content: &str) -> (TypeUrl, Part) {
    let body = match of {
        TypeUrl::Cluster => Cluster {
            name: name.to_owned(),
            alt_stat_name: content.to_owned(),
            ..Cluster::default()
        }
        .encode_to_vec(),
        _ => ClusterLoadAssignment {
            cluster_name: name.to_owned(),
            ..ClusterLoadAssignment::default()
        }
        .encode_to_vec(),
    };
    (of, Part::from_body(name, body.into()))
}

fn parts(list: &[(TypeUrl, Part)]) -> Parts {
    let mut parts = Parts::new();
    for (of, part) in list {
        parts.insert(*of, part.clone());
    }
    parts
}

#[test]
fn a_rejected_set_is_sent_again_with_one_suspect_at_a_time() {
    let good = named(TypeUrl::Cluster, "good", "");
    let mut server = Server::new();
    server.desired(1, &parts(std::slice::from_ref(&good)));
    server.request(ask(TypeUrl::Cluster, &[]));
    server.ack(TypeUrl::Cluster, &[]);
    let (bad, fine) = (
        named(TypeUrl::Cluster, "bad", ""),
        named(TypeUrl::Cluster, "fine", ""),
    );
    assert_eq!(
        server.desired(2, &parts(&[good.clone(), bad, fine.clone()])),
        ["Cluster+bad+fine+good"]
    );
    assert_eq!(
        server.answer(TypeUrl::Cluster, &[], Some("bad")),
        ["Cluster+bad+good"]
    );
    assert_eq!(
        server.answer(TypeUrl::Cluster, &[], Some("bad")),
        ["Cluster+fine+good"]
    );
    assert!(server.ack(TypeUrl::Cluster, &[]).is_empty());
    assert_eq!(server.session.standing().rejections.len(), 1);
    assert!(!server.session.standing().pending);
    let mended = named(TypeUrl::Cluster, "bad", "mended");
    assert_eq!(
        server.desired(3, &parts(&[good, mended, fine])),
        ["Cluster+bad+fine+good"]
    );
}

#[test]
fn the_version_tells_sets_apart_and_not_moments() {
    let list = [named(TypeUrl::Cluster, "one", "")];
    let versions: Vec<String> = (0..2)
        .map(|_| {
            let mut server = Server::new();
            server.desired(1, &parts(&list));
            server.request(ask(TypeUrl::Cluster, &[]));
            server.sent[0].version_info.clone()
        })
        .collect();
    assert_eq!(versions[0], versions[1]);
    let mut server = Server::new();
    server.desired(1, &parts(&[named(TypeUrl::Cluster, "one", "other")]));
    server.request(ask(TypeUrl::Cluster, &[]));
    assert_ne!(server.sent[0].version_info, versions[0]);
}

#[test]
fn the_same_question_after_its_answer_is_a_new_question() {
    let list = [named(TypeUrl::Endpoint, "blue", "")];
    let mut server = Server::new();
    server.desired(1, &parts(&list));
    assert_eq!(
        server.request(ask(TypeUrl::Endpoint, &["blue"])),
        ["Endpoint+blue"]
    );
    assert!(server.ack(TypeUrl::Endpoint, &["blue"]).is_empty());
    assert_eq!(server.ack(TypeUrl::Endpoint, &["blue"]), ["Endpoint+blue"]);
    assert!(server.ack(TypeUrl::Endpoint, &["blue"]).is_empty());
}
