//! Kuma's rules for the HTTP part of a TrafficRoute (policies §4.9).

use torii_proto::kuma::mesh::v1alpha1::traffic_route::Http;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::r#match::StringMatcher;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::r#match::string_matcher::MatcherType;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::modify::{
    Headers, Host, Path, RegexReplace, host, path,
};
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::{Match, Modify};

use super::rules::check_target;
use crate::rules::CANNOT_BE_EMPTY;
use crate::violation::Violations;

pub(super) fn check(path: &str, http: &Http, violations: &mut Violations) {
    check_match(&format!("{path}.match"), http.r#match.as_ref(), violations);
    if let Some(modify) = &http.modify {
        check_modify(
            &format!("{path}.modify"),
            modify,
            has_prefix(http.r#match.as_ref()),
            violations,
        );
    }
    check_target(path, &http.split, &http.destination, violations);
}

fn has_prefix(found: Option<&Match>) -> bool {
    let path = found.and_then(|found| found.path.as_ref());
    matches!(
        path.and_then(|path| path.matcher_type.as_ref()),
        Some(MatcherType::Prefix(_))
    )
}

fn check_match(path: &str, found: Option<&Match>, violations: &mut Violations) {
    let Some(found) = found.filter(|found| **found != Match::default()) else {
        violations.add(
            path,
            "must be present and contain at least one of: \"method\", \"path\" or \"headers\"",
        );
        return;
    };
    for (field, matcher) in [("method", &found.method), ("path", &found.path)] {
        if let Some(matcher) = matcher {
            check_matcher(&format!("{path}.{field}"), matcher, violations);
        }
    }
    for (name, matcher) in &found.headers {
        if name.is_empty() {
            violations.add(format!("{path}.headers"), "header name cannot be empty");
        }
        check_matcher(&format!("{path}.headers[{name:?}]"), matcher, violations);
    }
}

fn check_matcher(path: &str, matcher: &StringMatcher, violations: &mut Violations) {
    match &matcher.matcher_type {
        None => violations.add(path, "must have one of prefix, exact, regex"),
        Some(MatcherType::Prefix(text)) => require(format!("{path}.prefix"), text, violations),
        Some(MatcherType::Regex(text)) => require(format!("{path}.regex"), text, violations),
        Some(MatcherType::Exact(_)) => {}
    }
}

fn check_modify(path: &str, modify: &Modify, has_prefix: bool, violations: &mut Violations) {
    if let Some(value) = &modify.path {
        check_path(&format!("{path}.path"), value, has_prefix, violations);
    }
    if let Some(value) = &modify.host {
        check_host(&format!("{path}.host"), value, violations);
    }
    for (field, headers) in [
        ("requestHeaders", &modify.request_headers),
        ("responseHeaders", &modify.response_headers),
    ] {
        if let Some(headers) = headers {
            check_headers(&format!("{path}.{field}"), headers, violations);
        }
    }
}

fn check_path(path: &str, value: &Path, has_prefix: bool, violations: &mut Violations) {
    match &value.r#type {
        None => violations.add(path, "must have one of rewritePrefix, regex"),
        Some(path::Type::RewritePrefix(text)) => {
            let field = format!("{path}.rewritePrefix");
            require(field.clone(), text, violations);
            if !has_prefix {
                violations.add(
                    field,
                    "can only be set when .http.match.path.prefix is not empty",
                );
            }
        }
        Some(path::Type::Regex(regex)) => {
            check_regex(&format!("{path}.regex"), regex, violations);
        }
    }
}

fn check_host(path: &str, value: &Host, violations: &mut Violations) {
    match &value.r#type {
        None => violations.add(path, "must have one of value, fromPath"),
        Some(host::Type::Value(text)) => require(format!("{path}.value"), text, violations),
        Some(host::Type::FromPath(regex)) => {
            check_regex(&format!("{path}.fromPath"), regex, violations);
        }
    }
}

fn check_regex(path: &str, regex: &RegexReplace, violations: &mut Violations) {
    require(format!("{path}.pattern"), &regex.pattern, violations);
    require(
        format!("{path}.substitution"),
        &regex.substitution,
        violations,
    );
}

fn check_headers(path: &str, headers: &Headers, violations: &mut Violations) {
    for (index, header) in headers.add.iter().enumerate() {
        let path = format!("{path}.add[{index}]");
        check_name(format!("{path}.name"), &header.name, violations);
        require(format!("{path}.value"), &header.value, violations);
    }
    for (index, header) in headers.remove.iter().enumerate() {
        check_name(
            format!("{path}.remove[{index}].name"),
            &header.name,
            violations,
        );
    }
}

fn check_name(field: String, name: &str, violations: &mut Violations) {
    if name.is_empty() {
        violations.add(field, CANNOT_BE_EMPTY);
    } else if name.starts_with(':') || name == "host" || name == "Host" {
        violations.add(
            field,
            "host header and HTTP/2 pseudo-headers are not allowed to be modified",
        );
    }
}

fn require(field: String, value: &str, violations: &mut Violations) {
    if value.is_empty() {
        violations.add(field, CANNOT_BE_EMPTY);
    }
}
