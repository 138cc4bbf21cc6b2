//! Whatever comes over KDS: Envoy takes what is rendered of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::header_filter::Header;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::{
    Filter as Kind, HeaderFilter, Mirror, Redirect, Rewrite, rewrite,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::{
    Header as MatchHeader, Path, Query,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::{Filter, Match, Rule};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{Backend, Conf, HttpRoute, conf};
use torii_proto::kuma::mesh::v1alpha1::{MeshGatewayRoute, Selector};
use torii_resource::{Resource, kinds};

use crate::envoy::{GATEWAY, assert_accepted};
use crate::support::{envoy, golden_resources, rendered};

/// Texts that upset somebody somewhere.
fn text() -> impl Strategy<Value = String> + Clone {
    let long = "x".repeat(20_000);
    prop::sample::select(vec![
        "",
        "/",
        "//",
        "/a",
        "/a/",
        "a",
        "[",
        "(?i)x",
        "(a",
        "a{1001}",
        "%",
        "%%",
        "%REQ(x)%",
        "%REQ(x",
        "a\nb",
        "\u{0}",
        "\u{7f}",
        "ä",
        " ",
        ":path",
        "host",
        "HOST",
        ":authority",
        "*",
        "*.com",
        "{",
        "\\1",
        "\\9",
        "/a?b",
        "/a#b",
        "x\ty",
        "http",
        "a:80",
        "x-name",
        "/x/y/z",
    ])
    .prop_map(move |text| {
        if text == "/x/y/z" {
            long.clone()
        } else {
            text.to_owned()
        }
    })
}

fn hostile_filter() -> impl Strategy<Value = Filter> {
    let headers =
        (text(), text(), text(), text(), text()).prop_map(|(set, value, add, other, remove)| {
            HeaderFilter {
                set: vec![Header { name: set, value }],
                add: vec![Header {
                    name: add,
                    value: other,
                }],
                remove: vec![remove],
            }
        });
    let rewrite = (any::<u8>(), text(), any::<bool>()).prop_map(|(kind, path, host)| Rewrite {
        path: match kind % 3 {
            0 => None,
            1 => Some(rewrite::Path::ReplaceFull(path)),
            _ => Some(rewrite::Path::ReplacePrefixMatch(path)),
        },
        host_to_backend_hostname: host,
    });
    let redirect = (
        text(),
        text(),
        prop::sample::select(vec![0, 80, 65_536]),
        299..310u32,
        rewrite.clone(),
    );
    let percentage = prop::sample::select(vec![
        None,
        Some(-1.0),
        Some(f64::NAN),
        Some(0.123_456),
        Some(1e9),
    ]);
    prop_oneof![
        headers.clone().prop_map(Kind::RequestHeader),
        headers.prop_map(Kind::ResponseHeader),
        rewrite.prop_map(Kind::Rewrite),
        (hostile_backend(), percentage).prop_map(|(backend, percentage)| Kind::Mirror(Mirror {
            backend: Some(backend),
            percentage,
        })),
        redirect.prop_map(
            |(scheme, hostname, port, status_code, path)| Kind::Redirect(Redirect {
                scheme,
                hostname,
                port,
                status_code,
                path: Some(path),
            })
        ),
    ]
    .prop_map(|filter| Filter {
        filter: Some(filter),
    })
}

fn hostile_backend() -> impl Strategy<Value = Backend> {
    (text(), prop::sample::select(vec![0, 1, u32::MAX])).prop_map(|(service, weight)| Backend {
        weight,
        destination: BTreeMap::from([("kuma.io/service".to_owned(), service)]),
    })
}

fn hostile_match() -> impl Strategy<Value = Match> {
    let path = prop::option::of((0..4, text()).prop_map(|(kind, value)| Path {
        r#match: kind,
        value,
    }));
    let header = (0..5, text(), text()).prop_map(|(kind, name, value)| MatchHeader {
        r#match: kind,
        name,
        value,
    });
    let query = (0..3, text(), text()).prop_map(|(kind, name, value)| Query {
        r#match: kind,
        name,
        value,
    });
    let headers = prop::collection::vec(header, 0..2);
    (path, 0..11, headers, prop::collection::vec(query, 0..2)).prop_map(
        |(path, method, headers, queries)| Match {
            path,
            method,
            headers,
            query_parameters: queries,
        },
    )
}

fn hostile_route() -> impl Strategy<Value = MeshGatewayRoute> {
    let rule = (
        prop::collection::vec(hostile_match(), 0..3),
        prop::collection::vec(hostile_filter(), 0..2),
        prop::collection::vec(hostile_backend(), 0..3),
    );
    let rule = rule.prop_map(|(matches, filters, backends)| Rule {
        matches,
        filters,
        backends,
    });
    let hostnames = prop::collection::vec(text(), 0..2);
    (hostnames, prop::collection::vec(rule, 1..4)).prop_map(|(hostnames, rules)| MeshGatewayRoute {
        selectors: vec![Selector {
            r#match: BTreeMap::from([("kuma.io/service".to_owned(), "edge-gateway".to_owned())]),
        }],
        conf: Some(Conf {
            route: Some(conf::Route::Http(HttpRoute { hostnames, rules })),
        }),
    })
}

/// What comes over KDS was not validated here: bad pieces are left out, and Envoy takes what remains of 1,500 routes.
#[test]
fn envoy_accepts_what_remains_of_any_routes() {
    let Some(envoy) = envoy() else { return };
    let mut runner = TestRunner::deterministic();
    for round in 0..5 {
        let mut all = golden_resources(GATEWAY);
        for i in 0..300 {
            let spec = hostile_route().new_tree(&mut runner).unwrap().current();
            all.push(Arc::new(Resource::new::<kinds::MeshGatewayRoute>(
                "default",
                &format!("r{i}"),
                &spec,
            )));
        }
        let rendered = rendered(&all, "gw");
        assert!(
            rendered.errors.len() > 100 && rendered.parts.len() > 5,
            "the routes are neither all good nor all bad"
        );
        assert_accepted(&envoy, &format!("round {round}"), &rendered.parts);
    }
}
