//! Kuma's rules for an ExternalService (policies §4.2), and what it stores that is never used.

use torii_proto::kuma::mesh::v1alpha1::ExternalService as Spec;
use torii_proto::kuma::mesh::v1alpha1::external_service::networking::Tls;
use torii_proto::kuma::system::v1alpha1::DataSource;
use torii_proto::kuma::system::v1alpha1::data_source::Type;

use crate::rules::{
    CANNOT_BE_EMPTY, TagRules, check_protocol, check_tags, is_host, port, split_host_port,
};
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    match &spec.networking {
        None => violations.add("networking", "should have networking"),
        Some(networking) => {
            check_address(&networking.address, &mut violations);
            if let Some(tls) = &networking.tls {
                check_tls(tls, &mut violations);
            }
        }
    }
    check_tags("tags", &spec.tags, TagRules::SERVICE_TAGS, &mut violations);
    check_protocol("tags", &spec.tags, &mut violations);
    violations
}

/// Parts are checked apart: one bad address may be named several times.
fn check_address(address: &str, violations: &mut Violations) {
    let path = "networking.address";
    if address.is_empty() {
        violations.add(path, "address can't be empty");
        return;
    }
    let parts = split_host_port(address);
    if parts.is_none() {
        violations.add(path, "unable to parse address: write HOST:PORT");
    }
    let (host, number) = parts.unwrap_or_default();
    if !is_host(host) {
        violations.add(path, "address has to be valid IP address or domain name");
    }
    let number = number
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| number.parse().ok())
        .flatten();
    if number.is_none() {
        violations.add(path, "unable to parse port in address");
    }
    port(path, number.unwrap_or(0), violations);
}

fn check_tls(tls: &Tls, violations: &mut Violations) {
    if tls.server_name.as_deref() == Some("") {
        violations.add("networking.tls.serverName", CANNOT_BE_EMPTY);
    }
    for (field, source) in sources(tls) {
        if let Some(source) = source {
            check_source(&format!("networking.tls.{field}"), source, violations);
        }
    }
}

fn sources(tls: &Tls) -> [(&'static str, Option<&DataSource>); 3] {
    [
        ("caCert", tls.ca_cert.as_ref()),
        ("clientCert", tls.client_cert.as_ref()),
        ("clientKey", tls.client_key.as_ref()),
    ]
}

fn check_source(path: &str, source: &DataSource, violations: &mut Violations) {
    let (field, empty) = match &source.r#type {
        None => {
            violations.add(
                path,
                "data source has to be chosen. Available sources: secret, file, inline, inlineString",
            );
            return;
        }
        Some(Type::Secret(name)) => ("secret", name.is_empty()),
        Some(Type::File(name)) => ("file", name.is_empty()),
        Some(Type::Inline(bytes)) => ("inline", bytes.is_empty()),
        Some(Type::InlineString(text)) => ("inlineString", text.is_empty()),
    };
    if empty {
        violations.add(format!("{path}.{field}"), CANNOT_BE_EMPTY);
    }
}

/// A client certificate is used with its key only, and files are read nowhere.
pub(super) fn check_strict(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(tls) = spec
        .networking
        .as_ref()
        .and_then(|networking| networking.tls.as_ref())
    else {
        return violations;
    };
    for (field, source) in sources(tls) {
        if let Some(DataSource {
            r#type: Some(Type::File(_)),
        }) = source
        {
            violations.add(
                format!("networking.tls.{field}.file"),
                "files are not read for external services: put the certificate or key into a Secret",
            );
        }
    }
    match (&tls.client_cert, &tls.client_key) {
        (Some(_), None) => violations.add(
            "networking.tls.clientKey",
            format!("{CANNOT_BE_EMPTY} with a clientCert"),
        ),
        (None, Some(_)) => violations.add(
            "networking.tls.clientCert",
            format!("{CANNOT_BE_EMPTY} with a clientKey"),
        ),
        _ => {}
    }
    violations
}
