//! Choices of policies §1.4, §3, and the vectors of §9.2.

use proptest::prelude::*;
use torii_proto::kuma::mesh::v1alpha1 as kuma;

use super::*;
use crate::kinds::{ProxyTemplate, RateLimit, Timeout, TrafficPermission};

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn selector(pairs: &[(&str, &str)]) -> Selector {
    Selector {
        r#match: tags(pairs),
    }
}

fn service(name: &str) -> Selector {
    selector(&[(SERVICE, name)])
}

fn policy<K: Kind>(name: &str, revision: u64, spec: K::Spec) -> Policy<K> {
    Policy {
        key: ResourceKey::of::<K>("m", name),
        created: Stamp {
            revision: Revision(revision),
            ..Stamp::default()
        },
        spec,
    }
}

fn timeout(name: &str, revision: u64, sources: &[Selector], to: &[Selector]) -> Policy<Timeout> {
    let spec = kuma::Timeout {
        sources: sources.to_vec(),
        destinations: to.to_vec(),
        conf: None,
    };
    policy(name, revision, spec)
}

/// From every service.
fn to(name: &str, revision: u64, destination: &str) -> Policy<Timeout> {
    timeout(name, revision, &[service(ANY)], &[service(destination)])
}

fn rate_limit(name: &str, revision: u64, to: &[Selector]) -> Policy<RateLimit> {
    let spec = kuma::RateLimit {
        sources: vec![service(ANY)],
        destinations: to.to_vec(),
        conf: None,
    };
    policy(name, revision, spec)
}

fn name<K: Kind>(policy: Option<&Policy<K>>) -> Option<&str> {
    policy.map(|policy| policy.key.name.as_str())
}

/// For a gateway `edge`: the policy of each backend, and of the route.
fn choose<'a, K: ConnectionPolicy>(
    policies: &'a [Policy<K>],
    backends: &[Tags],
) -> (Vec<Option<&'a str>>, Option<&'a str>) {
    let candidates = candidates(policies, &tags(&[(SERVICE, "edge"), ("port", "http")]));
    let chosen: Vec<_> = backends
        .iter()
        .map(|backend| for_destination(&candidates, backend))
        .collect();
    let route = for_route(backends.iter().zip(chosen.iter().copied()));
    (
        chosen.into_iter().map(|policy| name(policy)).collect(),
        name(route),
    )
}

fn backends(services: &[&str]) -> Vec<Tags> {
    services
        .iter()
        .map(|name| tags(&[(SERVICE, name)]))
        .collect()
}

#[test]
fn of_two_alike_the_newest_governs_a_backend_then_the_first_by_name() {
    let policies = [to("b", 2, ANY), to("a", 1, ANY)];
    assert_eq!(
        choose(&policies, &backends(&["x"])),
        (vec![Some("b")], Some("b"))
    );
    // As from a Kuma global: no creation travels.
    let policies = [to("b", 0, ANY), to("a", 0, ANY)];
    assert_eq!(choose(&policies, &backends(&["x"])).1, Some("a"));
}

#[test]
fn of_several_backends_the_oldest_policy_governs_the_route() {
    let policies = [to("to-a", 2, "a"), to("to-b", 1, "b")];
    assert_eq!(
        choose(&policies, &backends(&["a", "b"])),
        (vec![Some("to-a"), Some("to-b")], Some("to-b"))
    );
    let policies = [to("z", 0, "a"), to("y", 0, "b")];
    assert_eq!(choose(&policies, &backends(&["a", "b"])).1, Some("y"));
}

#[test]
fn a_policy_for_every_service_governs_the_route_before_older_ones() {
    let policies = [to("to-a", 1, "a"), to("all", 9, ANY)];
    assert_eq!(
        choose(&policies, &backends(&["a", "b"])),
        (vec![Some("to-a"), Some("all")], Some("all"))
    );
    // Both destinations in one policy: it counts as one for every service.
    let both = timeout("both", 9, &[service(ANY)], &[service("a"), service(ANY)]);
    let policies = [both, to("to-b", 1, "b")];
    assert_eq!(
        choose(&policies, &backends(&["b", "a"])),
        (vec![Some("to-b"), Some("both")], Some("both"))
    );
}

