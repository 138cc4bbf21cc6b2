//! One virtual host: its routes as they were written, in their order.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use torii_mesh::Route;
use torii_resource::tags::Tags;

use crate::gateway::action::{Forwarding, Spot};
use crate::gateway::hosts::Host;
use crate::gateway::sort::Key;
use crate::gateway::{entry, route, sort};
use crate::part::PartError;
use crate::proxy::renderer::clusters::KnownClusters;
use crate::proxy::renderer::difference::difference;
use crate::report::{Place, Report};

/// What is written, besides route and host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'c> {
    /// Name of the route configuration.
    pub(super) part: &'c str,
    /// Tags of the proxy.
    pub(super) proxy: &'c Tags,
    /// Port of the listener.
    pub(super) port: u32,
}

/// Where uses of clusters are counted.
#[derive(Debug)]
pub(super) struct Uses<'c> {
    /// By the proxy.
    pub(super) all: &'c mut KnownClusters,
    /// By the route configuration.
    pub(super) here: &'c mut BTreeMap<Arc<str>, usize>,
}

impl Uses<'_> {
    fn take(&mut self, cluster: &Arc<str>, destination: &Tags) {
        self.all.take(cluster, destination);
        *self.here.entry(cluster.clone()).or_default() += 1;
    }

    fn release(&mut self, cluster: &Arc<str>) {
        self.all.release(cluster);
        if let Some(uses) = self.here.get_mut(cluster) {
            *uses -= 1;
            if *uses == 0 {
                self.here.remove(cluster);
            }
        }
    }
}

/// A virtual host of a listener with these merged tags.
#[derive(Debug)]
pub(super) struct KnownHost {
    tags: Arc<Tags>,
    routes: BTreeMap<Arc<str>, Attached>,
    /// The entries of all routes, in their order.
    pub(super) rows: Vec<Row>,
}

/// One entry of the route table.
#[derive(Debug)]
pub(super) struct Row {
    key: Key<Arc<str>>,
    /// The entry as it stands in the virtual host.
    pub(super) body: Bytes,
}

/// A route, and what it is about apart from its rows.
#[derive(Debug)]
struct Attached {
    route: Arc<Route>,
    errors: Vec<PartError>,
    /// Clusters by where they are named; each once.
    uses: Vec<(Arc<str>, Spot)>,
}

impl KnownHost {
    /// A host that has no routes yet.
    pub(super) fn new(tags: Arc<Tags>) -> Self {
        Self {
            tags,
            routes: BTreeMap::new(),
            rows: Vec::new(),
        }
    }

    /// Whether the host has these merged tags.
    pub(super) fn has(&self, tags: &Arc<Tags>) -> bool {
        self.tags == *tags
    }

    /// Makes the rows those of the host's routes; whether any differs.
    pub(super) fn update(
        &mut self,
        host: &Host<'_>,
        context: Context<'_>,
        uses: &mut Uses<'_>,
    ) -> bool {
        let before = self
            .routes
            .iter()
            .map(|(name, attached)| (name, &attached.route));
        let after = host.routes.iter().map(|route| (&route.name, *route));
        let changes = difference(before, after);
        if changes.is_empty() {
            return false;
        }
        self.rows.retain(|row| {
            changes
                .binary_search_by(|(name, _)| name.cmp(&row.key.name))
                .is_err()
        });
        for (name, route) in changes {
            if let Some(attached) = self.routes.remove(&name) {
                attached.release(uses);
            }
            if let Some(route) = route {
                let attached = self.attach(route, context, uses);
                self.routes.insert(name, attached);
            }
        }
        // A stable sort is linear when a few rows follow many that are in order.
        self.rows.sort_by(|one, other| one.key.cmp(&other.key));
        true
    }

    /// Writes the rows of a route at the end.
    fn attach(
        &mut self,
        route: &Arc<Route>,
        context: Context<'_>,
        uses: &mut Uses<'_>,
    ) -> Attached {
        let mut report = Report::default();
        let place = Place {
            part: context.part,
            resource: &route.key,
        };
        let mut forwarding = Forwarding::new(context.proxy, context.port);
        for entry in entry::entries(route, place, &mut report) {
            let mut body = Vec::new();
            route::write(&entry, &self.tags, &mut forwarding, &mut body);
            self.rows.push(Row {
                key: sort::key(&entry),
                body: Bytes::from(body),
            });
        }
        let mut named = forwarding.uses;
        named.sort_unstable_by(|one, other| {
            (&one.cluster, one.spot).cmp(&(&other.cluster, other.spot))
        });
        named.dedup_by(|one, other| one.cluster == other.cluster && one.spot == other.spot);
        for one in &named {
            uses.take(&one.cluster, one.destination);
        }
        Attached {
            route: route.clone(),
            errors: report.finish().0,
            uses: named
                .into_iter()
                .map(|one| (one.cluster, one.spot))
                .collect(),
        }
    }

    /// Takes back all uses of clusters.
    pub(super) fn forget(self, uses: &mut Uses<'_>) {
        for attached in self.routes.into_values() {
            attached.release(uses);
        }
    }

    /// Repeats what was wrong with routes.
    pub(super) fn report(&self, report: &mut Report) {
        for attached in self.routes.values() {
            report.repeat(&attached.errors);
        }
    }

    /// Reports backends that nobody serves.
    pub(super) fn report_nobody(&self, part: &str, clusters: &KnownClusters, report: &mut Report) {
        for attached in self.routes.values() {
            let place = Place {
                part,
                resource: &attached.route.key,
            };
            for (cluster, spot) in &attached.uses {
                if let Some((service, nobody)) = clusters.nobody(cluster) {
                    spot.note(place, service, nobody, report);
                }
            }
        }
    }
}

impl Attached {
    fn release(&self, uses: &mut Uses<'_>) {
        for (cluster, _) in &self.uses {
            uses.release(cluster);
        }
    }
}
