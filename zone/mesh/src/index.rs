//! The mesh index: tables by kind, and for each builtin gateway what it is bound to. Changed in place, in proportion
//! to the change.
//!
//! It finds who may need new configuration; what that configuration is, it does not know.

mod binding;
mod dataplane;
mod gateway;
mod lookup;
mod mesh;
mod route;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use torii_resource::{Resource, ResourceKey};

use crate::model::ProxyId;
use crate::view::GatewayView;

use mesh::MeshIndex;

/// Which builtin gateways a batch of changes concerns. No proxy is in both sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Those whose view may have changed; new ones included.
    pub proxies: BTreeSet<ProxyId>,
    /// Those that are no builtin gateways (any more).
    pub gone: BTreeSet<ProxyId>,
}

impl Touched {
    /// True when nobody is concerned.
    pub fn is_empty(&self) -> bool {
        self.proxies.is_empty() && self.gone.is_empty()
    }

    fn changed(&mut self, id: ProxyId) {
        self.gone.remove(&id);
        self.proxies.insert(id);
    }

    fn removed(&mut self, id: ProxyId) {
        self.proxies.remove(&id);
        self.gone.insert(id);
    }
}

/// A resource that the index could not read; it is treated as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The resource.
    pub key: ResourceKey,
    /// Why, and what to do.
    pub reason: String,
}

/// The index of all meshes of a zone.
pub struct Index {
    zone: Arc<str>,
    meshes: BTreeMap<String, MeshIndex>,
    problems: BTreeMap<ResourceKey, String>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("zone", &self.zone)
            .field("meshes", &self.meshes.keys())
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

impl Index {
    /// An empty index of this zone. An empty name: no zones (offline use).
    pub fn new(zone: &str) -> Self {
        Self {
            zone: Arc::from(zone),
            meshes: BTreeMap::new(),
            problems: BTreeMap::new(),
        }
    }

    /// Applies changes in their order: `None` is a removal. Kinds that the index does not read are passed over.
    pub fn apply(
        &mut self,
        changes: impl IntoIterator<Item = (ResourceKey, Option<Arc<Resource>>)>,
    ) -> Touched {
        let mut touched = Touched::default();
        for (key, resource) in changes {
            self.apply_one(&key, resource.as_deref(), &mut touched);
        }
        touched
    }

    /// Makes the index hold exactly these resources. Who sees no difference is not touched.
    pub fn replace(&mut self, resources: impl IntoIterator<Item = Arc<Resource>>) -> Touched {
        let resources: BTreeMap<ResourceKey, Arc<Resource>> = resources
            .into_iter()
            .map(|resource| (resource.key.clone(), resource))
            .collect();
        let mut stale: BTreeSet<ResourceKey> = self.problems.keys().cloned().collect();
        for (mesh, index) in &self.meshes {
            index.keys(mesh, &mut stale);
        }
        stale.retain(|key| !resources.contains_key(key));
        let removals = stale.into_iter().map(|key| (key, None));
        self.apply(
            removals.chain(
                resources
                    .into_iter()
                    .map(|(key, resource)| (key, Some(resource))),
            ),
        )
    }

    /// All builtin gateway proxies, in order.
    pub fn proxies(&self) -> impl Iterator<Item = &ProxyId> {
        self.meshes.values().flat_map(MeshIndex::proxies)
    }

    /// What a generator reads for this proxy; none when it is no builtin gateway of this zone.
    pub fn view(&self, id: &ProxyId) -> Option<GatewayView> {
        self.meshes.get(&id.mesh)?.view(&id.name, &self.zone)
    }

    /// The resources that could not be read, in order of key.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        self.problems.iter().map(|(key, reason)| Problem {
            key: key.clone(),
            reason: reason.clone(),
        })
    }

    fn apply_one(&mut self, key: &ResourceKey, resource: Option<&Resource>, touched: &mut Touched) {
        let Some(table) = mesh::Table::of(key.kind.as_str()) else {
            return;
        };
        if resource.is_none() && !self.meshes.contains_key(&key.mesh) {
            self.problems.remove(key);
            return;
        }
        let mesh = self.meshes.entry(key.mesh.clone()).or_default();
        match mesh.apply(table, key, resource, touched) {
            Ok(()) => self.problems.remove(key),
            Err(error) => self.problems.insert(
                key.clone(),
                format!("not readable, treated as absent: {error}; write it again"),
            ),
        };
        if mesh.is_empty() {
            self.meshes.remove(&key.mesh);
        }
    }
}

#[cfg(test)]
mod tests;
