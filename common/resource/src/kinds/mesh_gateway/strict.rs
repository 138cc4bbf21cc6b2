//! What Kuma stores of a MeshGateway although it cannot be served (resources §3.12, gateway-xds §1.2 "Gaps").

use std::collections::BTreeMap;

use torii_proto::kuma::mesh::v1alpha1::MeshGateway as Spec;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::Listener;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::listener::Protocol;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::tls::Mode;
use torii_proto::kuma::system::v1alpha1::DataSource;
use torii_proto::kuma::system::v1alpha1::data_source::Type;

use super::rules::path;
use crate::rules::CANNOT_BE_EMPTY;
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let listeners = spec
        .conf
        .as_ref()
        .map_or(&[][..], |conf| conf.listeners.as_slice());
    // Port to whether its first listener is crossMesh: Kuma lets the first decide for all.
    let mut cross_mesh: BTreeMap<u32, bool> = BTreeMap::new();
    for (index, listener) in listeners.iter().enumerate() {
        check_listener(&path(index), listener, &mut violations);
        if *cross_mesh
            .entry(listener.port)
            .or_insert(listener.cross_mesh)
            != listener.cross_mesh
        {
            violations.add(
                format!("{}.crossMesh", path(index)),
                "must be the same for all listeners on this port: give the crossMesh listener a port of its own",
            );
        }
    }
    violations
}

fn check_listener(path: &str, listener: &Listener, violations: &mut Violations) {
    match Protocol::try_from(listener.protocol) {
        Ok(Protocol::Tcp | Protocol::Tls) if listener.cross_mesh => {
            violations.add(
                format!("{path}.protocol"),
                "only HTTP is supported with crossMesh",
            );
        }
        Ok(Protocol::Tls) if listener.tls.is_none() => {
            violations.add(
                format!("{path}.tls"),
                format!("{CANNOT_BE_EMPTY} with protocol TLS: set mode TERMINATE or PASSTHROUGH"),
            );
        }
        Err(_) => violations.add(
            format!("{path}.protocol"),
            "must be one of HTTP, HTTPS, TCP, TLS",
        ),
        Ok(_) => {}
    }
    let Some(tls) = listener.tls.as_ref().filter(|_| !listener.cross_mesh) else {
        return;
    };
    match Mode::try_from(tls.mode) {
        Ok(Mode::Terminate) => {
            for (index, certificate) in tls.certificates.iter().enumerate() {
                check_certificate(
                    &format!("{path}.tls.certificates[{index}]"),
                    certificate,
                    violations,
                );
            }
        }
        Ok(Mode::None | Mode::Passthrough) => {}
        Err(_) => violations.add(
            format!("{path}.tls.mode"),
            "must be TERMINATE or PASSTHROUGH",
        ),
    }
}

fn check_certificate(path: &str, source: &DataSource, violations: &mut Violations) {
    match &source.r#type {
        None => violations.add(path, "must have one of secret, inline, inlineString"),
        Some(Type::Secret(name)) if name.is_empty() => {
            violations.add(format!("{path}.secret"), CANNOT_BE_EMPTY)
        }
        Some(Type::Secret(_)) => {}
        Some(Type::File(_)) => violations.add(
            format!("{path}.file"),
            "files are not read for listener certificates: put certificate and key into a Secret",
        ),
        Some(Type::Inline(pem)) => check_pem(format!("{path}.inline"), pem, violations),
        Some(Type::InlineString(pem)) => {
            check_pem(format!("{path}.inlineString"), pem.as_bytes(), violations)
        }
    }
}

/// The blocks that must be there; whether they fit is seen where they are loaded.
fn check_pem(path: String, pem: &[u8], violations: &mut Violations) {
    let text = String::from_utf8_lossy(pem);
    let count = |suffix: &str| {
        text.lines()
            .filter(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(suffix))
            .count()
    };
    if count("CERTIFICATE-----") == 0 || count("PRIVATE KEY-----") != 1 {
        violations.add(
            path,
            "must be PEM with at least one certificate (the server's first) and exactly one private key",
        );
    }
}
