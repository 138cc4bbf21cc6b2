//! Kuma's rules for a MeshGatewayRoute (resources §3.9, gateway-xds §3.8), its paths and quirks included.

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::conf::Route;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::{
    Filter as Kind, HeaderFilter, Mirror, Redirect, header_filter, rewrite,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::{
    Header, Path, header, path,
};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::{Filter, Match, Rule};
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{Backend, HttpRoute};
use torii_proto::kuma::mesh::v1alpha1::{HttpMethod, MeshGatewayRoute as Spec};

use crate::rules::{CANNOT_BE_EMPTY, TagRules, check_selectors, check_tags};
use crate::violation::Violations;

const MAX_PORT: u32 = 65_535;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_selectors(&spec.selectors, &mut violations);
    match spec.conf.as_ref().and_then(|conf| conf.route.as_ref()) {
        None => violations.add("conf", CANNOT_BE_EMPTY),
        Some(Route::Tcp(_)) => {}
        Some(Route::Http(http)) => check_http(http, &mut violations),
    }
    violations
}

/// Path of a rule of an HTTP route.
pub(super) fn rule_path(index: usize) -> String {
    format!("conf.http.rules[{index}]")
}

fn check_http(http: &HttpRoute, violations: &mut Violations) {
    if http.rules.is_empty() {
        violations.add("conf.http.rules", CANNOT_BE_EMPTY);
    }
    for (index, rule) in http.rules.iter().enumerate() {
        check_rule(&rule_path(index), rule, violations);
    }
}

fn check_rule(path: &str, rule: &Rule, violations: &mut Violations) {
    if rule.matches.is_empty() {
        violations.add(format!("{path}.matches"), CANNOT_BE_EMPTY);
        return;
    }
    for (index, entry) in rule.matches.iter().enumerate() {
        check_match(&format!("{path}.matches[{index}]"), entry, violations);
    }
    check_filters(path, rule, violations);
    let redirect = rule.filters.iter().any(is_redirect);
    if redirect && rule.filters.len() != 1 {
        violations.add(
            format!("{path}.filters"),
            "redirects cannot be used with other filters",
        );
        return;
    }
    if redirect && !rule.backends.is_empty() {
        violations.add(
            format!("{path}.backends"),
            "must be empty when using redirect filters",
        );
    } else if !redirect && rule.backends.is_empty() {
        violations.add(format!("{path}.backends"), CANNOT_BE_EMPTY);
    }
    for (index, backend) in rule.backends.iter().enumerate() {
        check_backend(&format!("{path}.backends[{index}]"), backend, violations);
    }
}

/// A backend's destination; the path is the backend's own.
pub(super) fn check_backend(path: &str, backend: &Backend, violations: &mut Violations) {
    check_tags(
        path,
        &backend.destination,
        TagRules::SERVICE_SELECTOR,
        violations,
    );
}

fn check_match(path: &str, entry: &Match, violations: &mut Violations) {
    let no_method = entry.method == i32::from(HttpMethod::None);
    if entry.path.is_none()
        && no_method
        && entry.headers.is_empty()
        && entry.query_parameters.is_empty()
    {
        violations.add(path, CANNOT_BE_EMPTY);
        return;
    }
    if let Some(value) = &entry.path {
        check_path(&format!("{path}.value"), value, violations);
    }
    for (index, header) in entry.headers.iter().enumerate() {
        check_header_match(&format!("{path}.headers[{index}]"), header, violations);
    }
    for (index, query) in entry.query_parameters.iter().enumerate() {
        let path = format!("{path}.query_parameters[{index}]");
        require(format!("{path}.name"), &query.name, violations);
        require(format!("{path}.value"), &query.value, violations);
    }
}

fn check_path(field: &str, value: &Path, violations: &mut Violations) {
    match path::MatchType::try_from(value.r#match) {
        Ok(path::MatchType::Regex) => require(field.to_owned(), &value.value, violations),
        Ok(path::MatchType::Exact | path::MatchType::Prefix) if !value.value.starts_with('/') => {
            violations.add(field, "must be an absolute path");
        }
        Ok(path::MatchType::Exact | path::MatchType::Prefix) | Err(_) => {}
    }
}

