//! The model of the route table: one entry is one match with what is done about it (gateway-xds §3.3).
//!
//! Entries know no clusters and no Envoy messages: `route` writes those. A later explanation of requests reads this.

use std::rc::Rc;

use torii_mesh::Route;
use torii_proto::envoy::config::route::v3::redirect_action::RedirectResponseCode;
use torii_proto::kuma::mesh::v1alpha1::HttpMethod;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::Redirect as RedirectSpec;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::rewrite::Path as RewriteSpec;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::header::MatchType as HeaderMatch;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::path::MatchType as PathType;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::{Match, Rule as RuleSpec};
use torii_resource::tags::Tags;

use crate::gateway::filter::{self, Edits, Fault, Filters, Mirror};
use crate::gateway::name;
use crate::report::{Place, Report};

/// Which paths an entry matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathMatch {
    Exact(String),
    /// Ends with a slash.
    Prefix(String),
    Regex(String),
    /// Every path, because the match says nothing about paths: last in the order.
    Any,
}

/// What becomes of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathRewrite {
    Full(String),
    Prefix(String),
}

/// Where an entry comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) route: &'a Route,
    pub(crate) rule: usize,
    pub(crate) r#match: usize,
}

/// One match, and what is done about it.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) path: PathMatch,
    /// The exact entry that completes a prefix: after every exact match that somebody wrote.
    pub(crate) copy: bool,
    pub(crate) rewrite: Option<PathRewrite>,
    /// Method, headers and query of the match.
    pub(crate) criteria: &'a Match,
    pub(crate) rule: Rc<Rule<'a>>,
    pub(crate) origin: Origin<'a>,
}

/// What all entries of one rule have in common.
#[derive(Debug)]
pub(crate) struct Rule<'a> {
    pub(crate) request: Edits,
    pub(crate) response: Edits,
    pub(crate) action: Action<'a>,
}

#[derive(Debug)]
pub(crate) enum Action<'a> {
    Forward(Forward<'a>),
    Redirect(Redirect<'a>),
}

/// A share of the requests goes to each backend.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    pub(crate) backends: Vec<Backend<'a>>,
    pub(crate) mirror: Option<Mirror<'a>>,
    pub(crate) host: HostRewrite,
}

#[derive(Debug)]
pub(crate) struct Backend<'a> {
    /// None: it names no service, and its share is answered with 500.
    pub(crate) destination: Option<&'a Tags>,
    pub(crate) weight: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostRewrite {
    Keep,
    Literal(String),
    Backend,
}

#[derive(Debug)]
pub(crate) struct Redirect<'a> {
    pub(crate) spec: &'a RedirectSpec,
    pub(crate) code: RedirectResponseCode,
}

/// All entries of one HTTP route, in order of rule and match. What is at fault is reported and left out.
pub(crate) fn entries<'a>(
    route: &'a Route,
    place: Place<'_>,
    report: &mut Report,
) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    let rules = route.http().map_or(&[][..], |http| &http.rules);
    for (i, spec) in rules.iter().enumerate() {
        let mut faults = Vec::new();
        let read = Rule::read(spec, &mut faults);
        for (field, reason) in faults {
            report.error(place, format!("conf.http.rules[{i}].{field}"), reason);
        }
        let Some((rule, rewrite)) = read else {
            continue;
        };
        let rule = Rc::new(rule);
        for (j, criteria) in spec.matches.iter().enumerate() {
            if let Some(refused) = route.refused_patterns.get(&(i, j)) {
                report.error(place, refused.field.clone(), refused.reason.clone());
                continue;
            }
            if let Err((field, reason)) = check(criteria) {
                report.error(
                    place,
                    format!("conf.http.rules[{i}].matches[{j}]{field}"),
                    reason,
                );
                continue;
            }
            let origin = Origin {
                route,
                rule: i,
                r#match: j,
            };
            expand(criteria, &rule, rewrite, origin, &mut entries);
        }
    }
    entries
}

