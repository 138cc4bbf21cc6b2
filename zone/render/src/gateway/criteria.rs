//! What an entry matches, as Envoy's message (gateway-xds §3.5, steps 1, 2, 7 and 8).

use torii_proto::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use torii_proto::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use torii_proto::envoy::config::route::v3::route_match::PathSpecifier;
use torii_proto::envoy::config::route::v3::{HeaderMatcher, QueryParameterMatcher, RouteMatch};
use torii_proto::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use torii_proto::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher};
use torii_proto::kuma::mesh::v1alpha1::HttpMethod;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::Header;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::header::MatchType as HeaderType;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::query::MatchType as QueryType;

use crate::gateway::entry::{Entry, PathMatch};

/// The match of an entry.
pub(crate) fn route_match(entry: &Entry<'_>) -> RouteMatch {
    let path = match &entry.path {
        PathMatch::Exact(path) => PathSpecifier::Path(path.clone()),
        PathMatch::Prefix(path) => PathSpecifier::Prefix(path.clone()),
        PathMatch::Regex(pattern) => PathSpecifier::SafeRegex(regex(pattern)),
        PathMatch::Any => PathSpecifier::Prefix("/".to_owned()),
    };
    RouteMatch {
        path_specifier: Some(path),
        headers: headers(entry),
        query_parameters: queries(entry),
        ..RouteMatch::default()
    }
}

/// The method first, then exact, regex, present, absent, each in order of the document.
fn headers(entry: &Entry<'_>) -> Vec<HeaderMatcher> {
    let mut matchers = Vec::with_capacity(entry.criteria.headers.len() + 1);
    let method = entry.criteria.method();
    if method != HttpMethod::None {
        let name = method.as_str_name().to_owned();
        matchers.push(matcher(":method", string(MatchPattern::Exact(name))));
    }
    for group in [
        HeaderType::Exact,
        HeaderType::Regex,
        HeaderType::Present,
        HeaderType::Absent,
    ] {
        let headers = entry
            .criteria
            .headers
            .iter()
            .filter(|header| header.r#match() == group);
        matchers.extend(headers.map(|header| matcher(&header.name, specifier(header))));
    }
    matchers
}

fn specifier(header: &Header) -> HeaderMatchSpecifier {
    match header.r#match() {
        HeaderType::Exact => string(MatchPattern::Exact(header.value.clone())),
        HeaderType::Regex => string(MatchPattern::SafeRegex(regex(&header.value))),
        HeaderType::Present => HeaderMatchSpecifier::PresentMatch(true),
        HeaderType::Absent => HeaderMatchSpecifier::PresentMatch(false),
    }
}

fn matcher(name: &str, specifier: HeaderMatchSpecifier) -> HeaderMatcher {
    HeaderMatcher {
        name: name.to_owned(),
        header_match_specifier: Some(specifier),
        ..HeaderMatcher::default()
    }
}

fn string(pattern: MatchPattern) -> HeaderMatchSpecifier {
    HeaderMatchSpecifier::StringMatch(StringMatcher {
        match_pattern: Some(pattern),
        ..StringMatcher::default()
    })
}

/// Exact, then regex, each in order of the document.
fn queries(entry: &Entry<'_>) -> Vec<QueryParameterMatcher> {
    let mut matchers = Vec::with_capacity(entry.criteria.query_parameters.len());
    for group in [QueryType::Exact, QueryType::Regex] {
        let queries = entry
            .criteria
            .query_parameters
            .iter()
            .filter(|query| query.r#match() == group);
        matchers.extend(queries.map(|query| {
            let pattern = match group {
                QueryType::Exact => MatchPattern::Exact(query.value.clone()),
                QueryType::Regex => MatchPattern::SafeRegex(regex(&query.value)),
            };
            QueryParameterMatcher {
                name: query.name.clone(),
                query_parameter_match_specifier: Some(QueryParameterMatchSpecifier::StringMatch(
                    StringMatcher {
                        match_pattern: Some(pattern),
                        ..StringMatcher::default()
                    },
                )),
            }
        }));
    }
    matchers
}

/// Without an engine: Envoy has one only, and the field is deprecated.
pub(crate) fn regex(pattern: &str) -> RegexMatcher {
    RegexMatcher {
        regex: pattern.to_owned(),
        ..RegexMatcher::default()
    }
}
