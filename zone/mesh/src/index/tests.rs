use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use torii_proto::kuma::mesh::v1alpha1::dataplane::Networking;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::inbound::Health;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::{Gateway, Inbound};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::listener::Protocol as ListenerProtocol;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::{Conf as GatewayConf, Listener};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::conf::Route as RouteConf;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::Rule;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{Backend, Conf, HttpRoute, TcpRoute};
use torii_proto::kuma::mesh::v1alpha1::{Dataplane, MeshGateway, MeshGatewayRoute, Selector};
use torii_resource::tags::Tags;
use torii_resource::{Resource, ResourceKey, Revision, Stamp, kinds};

use super::{Index, Touched};
use crate::model::ProxyId;
use crate::view::GatewayView;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn selector(pairs: &[(&str, &str)]) -> Vec<Selector> {
    vec![Selector {
        r#match: tags(pairs),
    }]
}

/// A gateway proxy of service `service`.
fn proxy(name: &str, service: &str) -> Resource {
    let spec = Dataplane {
        networking: Some(Networking {
            address: "127.0.0.1".to_owned(),
            gateway: Some(Gateway {
                tags: tags(&[("kuma.io/service", service)]),
                r#type: 1,
            }),
            ..Networking::default()
        }),
        ..Dataplane::default()
    };
    Resource::new::<kinds::Dataplane>("default", name, &spec)
}

fn backend(name: &str, service: &str, port: u32, ready: bool) -> Resource {
    let spec = Dataplane {
        networking: Some(Networking {
            address: "127.0.1.1".to_owned(),
            inbound: vec![Inbound {
                port,
                tags: tags(&[("kuma.io/service", service), ("kuma.io/protocol", "http")]),
                health: Some(Health { ready }),
                ..Inbound::default()
            }],
            ..Networking::default()
        }),
        ..Dataplane::default()
    };
    Resource::new::<kinds::Dataplane>("default", name, &spec)
}

/// A MeshGateway with one HTTP listener that is tagged `port: <service>`.
fn mesh_gateway(name: &str, service: &str, created: u64) -> Resource {
    let spec = MeshGateway {
        selectors: selector(&[("kuma.io/service", service)]),
        conf: Some(GatewayConf {
            listeners: vec![Listener {
                port: 80,
                protocol: ListenerProtocol::Http as i32,
                tags: tags(&[("port", service)]),
                ..Listener::default()
            }],
        }),
        ..MeshGateway::default()
    };
    let mut resource = Resource::new::<kinds::MeshGateway>("default", name, &spec);
    resource.created = stamp(created);
    resource
}

fn route(name: &str, selects: &[(&str, &str)], to: &str) -> Resource {
    let spec = MeshGatewayRoute {
        selectors: selector(selects),
        conf: Some(Conf {
            route: Some(RouteConf::Http(HttpRoute {
                rules: vec![Rule {
                    backends: vec![Backend {
                        weight: 1,
                        destination: tags(&[("kuma.io/service", to)]),
                    }],
                    ..Rule::default()
                }],
                ..HttpRoute::default()
            })),
        }),
    };
    Resource::new::<kinds::MeshGatewayRoute>("default", name, &spec)
}

fn stamp(revision: u64) -> Stamp {
    Stamp {
        revision: Revision(revision),
        time: Timestamp::UNIX_EPOCH,
    }
}

fn id(name: &str) -> ProxyId {
    ProxyId {
        mesh: "default".to_owned(),
        name: name.to_owned(),
    }
}

fn put(index: &mut Index, resource: Resource) -> Touched {
    index.apply([(resource.key.clone(), Some(Arc::new(resource)))])
}

fn delete(index: &mut Index, resource: &Resource) -> Touched {
    index.apply([(resource.key.clone(), None)])
}

fn view(index: &Index, name: &str) -> GatewayView {
    index.view(&id(name)).unwrap()
}

fn only(names: &[&str]) -> Touched {
    Touched {
        proxies: names.iter().map(|name| id(name)).collect(),
        gone: BTreeSet::new(),
    }
}

/// Proxies `a` and `b` with a MeshGateway each; a route of `a` goes to service `blue`.
fn two_gateways() -> Index {
    let mut index = Index::new("east");
    for name in ["a", "b"] {
        put(&mut index, proxy(name, name));
        put(&mut index, mesh_gateway(&format!("mg-{name}"), name, 1));
    }
    put(
        &mut index,
        route("of-a", &[("kuma.io/service", "a")], "blue"),
    );
    put(&mut index, backend("blue-1", "blue", 80, true));
    index
}

