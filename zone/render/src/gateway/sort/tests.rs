use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use torii_mesh::{Index, ProxyId, Route};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::{
    Header, Path, Query,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::{Match, Rule};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{Backend, Conf, HttpRoute, conf};
use torii_proto::kuma::mesh::v1alpha1::{self as kuma, Selector, dataplane, mesh_gateway};
use torii_resource::tags::Tags;
use torii_resource::{Resource, ResourceKey, Revision, Stamp, kinds};

use super::compare;
use crate::gateway::entry::{Entry, entries};
use crate::report::{Place, Report};

fn service(name: &str) -> Tags {
    Tags::from([("kuma.io/service".to_owned(), name.to_owned())])
}

/// Routes as the index decodes them.
fn decoded(specs: &[(u64, Vec<Vec<Match>>)]) -> Vec<Arc<Route>> {
    let gateway = kuma::Dataplane {
        networking: Some(dataplane::Networking {
            address: "127.0.0.1".to_owned(),
            gateway: Some(dataplane::networking::Gateway {
                tags: service("gw"),
                r#type: 1,
            }),
            ..dataplane::Networking::default()
        }),
        ..kuma::Dataplane::default()
    };
    let selectors = vec![Selector {
        r#match: service("gw"),
    }];
    let mesh_gateway = kuma::MeshGateway {
        selectors: selectors.clone(),
        conf: Some(mesh_gateway::Conf {
            listeners: vec![mesh_gateway::Listener {
                port: 80,
                protocol: mesh_gateway::listener::Protocol::Http as i32,
                ..mesh_gateway::Listener::default()
            }],
        }),
        ..kuma::MeshGateway::default()
    };
    let mut resources = vec![
        Resource::new::<kinds::Dataplane>("default", "gw", &gateway),
        Resource::new::<kinds::MeshGateway>("default", "gw", &mesh_gateway),
    ];
    for (i, (revision, rules)) in specs.iter().enumerate() {
        let rules = rules.iter().map(|matches| Rule {
            matches: matches.clone(),
            backends: vec![Backend {
                weight: 0,
                destination: service("blue"),
            }],
            ..Rule::default()
        });
        let spec = kuma::MeshGatewayRoute {
            selectors: selectors.clone(),
            conf: Some(Conf {
                route: Some(conf::Route::Http(HttpRoute {
                    rules: rules.collect(),
                    ..HttpRoute::default()
                })),
            }),
        };
        let mut route =
            Resource::new::<kinds::MeshGatewayRoute>("default", &format!("r{i}"), &spec);
        route.created = Stamp {
            revision: Revision(*revision),
            time: Timestamp::UNIX_EPOCH,
        };
        resources.push(route);
    }
    let mut index = Index::new("");
    index.apply(
        resources
            .into_iter()
            .map(|one| (one.key.clone(), Some(Arc::new(one)))),
    );
    let id = ProxyId {
        mesh: "default".to_owned(),
        name: "gw".to_owned(),
    };
    index.view(&id).unwrap().listeners[0].routes.clone()
}

fn all<'a>(routes: &'a [Arc<Route>]) -> Vec<Entry<'a>> {
    let key = ResourceKey::new("MeshGatewayRoute", "default", "any");
    let place = Place {
        part: "p",
        resource: &key,
    };
    let mut report = Report::default();
    routes
        .iter()
        .flat_map(|route| entries(route, place, &mut report))
        .collect()
}

type Identity = (String, usize, usize, bool);

fn identity(entry: &Entry<'_>) -> Identity {
    let origin = &entry.origin;
    (
        origin.route.name.to_string(),
        origin.rule,
        origin.r#match,
        entry.copy,
    )
}

fn sorted(entries: &[Entry<'_>]) -> Vec<Identity> {
    let mut references: Vec<&Entry<'_>> = entries.iter().collect();
    references.sort_unstable_by(|one, other| compare(one, other));
    references.into_iter().map(identity).collect()
}

fn path(kind: i32, value: &str) -> Option<Path> {
    Some(Path {
        r#match: kind,
        value: value.to_owned(),
    })
}

fn any_match() -> impl Strategy<Value = Match> {
    let path = prop_oneof![
        Just(None),
        (0..3, "/[ab]{0,2}/?").prop_map(|(kind, value)| path(kind, &value)),
    ];
    let header = Header {
        name: "x".to_owned(),
        r#match: 3,
        ..Header::default()
    };
    let query = Query {
        name: "q".to_owned(),
        value: "v".to_owned(),
        ..Query::default()
    };
    (path, 0..3, 0..3usize, 0..2usize).prop_map(move |(path, method, headers, queries)| Match {
        path,
        method,
        headers: vec![header.clone(); headers],
        query_parameters: vec![query.clone(); queries],
    })
}

fn any_routes() -> impl Strategy<Value = Vec<(u64, Vec<Vec<Match>>)>> {
    let rules = prop::collection::vec(prop::collection::vec(any_match(), 1..4), 1..3);
    prop::collection::vec((1..3u64, rules), 1..4)
}

proptest! {
    #[test]
    fn the_order_is_total(specs in any_routes()) {
        let routes = decoded(&specs);
        let entries = all(&routes);
        for one in &entries {
            for other in &entries {
                let order = compare(one, other);
                prop_assert_eq!(order, compare(other, one).reverse());
                if order == Ordering::Equal {
                    prop_assert_eq!(identity(one), identity(other));
                }
            }
        }
    }

    #[test]
    fn the_order_does_not_depend_on_where_entries_stand(specs in any_routes(), seed in any::<u64>()) {
        let routes = decoded(&specs);
        let mut entries = all(&routes);
        let before = sorted(&entries);
        let turn = usize::try_from(seed % 7).unwrap() % entries.len().max(1);
        entries.rotate_left(turn);
        entries.reverse();
        prop_assert_eq!(before, sorted(&entries));
    }
}

#[test]
fn an_exact_match_wins_over_a_prefix_of_the_same_path_even_with_a_method() {
    let mut with_method = Match {
        path: path(1, "/api"),
        ..Match::default()
    };
    with_method.method = 3;
    let exact = Match {
        path: path(0, "/api"),
        ..Match::default()
    };
    let routes = decoded(&[(1, vec![vec![with_method], vec![exact]])]);
    let order: Vec<_> = sorted(&all(&routes))
        .into_iter()
        .map(|one| (one.1, one.3))
        .collect();
    assert_eq!(order, [(1, false), (0, true), (0, false)]);
}

#[test]
fn of_equal_matches_the_oldest_route_wins_then_the_name_then_the_rule() {
    let one = || {
        vec![vec![Match {
            path: path(0, "/same"),
            ..Match::default()
        }]]
    };
    let mut twice = one();
    twice.extend(one());
    let routes = decoded(&[(2, one()), (1, one()), (1, twice)]);
    let order: Vec<_> = sorted(&all(&routes))
        .into_iter()
        .map(|one| (one.0, one.1))
        .collect();
    let wanted =
        [("r1", 0), ("r2", 0), ("r2", 1), ("r0", 0)].map(|(name, rule)| (name.to_owned(), rule));
    assert_eq!(order, wanted);
}

#[test]
fn a_regular_expression_with_a_method_comes_before_one_without_of_equal_length() {
    let regex = |value: &str, method: i32| Match {
        path: path(2, value),
        method,
        ..Match::default()
    };
    let routes = decoded(&[(1, vec![vec![regex("/a.*", 0), regex("/b.*", 3)]])]);
    let order: Vec<_> = sorted(&all(&routes)).into_iter().map(|one| one.2).collect();
    assert_eq!(order, [1, 0]);
}
