//! One port: its virtual hosts, and the route configuration that is put together from their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use torii_mesh::GatewayView;

use crate::gateway::hosts::Host;
use crate::gateway::listener::Port;
use crate::gateway::route;
use crate::part::Part;
use crate::proxy::renderer::clusters::KnownClusters;
use crate::proxy::renderer::host::{Context, KnownHost, Uses};
use crate::report::Report;
use crate::wire;

/// A port of one gateway and proxy.
#[derive(Debug, Default)]
pub(super) struct KnownPort {
    /// Name of the Envoy listener; empty before the first update.
    listener: String,
    /// By hostname.
    hosts: BTreeMap<String, KnownHost>,
    /// Clusters that the route configuration uses, and how often.
    used: BTreeMap<Arc<str>, usize>,
}

impl KnownPort {
    /// Name of the Envoy listener.
    pub(super) fn listener(&self) -> &str {
        &self.listener
    }

    /// Makes the hosts these; the route configuration, unless it is what it was. `name` is the configuration's.
    pub(super) fn update(
        &mut self,
        name: &str,
        view: &GatewayView,
        port: &Port<'_>,
        hosts: &[Host<'_>],
        clusters: &mut KnownClusters,
    ) -> Option<Part> {
        let context = Context {
            part: name,
            proxy: &view.proxy.tags,
            port: port.number,
        };
        let mut uses = Uses {
            all: clusters,
            here: &mut self.used,
        };
        let mut changed = self.listener.is_empty();
        self.listener.clone_from(&port.name);
        let gone = self.hosts.extract_if(.., |hostname, known| {
            // In descending order, see `hosts`.
            let host = hosts.binary_search_by(|host| hostname.cmp(&host.hostname));
            !host.is_ok_and(|i| known.has(hosts[i].tags))
        });
        for (_, host) in gone {
            host.forget(&mut uses);
            changed = true;
        }
        for host in hosts {
            if let Some(known) = self.hosts.get_mut(&host.hostname) {
                changed |= known.update(host, context, &mut uses);
            } else {
                let mut known = KnownHost::new(host.tags.clone());
                known.update(host, context, &mut uses);
                self.hosts.insert(host.hostname.clone(), known);
                changed = true;
            }
        }
        changed.then(|| {
            let body = self.write(name);
            Part::from_body(name, body).with_clusters(self.used.keys().cloned())
        })
    }

    /// Puts the route configuration together. The rows become slices of it, so that nothing is in memory twice.
    fn write(&mut self, name: &str) -> Bytes {
        let mut body = route::head(name);
        let mut starts = Vec::with_capacity(self.hosts.values().map(|host| host.rows.len()).sum());
        for (hostname, host) in self.hosts.iter().rev() {
            let mut head = route::host_head(hostname);
            if host.rows.is_empty() {
                route::write_no_routes(&mut head);
            }
            let rows: usize = host.rows.iter().map(|row| row.body.len()).sum();
            body.reserve(head.len() + rows + 16);
            wire::open(&mut body, route::VIRTUAL_HOSTS, head.len() + rows);
            body.extend_from_slice(&head);
            for row in &host.rows {
                starts.push(body.len());
                body.extend_from_slice(&row.body);
            }
        }
        let body = Bytes::from(body);
        let rows = self
            .hosts
            .values_mut()
            .rev()
            .flat_map(|host| &mut host.rows);
        for (row, start) in rows.zip(starts) {
            row.body = body.slice(start..start + row.body.len());
        }
        body
    }

    /// Takes back all uses of clusters.
    pub(super) fn forget(mut self, clusters: &mut KnownClusters) {
        let mut uses = Uses {
            all: clusters,
            here: &mut self.used,
        };
        for host in self.hosts.into_values() {
            host.forget(&mut uses);
        }
    }

    /// Repeats what is wrong or surprising; `name` is the route configuration's.
    pub(super) fn report(&self, name: &str, clusters: &KnownClusters, report: &mut Report) {
        let nobody = clusters.some_have_nobody();
        for host in self.hosts.values() {
            host.report(report);
            if nobody {
                host.report_nobody(name, clusters, report);
            }
        }
    }
}