#[test]
fn a_policy_of_a_listener_beats_that_of_its_gateway() {
    let of_gateway = timeout("gateway", 9, &[service("edge")], &[service(ANY)]);
    let of_listener = timeout(
        "listener",
        1,
        &[selector(&[(SERVICE, "edge"), ("port", "http")])],
        &[service(ANY)],
    );
    let of_other = timeout(
        "other",
        9,
        &[selector(&[(SERVICE, "edge"), ("port", "tcp")])],
        &[service(ANY)],
    );
    let policies = [of_gateway, of_listener, of_other];
    assert_eq!(choose(&policies, &backends(&["a"])).1, Some("listener"));
}

#[test]
fn a_gateway_ranks_the_first_matching_source_and_a_sidecar_the_best() {
    let sources = [
        service(ANY),
        selector(&[(SERVICE, "edge"), ("port", "http")]),
    ];
    let policies = [
        timeout("wide-first", 9, &sources, &[service(ANY)]),
        timeout("named", 1, &[service("edge")], &[service(ANY)]),
    ];
    assert_eq!(choose(&policies, &backends(&["a"])).1, Some("named"));
    let proxy = tags(&[(SERVICE, "edge"), ("port", "http")]);
    assert_eq!(
        name(for_outbound(&policies, &[&proxy], "a")),
        Some("wide-first")
    );
}

#[test]
fn a_destination_without_a_service_never_governs_a_route() {
    let policies = [rate_limit("v2", 1, &[selector(&[("version", "v2")])])];
    let backend = tags(&[(SERVICE, "a"), ("version", "v2")]);
    assert_eq!(choose(&policies, &[backend]), (vec![Some("v2")], None));
    assert_eq!(choose(&policies, &backends(&["a"])), (vec![None], None));
    assert_eq!(choose::<Timeout>(&[], &[]), (vec![], None));
}

#[test]
fn a_policy_of_two_backends_is_filed_for_the_first_of_them() {
    let subset = rate_limit(
        "r",
        1,
        &[
            selector(&[("version", "v2")]),
            selector(&[(SERVICE, "b"), ("version", "v2")]),
        ],
    );
    let a = tags(&[(SERVICE, "a"), ("version", "v2")]);
    let b = tags(&[(SERVICE, "b"), ("version", "v2")]);
    let policies = [subset];
    assert_eq!(choose(&policies, &[a.clone(), b.clone()]).1, None);
    assert_eq!(choose(&policies, &[b, a]).1, Some("r"));
}

#[test]
fn a_proxy_has_its_most_specific_template_and_one_without_selectors_is_for_all() {
    let template = |name: &str, revision, selectors: &[Selector]| {
        let spec = kuma::ProxyTemplate {
            selectors: selectors.to_vec(),
            conf: None,
        };
        policy::<ProxyTemplate>(name, revision, spec)
    };
    let policies = [
        template("all", 9, &[]),
        template("edge", 1, &[service("edge")]),
        template(
            "other",
            9,
            &[selector(&[(SERVICE, "other"), ("port", "http")])],
        ),
        template("new-edge", 2, &[service("other"), service("edge")]),
    ];
    let edge = tags(&[(SERVICE, "edge"), ("zone", "east")]);
    assert_eq!(name(for_proxy(&policies, &[&edge])), Some("new-edge"));
    assert_eq!(
        name(for_proxy(&policies, &[&tags(&[(SERVICE, "x")])])),
        Some("all")
    );
    assert_eq!(name(for_proxy(&policies[1..2], &[])), None);
}

#[test]
fn a_log_for_a_backend_is_none_for_what_passes_through() {
    let policies = [to("to-a", 9, "a"), to("all", 1, ANY)];
    let proxy = tags(&[(SERVICE, "edge")]);
    assert_eq!(
        name(for_outbound(&policies, &[&proxy], PASS_THROUGH)),
        Some("all")
    );
    assert_eq!(
        name(for_outbound(&policies[..1], &[&proxy], PASS_THROUGH)),
        None
    );
}

#[test]
fn a_permission_hides_less_specific_ones_whatever_its_sources() {
    let permission = |name: &str, from: &str, to: &str| {
        let spec = kuma::TrafficPermission {
            sources: vec![service(from)],
            destinations: vec![service(to)],
        };
        policy::<TrafficPermission>(name, 1, spec)
    };
    let policies = [permission("all", ANY, ANY), permission("one", "web", "ext")];
    let chosen = for_inbound(&policies, &tags(&[(SERVICE, "ext")])).unwrap();
    assert_eq!(chosen.key.name, "one");
    assert!(!has_source(chosen, &[&tags(&[(SERVICE, "edge")])]));
    assert!(has_source(
        chosen,
        &[&tags(&[(SERVICE, "edge")]), &tags(&[(SERVICE, "web")])]
    ));
}

