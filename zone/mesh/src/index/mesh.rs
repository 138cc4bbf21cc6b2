//! One mesh: its tables, the bindings of its gateways, and the reverse look-ups between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::{Kind, Resource, ResourceKey, kinds};

use crate::index::Touched;
use crate::index::binding::Binding;
use crate::index::dataplane::Dataplanes;
use crate::index::gateway::Gateways;
use crate::index::lookup::Tagged;
use crate::index::route::Routes;
use crate::index::service::Services;
use crate::model::{Dataplane, Gateway, GatewayProxy, ProxyId, Route};
use crate::view::GatewayView;

/// The kinds that the index reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    Dataplane,
    Gateway,
    Route,
}

impl Table {
    pub(super) fn of(kind: &str) -> Option<Self> {
        if kind == kinds::Dataplane::DESCRIPTOR.name {
            Some(Self::Dataplane)
        } else if kind == kinds::MeshGateway::DESCRIPTOR.name {
            Some(Self::Gateway)
        } else if kind == kinds::MeshGatewayRoute::DESCRIPTOR.name {
            Some(Self::Route)
        } else {
            None
        }
    }
}

/// Everything of one mesh.
#[derive(Debug, Default)]
pub(super) struct MeshIndex {
    dataplanes: Dataplanes,
    gateways: Gateways,
    routes: Routes,
    services: Services,
    bindings: BTreeMap<Arc<str>, Binding>,
    /// Gateway proxies by their own tags: for changed MeshGateways.
    by_proxy_tags: Tagged,
    /// Gateway proxies by the merged tags of their listeners: for changed routes.
    by_listener_tags: Tagged,
    /// Gateway proxies by the services that they use: for changed endpoints.
    users: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl MeshIndex {
    /// Applies one change. A resource that cannot be decoded counts as removed.
    ///
    /// # Errors
    /// When the resource cannot be decoded.
    pub(super) fn apply(
        &mut self,
        table: Table,
        key: &ResourceKey,
        resource: Option<&Resource>,
        touched: &mut Touched,
    ) -> Result<(), prost::DecodeError> {
        match table {
            Table::Dataplane => {
                let (new, result) = split(resource.map(Dataplane::decode));
                self.put_dataplane(key, new, touched);
                result
            }
            Table::Gateway => {
                let (new, result) = split(resource.map(Gateway::decode));
                self.put_gateway(key, new.map(Arc::new), touched);
                result
            }
            Table::Route => {
                let (new, result) = split(resource.map(Route::decode));
                self.put_route(key, new.map(Arc::new), touched);
                result
            }
        }
    }

    pub(super) fn proxies(&self) -> impl Iterator<Item = &ProxyId> {
        self.bindings.values().map(|binding| &binding.proxy.id)
    }

    pub(super) fn view(&self, name: &str, zone: &Arc<str>) -> Option<GatewayView> {
        Some(self.bindings.get(name)?.view(zone, &self.services))
    }

    /// Adds the keys of all that the tables hold.
    pub(super) fn keys(&self, mesh: &str, keys: &mut BTreeSet<ResourceKey>) {
        keys.extend(
            self.dataplanes
                .names()
                .map(|name| ResourceKey::of::<kinds::Dataplane>(mesh, name)),
        );
        keys.extend(
            self.gateways
                .names()
                .map(|name| ResourceKey::of::<kinds::MeshGateway>(mesh, name)),
        );
        keys.extend(
            self.routes
                .names()
                .map(|name| ResourceKey::of::<kinds::MeshGatewayRoute>(mesh, name)),
        );
    }

    pub(super) fn is_empty(&self) -> bool {
        self.dataplanes.is_empty()
            && self.gateways.is_empty()
            && self.routes.is_empty()
            && self.services.is_empty()
    }

    fn put_dataplane(&mut self, key: &ResourceKey, new: Option<Dataplane>, touched: &mut Touched) {
        let name: Arc<str> = Arc::from(key.name.as_str());
        let proxy = new.as_ref().and_then(|dataplane| dataplane.gateway.clone());
        let before = self.dataplanes.put(&name, new);

        let inbounds = before.as_ref().map_or(&[][..], |before| &before.inbounds);
        for service in self
            .services
            .put(&name, inbounds, self.dataplanes.inbounds(&name))
        {
            for user in self.users.get(&service).into_iter().flatten() {
                if let Some(binding) = self.bindings.get(user) {
                    touched.changed(binding.proxy.id.clone());
                }
            }
        }

        let was = before.and_then(|before| before.gateway);
        if was == proxy {
            return;
        }
        self.unbind(&name);
        match (proxy, was) {
            (Some(proxy), _) => self.bind(&name, proxy, touched),
            (None, Some(was)) => touched.removed(was.id.clone()),
            (None, None) => {}
        }
    }

    fn put_gateway(&mut self, key: &ResourceKey, new: Option<Arc<Gateway>>, touched: &mut Touched) {
        let before = self.gateways.put(&key.name, new.clone());
        if before == new {
            return;
        }
        let mut candidates = BTreeSet::new();
        for gateway in before.iter().chain(&new) {
            self.by_proxy_tags
                .candidates(&gateway.selectors, &mut candidates);
        }
        for name in candidates {
            let Some(binding) = self.bindings.get(&name) else {
                continue;
            };
            let proxy = binding.proxy.clone();
            if self.gateways.select(&proxy.tags) != binding.gateway.as_ref() {
                self.unbind(&name);
                self.bind(&name, proxy, touched);
            }
        }
    }

    fn put_route(&mut self, key: &ResourceKey, new: Option<Arc<Route>>, touched: &mut Touched) {
        let before = self.routes.put(&key.name, new.clone());
        if before == new {
            return;
        }
        let mut candidates = BTreeSet::new();
        for route in before.iter().chain(&new) {
            self.by_listener_tags
                .candidates(&route.selectors, &mut candidates);
        }
        let Some(route_name) = before
            .iter()
            .chain(&new)
            .map(|route| route.name.clone())
            .next()
        else {
            return;
        };
        for name in candidates {
            let Some(binding) = self.bindings.get_mut(&name) else {
                continue;
            };
            let change = binding.put_route(&route_name, new.as_ref());
            if change.touched {
                touched.changed(binding.proxy.id.clone());
            }
            for service in change.services {
                let uses = binding.uses(&service);
                set_user(&mut self.users, &service, &name, uses);
            }
        }
    }

    fn bind(&mut self, name: &Arc<str>, proxy: Arc<GatewayProxy>, touched: &mut Touched) {
        touched.changed(proxy.id.clone());
        let gateway = self.gateways.select(&proxy.tags).cloned();
        let binding = Binding::new(proxy, gateway, &self.routes);
        self.by_proxy_tags.insert(name, [&binding.proxy.tags]);
        self.by_listener_tags.insert(name, binding.listener_tags());
        for service in binding.services() {
            set_user(&mut self.users, service, name, true);
        }
        self.bindings.insert(name.clone(), binding);
    }

    fn unbind(&mut self, name: &Arc<str>) {
        let Some(binding) = self.bindings.remove(name) else {
            return;
        };
        self.by_proxy_tags.remove(name, [&binding.proxy.tags]);
        self.by_listener_tags.remove(name, binding.listener_tags());
        for service in binding.services() {
            set_user(&mut self.users, service, name, false);
        }
    }
}

fn set_user(
    users: &mut BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    service: &Arc<str>,
    proxy: &Arc<str>,
    uses: bool,
) {
    if uses {
        users
            .entry(service.clone())
            .or_default()
            .insert(proxy.clone());
    } else if let Some(proxies) = users.get_mut(service) {
        proxies.remove(proxy);
        if proxies.is_empty() {
            users.remove(service);
        }
    }
}

/// A decoded value if there is one, and the error if there is one.
fn split<T, E>(decoded: Option<Result<T, E>>) -> (Option<T>, Result<(), E>) {
    match decoded {
        None => (None, Ok(())),
        Some(Ok(value)) => (Some(value), Ok(())),
        Some(Err(error)) => (None, Err(error)),
    }
}
