//! The gateway's generator with a memory: the same result as [`render_gateway`], at the price of what changed.
//!
//! What a written route depends on is in one place, `route::write`: the route, the merged tags of its host, and the
//! proxy's tags and the port. The memory is arranged by these: another proxy empties it, another port, host or tags of
//! a host have their own, and a route is known by its `Arc`, which the memory holds. Clusters and endpoints depend on
//! their destination, the service's `Arc` and the mesh. Hosts and who attaches to them are decided anew each time.

mod clusters;
mod difference;
mod host;
mod port;

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_mesh::{GatewayProxy, GatewayView};

use crate::gateway::{hosts, listener, runtime};
use crate::part::{Part, Parts, Rendered, TypeUrl};
use crate::proxy::gateway::render_gateway;
use crate::report::Report;

use clusters::KnownClusters;
use port::KnownPort;

/// Generates one builtin gateway again and again, and writes only what differs from the last time. Parts that stay as
/// they are stay the same `Arc`.
///
/// It remembers, it does not decide: any sequence of views, of any proxies, gives for each what [`render_gateway`] gives
/// for it. In a view there is one route of a name and mesh, as in every view that an index makes.
#[derive(Debug, Default)]
pub struct Renderer {
    proxy: Option<Arc<GatewayProxy>>,
    /// By name of the route configuration, which has the gateway's name and the port in it.
    ports: BTreeMap<String, KnownPort>,
    clusters: KnownClusters,
    parts: Parts,
}

impl Renderer {
    /// What [`render_gateway`] gives for this view.
    pub fn render(&mut self, view: GatewayView) -> Rendered {
        if self.proxy.as_ref() != Some(&view.proxy) {
            *self = Self {
                proxy: Some(view.proxy.clone()),
                ..Self::default()
            };
        }
        let mut report = Report::default();
        let ports = listener::ports(&view, &mut report);
        self.forget_ports_but(&ports);
        for port in &ports {
            let name = port.routes();
            let hosts = hosts::hosts(&port.listeners, &name, &mut report);
            let known = self.ports.entry(name.clone()).or_default();
            if let Some(part) = known.update(&name, &view, port, &hosts, &mut self.clusters) {
                self.parts.insert(TypeUrl::Route, part);
                self.put(TypeUrl::Listener, listener::part(&view, port));
            }
        }
        self.put(TypeUrl::Runtime, runtime::part(&ports));
        if self.clusters.are_ambiguous() {
            // Two destinations with one cluster name: which of them has it depends on the order of all routes.
            *self = Self::default();
            return render_gateway(&view);
        }
        self.clusters
            .settle(&view.proxy.id.mesh, view.services, &mut self.parts);
        self.clusters.report(&mut report);
        for (name, port) in &self.ports {
            port.report(name, &self.clusters, &mut report);
        }
        let (errors, notes) = report.finish();
        Rendered {
            parts: self.parts.clone(),
            errors,
            notes,
        }
    }

    fn forget_ports_but(&mut self, ports: &[listener::Port<'_>]) {
        let gone = self.ports.extract_if(.., |name, _| {
            ports.iter().all(|port| port.routes() != *name)
        });
        for (name, port) in gone {
            self.parts.remove(TypeUrl::Route, &name);
            self.parts.remove(TypeUrl::Listener, port.listener());
            port.forget(&mut self.clusters);
        }
    }

    /// Puts a part in, unless it is there.
    fn put(&mut self, of: TypeUrl, part: Part) {
        put(&mut self.parts, of, part);
    }
}

fn put(parts: &mut Parts, of: TypeUrl, part: Part) {
    if parts
        .get(of, &part.name)
        .is_none_or(|known| **known != part)
    {
        parts.insert(of, part);
    }
}
