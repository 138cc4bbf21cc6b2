//! From documents to parts.

use torii_mesh::ProxyId;
use torii_render::{ConfigDocument, PrivateKeys};
use torii_resource::format::universal;

use super::*;

const SITE: &str = "
type: Mesh
name: default
---
type: Dataplane
mesh: default
name: edge-1
networking:
  address: 10.0.0.1
  gateway:
    type: BUILTIN
    tags:
      kuma.io/service: edge
---
type: Dataplane
mesh: default
name: app-1
networking:
  address: 10.0.0.2
  inbound:
    - port: 8080
      tags:
        kuma.io/service: app
        kuma.io/protocol: http
---
type: MeshGateway
mesh: default
name: edge
selectors:
  - match:
      kuma.io/service: edge
conf:
  listeners:
    - port: 8080
      protocol: HTTP
      tags:
        port: web
---
type: MeshGatewayRoute
mesh: default
name: all
selectors:
  - match:
      kuma.io/service: edge
conf:
  http:
    rules:
      - matches:
          - path:
              match: PREFIX
              value: /
        backends:
          - destination:
              kuma.io/service: app
";

fn edge() -> ProxyId {
    ProxyId {
        mesh: "default".to_owned(),
        name: "edge-1".to_owned(),
    }
}

fn translated(text: &str, zone: Option<&str>) -> Result<Translated, OfflineError> {
    let documents = universal::parse(text, "site.yaml").unwrap();
    translate(&documents, &edge(), zone)
}

fn document(text: &str, zone: Option<&str>) -> ConfigDocument {
    let translated = translated(text, zone).unwrap();
    ConfigDocument::of(&translated.parts, PrivateKeys::Masked).unwrap()
}

fn refusal(text: &str) -> String {
    translated(text, None).unwrap_err().to_string()
}

#[test]
fn a_gateway_gets_its_listener_routes_clusters_and_endpoints() {
    let document = document(SITE, None);
    assert!(
        document.listeners.contains_key("edge:HTTP:8080"),
        "{document:?}"
    );
    assert!(
        document.routes.contains_key("edge:HTTP:8080:*"),
        "{document:?}"
    );
    assert_eq!(document.clusters.len(), 1);
    assert_eq!(
        document.clusters.keys().collect::<Vec<_>>(),
        document.endpoints.keys().collect::<Vec<_>>()
    );
}

#[test]
fn only_with_a_zone_are_there_zone_tags_and_localities() {
    let endpoints = |zone| format!("{:?}", document(SITE, zone).endpoints);
    let without = endpoints(None);
    assert!(
        !without.contains("zone") && !without.contains("locality"),
        "{without}"
    );
    let with = endpoints(Some("east"));
    assert!(
        with.contains("kuma.io/zone") && with.contains("locality"),
        "{with}"
    );
}

#[test]
fn a_dataplane_may_name_any_zone_as_its_origin_where_there_are_none() {
    let labels = "name: app-1\nlabels: {kuma.io/origin: zone, kuma.io/zone: west}\n";
    let site = SITE.replace("name: app-1\n", labels);
    assert_eq!(document(&site, None), document(SITE, None));
    let error = translated(&site, Some("east")).unwrap_err().to_string();
    assert!(
        error.contains("Dataplane default/app-1") && error.contains("kuma.io/zone"),
        "{error}"
    );
}

#[test]
fn a_later_document_of_the_same_key_replaces_the_earlier() {
    let moved = "
---
type: Dataplane
name: app-1
networking:
  address: 10.0.0.9
  inbound:
    - port: 8080
      tags:
        kuma.io/service: app
";
    let endpoints = format!("{:?}", document(&format!("{SITE}{moved}"), None).endpoints);
    assert!(
        endpoints.contains("10.0.0.9") && !endpoints.contains("10.0.0.2"),
        "{endpoints}"
    );
}

#[test]
fn of_equal_gateways_the_newest_is_used_and_an_update_makes_none_newer() {
    let (first, second) = SITE.split_once("---\ntype: MeshGatewayRoute").unwrap();
    let (_, gateway) = first.split_once("---\ntype: MeshGateway\n").unwrap();
    let gateway = format!("---\ntype: MeshGateway\n{gateway}");
    let other = gateway.replace("name: edge\n", "name: another\n");
    let site = format!("{first}{other}{gateway}---\ntype: MeshGatewayRoute{second}");
    let listeners = document(&site, None).listeners;
    assert!(listeners.contains_key("another:HTTP:8080"), "{listeners:?}");
}

