use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_mesh::Route;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::Filter;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::header_filter::Header;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::{
    Filter as Kind, HeaderFilter, Rewrite,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::Path;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{
    Backend as BackendSpec, HttpRoute, conf,
};
use torii_resource::tags::Tags;
use torii_resource::{ResourceKey, Stamp};

use super::{
    Match, PathMatch, PathRewrite, PathType, RewriteSpec, RuleSpec, entries, read_backends,
};
use crate::report::{Place, Report};

fn route(rules: Vec<RuleSpec>) -> Route {
    Route {
        key: ResourceKey::new("MeshGatewayRoute", "default", "route"),
        name: Arc::from("route"),
        created: Stamp::default(),
        selectors: Vec::new(),
        conf: Some(conf::Route::Http(HttpRoute {
            rules,
            ..HttpRoute::default()
        })),
        services: BTreeSet::new(),
        refused_patterns: BTreeMap::new(),
    }
}

fn backend(service: &str, weight: u32) -> BackendSpec {
    let destination = Tags::from([("kuma.io/service".to_owned(), service.to_owned())]);
    BackendSpec {
        weight,
        destination,
    }
}

fn matching(kind: PathType, value: &str) -> Match {
    Match {
        path: Some(Path {
            r#match: kind as i32,
            value: value.to_owned(),
        }),
        ..Match::default()
    }
}

fn rule(one: Match, filters: Vec<Kind>) -> RuleSpec {
    RuleSpec {
        matches: vec![one],
        filters: filters
            .into_iter()
            .map(|filter| Filter {
                filter: Some(filter),
            })
            .collect(),
        backends: vec![backend("blue", 0)],
    }
}

fn rewrite(path: RewriteSpec) -> Kind {
    Kind::Rewrite(Rewrite {
        path: Some(path),
        host_to_backend_hostname: false,
    })
}

/// What the rule gives: path and rewrite of each entry; and the fields at fault.
fn given(rules: Vec<RuleSpec>) -> (Vec<(PathMatch, Option<PathRewrite>)>, Vec<String>) {
    let route = route(rules);
    let mut report = Report::default();
    let place = Place {
        part: "part",
        resource: &route.key,
    };
    let found = entries(&route, place, &mut report)
        .into_iter()
        .map(|entry| (entry.path, entry.rewrite))
        .collect();
    let errors = report
        .finish()
        .0
        .into_iter()
        .map(|error| error.field)
        .collect();
    (found, errors)
}

fn exact(path: &str) -> PathMatch {
    PathMatch::Exact(path.to_owned())
}

fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.to_owned())
}

fn full(path: &str) -> Option<PathRewrite> {
    Some(PathRewrite::Full(path.to_owned()))
}

fn below(path: &str) -> Option<PathRewrite> {
    Some(PathRewrite::Prefix(path.to_owned()))
}

#[test]
fn a_prefix_is_two_entries_and_the_root_is_one() {
    let (found, _) = given(vec![rule(matching(PathType::Prefix, "/api//"), vec![])]);
    assert_eq!(found, [(prefix("/api/"), None), (exact("/api"), None)]);
    let (found, _) = given(vec![rule(matching(PathType::Prefix, "/"), vec![])]);
    assert_eq!(found, [(prefix("/"), None)]);
}

#[test]
fn a_prefix_replacement_replaces_the_whole_path_on_the_exact_entry() {
    let to = |r: &str| vec![rewrite(RewriteSpec::ReplacePrefixMatch(r.to_owned()))];
    let (found, _) = given(vec![rule(
        matching(PathType::Prefix, "/prefix/a"),
        to("/a"),
    )]);
    assert_eq!(
        found,
        [
            (prefix("/prefix/a/"), below("/a/")),
            (exact("/prefix/a"), full("/a"))
        ]
    );
    let (found, _) = given(vec![rule(matching(PathType::Prefix, "/prefix"), to("/"))]);
    assert_eq!(
        found,
        [
            (prefix("/prefix/"), below("/")),
            (exact("/prefix"), full("/"))
        ]
    );
    let (found, _) = given(vec![rule(matching(PathType::Prefix, "/"), to("/a/b"))]);
    assert_eq!(
        found,
        [(prefix("/"), below("/a/b/")), (exact("/"), full("/a/b"))]
    );
}

#[test]
fn a_replacement_does_not_leak_from_a_prefix_to_the_other_matches_of_its_rule() {
    let mut spec = rule(
        matching(PathType::Prefix, "/p"),
        vec![rewrite(RewriteSpec::ReplacePrefixMatch("/r".to_owned()))],
    );
    spec.matches.push(matching(PathType::Exact, "/e"));
    let (found, _) = given(vec![spec]);
    assert_eq!(found[2], (exact("/e"), below("/r")));
}

#[test]
fn a_full_replacement_is_the_same_on_both_entries() {
    let filters = vec![rewrite(RewriteSpec::ReplaceFull("/new".to_owned()))];
    let (found, _) = given(vec![rule(matching(PathType::Prefix, "/p"), filters)]);
    assert_eq!(
        found,
        [(prefix("/p/"), full("/new")), (exact("/p"), full("/new"))]
    );
}

#[test]
fn a_match_without_a_path_is_every_path() {
    let (found, _) = given(vec![rule(Match::default(), vec![])]);
    assert_eq!(found, [(PathMatch::Any, None)]);
}

#[test]
fn a_bad_match_leaves_the_other_matches_of_its_rule() {
    let mut spec = rule(matching(PathType::Exact, "relative"), vec![]);
    spec.matches.push(matching(PathType::Exact, "/fine"));
    spec.matches.push(Match {
        method: 99,
        ..Match::default()
    });
    let (found, errors) = given(vec![spec]);
    assert_eq!(found, [(exact("/fine"), None)]);
    assert_eq!(
        errors,
        [
            "conf.http.rules[0].matches[0].value",
            "conf.http.rules[0].matches[2].method"
        ]
    );
}

#[test]
fn a_bad_filter_leaves_out_its_rule_and_no_other() {
    let header = Header {
        name: "Host".to_owned(),
        value: "x".to_owned(),
    };
    let add = Kind::RequestHeader(HeaderFilter {
        add: vec![header],
        ..HeaderFilter::default()
    });
    let (found, errors) = given(vec![
        rule(matching(PathType::Exact, "/bad"), vec![add]),
        rule(matching(PathType::Exact, "/fine"), vec![]),
    ]);
    assert_eq!(found, [(exact("/fine"), None)]);
    assert_eq!(
        errors,
        ["conf.http.rules[0].filters[0].request_header.add[0].name"]
    );
}

#[test]
fn weights_are_one_each_when_none_is_given_and_as_given_otherwise() {
    let weights = |given: &[u32]| {
        let mut spec = rule(matching(PathType::Exact, "/"), vec![]);
        spec.backends = given
            .iter()
            .map(|weight| backend("blue", *weight))
            .collect();
        let mut faults = Vec::new();
        let backends = read_backends(&spec, &mut faults);
        backends.map(|backends| {
            backends
                .iter()
                .map(|backend| backend.weight)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(weights(&[0]), Some(vec![1]));
    assert_eq!(weights(&[0, 0]), Some(vec![1, 1]));
    assert_eq!(weights(&[3, 0]), Some(vec![3, 0]));
    assert_eq!(
        weights(&[u32::MAX, 1]),
        None,
        "Envoy adds weights in 32 bits"
    );
    assert_eq!(weights(&[]), None);
}
