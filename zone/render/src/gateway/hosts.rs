//! Virtual hosts of one listener port, and which routes each has (gateway-xds §1.5-§1.7 with its DO lines).
//!
//! Independent of the order of listeners and routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_mesh::{ListenerView, Route};
use torii_resource::tags::Tags;

use crate::gateway::name;
use crate::report::{Place, Report};

/// The host for everything that no other host takes.
const ANY: &str = "*";

/// A route with its hostnames in the form in which hosts are compared; none given: it takes every host.
#[derive(Debug)]
struct Candidate<'a> {
    route: &'a Arc<Route>,
    hostnames: Vec<String>,
}

/// One virtual host.
#[derive(Debug)]
pub(crate) struct Host<'a> {
    pub(crate) hostname: String,
    /// Merged tags of the listener that it comes from.
    pub(crate) tags: &'a Arc<Tags>,
    /// In order of name, each once.
    pub(crate) routes: Vec<&'a Arc<Route>>,
}

/// Hosts under construction: a listener's tags, and the routes by name.
struct Draft<'a> {
    tags: &'a Arc<Tags>,
    routes: BTreeMap<&'a str, &'a Arc<Route>>,
}

/// The virtual hosts of the listeners of one port, hostnames descending (so `*` is last). The hostnames of the
/// listeners are valid and different.
pub(crate) fn hosts<'a>(
    listeners: &[(String, &'a ListenerView)],
    part: &str,
    report: &mut Report,
) -> Vec<Host<'a>> {
    let mut drafts: BTreeMap<String, Draft<'a>> = BTreeMap::new();
    let mut wildcard = None;
    for (hostname, listener) in listeners {
        let candidates = listener
            .routes
            .iter()
            .filter_map(|route| candidate(route, part, report));
        if hostname == ANY {
            wildcard = Some((&listener.tags, candidates.collect::<Vec<_>>()));
        }
        drafts.insert(
            hostname.clone(),
            Draft {
                tags: &listener.tags,
                routes: BTreeMap::new(),
            },
        );
    }
    // Two passes, so that every host exists before a wildcard hostname looks for the hosts that it covers.
    if let Some((tags, candidates)) = &wildcard {
        for hostname in candidates.iter().flat_map(|candidate| &candidate.hostnames) {
            drafts.entry(hostname.clone()).or_insert_with(|| Draft {
                tags,
                routes: BTreeMap::new(),
            });
        }
        distribute(candidates, &mut drafts);
    }
    for (hostname, listener) in listeners.iter().filter(|(hostname, _)| hostname != ANY) {
        let Some(draft) = drafts.get_mut(hostname) else {
            continue;
        };
        for route in &listener.routes {
            if candidate(route, part, report).is_some_and(|candidate| candidate.meets(hostname)) {
                draft.routes.insert(&route.name, route);
            }
        }
    }
    let hosts = drafts.into_iter().rev().map(|(hostname, draft)| Host {
        hostname,
        tags: draft.tags,
        routes: draft.routes.into_values().collect(),
    });
    hosts.collect()
}

/// Gives the routes of the `*` listener to the hosts that their hostnames name or cover.
fn distribute<'a>(candidates: &[Candidate<'a>], drafts: &mut BTreeMap<String, Draft<'a>>) {
    // Hostnames read from the end: those that a wildcard covers are neighbours.
    let mut reversed: Vec<(String, String)> = drafts
        .keys()
        .map(|hostname| (hostname.chars().rev().collect(), hostname.clone()))
        .collect();
    reversed.sort_unstable();
    let mut attach = |hostname: &str, route: &'a Arc<Route>| {
        if let Some(draft) = drafts.get_mut(hostname) {
            draft.routes.insert(&route.name, route);
        }
    };
    for candidate in candidates {
        if candidate.hostnames.is_empty() {
            attach(ANY, candidate.route);
        }
        for hostname in &candidate.hostnames {
            attach(hostname, candidate.route);
            let Some(suffix) = hostname.strip_prefix("*.") else {
                continue;
            };
            let ending: String = suffix.chars().rev().chain(['.']).collect();
            let first = reversed.partition_point(|(name, _)| *name < ending);
            let covered = reversed[first..]
                .iter()
                .take_while(|(name, _)| name.starts_with(&ending));
            for (_, covered) in covered {
                attach(covered, candidate.route);
            }
        }
    }
}

impl Candidate<'_> {
    /// Whether the route has anything for a host of this name.
    fn meets(&self, hostname: &str) -> bool {
        self.hostnames.is_empty()
            || self
                .hostnames
                .iter()
                .any(|own| name::covers(own, hostname) || name::covers(hostname, own))
    }
}

/// A route with its usable hostnames; none when it names hosts and none of them is usable.
fn candidate<'a>(route: &'a Arc<Route>, part: &str, report: &mut Report) -> Option<Candidate<'a>> {
    let given = &route.http()?.hostnames;
    let place = Place {
        part,
        resource: &route.key,
    };
    let mut hostnames = Vec::with_capacity(given.len());
    for (i, hostname) in given.iter().enumerate() {
        match name::host(hostname) {
            Some(hostname) => hostnames.push(hostname),
            None => report.error(
                place,
                format!("conf.http.hostnames[{i}]"),
                format!(
                    "'{hostname}' is neither a DNS name nor '*.' and a DNS name: it is left out"
                ),
            ),
        }
    }
    (given.is_empty() || !hostnames.is_empty()).then_some(Candidate { route, hostnames })
}

#[cfg(test)]
mod tests;
