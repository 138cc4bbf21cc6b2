//! Kuma's own cases (`shared/golden`), compared in meaning: hosts, matches, order, actions, weights, endpoints.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use torii_render::TypeUrl;

use crate::support::{of_type, rendered, resources, shared};

/// Cases that this build cannot give yet, and why.
const NOT_YET: &[(&str, &str)] = &[
    ("18-gateway-route", "ExternalService"),
    (
        "26-gateway-route",
        "ExternalService through ZoneEgress, mTLS",
    ),
    (
        "external-service-with-timeout-no-egress",
        "ExternalService, mTLS",
    ),
];

/// Kinds that only set fields which are ignored below.
const IGNORED_KINDS: &[&str] = &["CircuitBreaker", "Retry", "Timeout"];

/// Fields that differ for a reason, by JSON pointer with `*` for any element.
const IGNORED: &[(&str, &str)] = &[
    // No policies yet.
    ("clusters/*/circuitBreakers", "CircuitBreaker"),
    ("clusters/*/outlierDetection", "CircuitBreaker"),
    ("clusters/*/connectTimeout", "Timeout"),
    (
        "clusters/*/typedExtensionProtocolOptions/*/commonHttpProtocolOptions/idleTimeout",
        "Timeout",
    ),
    ("routes/*/virtualHosts/*/routes/*/route/timeout", "Timeout"),
    (
        "routes/*/virtualHosts/*/routes/*/route/retryPolicy",
        "Retry",
    ),
    // Decided otherwise.
    (
        "routes/*/name",
        "route configurations have the names of 2.6",
    ),
    (
        "routes/*/requestHeadersToRemove",
        "x-kuma-tags: removed where it is added (gateway-xds §3.1)",
    ),
    (
        "routes/*/virtualHosts/*/routes/*/route/weightedClusters/clusters/*/requestHeadersToRemove",
        "the same",
    ),
    (
        "listeners/*/filterChains/*/filters/*/typedConfig/rds/routeConfigName",
        "names of 2.6",
    ),
    (
        "listeners/*/filterChains/*/filters/*/typedConfig/internalAddressConfig",
        "decisions.md: the list of 2.13",
    ),
    (
        "listeners/*/filterChains/*/filters/*/typedConfig/upgradeConfigs",
        "decisions.md: WebSocket",
    ),
    (
        "listeners/*/filterChains/*/filters/*/typedConfig/httpFilters/*/typedConfig/startChildSpan",
        "deprecated (gateway-xds §11.1)",
    ),
];

fn remove(value: &mut Value, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match value {
        Value::Object(fields) if rest.is_empty() => {
            fields.remove(*first);
        }
        Value::Object(fields) if *first == "*" => {
            fields.values_mut().for_each(|one| remove(one, rest))
        }
        Value::Object(fields) => {
            if let Some(one) = fields.get_mut(*first) {
                remove(one, rest);
            }
        }
        Value::Array(elements) if *first == "*" => {
            elements.iter_mut().for_each(|one| remove(one, rest))
        }
        _ => {}
    }
}

/// Without the ignored fields, route configurations as a list, and without routes that an earlier one hides.
fn normalised(mut all: Value) -> Value {
    for (pointer, _) in IGNORED {
        remove(&mut all, &pointer.split('/').collect::<Vec<_>>());
    }
    let routes = all["routes"]
        .as_object()
        .unwrap()
        .values()
        .cloned()
        .collect::<Vec<_>>();
    all["routes"] = json!(routes);
    for configuration in all["routes"].as_array_mut().unwrap() {
        for host in configuration["virtualHosts"].as_array_mut().unwrap() {
            let mut seen = Vec::new();
            host["routes"].as_array_mut().unwrap().retain(|route| {
                let new = !seen.contains(&route["match"]);
                seen.push(route["match"].clone());
                new
            });
        }
    }
    all
}

fn expected(case: &Path) -> Value {
    let text = std::fs::read_to_string(case.join("expected.yaml")).unwrap();
    let all: Value = serde_saphyr::from_str(&text).unwrap();
    json!({
        "clusters": all["Clusters"]["Resources"],
        "endpoints": all["Endpoints"]["Resources"],
        "listeners": all["Listeners"]["Resources"],
        "routes": all["Routes"]["Resources"],
        "runtimes": all["Runtimes"]["Resources"],
    })
}

#[test]
fn every_case_of_kuma_that_this_build_covers_has_the_same_meaning() {
    let Some(shared) = shared() else { return };
    let mut cases: Vec<_> = std::fs::read_dir(shared.join("golden/gateway/http"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let mut covered = 0;
    for case in cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        if let Some((_, why)) = NOT_YET.iter().find(|(one, _)| *one == name) {
            println!("not covered yet: {name}: {why}");
            continue;
        }
        let (resources, unknown) =
            resources(&std::fs::read_to_string(case.join("inputs.yaml")).unwrap());
        assert!(
            unknown
                .iter()
                .all(|kind| IGNORED_KINDS.contains(&kind.as_str())),
            "{name}: {unknown:?}"
        );
        let proxy = resources
            .iter()
            .rfind(|one| one.key.kind.as_str() == "Dataplane" && !one.key.name.ends_with("-0"))
            .unwrap();
        let rendered = rendered(&resources, &proxy.key.name);
        assert!(rendered.errors.is_empty(), "{name}: {:?}", rendered.errors);
        let ours = json!({
            "clusters": of_type(&rendered.parts, TypeUrl::Cluster),
            "endpoints": of_type(&rendered.parts, TypeUrl::Endpoint),
            "listeners": of_type(&rendered.parts, TypeUrl::Listener),
            "routes": of_type(&rendered.parts, TypeUrl::Route),
            "runtimes": of_type(&rendered.parts, TypeUrl::Runtime),
        });
        assert_same(name, normalised(expected(&case)), normalised(ours));
        covered += 1;
    }
    assert!(covered >= 15, "only {covered} cases were there");
}

/// The same value with the fields of every object in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(key, one)| (key, sorted(one)))
                .collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Equality, with the first lines that differ.
fn assert_same(name: &str, theirs: Value, ours: Value) {
    let [theirs, ours] =
        [theirs, ours].map(|one| serde_json::to_string_pretty(&sorted(one)).unwrap());
    if theirs == ours {
        return;
    }
    let at = theirs
        .lines()
        .zip(ours.lines())
        .position(|(one, other)| one != other)
        .unwrap_or_default();
    let part = |text: &str| {
        text.lines()
            .skip(at.saturating_sub(12))
            .take(30)
            .collect::<Vec<_>>()
            .join("\n")
    };
    panic!(
        "{name}: line {at} differs\n--- Kuma\n{}\n--- ours\n{}",
        part(&theirs),
        part(&ours)
    );
}
