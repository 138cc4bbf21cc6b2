//! The state that all nodes share: every resource in order of its key, marks, revision and epoch.
//!
//! Immutable once published: a [`View`] is a cheap handle on one moment. Nothing here decides or performs I/O.

use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;
use torii_resource::{KindName, Resource, ResourceKey, Revision};

/// Epoch of a cluster that was never restored from a backup.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// One moment of the store. A clone shares structure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) revision: Revision,
    pub(crate) epoch: u64,
    pub(crate) resources: OrdMap<ResourceKey, Arc<Resource>>,
    pub(crate) marks: OrdMap<String, Bytes>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            revision: Revision::ZERO,
            epoch: FIRST_EPOCH,
            resources: OrdMap::new(),
            marks: OrdMap::new(),
        }
    }
}

/// What a node held at one revision. Immutable; a clone costs one reference count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View(Arc<State>);

impl View {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(state))
    }

    pub(crate) fn state(&self) -> &State {
        &self.0
    }

    /// The revision of the newest batch that this view contains; 0 before the first.
    pub fn revision(&self) -> Revision {
        self.0.revision
    }

    /// Starts at 1 and grows with every restore from a backup.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Number of resources.
    pub fn len(&self) -> usize {
        self.0.resources.len()
    }

    /// Whether there is no resource.
    pub fn is_empty(&self) -> bool {
        self.0.resources.is_empty()
    }

    /// The resource with this key.
    pub fn get(&self, key: &ResourceKey) -> Option<&Arc<Resource>> {
        self.0.resources.get(key)
    }

    /// All resources of a kind, ordered by mesh and name.
    pub fn list<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
        let kind = KindName::new(kind);
        let first = ResourceKey {
            kind: kind.clone(),
            mesh: String::new(),
            name: String::new(),
        };
        self.0
            .resources
            .range(first..)
            .map(|(_, resource)| resource)
            .take_while(move |resource| resource.key.kind == kind)
    }

    /// All resources of a kind in a mesh, ordered by name.
    pub fn list_in<'a>(
        &'a self,
        kind: &str,
        mesh: &str,
    ) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
        let first = ResourceKey::new(kind, mesh, "");
        let (kind, mesh) = (first.kind.clone(), first.mesh.clone());
        self.0
            .resources
            .range(first..)
            .map(|(_, resource)| resource)
            .take_while(move |resource| resource.key.kind == kind && resource.key.mesh == mesh)
    }

    /// All resources, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.0.resources.values()
    }

    /// A named value that changes together with resources.
    pub fn mark(&self, name: &str) -> Option<&Bytes> {
        self.0.marks.get(name)
    }

    /// All marks, ordered by name.
    pub fn marks(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0
            .marks
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }
}
