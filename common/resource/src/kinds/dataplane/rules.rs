//! Kuma's rules for a Dataplane (resources §3.5, as of 2.13: no inbound is required).

use torii_proto::kuma::mesh::v1alpha1::Dataplane as Spec;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::gateway::GatewayType;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::inbound::ServiceProbe;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::{Gateway, Inbound, Outbound};
use torii_proto::kuma::mesh::v1alpha1::dataplane::{Networking, Probes};

use crate::kinds::mesh::check_metrics_backend;
use crate::rules::{
    CANNOT_BE_EMPTY, TagRules, address, check_protocol, check_tags, is_ip, is_local, is_url_path,
    port, positive_duration,
};
use crate::tags::{PROTOCOL, SERVICE};
use crate::violation::Violations;

const LOCALHOST: &str = "127.0.0.1";

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(networking) = &spec.networking else {
        violations.add("networking", CANNOT_BE_EMPTY);
        return violations;
    };
    check_admin(networking, &mut violations);
    let gateway = networking
        .gateway
        .as_ref()
        .map(|gateway| (gateway, GatewayType::try_from(gateway.r#type)));
    match gateway {
        Some((gateway, Ok(GatewayType::Delegated))) => {
            if !networking.inbound.is_empty() {
                violations.add(
                    "networking.inbound",
                    "inbound cannot be defined for delegated gateways",
                );
            }
            check_gateway(gateway, &mut violations);
            check_networking(networking, &mut violations);
            check_probes(spec.probes.as_ref(), &mut violations);
        }
        Some((gateway, Ok(GatewayType::Builtin))) => {
            if !networking.inbound.is_empty() {
                violations.add(
                    "networking.inbound",
                    "inbound cannot be defined for builtin gateways",
                );
            }
            if !networking.outbound.is_empty() {
                violations.add(
                    "networking.outbound",
                    "outbound cannot be defined for builtin gateways",
                );
            }
            if spec.probes.is_some() {
                violations.add(
                    "networking.probes",
                    "probes cannot be defined for builtin gateways",
                );
            }
            check_gateway(gateway, &mut violations);
            check_networking(networking, &mut violations);
        }
        Some((_, Err(_))) | None => {
            check_networking(networking, &mut violations);
            check_probes(spec.probes.as_ref(), &mut violations);
            if let Some(metrics) = &spec.metrics {
                check_metrics_backend("metrics", metrics, &mut violations);
            }
        }
    }
    violations
}

/// The admin port against what listens on the same address.
fn check_admin(networking: &Networking, violations: &mut Violations) {
    let Some(admin) = &networking.admin else {
        return;
    };
    let inbound = networking.inbound.iter().any(|inbound| {
        let address = or(&inbound.address, &networking.address);
        let service_address = or(&inbound.service_address, address);
        let service_port = if inbound.service_port == 0 {
            inbound.port
        } else {
            inbound.service_port
        };
        (inbound.port == admin.port && is_local(address))
            || (service_port == admin.port && is_local(service_address))
    });
    if inbound {
        violations.add(
            "networking.admin.port",
            "must differ from the ports of the inbounds",
        );
    }
    let outbound = networking
        .outbound
        .iter()
        .any(|outbound| outbound.port == admin.port && is_local(or(&outbound.address, LOCALHOST)));
    if outbound {
        violations.add(
            "networking.admin.port",
            "must differ from the ports of the outbounds",
        );
    }
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

fn check_networking(networking: &Networking, violations: &mut Violations) {
    if let Some(reason) = address(&networking.address) {
        violations.add("networking.address", reason);
    }
    for (index, inbound) in networking.inbound.iter().enumerate() {
        check_inbound(
            &format!("networking.inbound[{index}]"),
            inbound,
            &networking.address,
            violations,
        );
    }
    for (index, outbound) in networking.outbound.iter().enumerate() {
        check_outbound(
            &format!("networking.outbound[{index}]"),
            outbound,
            violations,
        );
    }
}

fn check_inbound(path: &str, inbound: &Inbound, proxy_address: &str, violations: &mut Violations) {
    port(format!("{path}.port"), inbound.port, violations);
    if inbound.service_port != 0 {
        port(
            format!("{path}.servicePort"),
            inbound.service_port,
            violations,
        );
    }
    if !inbound.service_address.is_empty() {
        let field = format!("{path}.serviceAddress");
        if !is_ip(&inbound.service_address) {
            violations.add(field.as_str(), "serviceAddress has to be valid IP address");
        }
        let same_port = inbound.service_port == 0 || inbound.service_port == inbound.port;
        for (other, name) in [
            (proxy_address, "networking.address"),
            (&inbound.address, "the inbound's address"),
        ] {
            if same_port && !other.is_empty() && inbound.service_address == other {
                violations.add(
                    field.as_str(),
                    format!("serviceAddress and servicePort have to differ from {name} and port"),
                );
            }
        }
    }
    if !inbound.address.is_empty() && !is_ip(&inbound.address) {
        violations.add(
            format!("{path}.address"),
            "address has to be valid IP address",
        );
    }
    check_tags(
        &format!("{path}.tags"),
        &inbound.tags,
        TagRules::default(),
        violations,
    );
    check_protocol(&format!("{path}.tags"), &inbound.tags, violations);
    if let Some(probe) = &inbound.service_probe {
        check_service_probe(&format!("{path}.serviceProbe"), probe, violations);
    }
    if !inbound.tags.contains_key(SERVICE) {
        violations.add(format!("{path}.tags[{SERVICE:?}]"), "tag has to exist");
    }
}

fn check_service_probe(path: &str, probe: &ServiceProbe, violations: &mut Violations) {
    positive_duration(
        format!("{path}.interval"),
        probe.interval.as_ref(),
        violations,
    );
    positive_duration(
        format!("{path}.timeout"),
        probe.timeout.as_ref(),
        violations,
    );
    for (name, threshold) in [
        ("unhealthyThreshold", probe.unhealthy_threshold),
        ("healthyThreshold", probe.healthy_threshold),
    ] {
        if threshold == Some(0) {
            violations.add(format!("{path}.{name}"), "must have a positive value");
        }
    }
}

fn check_outbound(path: &str, outbound: &Outbound, violations: &mut Violations) {
    port(format!("{path}.port"), outbound.port, violations);
    if !outbound.address.is_empty() && !is_ip(&outbound.address) {
        violations.add(
            format!("{path}.address"),
            "address has to be valid IP address",
        );
    }
    // Since 2.7 an outbound names its destination by tags or by a reference.
    if outbound.backend_ref.is_some() {
        return;
    }
    let rules = TagRules {
        at_least_one: false,
        ..TagRules::SERVICE_TAGS
    };
    check_tags(&format!("{path}.tags"), &outbound.tags, rules, violations);
}

fn check_gateway(gateway: &Gateway, violations: &mut Violations) {
    let path = "networking.gateway.tags";
    check_tags(path, &gateway.tags, TagRules::SERVICE_TAGS, violations);
    if let Some(protocol) = gateway.tags.get(PROTOCOL)
        && protocol != "tcp"
    {
        violations.add(
            format!("{path}[{PROTOCOL:?}]"),
            format!("other values than \"tcp\" are not allowed, provided value {protocol:?}"),
        );
    }
}

fn check_probes(probes: Option<&Probes>, violations: &mut Violations) {
    let Some(probes) = probes else {
        return;
    };
    port("probes.port", probes.port, violations);
    for (index, endpoint) in probes.endpoints.iter().enumerate() {
        let path = format!("probes.endpoints[{index}]");
        port(
            format!("{path}.inboundPort"),
            endpoint.inbound_port,
            violations,
        );
        for (name, value) in [
            ("inboundPath", &endpoint.inbound_path),
            ("path", &endpoint.path),
        ] {
            if !is_url_path(value) {
                violations.add(format!("{path}.{name}"), "should be a valid URL path");
            }
        }
    }
}
