use std::collections::BTreeMap;
use std::sync::Arc;

use torii_mesh::{ListenerView, Route};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::Listener;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{HttpRoute, conf};
use torii_resource::tags::Tags;
use torii_resource::{ResourceKey, Stamp};

use super::hosts;
use crate::report::Report;

fn route(name: &str, hostnames: &[&str]) -> Arc<Route> {
    Arc::new(Route {
        key: ResourceKey::new("MeshGatewayRoute", "default", name),
        name: Arc::from(name),
        created: Stamp::default(),
        selectors: Vec::new(),
        conf: Some(conf::Route::Http(HttpRoute {
            hostnames: hostnames.iter().map(|one| (*one).to_owned()).collect(),
            ..HttpRoute::default()
        })),
        services: std::collections::BTreeSet::new(),
        refused_patterns: BTreeMap::new(),
    })
}

/// The hosts of these listeners and the names of their routes; and the errors.
fn given(listeners: &[(&str, &[Arc<Route>])]) -> (Vec<(String, String)>, usize) {
    let views: Vec<(String, ListenerView)> = listeners
        .iter()
        .enumerate()
        .map(|(index, (hostname, routes))| {
            let view = ListenerView {
                index,
                spec: Arc::new(Listener::default()),
                tags: Arc::new(Tags::from([(
                    "listener".to_owned(),
                    (*hostname).to_owned(),
                )])),
                routes: routes.to_vec(),
            };
            ((*hostname).to_owned(), view)
        })
        .collect();
    let references: Vec<_> = views
        .iter()
        .map(|(hostname, view)| (hostname.clone(), view))
        .collect();
    let mut report = Report::default();
    let found = hosts(&references, "part", &mut report)
        .into_iter()
        .map(|host| {
            let routes: Vec<&str> = host.routes.iter().map(|route| &*route.name).collect();
            (host.hostname, routes.join(" "))
        })
        .collect();
    (found, report.finish().0.len())
}

fn assert_hosts(listeners: &[(&str, &[Arc<Route>])], wanted: &[(&str, &str)]) {
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(host, routes)| ((*host).to_owned(), (*routes).to_owned()))
        .collect();
    assert_eq!(given(listeners).0, wanted);
    let reversed: Vec<_> = listeners.iter().copied().rev().collect();
    assert_eq!(
        given(&reversed).0,
        wanted,
        "the order of listeners must not matter"
    );
}

#[test]
fn a_route_without_hostnames_stays_on_the_wildcard_host() {
    assert_hosts(
        &[("*", &[route("any", &[])]), ("a.com", &[])],
        &[("a.com", ""), ("*", "any")],
    );
}

#[test]
fn a_route_with_hostnames_leaves_the_wildcard_host_and_makes_hosts() {
    assert_hosts(
        &[("*", &[route("named", &["foo.com", "bar.com"])])],
        &[("foo.com", "named"), ("bar.com", "named"), ("*", "")],
    );
}

#[test]
fn a_wildcard_hostname_reaches_every_host_below_it_whichever_route_made_it() {
    let wild = route("a-wild", &["*.com"]);
    let named = route("b-named", &["x.foo.com"]);
    assert_hosts(
        &[("*", &[wild, named]), ("own.com", &[]), ("foocom", &[])],
        &[
            ("x.foo.com", "a-wild b-named"),
            ("own.com", "a-wild"),
            ("foocom", ""),
            ("*.com", "a-wild"),
            ("*", ""),
        ],
    );
}

#[test]
fn a_route_on_a_named_listener_is_kept_when_its_hostnames_meet_it() {
    let routes = [
        route("equal", &["foo.com"]),
        route("covers", &["*.com"]),
        route("other", &["bar.com"]),
        route("suffix-only", &["foo.bar.com"]),
    ];
    assert_hosts(&[("foo.com", &routes)], &[("foo.com", "covers equal")]);
}

#[test]
fn a_wildcard_listener_serves_all_its_names_for_a_narrower_route() {
    assert_hosts(
        &[("*.com", &[route("narrow", &["deep.foo.com"])])],
        &[("*.com", "narrow")],
    );
}

#[test]
fn hostnames_are_compared_in_lower_case() {
    assert_hosts(
        &[(
            "*",
            &[route("one", &["FOO.com"]), route("two", &["foo.com"])],
        )],
        &[("foo.com", "one two"), ("*", "")],
    );
}

#[test]
fn a_route_whose_hostnames_are_all_unusable_is_not_served_on_every_host() {
    let (found, errors) = given(&[("*", &[route("bad", &["bad host"])])]);
    assert_eq!(found, [("*".to_owned(), String::new())]);
    assert_eq!(errors, 1);
}

#[test]
fn a_route_from_two_listeners_is_on_a_host_once() {
    let both = [route("both", &["foo.com"])];
    assert_hosts(
        &[("*", &both), ("foo.com", &both)],
        &[("foo.com", "both"), ("*", "")],
    );
}
