//! The table of Dataplanes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Dataplane, Inbound};

/// Dataplanes of one mesh by name.
#[derive(Debug, Default)]
pub(super) struct Dataplanes {
    by_name: BTreeMap<Arc<str>, Dataplane>,
}

impl Dataplanes {
    /// Puts one in, or takes it out; the former value.
    pub(super) fn put(&mut self, name: &str, dataplane: Option<Dataplane>) -> Option<Dataplane> {
        match dataplane {
            Some(dataplane) => self.by_name.insert(Arc::from(name), dataplane),
            None => self.by_name.remove(name),
        }
    }

    pub(super) fn inbounds(&self, name: &str) -> &[Inbound] {
        self.by_name
            .get(name)
            .map_or(&[], |dataplane| &dataplane.inbounds)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