#[test]
fn the_mesh_default_needs_no_document_and_another_mesh_does() {
    let alone = SITE.replace("type: Mesh\nname: default\n---", "");
    assert_eq!(document(&alone, None), document(SITE, None));
    let elsewhere = SITE.replace("mesh: default\nname: app-1", "mesh: prod\nname: app-1");
    let error = refusal(&elsewhere);
    assert!(
        error.contains("Dataplane prod/app-1: mesh: mesh \"prod\" does not exist"),
        "{error}"
    );
}

#[test]
fn every_wrong_field_of_every_document_is_named_with_its_place() {
    let site = SITE
        .replace("address: 10.0.0.2", "address: ''")
        .replace("value: /\n", "value: nowhere\n");
    let error = refusal(&site);
    assert!(error.contains("site.yaml, document 3"), "{error}");
    assert!(
        error.contains("Dataplane default/app-1: networking.address: "),
        "{error}"
    );
    assert!(
        error.contains("MeshGatewayRoute default/all: conf.http.rules[0].matches[0]"),
        "{error}"
    );
}

#[test]
fn what_is_left_out_and_what_may_surprise_is_told() {
    let site = SITE.replace("kuma.io/service: app\n", "kuma.io/service: nobody\n");
    let (first, route) = site.split_once("---\ntype: MeshGatewayRoute").unwrap();
    let first = first.replace("kuma.io/service: nobody", "kuma.io/service: app");
    let translated =
        translated(&format!("{first}---\ntype: MeshGatewayRoute{route}"), None).unwrap();
    let warnings: Vec<_> = translated
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("MeshGatewayRoute default/all: conf.http.rules[0].backends[0]"),
        "{warnings:?}"
    );
}

#[test]
fn only_a_builtin_gateway_of_the_documents_is_translated() {
    let documents = universal::parse(SITE, "site.yaml").unwrap();
    let of = |name: &str| {
        let proxy = ProxyId {
            name: name.to_owned(),
            ..edge()
        };
        translate(&documents, &proxy, None).unwrap_err()
    };
    assert!(matches!(of("nobody"), OfflineError::NoDataplane(_)));
    assert!(matches!(of("app-1"), OfflineError::NotAGateway(_)));
}

/// The resources beside the documents, and whether each is older than every document.
fn created_by_planes(text: &str) -> Vec<(String, bool)> {
    let documents = universal::parse(text, "site.yaml").unwrap();
    let resources = admit::resources(&documents, None).unwrap();
    let given = |key: &ResourceKey| documents.iter().any(|one| one.resource.key == *key);
    let oldest = |created| {
        let mut written = resources.iter().filter(|one| given(&one.key));
        written.all(|one| created < one.created)
    };
    resources
        .iter()
        .filter(|one| !given(&one.key))
        .map(|one| (one.key.to_string(), oldest(one.created)))
        .collect()
}

#[test]
fn the_default_policies_of_a_mesh_are_there_and_older_than_every_document() {
    assert_eq!(
        created_by_planes(SITE),
        [
            ("CircuitBreaker default/circuit-breaker-all-default", true),
            ("Retry default/retry-all-default", true),
            ("Timeout default/timeout-all-default", true),
            ("TrafficPermission default/allow-all-default", true),
            ("TrafficRoute default/route-all-default", true),
        ]
        .map(|(name, older)| (name.to_owned(), older))
    );
}

#[test]
fn a_mesh_has_only_the_default_policies_that_it_wants_and_those_written_are_kept() {
    let with = |skip: &str| {
        SITE.replace(
            "type: Mesh\nname: default\n",
            &format!("type: Mesh\nname: default\nskipCreatingInitialPolicies: [{skip}]\n"),
        )
    };
    assert_eq!(created_by_planes(&with("'*'")), []);
    let own = "
---
type: Retry
name: retry-all-default
sources: [{match: {kuma.io/service: '*'}}]
destinations: [{match: {kuma.io/service: '*'}}]
conf: {http: {numRetries: 1}}
";
    let site = with("Timeout, TrafficRoute, TrafficPermission") + own;
    let created = created_by_planes(&site);
    let names: Vec<_> = created.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["CircuitBreaker default/circuit-breaker-all-default"]
    );
}
