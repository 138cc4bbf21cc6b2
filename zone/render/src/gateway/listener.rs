//! Listeners of a gateway: collapsed by port, checked, and written for Envoy (gateway-xds §1.5, §2.1).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use torii_mesh::{Gateway, GatewayView, ListenerView};
use torii_proto::envoy::config::core::v3::address::Address as AddressKind;
use torii_proto::envoy::config::core::v3::socket_address::PortSpecifier;
use torii_proto::envoy::config::core::v3::{Address, SocketAddress, TrafficDirection};
use torii_proto::envoy::config::listener::v3::listener_filter::ConfigType;
use torii_proto::envoy::config::listener::v3::{Listener, ListenerFilter};
use torii_proto::envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
use torii_proto::envoy::google::protobuf::BoolValue;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::listener::Protocol;
use torii_resource::ResourceKey;
use torii_resource::kinds;

use crate::gateway::{chain, name};
use crate::part::Part;
use crate::report::{Place, Report};
use crate::wire;

/// Bytes that a connection may buffer, towards clients and towards services.
pub(crate) const BUFFER_LIMIT: u32 = 32_768;

/// All served listeners of one port.
#[derive(Debug)]
pub(crate) struct Port<'a> {
    pub(crate) number: u32,
    /// Name of the Envoy listener: `<gateway>:<PROTOCOL>:<port>`.
    pub(crate) name: String,
    /// Greatest number of connections; 0: no limit of its own.
    pub(crate) connection_limit: u32,
    /// The listeners with their hostnames; valid and different.
    pub(crate) listeners: Vec<(String, &'a ListenerView)>,
}

impl Port<'_> {
    /// Name of the route configuration (≥2.6, gateway-xds §1.6): one group of hosts for HTTP.
    pub(crate) fn routes(&self) -> String {
        format!("{}:*", self.name)
    }
}

/// The ports of the gateway in ascending order. Listeners that cannot be served are reported and left out.
pub(crate) fn ports<'a>(view: &'a GatewayView, report: &mut Report) -> Vec<Port<'a>> {
    let Some(gateway) = &view.gateway else {
        return Vec::new();
    };
    let mut groups: BTreeMap<u32, Vec<&ListenerView>> = BTreeMap::new();
    for listener in &view.listeners {
        groups.entry(listener.spec.port).or_default().push(listener);
    }
    let ports = groups
        .into_iter()
        .filter_map(|(number, group)| port(view, gateway, number, &group, report));
    ports.collect()
}

fn port<'a>(
    view: &GatewayView,
    gateway: &Gateway,
    number: u32,
    group: &[&'a ListenerView],
    report: &mut Report,
) -> Option<Port<'a>> {
    let protocol = group.first()?.spec.protocol();
    let name = format!("{}:{}:{number}", gateway.key.name, protocol.as_str_name());
    let mut hostnames = BTreeSet::new();
    let mut listeners = Vec::new();
    for listener in group {
        let checked = check(listener, protocol).and_then(|hostname| {
            if hostnames.insert(hostname.clone()) {
                Ok(hostname)
            } else {
                Err((
                    "hostname",
                    "multiple listeners for hostname on this port".to_owned(),
                ))
            }
        });
        match checked {
            Ok(hostname) => listeners.push((hostname, *listener)),
            Err((field, reason)) => {
                let place = Place {
                    part: &name,
                    resource: &gateway.key,
                };
                report.error(
                    place,
                    format!("conf.listeners[{}].{field}", listener.index),
                    reason,
                );
            }
        }
    }
    if listeners.is_empty() {
        return None;
    }
    if let Err(error) = view.proxy.address.parse::<IpAddr>() {
        let dataplane =
            ResourceKey::of::<kinds::Dataplane>(&view.proxy.id.mesh, &view.proxy.id.name);
        let place = Place {
            part: &name,
            resource: &dataplane,
        };
        let reason = format!(
            "'{}' cannot be listened on: {error}; give an IP address",
            view.proxy.address
        );
        report.error(place, "networking.address", reason);
        return None;
    }
    // The limit of whichever listener has one: validation refuses two different ones (gateway-xds §10.5).
    let limits = listeners
        .iter()
        .filter_map(|(_, listener)| listener.spec.resources);
    let connection_limit = limits
        .map(|one| one.connection_limit)
        .max()
        .unwrap_or_default();
    Some(Port {
        number,
        name,
        connection_limit,
        listeners,
    })
}

/// The hostname of a listener that can be served, else field and reason.
fn check(listener: &ListenerView, group: Protocol) -> Result<String, (&'static str, String)> {
    let spec = &listener.spec;
    if !(1..=65_535).contains(&spec.port) {
        return Err(("port", "port must be in the range [1, 65535]".to_owned()));
    }
    if spec.protocol() != group {
        let reason = "protocol conflicts with other listeners on this port";
        return Err(("protocol", reason.to_owned()));
    }
    if spec.cross_mesh {
        return Err((
            "crossMesh",
            "crossMesh listeners are not served yet: remove it".to_owned(),
        ));
    }
    match spec.protocol() {
        Protocol::Http => {}
        Protocol::None => return Err(("protocol", "is missing or not known: use HTTP".to_owned())),
        other => {
            let reason = format!(
                "{} listeners are not served yet: use HTTP",
                other.as_str_name()
            );
            return Err(("protocol", reason));
        }
    }
    name::host(&spec.hostname).ok_or_else(|| {
        let reason = format!(
            "'{}' is neither a DNS name nor '*.' and a DNS name",
            spec.hostname
        );
        ("hostname", reason)
    })
}

/// The Envoy listener of a port.
pub(crate) fn part(view: &GatewayView, port: &Port<'_>) -> Part {
    let routes = port.routes();
    let listener = Listener {
        name: port.name.clone(),
        address: Some(address(&view.proxy.address, port.number)),
        traffic_direction: TrafficDirection::Inbound as i32,
        per_connection_buffer_limit_bytes: wire::number(BUFFER_LIMIT),
        enable_reuse_port: Some(BoolValue { value: true }),
        listener_filters: vec![ListenerFilter {
            name: "envoy.filters.listener.tls_inspector".to_owned(),
            config_type: Some(ConfigType::TypedConfig(wire::any(&TlsInspector::default()))),
            ..ListenerFilter::default()
        }],
        filter_chains: vec![chain::http(
            view.proxy.service(),
            &view.proxy.address,
            &routes,
        )],
        ..Listener::default()
    };
    Part::new(port.name.clone(), &listener).with_routes([Arc::from(routes)])
}

/// A TCP socket address.
pub(crate) fn address(host: &str, port: u32) -> Address {
    Address {
        address: Some(AddressKind::SocketAddress(SocketAddress {
            address: host.to_owned(),
            port_specifier: Some(PortSpecifier::PortValue(port)),
            ..SocketAddress::default()
        })),
    }
}
