//! What holds for any resources: the same input gives the same bytes, changing an index is building it anew, and
//! whoever's configuration changed was touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use torii_mesh::{Index, ProxyId, Touched};
use torii_render::{Part, Rendered, Renderer, TypeUrl, render_gateway};
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
    let address = prop_oneof![4 => Just("127.0.1.1"), 1 => Just("a.host")];
    let inbound = ("svc-[ab]", "http|grpc", any::<bool>(), 1..3u16, tag());
    ("back-[ab]|proxy-0", address, inbound).prop_map(
        |(name, address, (service, protocol, ready, port, tag))| {
            format!(
                "{{type: Dataplane, name: {name}, networking: {{address: {address}, inbound: [{{port: {port}, \
                 health: {{ready: {ready}}}, tags: {{kuma.io/service: {service}, kuma.io/protocol: {protocol}{tag}}}}}]}}}}"
            )
        },
    )
}

/// Another tag of an inbound or a destination. Written one after the other, without anything in between, as in the names
/// of clusters, the last two are the same.
fn tag() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just(", a: bc"), 1 => Just(", ab: c")]
}

/// The filters of a rule; the last one is at fault.
fn filters() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just(""),
        1 => Just("{redirect: {status_code: 302}}"),
        1 => Just("{mirror: {percentage: 1, backend: {destination: {kuma.io/service: svc-b}}}}"),
        1 => Just("{rewrite: {replacePrefixMatch: /new}}, {requestHeader: {set: [{name: x, value: y}]}}"),
        1 => Just("{requestHeader: {remove: [':path']}}"),
    ]
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
        prop::sample::select(vec!["a.com", "*.com", "b.a.com", "a..b"]),
        0..3,
    );
    let backend = ("svc-[ab]", 0..3u8, tag()).prop_map(|(service, weight, tag)| {
        format!("{{weight: {weight}, destination: {{kuma.io/service: {service}{tag}}}}}")
    });
    let backends = prop::collection::vec(backend, 1..3);
    let path = prop_oneof![
        6 => ("EXACT|PREFIX", "/[ab]?"),
        1 => ("REGEX", Just(r"/\d".to_owned())),
        1 => ("REGEX", Just("(".to_owned())),
    ];
    let rule = (path, filters(), backends);
    ("r-[abc]", selector, hostnames, prop::collection::vec(rule, 1..3)).prop_map(
        |(name, (service, tag), hostnames, rules)| {
            let tag = tag.map(|tag| format!(", t: {tag}")).unwrap_or_default();
            let rules: Vec<String> = rules
                .into_iter()
                .map(|((kind, path), filters, backends)| {
                    format!(
                        "{{matches: [{{path: {{match: {kind}, value: '{path}'}}}}], filters: [{filters}], \
                         backends: [{}]}}",
                        backends.join(", ")
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

/// Where the property of the renderer begins: enough for most steps to matter.
fn beginning() -> Index {
    let documents = [
        "{type: Dataplane, name: proxy-0, networking: {address: 127.0.0.1, gateway: {type: BUILTIN, tags: \
         {kuma.io/service: gw-a}}}}",
        "{type: MeshGateway, name: mg-a, selectors: [{match: {kuma.io/service: '*'}}], conf: {listeners: [{port: 80, \
         protocol: HTTP, tags: {t: x}}, {port: 80, protocol: HTTP, hostname: a.com, tags: {t: y}}]}}",
        "{type: MeshGatewayRoute, name: r-a, selectors: [{match: {kuma.io/service: '*'}}], conf: {http: {rules: \
         [{matches: [{path: {match: PREFIX, value: /}}], backends: [{destination: {kuma.io/service: svc-a}}]}]}}}",
        "{type: Dataplane, name: back-a, networking: {address: 127.0.1.1, inbound: [{port: 1, tags: {kuma.io/service: \
         svc-a, a: bc}}]}}",
    ];
    let resources = documents.map(|document| resource(document, 1));
    let mut index = Index::new("");
    index.apply(changes(&resources));
    index
}

/// Everything about the parts, in order: `Parts` compare by version only.
fn parts(rendered: &Rendered) -> Vec<(TypeUrl, &Part)> {
    let parts = rendered.parts.iter();
    parts.map(|(of, part)| (of, &**part)).collect()
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

    #[test]
    fn a_renderer_gives_what_is_given_without_a_memory(
        steps in prop::collection::vec((step(), prop::bool::weighted(0.7)), 1..24),
    ) {
        let mut index = beginning();
        let mut renderers: BTreeMap<ProxyId, Renderer> = BTreeMap::new();
        // A renderer is any proxy's: this one is used for all in turn.
        let mut shared = Renderer::default();
        for ((document, revision, delete), render) in steps {
            let resource = resource(&document, revision);
            let change = (!delete).then(|| resource.clone());
            index.apply([(resource.key.clone(), change)]);
            if !render {
                continue;
            }
            for id in index.proxies() {
                let view = index.view(id).unwrap();
                let expected = render_gateway(&view);
                let own = renderers.entry(id.clone()).or_default();
                for renderer in [own, &mut shared] {
                    let rendered = renderer.render(view.clone());
                    prop_assert_eq!(parts(&rendered), parts(&expected));
                    prop_assert_eq!(&rendered.errors, &expected.errors);
                    prop_assert_eq!(&rendered.notes, &expected.notes);
                }
            }
        }
    }
}
