//! Make before break: which clusters are warm, and how long a route or listener waits for one that is not.
//!
//! Envoy's warm signals: it holds the ACK of a CDS response back until the clusters in it are warm (after its start-up),
//! and a plain EDS cluster is warm as soon as it has taken an EDS response that was sent after the cluster. The second
//! keeps one slow cluster from delaying the others that were sent with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prost::Message as _;

use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use torii_render::{Part, Parts, TypeUrl};

use super::book::Book;

/// A version of a cluster.
type Blocker = (Arc<str>, Arc<str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// The timer of this number runs.
    Running(u64),
    /// What waited has been sent; the cluster is still not warm.
    Expired,
}

/// Which clusters are warm and which are waited for.
#[derive(Debug, Default)]
pub(super) struct Warmth {
    warm: BTreeMap<Arc<str>, Arc<str>>,
    holds: BTreeMap<Blocker, Hold>,
    timers: u64,
}

impl Warmth {
    /// Envoy has warmed this version.
    pub(super) fn set(&mut self, name: &str, version: &str) {
        self.warm.insert(Arc::from(name), Arc::from(version));
        self.holds.remove(&(Arc::from(name), Arc::from(version)));
    }

    /// Envoy does not have the cluster any more, or rejected it.
    pub(super) fn unset(&mut self, name: &str) {
        self.warm.remove(name);
    }

    /// Forgets holds for versions that nobody wants any more.
    pub(super) fn on_desired(&mut self, parts: &Parts) {
        self.holds.retain(|(name, version), _| {
            parts
                .get(TypeUrl::Cluster, name)
                .is_some_and(|part| part.version.as_str() == version.as_ref())
        });
    }

    /// The time of a timer is up: what waits for its clusters goes now.
    pub(super) fn expire(&mut self, id: u64) {
        for hold in self
            .holds
            .values_mut()
            .filter(|hold| **hold == Hold::Running(id))
        {
            *hold = Hold::Expired;
        }
    }

    /// Waits for these clusters; returns the number of a timer to be set if one of them was not waited for before.
    pub(super) fn wait_for(&mut self, blockers: BTreeSet<Blocker>) -> Option<u64> {
        let id = self.timers + 1;
        let mut fresh = false;
        for blocker in blockers {
            self.holds.entry(blocker).or_insert_with(|| {
                fresh = true;
                Hold::Running(id)
            });
        }
        fresh.then(|| {
            self.timers = id;
            id
        })
    }

    /// A rejected version is not waited for.
    pub(super) fn give_up(&mut self, name: &str, version: &str) {
        self.holds.remove(&(Arc::from(name), Arc::from(version)));
    }

    /// A cluster that is waited for, or was in vain and is still not warm.
    pub(super) fn waiting(&self) -> Option<&Arc<str>> {
        self.holds.keys().next().map(|(name, _)| name)
    }

    /// The version to wait for before something that uses the cluster may go; none when it may.
    pub(super) fn blocker(&self, name: &str, clusters: &Book, parts: &Parts) -> Option<Blocker> {
        // A cluster that does not exist is the generator's or the user's matter: nothing to wait for.
        let part = parts.get(TypeUrl::Cluster, name)?;
        let version = part.version.as_str();
        if self
            .warm
            .get(name)
            .is_some_and(|warm| warm.as_ref() == version)
            || clusters.is_quarantined(name, Some(part))
        {
            return None;
        }
        let blocker = (Arc::from(name), Arc::from(version));
        (self.holds.get(&blocker) != Some(&Hold::Expired)).then_some(blocker)
    }
}

/// Whether a cluster is warm as soon as it has its endpoints: EDS, no health check, no secret to wait for.
pub(super) fn warm_with_endpoints(part: &Part) -> bool {
    if !part.secrets.is_empty() {
        return false;
    }
    Cluster::decode(part.body.clone()).is_ok_and(|cluster| {
        cluster.cluster_discovery_type
            == Some(ClusterDiscoveryType::Type(DiscoveryType::Eds.into()))
            && cluster.health_checks.is_empty()
    })
}