#[test]
fn a_route_touches_only_gateways_whose_listener_tags_it_matches() {
    let mut index = two_gateways();
    let of_b = route("new", &[("kuma.io/service", "b"), ("port", "b")], "blue");
    assert_eq!(put(&mut index, of_b), only(&["b"]));
    let of_all = route("new", &[("kuma.io/service", "*")], "blue");
    assert_eq!(put(&mut index, of_all), only(&["a", "b"]));
    let of_none = route(
        "new",
        &[("kuma.io/service", "a"), ("port", "other")],
        "blue",
    );
    assert_eq!(
        put(&mut index, of_none.clone()),
        only(&["a", "b"]),
        "it leaves both"
    );
    assert!(delete(&mut index, &of_none).is_empty());
    assert_eq!(view(&index, "a").listeners[0].routes.len(), 1);
}

#[test]
fn an_endpoint_touches_only_gateways_with_a_route_to_its_service() {
    let mut index = two_gateways();
    assert_eq!(
        put(&mut index, backend("blue-2", "blue", 81, true)),
        only(&["a"])
    );
    assert!(put(&mut index, backend("green-1", "green", 80, true)).is_empty());
    assert_eq!(
        put(&mut index, backend("blue-2", "green", 81, true)),
        only(&["a"])
    );
    let service = &view(&index, "a").services["blue"];
    assert_eq!((service.endpoints.len(), service.inbounds), (1, 1));
}

#[test]
fn an_endpoint_that_is_not_ready_is_counted_and_not_used() {
    let mut index = two_gateways();
    assert_eq!(
        put(&mut index, backend("blue-1", "blue", 80, false)),
        only(&["a"])
    );
    let service = &view(&index, "a").services["blue"];
    assert_eq!((service.endpoints.len(), service.inbounds), (0, 1));
    assert!(
        service.protocol.is_some(),
        "the protocol does not flap with health"
    );
}

#[test]
fn a_service_that_is_used_no_longer_touches_nobody() {
    let mut index = two_gateways();
    assert_eq!(
        put(
            &mut index,
            route("of-a", &[("kuma.io/service", "a")], "green")
        ),
        only(&["a"])
    );
    assert!(put(&mut index, backend("blue-2", "blue", 81, true)).is_empty());
    assert_eq!(
        put(&mut index, backend("green-1", "green", 81, true)),
        only(&["a"])
    );
}

#[test]
fn writing_the_same_again_touches_nobody() {
    let mut index = two_gateways();
    for mut same in [
        proxy("a", "a"),
        mesh_gateway("mg-a", "a", 1),
        route("of-a", &[("kuma.io/service", "a")], "blue"),
        backend("blue-1", "blue", 80, true),
    ] {
        same.modified = stamp(99);
        assert!(put(&mut index, same.clone()).is_empty(), "{}", same.key);
    }
}

#[test]
fn a_newer_mesh_gateway_takes_over_and_gives_back() {
    let mut index = two_gateways();
    let newer = mesh_gateway("newer", "a", 2);
    assert_eq!(put(&mut index, newer.clone()), only(&["a"]));
    assert_eq!(view(&index, "a").gateway.unwrap().key.name, "newer");
    assert!(put(&mut index, mesh_gateway("older", "a", 0)).is_empty());
    assert_eq!(delete(&mut index, &newer), only(&["a"]));
    assert_eq!(view(&index, "a").gateway.unwrap().key.name, "mg-a");
}

#[test]
fn a_mesh_gateway_that_is_made_anew_touches_its_proxies() {
    let mut index = two_gateways();
    assert_eq!(
        delete(&mut index, &mesh_gateway("mg-a", "a", 1)),
        only(&["a"])
    );
    assert!(view(&index, "a").listeners.is_empty());
    assert_eq!(put(&mut index, mesh_gateway("mg-a", "a", 5)), only(&["a"]));
    assert_eq!(view(&index, "a").listeners[0].routes.len(), 1);
}

#[test]
fn a_proxy_that_is_deleted_or_no_gateway_any_more_is_gone() {
    let mut index = two_gateways();
    let gone = |name: &str| Touched {
        proxies: BTreeSet::new(),
        gone: BTreeSet::from([id(name)]),
    };
    assert_eq!(delete(&mut index, &proxy("a", "a")), gone("a"));
    assert_eq!(put(&mut index, backend("b", "other", 80, true)), gone("b"));
    assert_eq!(index.proxies().count(), 0);
    assert!(index.view(&id("a")).is_none());
}

