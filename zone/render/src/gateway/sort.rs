//! The order of entries in a virtual host: Envoy takes the first match (gateway-xds §3.4 with its DO lines).
//!
//! A total order: two different entries of a host never compare equal. An exact match that somebody wrote comes before
//! the exact entry that completes a prefix, whatever else the two look at: the latter is a prefix match at heart.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use torii_resource::Stamp;

use crate::gateway::entry::{Entry, PathMatch};

/// Compares two entries of one host.
pub(crate) fn compare(one: &Entry<'_>, other: &Entry<'_>) -> Ordering {
    borrowed(one).cmp(&borrowed(other))
}

/// An entry's place in the order; `T` is how texts are held. The order of the fields is the order of the rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key<T> {
    kind: u8,
    longest: Reverse<usize>,
    copy: bool,
    any_method: bool,
    headers: Reverse<usize>,
    queries: Reverse<usize>,
    path: T,
    created: Stamp,
    /// Name of the route.
    pub(crate) name: T,
    rule: usize,
    r#match: usize,
}

/// The place of an entry, without the entry.
pub(crate) fn key(entry: &Entry<'_>) -> Key<Arc<str>> {
    let key = borrowed(entry);
    Key {
        path: Arc::from(key.path),
        name: entry.origin.route.name.clone(),
        kind: key.kind,
        longest: key.longest,
        copy: key.copy,
        any_method: key.any_method,
        headers: key.headers,
        queries: key.queries,
        created: key.created,
        rule: key.rule,
        r#match: key.r#match,
    }
}

fn borrowed<'e>(entry: &'e Entry<'_>) -> Key<&'e str> {
    let (kind, path) = match &entry.path {
        PathMatch::Exact(path) => (0, path.as_str()),
        PathMatch::Prefix(path) => (1, path.as_str()),
        PathMatch::Regex(path) => (2, path.as_str()),
        PathMatch::Any => (3, ""),
    };
    let criteria = entry.criteria;
    let origin = &entry.origin;
    Key {
        kind,
        longest: Reverse(path.len()),
        copy: entry.copy,
        any_method: criteria.method == 0,
        headers: Reverse(criteria.headers.len()),
        queries: Reverse(criteria.query_parameters.len()),
        path,
        created: origin.route.created,
        name: &origin.route.name,
        rule: origin.rule,
        r#match: origin.r#match,
    }
}

#[cfg(test)]
mod tests;
