//! What Kuma stores of a TrafficRoute although Envoy refuses it (gateway-xds §11.2).

use torii_proto::kuma::mesh::v1alpha1::TrafficRoute as Spec;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::r#match::StringMatcher;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::r#match::string_matcher::MatcherType;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::http::modify::{
    Headers, RegexReplace, host, path,
};
use torii_proto::kuma::mesh::v1alpha1::traffic_route::{Http, Split};

use crate::re2;
use crate::rules::envoy_header;
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(conf) = &spec.conf else {
        return violations;
    };
    check_weights("conf.split", &conf.split, &mut violations);
    for (index, http) in conf.http.iter().enumerate() {
        check_http(&format!("conf.http[{index}]"), http, &mut violations);
    }
    violations
}

fn check_http(path: &str, http: &Http, violations: &mut Violations) {
    if let Some(found) = &http.r#match {
        for (field, matcher) in [("method", &found.method), ("path", &found.path)] {
            check_matcher(
                &format!("{path}.match.{field}"),
                matcher.as_ref(),
                violations,
            );
        }
        for (name, matcher) in &found.headers {
            check_matcher(
                &format!("{path}.match.headers[{name:?}]"),
                Some(matcher),
                violations,
            );
        }
    }
    if let Some(modify) = &http.modify {
        if let Some(path::Type::Regex(regex)) =
            modify.path.as_ref().and_then(|path| path.r#type.as_ref())
        {
            check_replace(&format!("{path}.modify.path.regex"), regex, violations);
        }
        if let Some(host::Type::FromPath(regex)) =
            modify.host.as_ref().and_then(|host| host.r#type.as_ref())
        {
            check_replace(&format!("{path}.modify.host.fromPath"), regex, violations);
        }
        for (field, headers) in [
            ("requestHeaders", &modify.request_headers),
            ("responseHeaders", &modify.response_headers),
        ] {
            if let Some(headers) = headers {
                check_headers(&format!("{path}.modify.{field}"), headers, violations);
            }
        }
    }
    check_weights(&format!("{path}.split"), &http.split, violations);
}

fn check_matcher(path: &str, matcher: Option<&StringMatcher>, violations: &mut Violations) {
    if let Some(MatcherType::Regex(pattern)) =
        matcher.and_then(|matcher| matcher.matcher_type.as_ref())
    {
        check_pattern(format!("{path}.regex"), pattern, violations);
    }
}

fn check_replace(path: &str, regex: &RegexReplace, violations: &mut Violations) {
    check_pattern(format!("{path}.pattern"), &regex.pattern, violations);
}

fn check_pattern(field: String, pattern: &str, violations: &mut Violations) {
    if let Err(reason) = re2::check(pattern) {
        violations.add(
            field,
            format!("must be a regular expression of RE2, Envoy's engine: {reason}"),
        );
    }
}

/// The host is refused by Kuma's own rules where it is written in its usual ways.
fn check_headers(path: &str, headers: &Headers, violations: &mut Violations) {
    let ours = |name: &str| !name.starts_with(':') && name != "host" && name != "Host";
    for (index, header) in headers.add.iter().enumerate() {
        let name = if ours(&header.name) { &header.name } else { "" };
        let path = format!("{path}.add[{index}]");
        envoy_header(
            format!("{path}.name"),
            name,
            format!("{path}.value"),
            &header.value,
            violations,
        );
    }
    for (index, header) in headers.remove.iter().enumerate() {
        if ours(&header.name) {
            let field = format!("{path}.remove[{index}].name");
            envoy_header(field, &header.name, "", "", violations);
        }
    }
}

/// Envoy adds weights in 32 bits.
fn check_weights(field: &str, split: &[Split], violations: &mut Violations) {
    let sum: u64 = split
        .iter()
        .map(|entry| u64::from(entry.weight.unwrap_or(0)))
        .sum();
    if sum > u64::from(u32::MAX) {
        violations.add(
            field,
            format!("the sum of the weights must be at most {}", u32::MAX),
        );
    }
}
