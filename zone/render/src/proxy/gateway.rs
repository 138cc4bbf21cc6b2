//! The builtin gateway: which parts there are.

use torii_mesh::GatewayView;

use crate::gateway::cluster::{self, Clusters};
use crate::gateway::{endpoint, hosts, listener, route, runtime};
use crate::part::{Parts, Rendered, TypeUrl};
use crate::report::Report;

/// Everything that a builtin gateway's Envoy gets: for each port a listener and its route configuration, for each
/// destination a cluster and its endpoints, and one runtime layer, which is there even without a MeshGateway.
///
/// What cannot be served is in [`Rendered::errors`], and the rest is served.
pub fn render_gateway(view: &GatewayView) -> Rendered {
    let mut report = Report::default();
    let mut parts = Parts::new();
    let mut clusters = Clusters::new(view);
    let ports = listener::ports(view, &mut report);
    for port in &ports {
        let hosts = hosts::hosts(&port.listeners, &port.routes(), &mut report);
        parts.insert(
            TypeUrl::Route,
            route::part(view, port, &hosts, &mut clusters, &mut report),
        );
        parts.insert(TypeUrl::Listener, listener::part(view, port));
    }
    for (name, target) in clusters.iter() {
        parts.insert(TypeUrl::Cluster, cluster::part(name, target));
        parts.insert(TypeUrl::Endpoint, endpoint::part(name, target));
    }
    parts.insert(TypeUrl::Runtime, runtime::part(&ports));
    let (errors, notes) = report.finish();
    Rendered {
        parts,
        errors,
        notes,
    }
}
