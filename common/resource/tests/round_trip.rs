//! Generated gateways and routes survive JSON, YAML and Kubernetes unchanged, and encode deterministically.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::{Conf, Listener, listener, tls};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::{
    Filter, Match, Rule, filter as filter_kind, r#match as part,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{
    self as route, Backend, HttpRoute, TcpRoute, tcp_route,
};
use torii_proto::kuma::mesh::v1alpha1::{
    MeshGateway as GatewaySpec, MeshGatewayRoute as RouteSpec, Selector,
};
use torii_proto::kuma::system::v1alpha1::{DataSource, data_source};
use torii_resource::format::{Options, from_json, from_text, kubernetes, universal};
use torii_resource::kinds::{MeshGateway, MeshGatewayRoute};
use torii_resource::{Kind, Resource};

type Tags = BTreeMap<String, String>;

/// Text with everything that YAML may take for something else.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[a-z0-9./:-]{1,12}",
        any::<String>(),
        prop_oneof![
            Just("yes"),
            Just("null"),
            Just("~"),
            Just(""),
            Just("017"),
            Just("1e3"),
            Just("0x1F"),
            Just("- a"),
            Just("a: b"),
            Just("#x"),
            Just("line\nbreak\n"),
            Just("'"),
            Just("\""),
        ]
        .prop_map(str::to_owned),
    ]
}

fn tags() -> impl Strategy<Value = Tags> {
    btree_map(text(), text(), 0..4)
}