#[test]
fn a_proxy_that_is_removed_and_added_in_one_batch_is_touched_and_not_gone() {
    let mut index = two_gateways();
    let back = proxy("a", "a");
    let touched = index.apply([
        (back.key.clone(), None),
        (back.key.clone(), Some(Arc::new(back))),
    ]);
    assert_eq!(touched, only(&["a"]));
}

#[test]
fn a_proxy_may_come_after_everything_that_it_needs() {
    let mut index = Index::new("east");
    put(&mut index, backend("blue-1", "blue", 80, true));
    put(
        &mut index,
        route("of-a", &[("kuma.io/service", "a")], "blue"),
    );
    put(&mut index, mesh_gateway("mg-a", "a", 1));
    assert_eq!(put(&mut index, proxy("a", "a")), only(&["a"]));
    let view = view(&index, "a");
    assert_eq!(view.listeners[0].routes.len(), 1);
    assert_eq!(view.services["blue"].endpoints.len(), 1);
    assert_eq!(view.listeners[0].tags["port"], "a");
}

#[test]
fn a_tcp_route_does_not_attach_to_an_http_listener() {
    let mut index = two_gateways();
    let spec = MeshGatewayRoute {
        selectors: selector(&[("kuma.io/service", "a")]),
        conf: Some(Conf {
            route: Some(RouteConf::Tcp(TcpRoute::default())),
        }),
    };
    let tcp = Resource::new::<kinds::MeshGatewayRoute>("default", "tcp", &spec);
    assert!(put(&mut index, tcp).is_empty());
    assert_eq!(view(&index, "a").listeners[0].routes.len(), 1);
}

#[test]
fn a_resource_that_is_not_readable_is_reported_and_counts_as_absent() {
    let mut index = two_gateways();
    let mut broken = route("of-a", &[("kuma.io/service", "a")], "blue");
    broken.spec = vec![0xff; 3].into();
    assert_eq!(put(&mut index, broken.clone()), only(&["a"]));
    let problems: Vec<_> = index.problems().map(|problem| problem.key).collect();
    assert_eq!(problems, [broken.key]);
    assert!(view(&index, "a").listeners[0].routes.is_empty());

    put(
        &mut index,
        route("of-a", &[("kuma.io/service", "a")], "blue"),
    );
    assert_eq!(index.problems().count(), 0);
    assert_eq!(view(&index, "a").listeners[0].routes.len(), 1);
}

#[test]
fn meshes_do_not_see_each_other() {
    let mut index = two_gateways();
    let mut elsewhere = route("elsewhere", &[("kuma.io/service", "a")], "blue");
    elsewhere.key.mesh = "other".to_owned();
    assert!(put(&mut index, elsewhere).is_empty());
    let mut backend = backend("blue-9", "blue", 80, true);
    backend.key.mesh = "other".to_owned();
    assert!(put(&mut index, backend).is_empty());
}

#[test]
fn kinds_that_are_not_read_are_passed_over() {
    let mut index = Index::new("east");
    let touched = index.apply([(ResourceKey::new("Secret", "default", "x"), None)]);
    assert!(touched.is_empty());
}

#[test]
fn replacing_everything_touches_whoever_differs() {
    let mut index = two_gateways();
    let kept = [proxy("a", "a"), mesh_gateway("mg-a", "a", 1)];
    let touched = index.replace(kept.map(Arc::new));
    assert_eq!(
        touched.proxies,
        BTreeSet::from([id("a")]),
        "its route and endpoints left"
    );
    assert_eq!(touched.gone, BTreeSet::from([id("b")]));
    assert!(view(&index, "a").services.is_empty());
}

#[test]
fn a_pattern_that_envoy_refuses_is_found_when_the_route_is_read() {
    use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::Match;
    use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::Path;

    let path = |value: &str| Match {
        path: Some(Path {
            r#match: 2,
            value: value.to_owned(),
        }),
        ..Match::default()
    };
    let spec = MeshGatewayRoute {
        selectors: selector(&[("kuma.io/service", "a")]),
        conf: Some(Conf {
            route: Some(RouteConf::Http(HttpRoute {
                rules: vec![Rule {
                    matches: vec![path("/fine.*"), path("/[")],
                    ..Rule::default()
                }],
                ..HttpRoute::default()
            })),
        }),
    };
    let mut index = two_gateways();
    put(
        &mut index,
        Resource::new::<kinds::MeshGatewayRoute>("default", "bad", &spec),
    );
    let refused = &view(&index, "a").listeners[0].routes[0].refused_patterns;
    let found: Vec<_> = refused
        .iter()
        .map(|(at, violation)| (*at, violation.field.as_str()))
        .collect();
    assert_eq!(
        found,
        [((0, 1), "conf.http.rules[0].matches[1].path.value")]
    );
}