impl<'a> Rule<'a> {
    /// The rule and its path rewrite; none when it cannot be served at all.
    fn read(
        spec: &'a RuleSpec,
        faults: &mut Vec<Fault>,
    ) -> Option<(Self, Option<&'a RewriteSpec>)> {
        let filters = Filters::read(&spec.filters, faults);
        let rewrite = match (filters.redirect, filters.rewrite) {
            (Some((_, redirect)), _) => redirect.path.as_ref().and_then(|path| path.path.as_ref()),
            (None, rewrite) => rewrite.and_then(|rewrite| rewrite.path.as_ref()),
        };
        if let Some(RewriteSpec::ReplaceFull(path) | RewriteSpec::ReplacePrefixMatch(path)) =
            rewrite
            && let Err(reason) = filter::text(path)
        {
            faults.push((
                "filters".to_owned(),
                format!("replacement of the path: {reason}"),
            ));
        }
        let action = match filters.redirect {
            Some((i, redirect)) => {
                if filters.mirror.is_some() || filters.rewrite.is_some() {
                    let reason = "redirects cannot be used with other filters";
                    faults.push(("filters".to_owned(), reason.to_owned()));
                }
                read_redirect(i, redirect, faults).map(Action::Redirect)
            }
            None => Some(Action::Forward(Forward {
                host: read_host(&filters, faults),
                mirror: filters.mirror,
                backends: Vec::new(),
            })),
        };
        if !faults.is_empty() {
            return None;
        }
        let mut action = action?;
        if let Action::Forward(forward) = &mut action {
            forward.backends = read_backends(spec, faults)?;
        }
        let rule = Self {
            request: filters.request,
            response: filters.response,
            action,
        };
        Some((rule, rewrite))
    }
}

fn read_redirect<'a>(
    i: usize,
    spec: &'a RedirectSpec,
    faults: &mut Vec<Fault>,
) -> Option<Redirect<'a>> {
    if spec.port > 65_535 {
        let reason = "port must be in the range [1, 65535]";
        faults.push((format!("filters[{i}].redirect.port"), reason.to_owned()));
    }
    for (field, value) in [("scheme", &spec.scheme), ("hostname", &spec.hostname)] {
        if let Err(reason) = filter::text(value) {
            faults.push((format!("filters[{i}].redirect.{field}"), reason));
        }
    }
    let code = match spec.status_code {
        301 => RedirectResponseCode::MovedPermanently,
        302 => RedirectResponseCode::Found,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        other => {
            let reason = format!(
                "{other} is not a redirect that Envoy makes: use 301, 302, 303, 307 or 308"
            );
            faults.push((format!("filters[{i}].redirect.status_code"), reason));
            return None;
        }
    };
    Some(Redirect { spec, code })
}

fn read_host(filters: &Filters<'_>, faults: &mut Vec<Fault>) -> HostRewrite {
    let to_backend = filters
        .rewrite
        .is_some_and(|rewrite| rewrite.host_to_backend_hostname);
    match (&filters.host, to_backend) {
        (None, false) => HostRewrite::Keep,
        (None, true) => HostRewrite::Backend,
        (Some(host), false) => HostRewrite::Literal(host.clone()),
        (Some(_), true) => {
            let reason = "cannot modify 'Host' header, when route has set 'rewrite.host_to_backend_hostname' option";
            faults.push(("filters".to_owned(), reason.to_owned()));
            HostRewrite::Keep
        }
    }
}

/// The backends with their weights: absent everywhere = 1 each (decisions.md). A backend without a service is a fault
/// that costs its own share only.
fn read_backends<'a>(spec: &'a RuleSpec, faults: &mut Vec<Fault>) -> Option<Vec<Backend<'a>>> {
    let total: u64 = spec
        .backends
        .iter()
        .map(|backend| u64::from(backend.weight))
        .sum();
    if spec.backends.is_empty() || total > u64::from(u32::MAX) {
        let reason = if spec.backends.is_empty() {
            "cannot be empty"
        } else {
            "the sum of all weights must be below 4294967296"
        };
        faults.push(("backends".to_owned(), reason.to_owned()));
        return None;
    }
    let backends = spec.backends.iter().enumerate().map(|(n, backend)| {
        let destination = name::service(&backend.destination).map(|_| &backend.destination);
        if destination.is_none() {
            let reason = "mandatory tag \"kuma.io/service\" is missing: its share of requests is answered with 500";
            faults.push((format!("backends[{n}]"), reason.to_owned()));
        }
        Backend {
            destination,
            weight: if total == 0 { 1 } else { backend.weight },
        }
    });
    Some(backends.collect())
}

