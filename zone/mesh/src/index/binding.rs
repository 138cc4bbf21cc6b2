//! What one builtin gateway is bound to: its MeshGateway, its routes by listener, and the services that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::tags::Tags;

use crate::index::route::Routes;
use crate::index::service::Services;
use crate::model::{Gateway, GatewayProxy, Route};
use crate::select;
use crate::view::{GatewayView, ListenerView};

#[derive(Debug)]
struct BoundListener {
    tags: Arc<Tags>,
    routes: BTreeMap<Arc<str>, Arc<Route>>,
}

/// A proxy and everything found for it.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) proxy: Arc<GatewayProxy>,
    pub(super) gateway: Option<Arc<Gateway>>,
    listeners: Vec<BoundListener>,
    /// Number of attachments that name a service.
    services: BTreeMap<Arc<str>, usize>,
}

impl Binding {
    /// Binds a proxy from scratch.
    pub(super) fn new(
        proxy: Arc<GatewayProxy>,
        gateway: Option<Arc<Gateway>>,
        routes: &Routes,
    ) -> Self {
        let mut services = BTreeMap::new();
        let listeners = gateway.as_ref().map_or_else(Vec::new, |gateway| {
            let bound = gateway.listeners.iter().map(|listener| {
                let tags = select::listener_tags(&proxy.tags, &gateway.tags, &listener.tags);
                let attached: BTreeMap<_, _> = routes
                    .candidates(&tags)
                    .filter(|route| {
                        route.fits(listener.protocol()) && select::attaches(route, &tags)
                    })
                    .map(|route| (route.name.clone(), route.clone()))
                    .collect();
                for service in attached.values().flat_map(|route| &route.services) {
                    *services.entry(service.clone()).or_default() += 1;
                }
                BoundListener {
                    tags: Arc::new(tags),
                    routes: attached,
                }
            });
            bound.collect()
        });
        Self {
            proxy,
            gateway,
            listeners,
            services,
        }
    }

    pub(super) fn listener_tags(&self) -> impl Iterator<Item = &Tags> {
        self.listeners.iter().map(|listener| &*listener.tags)
    }

    /// Names of the services that attached routes name.
    pub(super) fn services(&self) -> impl Iterator<Item = &Arc<str>> {
        self.services.keys()
    }

    /// Whether an attached route names this service.
    pub(super) fn uses(&self, service: &str) -> bool {
        self.services.contains_key(service)
    }

    /// Puts the new value of a route in the place of the old one; whether this proxy may see a difference, and the
    /// services whose use may have begun or ended.
    pub(super) fn put_route(&mut self, name: &Arc<str>, route: Option<&Arc<Route>>) -> RouteChange {
        let mut change = RouteChange::default();
        let Some(gateway) = &self.gateway else {
            return change;
        };
        for (listener, spec) in self.listeners.iter_mut().zip(&gateway.listeners) {
            let before = listener.routes.remove(name);
            let after = route.filter(|route| {
                route.fits(spec.protocol()) && select::attaches(route, &listener.tags)
            });
            change.touched |= before.as_ref() != after;
            if let Some(after) = after {
                listener.routes.insert(name.clone(), after.clone());
                for service in &after.services {
                    *self.services.entry(service.clone()).or_default() += 1;
                    change.services.insert(service.clone());
                }
            }
            for service in before.iter().flat_map(|before| &before.services) {
                if let Some(count) = self.services.get_mut(service) {
                    *count -= 1;
                    if *count == 0 {
                        self.services.remove(service);
                        change.services.insert(service.clone());
                    }
                }
            }
        }
        change
    }

    pub(super) fn view(&self, zone: &Arc<str>, services: &Services) -> GatewayView {
        let specs = self.gateway.iter().flat_map(|gateway| &gateway.listeners);
        GatewayView {
            zone: zone.clone(),
            proxy: self.proxy.clone(),
            gateway: self.gateway.clone(),
            listeners: specs
                .zip(&self.listeners)
                .enumerate()
                .map(|(index, (spec, bound))| ListenerView {
                    index,
                    spec: spec.clone(),
                    tags: bound.tags.clone(),
                    routes: bound.routes.values().cloned().collect(),
                })
                .collect(),
            services: self
                .services
                .keys()
                .filter_map(|name| Some((name.clone(), services.get(name)?.clone())))
                .collect(),
        }
    }
}

/// What a changed route does to one proxy.
#[derive(Debug, Default)]
pub(super) struct RouteChange {
    pub(super) touched: bool,
    /// Services whose use may have begun or ended.
    pub(super) services: BTreeSet<Arc<str>>,
}
