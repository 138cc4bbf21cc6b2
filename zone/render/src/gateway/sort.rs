//! The order of entries in a virtual host: Envoy takes the first match (gateway-xds §3.4 with its DO lines).
//!
//! A total order: two different entries of a host never compare equal. An exact match that somebody wrote comes before
//! the exact entry that completes a prefix, whatever else the two look at: the latter is a prefix match at heart.

use std::cmp::{Ordering, Reverse};

use crate::gateway::entry::{Entry, PathMatch};

/// Compares two entries of one host.
pub(crate) fn compare(one: &Entry<'_>, other: &Entry<'_>) -> Ordering {
    key(one).cmp(&key(other))
}

fn key<'a>(entry: &'a Entry<'_>) -> impl Ord + use<'a> {
    let (kind, path) = match &entry.path {
        PathMatch::Exact(path) => (0, path.as_str()),
        PathMatch::Prefix(path) => (1, path.as_str()),
        PathMatch::Regex(path) => (2, path.as_str()),
        PathMatch::Any => (3, ""),
    };
    let criteria = entry.criteria;
    let specific = (
        kind,
        Reverse(path.len()),
        entry.copy,
        criteria.method == 0,
        Reverse(criteria.headers.len()),
        Reverse(criteria.query_parameters.len()),
        path,
    );
    let origin = &entry.origin;
    (
        specific,
        (
            origin.route.created,
            &origin.route.name,
            origin.rule,
            origin.r#match,
        ),
    )
}

#[cfg(test)]
mod tests;