/// What Envoy would refuse in a match; regular expressions were checked when the route was decoded.
fn check(criteria: &Match) -> Result<(), Fault> {
    let fault = |field: String, reason: &str| Err((field, reason.to_owned()));
    if let Some(path) = &criteria.path {
        match PathType::try_from(path.r#match) {
            Ok(PathType::Regex) if path.value.is_empty() => {
                return fault(".value".to_owned(), "cannot be empty");
            }
            Ok(PathType::Exact | PathType::Prefix) if !path.value.starts_with('/') => {
                return fault(".value".to_owned(), "must be an absolute path");
            }
            Ok(_) => {}
            Err(_) => return fault(".path.match".to_owned(), "is not a known kind of match"),
        }
    }
    if HttpMethod::try_from(criteria.method).is_err() {
        return fault(".method".to_owned(), "is not a known method");
    }
    for (k, header) in criteria.headers.iter().enumerate() {
        let field = format!(".headers[{k}]");
        let has_value = !header.value.is_empty();
        if header.name.is_empty() {
            return fault(field + ".name", "cannot be empty");
        }
        if let Err(reason) = filter::text(&header.name) {
            return Err((field + ".name", reason));
        }
        match HeaderMatch::try_from(header.r#match) {
            Ok(HeaderMatch::Exact | HeaderMatch::Regex) if !has_value => {
                return fault(field + ".value", "cannot be empty");
            }
            Ok(_) => {}
            Err(_) => return fault(field + ".match", "is not a known kind of match"),
        }
    }
    for (k, query) in criteria.query_parameters.iter().enumerate() {
        let field = format!(".query_parameters[{k}]");
        if query.name.is_empty() || query.name.len() > 1024 {
            return fault(field + ".name", "must have 1 to 1024 bytes");
        }
        if query.value.is_empty() {
            return fault(field + ".value", "cannot be empty");
        }
        if !(0..=1).contains(&query.r#match) {
            return fault(field + ".match", "is not a known kind of match");
        }
    }
    Ok(())
}

/// One match as entries. A prefix has path-segment semantics: everything below it, and it alone (gateway-xds §3.3).
fn expand<'a>(
    criteria: &'a Match,
    rule: &Rc<Rule<'a>>,
    rewrite: Option<&RewriteSpec>,
    origin: Origin<'a>,
    entries: &mut Vec<Entry<'a>>,
) {
    let full = match rewrite {
        Some(RewriteSpec::ReplaceFull(path)) => Some(PathRewrite::Full(rooted(path))),
        _ => None,
    };
    let prefix = match rewrite {
        Some(RewriteSpec::ReplacePrefixMatch(path)) => Some(path.as_str()),
        _ => None,
    };
    let mut push = |path: PathMatch, copy: bool, rewrite: Option<PathRewrite>| {
        entries.push(Entry {
            path,
            copy,
            rewrite,
            criteria,
            rule: rule.clone(),
            origin,
        });
    };
    let below = prefix.map(|path| PathRewrite::Prefix(format!("{}/", trimmed(path))));
    let Some(path) = &criteria.path else {
        push(PathMatch::Any, false, below.or(full));
        return;
    };
    let whole = prefix.map(|path| PathRewrite::Prefix(path.to_owned()));
    match path.r#match() {
        PathType::Exact => push(PathMatch::Exact(path.value.clone()), false, whole.or(full)),
        PathType::Regex => push(PathMatch::Regex(path.value.clone()), false, whole.or(full)),
        PathType::Prefix => {
            let root = trimmed(&path.value);
            let alone = prefix.map(|path| PathRewrite::Full(rooted(trimmed(path))));
            push(
                PathMatch::Prefix(format!("{root}/")),
                false,
                below.or_else(|| full.clone()),
            );
            if !root.is_empty() {
                push(PathMatch::Exact(root.to_owned()), true, alone.or(full));
            } else if alone.is_some() {
                // The root needs its own entry only when its path is rewritten (2.13.7).
                push(PathMatch::Exact("/".to_owned()), true, alone);
            }
        }
    }
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// A path is never empty.
fn rooted(path: &str) -> String {
    if path.is_empty() { "/" } else { path }.to_owned()
}

#[cfg(test)]
mod tests;
