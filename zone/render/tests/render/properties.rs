//! What holds for any resources: the same input gives the same bytes, changing an index is building it anew, and
//! whoever's configuration changed was touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use torii_mesh::{Index, ProxyId, Touched};
use torii_render::{Rendered, render_gateway};
use torii_resource::format::universal;
use torii_resource::{Resource, ResourceKey, Revision, Stamp};

use crate::support::changes;

fn resource(yaml: &str, revision: u64) -> Arc<Resource> {
    let parsed = universal::parse(yaml, "generated")
        .unwrap()
        .remove(0)
        .resource;
    let created = Stamp {
        revision: Revision(revision),
        time: Timestamp::UNIX_EPOCH,
    };
    Arc::new(Resource {
        key: parsed.key,
        labels: parsed.labels,
        spec: parsed.spec,
        created,
        modified: created,
    })
}

fn gateway_proxy() -> impl Strategy<Value = String> {
    (0..2u8, "gw-[ab]", prop::option::of("east|west"), 1..3u8).prop_map(
        |(name, service, site, address)| {
            let site = site
                .map(|site| format!(", site: {site}"))
                .unwrap_or_default();
            format!(
                "{{type: Dataplane, name: proxy-{name}, networking: {{address: 127.0.0.{address}, \
             gateway: {{type: BUILTIN, tags: {{kuma.io/service: {service}{site}}}}}}}}}"
            )
        },
    )
}

fn backend() -> impl Strategy<Value = String> {
    // Now and then the name of a gateway proxy: it stops being one.
    ("back-[ab]|proxy-0", "svc-[ab]", "http|grpc", any::<bool>(), 1..3u16).prop_map(
        |(name, service, protocol, ready, port)| {
            format!(
                "{{type: Dataplane, name: {name}, networking: {{address: 127.0.1.1, inbound: [{{port: {port}, \
                 health: {{ready: {ready}}}, tags: {{kuma.io/service: {service}, kuma.io/protocol: {protocol}}}}}]}}}}"
            )
        },
    )
}

fn mesh_gateway() -> impl Strategy<Value = String> {
    let listener = (
        prop::sample::select(vec!["", "a.com", "*.com"]),
        80..82u16,
        "x|y",
        "HTTP|TCP",
    );
    let selector = (r"gw-[ab]|\*", prop::option::of(r"east|\*"));
    ("mg-[ab]", selector, prop::collection::vec(listener, 1..3)).prop_map(|(name, (service, site), listeners)| {
        let site = site.map(|site| format!(", site: '{site}'")).unwrap_or_default();
        let listeners: Vec<String> = listeners
            .into_iter()
            .map(|(hostname, port, tag, protocol)| {
                format!("{{port: {port}, hostname: '{hostname}', protocol: {protocol}, tags: {{t: {tag}}}}}")
            })
            .collect();
        format!(
            "{{type: MeshGateway, name: {name}, selectors: [{{match: {{kuma.io/service: '{service}'{site}}}}}], \
             conf: {{listeners: [{}]}}}}",
            listeners.join(", ")
        )
    })
}

fn route() -> impl Strategy<Value = String> {
    let selector = (r"gw-[ab]|\*", prop::option::of("x|y"));
    let hostnames = prop::collection::vec(
        prop::sample::select(vec!["a.com", "*.com", "b.a.com"]),
        0..3,
    );
    let rule = ("EXACT|PREFIX", "/[ab]?", "svc-[ab]", 0..3u8);
    ("r-[abc]", selector, hostnames, prop::collection::vec(rule, 1..3)).prop_map(
        |(name, (service, tag), hostnames, rules)| {
            let tag = tag.map(|tag| format!(", t: {tag}")).unwrap_or_default();
            let rules: Vec<String> = rules
                .into_iter()
                .map(|(kind, path, service, weight)| {
                    format!(
                        "{{matches: [{{path: {{match: {kind}, value: {path}}}}}], \
                         backends: [{{weight: {weight}, destination: {{kuma.io/service: {service}}}}}]}}"
                    )
                })
                .collect();
            format!(
                "{{type: MeshGatewayRoute, name: {name}, selectors: [{{match: {{kuma.io/service: '{service}'{tag}}}}}], \
                 conf: {{http: {{hostnames: {hostnames:?}, rules: [{}]}}}}}}",
                rules.join(", ")
            )
        },
    )
}

/// A document, the revision of its creation, and whether it is deleted right there.
fn step() -> impl Strategy<Value = (String, u64, bool)> {
    let document = prop_oneof![
        2 => gateway_proxy(),
        2 => backend(),
        3 => mesh_gateway(),
        4 => route(),
    ];
    (document, 1..4u64, prop::bool::weighted(0.25))
}

fn all_rendered(index: &Index) -> BTreeMap<ProxyId, Rendered> {
    let proxies = index.proxies();
    proxies
        .map(|id| (id.clone(), render_gateway(&index.view(id).unwrap())))
        .collect()
}

fn built(resources: &BTreeMap<ResourceKey, Arc<Resource>>, backwards: bool) -> Index {
    let mut list: Vec<Arc<Resource>> = resources.values().cloned().collect();
    if backwards {
        list.reverse();
    }
    let mut index = Index::new("");
    index.apply(changes(&list));
    index
}

/// Whose configuration differs, new and removed ones included.
fn differing(
    before: &BTreeMap<ProxyId, Rendered>,
    after: &BTreeMap<ProxyId, Rendered>,
) -> BTreeSet<ProxyId> {
    let all: BTreeSet<&ProxyId> = before.keys().chain(after.keys()).collect();
    let differ = all.into_iter().filter(|id| before.get(id) != after.get(id));
    differ.cloned().collect()
}

fn assert_covers(
    touched: &Touched,
    before: &BTreeMap<ProxyId, Rendered>,
    after: &BTreeMap<ProxyId, Rendered>,
) {
    for id in differing(before, after) {
        let set = if after.contains_key(&id) {
            &touched.proxies
        } else {
            &touched.gone
        };
        assert!(set.contains(&id), "{id} differs and is not in {touched:?}");
    }
    assert!(touched.proxies.iter().all(|id| after.contains_key(id)));
    assert!(touched.gone.iter().all(|id| !after.contains_key(id)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn applying_changes_is_building_anew_and_touches_whoever_differs(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let mut index = Index::new("");
        let mut held = BTreeMap::new();
        let mut before = BTreeMap::new();
        for (document, revision, delete) in steps {
            let resource = resource(&document, revision);
            let key = resource.key.clone();
            let change = if delete {
                held.remove(&key);
                None
            } else {
                held.insert(key.clone(), resource.clone());
                Some(resource)
            };
            let touched = index.apply([(key, change)]);
            let after = all_rendered(&index);
            assert_covers(&touched, &before, &after);
            prop_assert_eq!(&after, &all_rendered(&built(&held, false)));
            before = after;
        }
        prop_assert_eq!(&before, &all_rendered(&built(&held, true)));

        // Replacing everything by the same touches nobody; by something else, whoever differs.
        prop_assert!(index.replace(held.values().cloned()).is_empty());
        let half: Vec<_> = held.values().step_by(2).cloned().collect();
        let touched = index.replace(half);
        assert_covers(&touched, &before, &all_rendered(&index));
    }
}