fn selectors() -> impl Strategy<Value = Vec<Selector>> {
    vec(tags().prop_map(|tags| Selector { r#match: tags }), 0..3)
}

fn certificate() -> impl Strategy<Value = DataSource> {
    use data_source::Type;

    option::of(prop_oneof![
        text().prop_map(Type::Secret),
        vec(any::<u8>(), 0..20).prop_map(Type::Inline),
        text().prop_map(Type::InlineString),
        text().prop_map(Type::File),
    ])
    .prop_map(|r#type| DataSource { r#type })
}

fn tls_conf() -> impl Strategy<Value = tls::Conf> {
    (
        0..4_i32,
        vec(certificate(), 0..3),
        option::of(Just(tls::Options {})),
    )
        .prop_map(|(mode, certificates, options)| tls::Conf {
            mode,
            certificates,
            options,
        })
}

fn listener() -> impl Strategy<Value = Listener> {
    (
        text(),
        any::<u32>(),
        0..8_i32,
        option::of(tls_conf()),
        tags(),
        any::<bool>(),
        option::of(any::<u32>()),
    )
        .prop_map(
            |(hostname, port, protocol, tls, tags, cross_mesh, limit)| Listener {
                hostname,
                port,
                protocol,
                tls,
                tags,
                cross_mesh,
                resources: limit.map(|connection_limit| listener::Resources { connection_limit }),
            },
        )
}

fn gateway() -> impl Strategy<Value = GatewaySpec> {
    (selectors(), tags(), option::of(vec(listener(), 0..4))).prop_map(
        |(selectors, tags, listeners)| GatewaySpec {
            selectors,
            tags,
            conf: listeners.map(|listeners| Conf { listeners }),
        },
    )
}

fn backend() -> impl Strategy<Value = Backend> {
    (any::<u32>(), tags()).prop_map(|(weight, destination)| Backend {
        weight,
        destination,
    })
}

fn match_() -> impl Strategy<Value = Match> {
    let path = (0..4_i32, text()).prop_map(|(r#match, value)| part::Path { r#match, value });
    let header = (0..5_i32, text(), text()).prop_map(|(r#match, name, value)| part::Header {
        r#match,
        name,
        value,
    });
    let query = (0..3_i32, text(), text()).prop_map(|(r#match, name, value)| part::Query {
        r#match,
        name,
        value,
    });
    (
        option::of(path),
        0..11_i32,
        vec(header, 0..3),
        vec(query, 0..3),
    )
        .prop_map(|(path, method, headers, query_parameters)| Match {
            path,
            method,
            headers,
            query_parameters,
        })
}

fn rewrite() -> impl Strategy<Value = filter_kind::Rewrite> {
    use filter_kind::rewrite::Path;

    let path = prop_oneof![
        text().prop_map(Path::ReplaceFull),
        text().prop_map(Path::ReplacePrefixMatch)
    ];
    (option::of(path), any::<bool>()).prop_map(|(path, host_to_backend_hostname)| {
        filter_kind::Rewrite {
            path,
            host_to_backend_hostname,
        }
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    use filter_kind::{Filter as Kind, HeaderFilter, Mirror, Redirect, header_filter::Header};

    let header = || (text(), text()).prop_map(|(name, value)| Header { name, value });
    let headers = move || {
        (vec(header(), 0..3), vec(header(), 0..3), vec(text(), 0..3))
            .prop_map(|(set, add, remove)| HeaderFilter { set, add, remove })
    };
    let mirror =
        (option::of(backend()), option::of(-1.0e6..1.0e6_f64)).prop_map(|(backend, percentage)| {
            Mirror {
                backend,
                percentage,
            }
        });
    let redirect = (
        text(),
        text(),
        any::<u32>(),
        any::<u32>(),
        option::of(rewrite()),
    )
        .prop_map(|(scheme, hostname, port, status_code, path)| Redirect {
            scheme,
            hostname,
            port,
            status_code,
            path,
        });
    option::of(prop_oneof![
        headers().prop_map(Kind::RequestHeader),
        headers().prop_map(Kind::ResponseHeader),
        mirror.prop_map(Kind::Mirror),
        redirect.prop_map(Kind::Redirect),
        rewrite().prop_map(Kind::Rewrite),
    ])
    .prop_map(|filter| Filter { filter })
}

fn route() -> impl Strategy<Value = RouteSpec> {
    let rule = (
        vec(match_(), 0..3),
        vec(filter(), 0..3),
        vec(backend(), 0..3),
    )
        .prop_map(|(matches, filters, backends)| Rule {
            matches,
            filters,
            backends,
        });
    let http = (vec(text(), 0..3), vec(rule, 0..3))
        .prop_map(|(hostnames, rules)| HttpRoute { hostnames, rules });
    let tcp = vec(vec(backend(), 0..3), 0..3).prop_map(|rules| TcpRoute {
        rules: rules
            .into_iter()
            .map(|backends| tcp_route::Rule { backends })
            .collect(),
    });
    let kind = prop_oneof![
        http.prop_map(route::conf::Route::Http),
        tcp.prop_map(route::conf::Route::Tcp),
    ];
    (selectors(), option::of(option::of(kind))).prop_map(|(selectors, conf)| RouteSpec {
        selectors,
        conf: conf.map(|route| route::Conf { route }),
    })
}

/// Through all three text forms; the spec's bytes are the same after each.
fn survives<K: Kind>(spec: &K::Spec) {
    let resource = Resource::new::<K>("m", "x", spec);
    let options = Options::default();
    let json = universal::to_json(&resource).unwrap().to_string();
    let back = from_json(json.as_bytes(), "json", &options).unwrap();
    assert_eq!(back.resource.spec, resource.spec);
    let yaml = universal::to_yaml(&resource).unwrap();
    let back = from_text(&yaml, "yaml", &options).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert_eq!(back[0].resource.spec, resource.spec, "{yaml}");
    let object = kubernetes::to_object(&resource, kubernetes::SYSTEM_NAMESPACE)
        .unwrap()
        .to_string();
    let back = from_json(object.as_bytes(), "kubernetes", &options).unwrap();
    assert_eq!(back.resource.spec, resource.spec);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_gateway_survives_every_format(spec in gateway()) {
        survives::<MeshGateway>(&spec);
    }

    #[test]
    fn a_route_survives_every_format(spec in route()) {
        survives::<MeshGatewayRoute>(&spec);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let once = universal::parse(&text, "x").map(|documents| documents.len());
        let twice = universal::parse(&text, "x").map(|documents| documents.len());
        prop_assert_eq!(once, twice);
    }
}
