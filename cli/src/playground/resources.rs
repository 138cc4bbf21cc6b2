//! The resources of the demo: the examples that every version must accept as they stand.

use std::net::Ipv4Addr;

/// Host name that the gateway serves.
pub(crate) const HOST: &str = "foo.example.com";
/// Service of the demo application.
pub(crate) const SERVICE: &str = "demo-app_kuma-demo_svc_5000";

/// The MeshGateway, which selects the gateway of every zone.
pub fn gateway() -> String {
    format!(
        "\
type: MeshGateway
mesh: default
name: edge-gateway
selectors:
  - match:
      kuma.io/service: edge-gateway
conf:
  listeners:
    - port: 8080
      protocol: HTTP
      hostname: {HOST}
      tags:
        port: http-8080
"
    )
}

/// The MeshGatewayRoute: everything to the demo application.
pub fn route() -> String {
    route_to("")
}

/// The same, with a header that every answer gets.
pub fn route_with_header(name: &str, value: &str) -> String {
    route_to(&format!(
        "
        filters:
          - responseHeader:
              set:
                - name: {name}
                  value: \"{value}\""
    ))
}

fn route_to(filters: &str) -> String {
    format!(
        "\
type: MeshGatewayRoute
mesh: default
name: edge-gateway-route
selectors:
  - match:
      kuma.io/service: edge-gateway
      port: http-8080
conf:
  http:
    rules:
      - matches:
          - path:
              match: PREFIX
              value: /{filters}
        backends:
          - destination:
              kuma.io/service: {SERVICE}
"
    )
}

/// The Dataplane of a zone's gateway.
pub(super) fn gateway_dataplane(name: &str, address: Ipv4Addr, admin_port: u16) -> String {
    format!(
        "\
type: Dataplane
mesh: default
name: {name}
networking:
  address: {address}
  admin:
    port: {admin_port}
  gateway:
    type: BUILTIN
    tags:
      kuma.io/service: edge-gateway
"
    )
}

/// The Dataplane of a zone's demo application, which runs without a proxy of its own.
pub(super) fn app_dataplane(name: &str, address: Ipv4Addr, port: u16) -> String {
    format!(
        "\
type: Dataplane
mesh: default
name: {name}
networking:
  address: {address}
  inbound:
    - port: {port}
      servicePort: {port}
      tags:
        kuma.io/service: {SERVICE}
        kuma.io/protocol: http
"
    )
}

#[cfg(test)]
mod tests {
    use torii_resource::format::universal;

    use super::*;

    #[test]
    fn every_resource_of_the_demo_can_be_read() {
        let address = Ipv4Addr::new(127, 0, 0, 21);
        let texts = [
            gateway(),
            route(),
            route_with_header("x-demo", "two"),
            gateway_dataplane("gateway-east", address, 9901),
            app_dataplane("app-east", address, 5000),
        ];
        for text in texts {
            let documents = universal::parse(&text, "demo.yaml")
                .unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(documents.len(), 1);
        }
    }
}