fn check_header_match(path: &str, entry: &Header, violations: &mut Violations) {
    require(format!("{path}.name"), &entry.name, violations);
    let field = format!("{path}.value");
    match header::MatchType::try_from(entry.r#match) {
        Ok(header::MatchType::Exact | header::MatchType::Regex) => {
            require(field, &entry.value, violations)
        }
        Ok(header::MatchType::Absent | header::MatchType::Present) if !entry.value.is_empty() => {
            violations.add(field, "cannot be set");
        }
        Ok(header::MatchType::Absent | header::MatchType::Present) | Err(_) => {}
    }
}

/// Rewrites to the backend's hostname are taken out of the list before it is numbered, as in Kuma.
fn check_filters(path: &str, rule: &Rule, violations: &mut Violations) {
    let host_rewrite = rule.filters.iter().any(is_host_rewrite);
    let filters = rule
        .filters
        .iter()
        .filter(|filter| !is_host_rewrite(filter));
    for (index, filter) in filters.enumerate() {
        let path = format!("{path}.filters[{index}]");
        match &filter.filter {
            Some(Kind::RequestHeader(headers)) => {
                check_request_header(
                    &format!("{path}.request_header"),
                    headers,
                    host_rewrite,
                    violations,
                );
            }
            Some(Kind::Mirror(mirror)) => {
                check_mirror(&format!("{path}.mirror"), mirror, violations)
            }
            Some(Kind::Redirect(redirect)) => {
                check_redirect(&format!("{path}.redirect"), redirect, violations)
            }
            Some(Kind::Rewrite(entry)) => {
                if matches!(entry.path, Some(rewrite::Path::ReplacePrefixMatch(_)))
                    && !has_prefix_match(rule)
                {
                    violations.add(
                        format!("{path}.rewrite.replacePrefixMatch"),
                        "cannot be used without a match on path prefix",
                    );
                }
            }
            Some(Kind::ResponseHeader(_)) | None => {}
        }
    }
}

fn check_request_header(
    path: &str,
    headers: &HeaderFilter,
    host_rewrite: bool,
    violations: &mut Violations,
) {
    if headers.set.is_empty() && headers.add.is_empty() && headers.remove.is_empty() {
        violations.add(path, CANNOT_BE_EMPTY);
    }
    let mut check = |list: &str, entries: &[header_filter::Header]| {
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("{path}.{list}[{index}]");
            require(format!("{path}.name"), &entry.name, violations);
            require(format!("{path}.value"), &entry.value, violations);
            if host_rewrite && [":authority", "Host", "host"].contains(&entry.name.as_str()) {
                violations.add(
                    path,
                    format!(
                        "cannot modify '{}' header, when route has set 'rewrite.host_to_backend_hostname' option",
                        entry.name
                    ),
                );
            }
        }
    };
    check("set", &headers.set);
    check("add", &headers.add);
    for (index, name) in headers.remove.iter().enumerate() {
        require(format!("{path}.remove[{index}]"), name, violations);
    }
}

fn check_mirror(path: &str, mirror: &Mirror, violations: &mut Violations) {
    let field = format!("{path}.percentage");
    match mirror.percentage {
        None => violations.add(field, CANNOT_BE_EMPTY),
        Some(percentage) if !(0.0..=100.0).contains(&percentage) => {
            violations.add(field, "has to be in [0.0 - 100.0] range");
        }
        Some(_) => {}
    }
    let field = format!("{path}.backend");
    match &mirror.backend {
        None => violations.add(field, CANNOT_BE_EMPTY),
        Some(backend) => check_backend(&field, backend, violations),
    }
}

fn check_redirect(path: &str, redirect: &Redirect, violations: &mut Violations) {
    if redirect.port > MAX_PORT {
        violations.add(
            format!("{path}.port"),
            "port must be in the range [1, 65535]",
        );
    }
    if !(300..=308).contains(&redirect.status_code) {
        violations.add(
            format!("{path}.status_code"),
            "must be in the range [300, 308]",
        );
    }
}

fn require(field: String, value: &str, violations: &mut Violations) {
    if value.is_empty() {
        violations.add(field, CANNOT_BE_EMPTY);
    }
}

fn has_prefix_match(rule: &Rule) -> bool {
    rule.matches
        .iter()
        .filter_map(|entry| entry.path.as_ref())
        .any(|path| path.r#match == i32::from(path::MatchType::Prefix))
}

fn is_redirect(filter: &Filter) -> bool {
    matches!(filter.filter, Some(Kind::Redirect(_)))
}

fn is_host_rewrite(filter: &Filter) -> bool {
    matches!(&filter.filter, Some(Kind::Rewrite(rewrite)) if rewrite.host_to_backend_hostname)
}
