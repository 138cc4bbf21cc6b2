//! The clusters that a gateway's routes use, counted, with what is known of each.
//!
//! Which routes use them is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_mesh::Service;
use torii_resource::tags::{SERVICE, Tags};

use crate::gateway::{cluster, endpoint};
use crate::part::{PartError, Parts, TypeUrl};
use crate::proxy::renderer::difference::difference;
use crate::proxy::renderer::put;
use crate::report::Report;

/// All clusters of a proxy by name.
#[derive(Debug, Default)]
pub(super) struct KnownClusters {
    /// The services that the parts were made with.
    services: BTreeMap<Arc<str>, Arc<Service>>,
    by_name: BTreeMap<Arc<str>, KnownCluster>,
    /// Names whose use began or ended since the parts were made.
    unsettled: BTreeSet<Arc<str>>,
    ambiguous: bool,
}

#[derive(Debug)]
struct KnownCluster {
    destination: Tags,
    /// Number of places that name it.
    uses: usize,
    /// Why there are no endpoints.
    nobody: Option<&'static str>,
    errors: Vec<PartError>,
}

impl KnownCluster {
    fn service(&self) -> &str {
        self.destination.get(SERVICE).map_or("", String::as_str)
    }
}

impl KnownClusters {
    /// Counts a use of the cluster of this name, which is the destination's.
    pub(super) fn take(&mut self, name: &Arc<str>, destination: &Tags) {
        let known = self
            .by_name
            .entry(name.clone())
            .or_insert_with(|| KnownCluster {
                destination: destination.clone(),
                uses: 0,
                nobody: None,
                errors: Vec::new(),
            });
        if known.destination != *destination {
            self.ambiguous |= known.uses > 0;
            known.destination.clone_from(destination);
        }
        if known.uses == 0 {
            self.unsettled.insert(name.clone());
        }
        known.uses += 1;
    }

    /// Takes one use back.
    pub(super) fn release(&mut self, name: &Arc<str>) {
        if let Some(known) = self.by_name.get_mut(name) {
            known.uses -= 1;
            if known.uses == 0 {
                self.unsettled.insert(name.clone());
            }
        }
    }

    /// Whether one name has stood for two destinations: then nothing here is of use.
    pub(super) fn are_ambiguous(&self) -> bool {
        self.ambiguous
    }

    /// Brings the parts up to date with the uses and with these services.
    pub(super) fn settle(
        &mut self,
        mesh: &str,
        services: BTreeMap<Arc<str>, Arc<Service>>,
        parts: &mut Parts,
    ) {
        let mut names = std::mem::take(&mut self.unsettled);
        let changed: BTreeSet<Arc<str>> = difference(&self.services, &services)
            .into_iter()
            .map(|(service, _)| service)
            .collect();
        if !changed.is_empty() {
            let concerned = self
                .by_name
                .iter()
                .filter(|(_, known)| changed.contains(known.service()));
            names.extend(concerned.map(|(name, _)| name.clone()));
        }
        self.services = services;
        for name in names {
            self.settle_one(mesh, &name, parts);
        }
    }

    fn settle_one(&mut self, mesh: &str, name: &Arc<str>, parts: &mut Parts) {
        let Some(known) = self.by_name.get_mut(name) else {
            return;
        };
        if known.uses == 0 {
            self.by_name.remove(name);
            parts.remove(TypeUrl::Cluster, name);
            parts.remove(TypeUrl::Endpoint, name);
            return;
        }
        let mut report = Report::default();
        let service = cluster::known(&self.services, &known.destination);
        let target = cluster::target(
            mesh,
            service.map(|service| &**service),
            name,
            &known.destination,
            &mut report,
        );
        put(parts, TypeUrl::Cluster, cluster::part(name, &target));
        put(parts, TypeUrl::Endpoint, endpoint::part(name, &target));
        known.nobody = target.nobody;
        (known.errors, _) = report.finish();
    }

    /// Whether anybody wants to know about clusters without endpoints.
    pub(super) fn some_have_nobody(&self) -> bool {
        self.by_name.values().any(|known| known.nobody.is_some())
    }

    /// The cluster's service, and why nobody serves it, if nobody does.
    pub(super) fn nobody(&self, name: &str) -> Option<(&str, &'static str)> {
        let known = self.by_name.get(name)?;
        Some((known.service(), known.nobody?))
    }

    /// Repeats what was wrong with endpoints.
    pub(super) fn report(&self, report: &mut Report) {
        for known in self.by_name.values() {
            report.repeat(&known.errors);
        }
    }
}
