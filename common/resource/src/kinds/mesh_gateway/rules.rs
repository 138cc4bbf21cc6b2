//! Kuma's rules for a MeshGateway (resources §3.8, gateway-xds §1.2); violations in order of document.

use std::collections::{BTreeMap, BTreeSet};

use torii_proto::kuma::mesh::v1alpha1::MeshGateway as Spec;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::Listener;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::listener::Protocol;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::tls::Mode;

use crate::rules::{CANNOT_BE_EMPTY, TagRules, check_selectors, check_tags, hostname, port};
use crate::tags;
use crate::violation::Violations;

/// Most certificates of a listener: one for each type of key.
const MAX_CERTIFICATES: usize = 2;

/// Keys that tags of gateways and listeners may not have.
const RESERVED: TagRules<'static> = TagRules {
    selector: true,
    at_least_one: false,
    service: false,
    reserved: &[
        tags::EXTERNAL_SERVICE,
        tags::PROTOCOL,
        tags::SERVICE,
        tags::ZONE,
    ],
    only_service: false,
    protocols: &[],
};

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_selectors(&spec.selectors, &mut violations);
    let listeners = spec
        .conf
        .as_ref()
        .map_or(&[][..], |conf| conf.listeners.as_slice());
    if listeners.iter().any(|listener| listener.cross_mesh) {
        for index in 1..spec.selectors.len() {
            violations.add(
                format!("selectors[{index}]"),
                "there can be at most one selector",
            );
        }
    }
    check_tags("tags", &spec.tags, RESERVED, &mut violations);
    if spec.conf.is_none() {
        violations.add("conf", CANNOT_BE_EMPTY);
        return violations;
    }
    if listeners.is_empty() {
        violations.add("conf.listeners", CANNOT_BE_EMPTY);
    }
    for (index, listener) in listeners.iter().enumerate() {
        check_listener(&path(index), listener, &mut violations);
    }
    check_ports(listeners, &mut violations);
    violations
}

/// Path of a listener.
pub(super) fn path(index: usize) -> String {
    format!("conf.listeners[{index}]")
}

fn check_listener(path: &str, listener: &Listener, violations: &mut Violations) {
    if !listener.hostname.is_empty()
        && let Some(reason) = hostname(&listener.hostname)
    {
        violations.add(format!("{path}.hostname"), reason);
    }
    port(format!("{path}.port"), listener.port, violations);
    let https = listener.protocol == i32::from(Protocol::Https);
    if listener.protocol == i32::from(Protocol::None) {
        violations.add(format!("{path}.protocol"), CANNOT_BE_EMPTY);
    } else if https && listener.cross_mesh {
        violations.add(
            format!("{path}.protocol"),
            "protocol is not supported with crossMesh",
        );
    } else if https {
        match &listener.tls {
            None => violations.add(format!("{path}.tls"), CANNOT_BE_EMPTY),
            Some(tls) if tls.mode == i32::from(Mode::Passthrough) => {
                violations.add(
                    format!("{path}.tls.mode"),
                    "mode is not supported on HTTPS listeners",
                );
            }
            Some(_) => {}
        }
    }
    check_tls(path, listener, violations);
    check_tags(
        &format!("{path}.tags"),
        &listener.tags,
        RESERVED,
        violations,
    );
}

fn check_tls(path: &str, listener: &Listener, violations: &mut Violations) {
    let Some(tls) = &listener.tls else {
        return;
    };
    if listener.cross_mesh {
        if tls.mode != i32::from(Mode::None) || !tls.certificates.is_empty() {
            violations.add(format!("{path}.tls"), "must be empty with crossMesh");
        }
        return;
    }
    match Mode::try_from(tls.mode) {
        Ok(Mode::None) => violations.add(format!("{path}.tls.mode"), CANNOT_BE_EMPTY),
        Ok(Mode::Terminate) if tls.certificates.is_empty() => violations.add(
            format!("{path}.tls.certificates"),
            "cannot be empty in TLS termination mode",
        ),
        Ok(Mode::Terminate) if tls.certificates.len() > MAX_CERTIFICATES => violations.add(
            format!("{path}.tls.certificates"),
            "cannot have more than 2 certificates",
        ),
        Ok(Mode::Terminate | Mode::Passthrough) | Err(_) => {}
    }
}

/// Listeners that share a port: one protocol, distinct hostnames, one connection limit. Reported for each of them.
fn check_ports(listeners: &[Listener], violations: &mut Violations) {
    let mut ports: BTreeMap<u32, Vec<(usize, &Listener)>> = BTreeMap::new();
    for (index, listener) in listeners.iter().enumerate() {
        ports
            .entry(listener.port)
            .or_default()
            .push((index, listener));
    }
    for group in ports.values() {
        let protocols: BTreeSet<i32> = group
            .iter()
            .map(|(_, listener)| listener.protocol)
            .collect();
        let limits: BTreeSet<u32> = group
            .iter()
            .map(|(_, listener)| limit(listener))
            .filter(|limit| *limit != 0)
            .collect();
        for (index, listener) in group {
            if protocols.len() > 1 {
                violations.add(
                    path(*index),
                    "protocol conflicts with other listeners on this port",
                );
            }
            let same = group
                .iter()
                .filter(|(_, other)| host(other) == host(listener))
                .count();
            if same > 1 {
                violations.add(path(*index), "multiple listeners for hostname on this port");
            }
            if limits.len() > 1 && limit(listener) != 0 {
                violations.add(
                    format!("{}.resources.connectionLimit", path(*index)),
                    "conflicting values for this port",
                );
            }
        }
    }
}

fn limit(listener: &Listener) -> u32 {
    listener
        .resources
        .as_ref()
        .map_or(0, |resources| resources.connection_limit)
}

/// Empty and `*` are one hostname.
fn host(listener: &Listener) -> &str {
    if listener.hostname.is_empty() {
        tags::ANY
    } else {
        &listener.hostname
    }
}
