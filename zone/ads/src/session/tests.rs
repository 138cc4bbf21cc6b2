//! A scripted Envoy, and what every test of the session needs.

mod hold;
mod model;
mod order;
mod reject;
mod status;
mod subscribe;

use std::sync::Arc;

use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use torii_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use torii_proto::envoy::config::listener::v3::Listener;
use torii_proto::envoy::config::route::v3::RouteConfiguration;
use torii_proto::envoy::extensions::transport_sockets::tls::v3::Secret;
use torii_proto::envoy::service::runtime::v3::Runtime;
use torii_render::{Part, Parts, TypeUrl, XdsMessage};
use torii_resource::Revision;

use super::{Dialect, Session};
use crate::message::{Action, Answer, Desired, Event, ProxyEvent, Request, Response, Standing};

pub(super) use TypeUrl::{
    Cluster as C, Endpoint as E, Listener as L, Route as R, Runtime as T, Secret as S,
};

/// A part as the tests write it: type and part.
pub(super) type One = (TypeUrl, Part);

fn one<M: XdsMessage>(name: &str, message: &M) -> One {
    (M::TYPE, Part::new(name, message))
}

fn arcs<'a>(names: &'a [&'a str]) -> impl Iterator<Item = Arc<str>> + 'a {
    names.iter().map(|name| Arc::from(*name))
}

/// An EDS cluster; `content` tells versions apart.
pub(super) fn cluster(name: &str, content: &str) -> One {
    let kind = Some(ClusterDiscoveryType::Type(DiscoveryType::Eds.into()));
    let (name_of, alt) = (name.to_owned(), content.to_owned());
    one(
        name,
        &Cluster {
            name: name_of,
            alt_stat_name: alt,
            cluster_discovery_type: kind,
            ..Cluster::default()
        },
    )
}

/// A cluster that is not warm before Envoy says so.
pub(super) fn slow(name: &str, content: &str) -> One {
    let kind = Some(ClusterDiscoveryType::Type(DiscoveryType::StrictDns.into()));
    let (name_of, alt) = (name.to_owned(), content.to_owned());
    one(
        name,
        &Cluster {
            name: name_of,
            alt_stat_name: alt,
            cluster_discovery_type: kind,
            ..Cluster::default()
        },
    )
}

pub(super) fn endpoints(name: &str) -> One {
    one(
        name,
        &ClusterLoadAssignment {
            cluster_name: name.to_owned(),
            ..ClusterLoadAssignment::default()
        },
    )
}

pub(super) fn listener(name: &str, content: &str, routes: &[&str]) -> One {
    let (name_of, prefix) = (name.to_owned(), content.to_owned());
    let (of, part) = one(
        name,
        &Listener {
            name: name_of,
            stat_prefix: prefix,
            ..Listener::default()
        },
    );
    (of, part.with_routes(arcs(routes)))
}

pub(super) fn route(name: &str, content: &str, clusters: &[&str]) -> One {
    let internal_only_headers = std::iter::once(content)
        .chain(clusters.iter().copied())
        .map(ToOwned::to_owned)
        .collect();
    let (of, part) = one(
        name,
        &RouteConfiguration {
            name: name.to_owned(),
            internal_only_headers,
            ..RouteConfiguration::default()
        },
    );
    (of, part.with_clusters(arcs(clusters)))
}

pub(super) fn secret(name: &str) -> One {
    one(
        name,
        &Secret {
            name: name.to_owned(),
            ..Secret::default()
        },
    )
}

pub(super) fn runtime() -> One {
    one(
        "gateway.listeners",
        &Runtime {
            name: "gateway.listeners".to_owned(),
            ..Runtime::default()
        },
    )
}

pub(super) fn state(revision: u64, parts: &[One]) -> Arc<Desired> {
    let mut all = Parts::new();
    for (of, part) in parts {
        all.insert(*of, part.clone());
    }
    Arc::new(Desired {
        revision: Revision(revision),
        parts: Arc::new(all),
    })
}

/// A listener with one route to `backend`, with the clusters named.
pub(super) fn gateway(
    revision: u64,
    header: &str,
    backend: &str,
    clusters: &[&str],
) -> Arc<Desired> {
    let mut parts = vec![listener("l", "", &["r"]), route("r", header, &[backend])];
    parts.extend(
        clusters
            .iter()
            .flat_map(|name| [cluster(name, ""), endpoints(name)]),
    );
    state(revision, &parts)
}

/// A session and everything that it has done since it was last asked.
pub(super) struct Script {
    session: Session,
    responses: Vec<Response>,
    pub(super) timers: Vec<u64>,
}

impl Script {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            session: Session::new(dialect),
            responses: Vec::new(),
            timers: Vec::new(),
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        for action in self.session.handle(event) {
            match action {
                Action::Send(response) => self.responses.push(response),
                Action::SetTimer(id) => self.timers.push(id),
                Action::Report(ProxyEvent::Standing(_) | ProxyEvent::Answered { .. }) => {}
            }
        }
    }

    pub(super) fn desired(&mut self, desired: &Arc<Desired>) {
        self.event(Event::Desired(Arc::clone(desired)));
    }

    pub(super) fn subscribe(&mut self, of: TypeUrl, names: &[&str]) {
        self.reconnect(of, names, &[]);
    }

    /// A first request that states what Envoy holds.
    pub(super) fn reconnect(&mut self, of: TypeUrl, names: &[&str], held: &[&Part]) {
        let mut request = Request::new(of);
        request.subscribe = names.iter().map(ToString::to_string).collect();
        request.initial = held
            .iter()
            .map(|part| (part.name.clone(), part.version.to_string()))
            .collect();
        self.event(Event::Request(request));
    }

    pub(super) fn unsubscribe(&mut self, of: TypeUrl, names: &[&str]) {
        let mut request = Request::new(of);
        request.unsubscribe = names.iter().map(ToString::to_string).collect();
        self.event(Event::Request(request));
    }

    pub(super) fn answer(&mut self, response: &Response, error: Option<&str>) {
        let mut request = Request::new(response.of);
        request.answer = Some(Answer {
            nonce: response.nonce,
            error: error.map(ToOwned::to_owned),
        });
        self.event(Event::Request(request));
    }

    pub(super) fn ack(&mut self, response: &Response) {
        self.answer(response, None);
    }

    pub(super) fn nack(&mut self, response: &Response) {
        self.answer(response, Some("no, said Envoy"));
    }

    /// What was sent since the last call.
    pub(super) fn sent(&mut self) -> Vec<Response> {
        std::mem::take(&mut self.responses)
    }

    /// The same in short, e.g. `C+blue-green`.
    pub(super) fn words(&mut self) -> Vec<String> {
        self.sent().iter().map(words).collect()
    }

    /// The only response sent since the last call, which has to read as given.
    #[track_caller]
    pub(super) fn only(&mut self, expected: &str) -> Response {
        let mut sent = self.sent();
        assert_eq!(sent.iter().map(words).collect::<Vec<_>>(), [expected]);
        sent.remove(0)
    }

    /// The responses sent since the last call, which have to read as given.
    #[track_caller]
    pub(super) fn all<const N: usize>(&mut self, expected: [&str; N]) -> [Response; N] {
        let sent = self.sent();
        assert_eq!(sent.iter().map(words).collect::<Vec<_>>(), expected);
        sent.try_into().expect("counted above")
    }

    #[track_caller]
    pub(super) fn nothing(&mut self) {
        assert_eq!(self.words(), Vec::<String>::new());
    }

    pub(super) fn standing(&self) -> &Standing {
        self.session.standing()
    }

    /// Starts an Envoy as the recordings show it and brings it to the state of `gateway(_, "", "blue", ["blue"])` in `desired`.
    pub(super) fn started(desired: &Arc<Desired>) -> Self {
        let mut script = Self::new(Dialect::Delta);
        script.desired(desired);
        script.subscribe(C, &[]);
        let clusters = script.only("C+blue");
        script.subscribe(E, &["blue"]);
        script.ack(&clusters);
        let endpoints = script.only("E+blue");
        script.subscribe(L, &[]);
        script.ack(&endpoints);
        let listeners = script.only("L+l");
        script.subscribe(R, &["r"]);
        script.ack(&listeners);
        let routes = script.only("R+r");
        script.ack(&routes);
        script.nothing();
        assert_eq!(script.standing().acknowledged, desired.revision);
        assert!(!script.standing().pending);
        script
    }
}

fn words(response: &Response) -> String {
    let mut text = match response.of {
        C => "C",
        E => "E",
        L => "L",
        R => "R",
        S => "S",
        T => "T",
    }
    .to_owned();
    for part in &response.upserts {
        text.push('+');
        text.push_str(&part.name);
    }
    for name in &response.removals {
        text.push('-');
        text.push_str(name);
    }
    text
}