fn any_selector() -> impl Strategy<Value = Selector> {
    prop::collection::btree_map("[st]", "[ab*]", 0..3).prop_map(|map| Selector {
        r#match: map
            .into_iter()
            .map(|(key, value)| (if key == "s" { SERVICE.to_owned() } else { key }, value))
            .collect(),
    })
}

fn any_policies() -> impl Strategy<Value = Vec<Policy<RateLimit>>> {
    let selectors = || prop::collection::vec(any_selector(), 1..3);
    prop::collection::vec((selectors(), selectors(), 0..3_u64), 0..8).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(index, (sources, destinations, revision))| {
                let spec = kuma::RateLimit {
                    sources,
                    destinations,
                    conf: None,
                };
                policy(&format!("p{index}"), revision, spec)
            })
            .collect()
    })
}

fn any_tags() -> impl Strategy<Value = Tags> {
    ("[ab]", prop::option::of("[ab]")).prop_map(|(service, t)| {
        let mut tags = tags(&[(SERVICE, &service)]);
        tags.extend(t.map(|value| ("t".to_owned(), value)));
        tags
    })
}

/// The choice for a backend, written down as a sorted list.
fn by_sorting<'a>(
    policies: &'a [Policy<RateLimit>],
    source: &Tags,
    backend: &Tags,
) -> Option<&'a str> {
    let rank = |selectors: &[Selector], tags: &Tags| {
        selectors
            .iter()
            .find_map(|selector| match_rank(&selector.r#match, tags))
    };
    let mut matching: Vec<_> = policies
        .iter()
        .filter_map(|policy| {
            let (from, to) = (
                rank(&policy.spec.sources, source)?,
                rank(&policy.spec.destinations, backend)?,
            );
            let (all, exact) = (from.tags + to.tags, from.exact + to.exact);
            Some((all, exact, policy.created.revision, policy))
        })
        .collect();
    matching.sort_by(|a, b| {
        (b.0, b.1, b.2)
            .cmp(&(a.0, a.1, a.2))
            .then_with(|| a.3.key.name.cmp(&b.3.key.name))
    });
    matching
        .first()
        .map(|(_, _, _, policy)| policy.key.name.as_str())
}

proptest! {
    #[test]
    fn the_policy_of_a_backend_is_the_first_of_a_sorted_list_in_any_order(
        policies in any_policies(),
        source in any_tags(),
        backend in any_tags(),
    ) {
        let expected = by_sorting(&policies, &source, &backend);
        let forward = candidates(&policies, &source);
        prop_assert_eq!(name(for_destination(&forward, &backend)), expected);
        let backward = candidates(policies.iter().rev(), &source);
        prop_assert_eq!(name(for_destination(&backward, &backend)), expected);
    }

    #[test]
    fn the_policy_of_a_route_is_one_of_its_backends_and_names_a_service_of_theirs(
        policies in any_policies(),
        source in any_tags(),
        backends in prop::collection::vec(any_tags(), 0..4),
    ) {
        let candidates = candidates(&policies, &source);
        let chosen: Vec<_> = backends
            .iter()
            .map(|backend| (backend, for_destination(&candidates, backend)))
            .collect();
        let names_all = |policy: &Policy<RateLimit>| policy
            .spec
            .destinations
            .iter()
            .any(|selector| selector.r#match.get(SERVICE).is_some_and(|name| name == ANY));
        match for_route(chosen.iter().copied()) {
            Some(winner) => {
                prop_assert!(chosen.iter().any(|(_, policy)| name(*policy) == Some(&winner.key.name)));
                let served = winner.spec.destinations.iter().any(|selector| {
                    selector.r#match.get(SERVICE).is_some_and(|name| {
                        name == ANY || backends.iter().any(|tags| tags.get(SERVICE) == Some(name))
                    })
                });
                prop_assert!(served);
                let wide = |(_, policy): &(&Tags, Option<&Policy<RateLimit>>)| policy.is_some_and(&names_all);
                prop_assert_eq!(names_all(winner), chosen.iter().any(wide));
            }
            None => prop_assert!(!chosen.iter().any(|(_, policy)| policy.is_some_and(&names_all))),
        }
    }
}
