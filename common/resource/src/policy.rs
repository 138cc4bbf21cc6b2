//! Which source/destination policy governs what (policies §1.4, §3; gateway-xds §6.1, §6.2).
//!
//! PURE, and the same in every zone: ties are broken by creation at the origin, then by name. Knows no kind: a kind
//! says with [`ConnectionPolicy`] or [`ProxyPolicy`] where its selectors are. What a policy does is in the generators.
//!
//! A gateway takes [`candidates`] for the tags of a listener once, [`for_destination`] for every backend, and
//! [`for_route`] for what there is only one of in a route.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use torii_proto::kuma::mesh::v1alpha1::Selector;

use crate::kind::Kind;
use crate::meta::{Resource, ResourceKey, Revision, Stamp};
use crate::tags::{ANY, Rank, SERVICE, Tags, match_rank};

/// A kind whose objects govern connections from sources to destinations.
pub trait ConnectionPolicy: Kind {
    /// Who connects: any of these.
    fn sources(spec: &Self::Spec) -> &[Selector];
    /// To what: any of these.
    fn destinations(spec: &Self::Spec) -> &[Selector];
}

/// A kind whose objects govern whole proxies.
pub trait ProxyPolicy: Kind {
    /// Which proxies: any of these; none at all is all.
    fn selectors(spec: &Self::Spec) -> &[Selector];
}

/// A stored policy with its spec decoded.
pub struct Policy<K: Kind> {
    /// Identity.
    pub key: ResourceKey,
    /// Creation at the origin: what breaks ties.
    pub created: Stamp,
    /// The spec.
    pub spec: K::Spec,
}

impl<K: Kind> Policy<K> {
    /// Decodes a resource of kind `K`.
    ///
    /// # Errors
    /// When the bytes are not that kind's message.
    pub fn decode(resource: &Resource) -> Result<Self, prost::DecodeError> {
        Ok(Self {
            key: resource.key.clone(),
            created: resource.created,
            spec: resource.decode::<K>()?,
        })
    }

    /// The greatest of these is the newest, then the first by name.
    fn newest(&self) -> (Revision, jiff::Timestamp, Reverse<&str>) {
        (
            self.created.revision,
            self.created.time,
            Reverse(&self.key.name),
        )
    }

    /// The least of these is the oldest, then the first by name.
    fn oldest(&self) -> (Revision, jiff::Timestamp, &str) {
        (self.created.revision, self.created.time, &self.key.name)
    }
}

impl<K: Kind> fmt::Debug for Policy<K> {
    /// Without the spec, which may be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("key", &self.key)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// A policy whose sources match a listener.
pub struct Candidate<'a, K: Kind> {
    /// The policy.
    pub policy: &'a Policy<K>,
    /// How specifically its sources match.
    pub rank: Rank,
}

impl<K: Kind> Clone for Candidate<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Candidate<'_, K> {}

impl<K: Kind> fmt::Debug for Candidate<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("policy", self.policy)
            .field("rank", &self.rank)
            .finish()
    }
}

/// The policies whose sources match the merged tags of a gateway's listener, each with the rank of its **first**
/// matching source (policies §3.2).
pub fn candidates<'a, K: ConnectionPolicy>(
    policies: impl IntoIterator<Item = &'a Policy<K>>,
    listener: &Tags,
) -> Vec<Candidate<'a, K>> {
    policies
        .into_iter()
        .filter_map(|policy| {
            let rank = first_match(K::sources(&policy.spec), listener)?;
            Some(Candidate { policy, rank })
        })
        .collect()
}

/// The policy of one backend, mirrors included: of the candidates whose destinations match the tags that the route
/// writes, the most specific, then the newest, then the first by name (policies §3.3).
///
/// For FaultInjection the caller adds the backend's `kuma.io/protocol` to the tags (policies §4.3).
pub fn for_destination<'a, K: ConnectionPolicy>(
    candidates: &[Candidate<'a, K>],
    destination: &Tags,
) -> Option<&'a Policy<K>> {
    most_specific(candidates.iter().filter_map(|candidate| {
        let rank = first_match(K::destinations(&candidate.policy.spec), destination)?;
        Some((candidate.rank + rank, candidate.policy))
    }))
}

