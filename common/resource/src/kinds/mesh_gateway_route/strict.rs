//! What Kuma stores of a MeshGatewayRoute although Envoy refuses it or it is never served (resources §3.12,
//! gateway-xds §11.2).

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::conf::Route;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::{
    Filter as Kind, Redirect,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::{
    header, path, query,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::{Match, Rule};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{Backend, HttpRoute, TcpRoute};
use torii_proto::kuma::mesh::v1alpha1::{HttpMethod, MeshGatewayRoute as Spec};

use super::header::{self as header_edit, Direction};
use super::rules::{check_backend, rule_path};
use crate::re2;
use crate::rules::{CANNOT_BE_EMPTY, hostname, is_header_name};
use crate::violation::Violations;

/// Codes that Envoy can answer a redirect with.
const REDIRECT_CODES: [u32; 5] = [301, 302, 303, 307, 308];
/// Pseudo headers that a match may look at.
const PSEUDO_HEADERS: [&str; 4] = [":authority", ":method", ":path", ":scheme"];

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    match spec.conf.as_ref().and_then(|conf| conf.route.as_ref()) {
        Some(Route::Http(http)) => check_http(http, &mut violations),
        Some(Route::Tcp(tcp)) => check_tcp(tcp, &mut violations),
        None => {}
    }
    violations
}

fn check_tcp(tcp: &TcpRoute, violations: &mut Violations) {
    if tcp.rules.is_empty() {
        violations.add("conf.tcp.rules", CANNOT_BE_EMPTY);
    }
    for (index, rule) in tcp.rules.iter().enumerate() {
        let path = format!("conf.tcp.rules[{index}].backends");
        if rule.backends.is_empty() {
            violations.add(path.as_str(), CANNOT_BE_EMPTY);
        }
        for (index, backend) in rule.backends.iter().enumerate() {
            check_backend(&format!("{path}[{index}]"), backend, violations);
        }
        check_weights(path, &rule.backends, violations);
    }
}

fn check_http(http: &HttpRoute, violations: &mut Violations) {
    for (index, name) in http.hostnames.iter().enumerate() {
        if let Some(reason) = hostname(name) {
            let advice = if hostname(&name.to_ascii_lowercase()).is_none() {
                format!("{reason}: write it in lower case")
            } else {
                reason
            };
            violations.add(format!("conf.http.hostnames[{index}]"), advice);
        }
    }
    for (index, rule) in http.rules.iter().enumerate() {
        check_rule(&rule_path(index), rule, violations);
    }
}

fn check_rule(path: &str, rule: &Rule, violations: &mut Violations) {
    for (index, entry) in rule.matches.iter().enumerate() {
        check_match(&format!("{path}.matches[{index}]"), entry, violations);
    }
    for (index, filter) in rule.filters.iter().enumerate() {
        let path = format!("{path}.filters[{index}]");
        match &filter.filter {
            Some(Kind::RequestHeader(headers)) => {
                let path = format!("{path}.request_header");
                header_edit::check(&path, headers, Direction::Request, violations);
            }
            Some(Kind::ResponseHeader(headers)) => {
                let path = format!("{path}.response_header");
                header_edit::check(&path, headers, Direction::Response, violations);
            }
            Some(Kind::Redirect(redirect)) => {
                check_redirect(&format!("{path}.redirect"), redirect, violations)
            }
            Some(Kind::Mirror(_) | Kind::Rewrite(_)) => {}
            None => violations.add(
                path,
                "must have one of requestHeader, responseHeader, mirror, redirect, rewrite",
            ),
        }
    }
    check_weights(format!("{path}.backends"), &rule.backends, violations);
}

/// Envoy adds weights in 32 bits. Absent everywhere means one each, so that a sum of zero is no mistake.
fn check_weights(field: String, backends: &[Backend], violations: &mut Violations) {
    let sum: u64 = backends
        .iter()
        .map(|backend| u64::from(backend.weight))
        .sum();
    if sum > u64::from(u32::MAX) {
        violations.add(
            field,
            format!("the sum of the weights must be at most {}", u32::MAX),
        );
    }
}

fn check_match(path: &str, entry: &Match, violations: &mut Violations) {
    if let Some(value) = &entry.path {
        match path::MatchType::try_from(value.r#match) {
            Ok(path::MatchType::Regex) => {
                check_regex(format!("{path}.path.value"), &value.value, violations)
            }
            Ok(path::MatchType::Exact | path::MatchType::Prefix) => {}
            Err(_) => violations.add(
                format!("{path}.path.match"),
                "must be one of EXACT, PREFIX, REGEX",
            ),
        }
    }
    if HttpMethod::try_from(entry.method).is_err() {
        violations.add(
            format!("{path}.method"),
            "must be the name of an HTTP method, e.g. GET",
        );
    }
    for (index, value) in entry.headers.iter().enumerate() {
        let path = format!("{path}.headers[{index}]");
        if !value.name.is_empty()
            && !is_header_name(&value.name)
            && !PSEUDO_HEADERS.contains(&value.name.as_str())
        {
            violations.add(
                format!("{path}.name"),
                "must be an HTTP header name: letters, digits and !#$%&'*+-.^_`|~",
            );
        }
        match header::MatchType::try_from(value.r#match) {
            Ok(header::MatchType::Regex) => {
                check_regex(format!("{path}.value"), &value.value, violations)
            }
            Ok(
                header::MatchType::Exact | header::MatchType::Absent | header::MatchType::Present,
            ) => {}
            Err(_) => violations.add(
                format!("{path}.match"),
                "must be one of EXACT, REGEX, ABSENT, PRESENT",
            ),
        }
    }
    for (index, value) in entry.query_parameters.iter().enumerate() {
        let path = format!("{path}.query_parameters[{index}]");
        match query::MatchType::try_from(value.r#match) {
            Ok(query::MatchType::Regex) => {
                check_regex(format!("{path}.value"), &value.value, violations)
            }
            Ok(query::MatchType::Exact) => {}
            Err(_) => violations.add(format!("{path}.match"), "must be EXACT or REGEX"),
        }
    }
}

/// Empty patterns are Kuma's own rule.
fn check_regex(field: String, pattern: &str, violations: &mut Violations) {
    if let Err(reason) = re2::check(pattern) {
        violations.add(
            field,
            format!("must be a regular expression of RE2, Envoy's engine: {reason}"),
        );
    }
}

fn check_redirect(path: &str, redirect: &Redirect, violations: &mut Violations) {
    let code = redirect.status_code;
    if (300..=308).contains(&code) && !REDIRECT_CODES.contains(&code) {
        violations.add(
            format!("{path}.status_code"),
            "must be one of 301, 302, 303, 307, 308: Envoy redirects with no other",
        );
    }
    if !["", "http", "https"].contains(&redirect.scheme.as_str()) {
        violations.add(format!("{path}.scheme"), "must be http or https");
    }
    let bad = |b: u8| b.is_ascii_control() || matches!(b, b' ' | b'/' | b'?' | b'#' | b'@' | b'*');
    if redirect.hostname.bytes().any(bad) {
        violations.add(
            format!("{path}.hostname"),
            "must be a host name or address alone",
        );
    }
}
