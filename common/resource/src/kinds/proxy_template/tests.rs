//! Rules of policies §4.5.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

const HEAD: &str =
    "type: ProxyTemplate\nname: t\nselectors: [{match: {kuma.io/service: edge}}]\nconf:\n";

fn modification(text: &str) -> String {
    format!("{HEAD}  modifications: [{text}]")
}

#[test]
fn whole_templates_are_valid() {
    let yaml = format!(
        "{HEAD}  imports: [gateway-proxy, default-proxy]
  resources:
  - name: extra
    version: v1
    resource: |
      '@type': type.googleapis.com/envoy.config.cluster.v3.Cluster
      name: extra
      connectTimeout: 300ms
  modifications:
  - cluster: {{operation: add, value: 'name: a'}}
  - cluster: {{match: {{origin: gateway}}, operation: patch, value: 'connectTimeout: 5s'}}
  - listener: {{match: {{name: l, tags: {{a: b}}}}, operation: remove}}
  - networkFilter:
      match: {{name: envoy.filters.network.http_connection_manager, listenerName: l, listenerTags: {{a: b}}}}
      operation: patch
      value: |
        name: envoy.filters.network.http_connection_manager
        typedConfig:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          streamIdleTimeout: 1h
  - httpFilter: {{match: {{name: envoy.filters.http.router}}, operation: addBefore, value: '{{\"name\": \"x\"}}'}}
  - httpFilter: {{operation: addFirst, value: 'name: x'}}
  - virtualHost: {{match: {{routeConfigurationName: r}}, operation: patch, value: 'retryPolicy: {{retryOn: 5xx}}'}}"
    );
    assert!(kuma(&yaml).is_empty(), "{:?}", kuma(&yaml));
    assert!(strict(&yaml).is_empty(), "{:?}", strict(&yaml));
    assert!(kuma("type: ProxyTemplate\nname: t").is_empty());
}

#[test]
fn missing_and_wrong_parts_are_named() {
    let yaml = format!(
        "{}  imports: ['', nope]\n  resources: [{{}}, {{name: a, version: b, resource: '['}}]",
        HEAD.replace("kuma.io/service: edge", "a: b")
    );
    assert_eq!(
        kuma_fields(&yaml),
        [
            "selectors[0].match",
            "conf.imports[0]",
            "conf.imports[1]",
            "conf.resources[0].name",
            "conf.resources[0].version",
            "conf.resources[0].resource",
            "conf.resources[1].resource",
        ]
    );
}

#[test]
fn operations_have_their_own_needs() {
    for (text, field) in [
        ("cluster: {operation: addFirst}", "cluster.operation"),
        ("cluster: {operation: Add}", "cluster.operation"),
        ("httpFilter: {operation: add}", "httpFilter.operation"),
        (
            "cluster: {operation: add, match: {}, value: 'name: a'}",
            "cluster.match",
        ),
        (
            "listener: {operation: add, match: {name: x}, value: 'name: a'}",
            "listener.match",
        ),
        (
            "virtualHost: {operation: add, match: {name: x}, value: 'name: a'}",
            "virtualHost.match.name",
        ),
        (
            "httpFilter: {operation: addBefore, value: 'name: a'}",
            "httpFilter.match.name",
        ),
        (
            "networkFilter: {operation: patch, match: {origin: gateway}, value: 'name: a'}",
            "networkFilter.match.name",
        ),
        ("cluster: {operation: patch}", "cluster.value"),
        ("cluster: {operation: patch, value: '['}", "cluster.value"),
        (
            "httpFilter: {operation: addLast, value: abc}",
            "httpFilter.value",
        ),
    ] {
        assert_eq!(
            kuma_fields(&modification(text)),
            [format!("conf.modifications[0].{field}")],
            "{text}"
        );
    }
    assert!(
        kuma(&modification(
            "virtualHost: {operation: add, match: {}, value: 'name: a'}"
        ))
        .is_empty()
    );
}

#[test]
fn values_are_messages_of_envoy_at_the_door() {
    for (text, field) in [
        ("{}", ""),
        (
            "cluster: {operation: patch, value: 'conectTimeout: 5s'}",
            ".cluster.value",
        ),
        (
            "listener: {operation: add, value: 'name: {}'}",
            ".listener.value",
        ),
        (
            "httpFilter: {operation: addLast, value: '{name: a, typedConfig: {\"@type\": type.googleapis.com/nope}}'}",
            ".httpFilter.value",
        ),
    ] {
        let yaml = modification(text);
        assert!(kuma(&yaml).is_empty(), "{text}");
        assert_eq!(
            strict_fields(&yaml),
            [format!("conf.modifications[0]{field}")],
            "{text}"
        );
    }
    let yaml = format!("{HEAD}  resources: [{{name: a, version: b, resource: 'name: a'}}]");
    assert_eq!(strict_fields(&yaml), ["conf.resources[0].resource"]);
}