/// The one policy of a route with these backends in order, mirrors not among them, each with what
/// [`for_destination`] gave for it (policies §3.5): one that names every service is preferred, then the **oldest**
/// wins, then the first by name.
///
/// A policy whose destinations do not name the backend's service is not found, and one that governs several backends
/// is looked at for the first of them only: both as in Kuma.
pub fn for_route<'a, 'b, K: ConnectionPolicy>(
    backends: impl IntoIterator<Item = (&'b Tags, Option<&'a Policy<K>>)>,
) -> Option<&'a Policy<K>> {
    let mut seen = BTreeSet::new();
    let (mut for_all, mut for_one) = (Vec::new(), Vec::new());
    for (destination, policy) in backends {
        let Some(policy) = policy.filter(|policy| seen.insert(policy.key.name.as_str())) else {
            continue;
        };
        for selector in K::destinations(&policy.spec) {
            match selector.r#match.get(SERVICE) {
                Some(service) if service == ANY => for_all.push(policy),
                Some(service) if destination.get(SERVICE) == Some(service) => for_one.push(policy),
                Some(_) | None => {}
            }
        }
    }
    let candidates = if for_all.is_empty() { for_one } else { for_all };
    candidates.into_iter().min_by_key(|policy| policy.oldest())
}

/// The policy of a whole proxy with these tag sets (of its inbounds, or its gateway tags): the most specific, then the
/// newest, then the first by name (policies §1.4, M1).
pub fn for_proxy<'a, K: ProxyPolicy>(
    policies: impl IntoIterator<Item = &'a Policy<K>>,
    proxy: &[&Tags],
) -> Option<&'a Policy<K>> {
    most_specific(policies.into_iter().filter_map(|policy| {
        let selectors = K::selectors(&policy.spec);
        let rank = if selectors.is_empty() {
            Some(Rank::default())
        } else {
            best_match(selectors, proxy)
        };
        Some((rank?, policy))
    }))
}

/// The policy of a proxy's connections to a service (policies §1.4, M2): its best source and the service alone are
/// ranked. A gateway's TrafficLog is that for [`PASS_THROUGH`].
pub fn for_outbound<'a, K: ConnectionPolicy>(
    policies: impl IntoIterator<Item = &'a Policy<K>>,
    proxy: &[&Tags],
    service: &str,
) -> Option<&'a Policy<K>> {
    let destination = Tags::from([(SERVICE.to_owned(), service.to_owned())]);
    most_specific(policies.into_iter().filter_map(|policy| {
        let source = best_match(K::sources(&policy.spec), proxy)?;
        let rank = best_match(K::destinations(&policy.spec), &[&destination])?;
        Some((source + rank, policy))
    }))
}

/// The service of connections to nothing that the mesh knows.
pub const PASS_THROUGH: &str = "pass_through";

/// The policy in front of something with these tags, whoever connects (policies §1.4, M3): a TrafficPermission hides all
/// less specific ones. See [`has_source`] for whom it lets through.
pub fn for_inbound<'a, K: ConnectionPolicy>(
    policies: impl IntoIterator<Item = &'a Policy<K>>,
    destination: &Tags,
) -> Option<&'a Policy<K>> {
    most_specific(policies.into_iter().filter_map(|policy| {
        let rank = best_match(K::destinations(&policy.spec), &[destination])?;
        Some((rank, policy))
    }))
}

/// Whether any source of a policy matches any tag set of a proxy.
pub fn has_source<K: ConnectionPolicy>(policy: &Policy<K>, proxy: &[&Tags]) -> bool {
    best_match(K::sources(&policy.spec), proxy).is_some()
}

fn most_specific<'a, K: Kind>(
    ranked: impl Iterator<Item = (Rank, &'a Policy<K>)>,
) -> Option<&'a Policy<K>> {
    ranked
        .max_by_key(|(rank, policy)| (*rank, policy.newest()))
        .map(|(_, policy)| policy)
}

fn first_match(selectors: &[Selector], tags: &Tags) -> Option<Rank> {
    selectors
        .iter()
        .find_map(|selector| match_rank(&selector.r#match, tags))
}

fn best_match(selectors: &[Selector], tag_sets: &[&Tags]) -> Option<Rank> {
    selectors
        .iter()
        .flat_map(|selector| {
            tag_sets
                .iter()
                .filter_map(|tags| match_rank(&selector.r#match, tags))
        })
        .max()
}

#[cfg(test)]
mod tests;
