//! The table of MeshGateways, and who of them may select a proxy.

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_resource::tags::Tags;

use crate::index::lookup::Selecting;
use crate::model::Gateway;
use crate::select;

/// MeshGateways of one mesh by name.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    by_name: BTreeMap<Arc<str>, Arc<Gateway>>,
    selecting: Selecting,
}

impl Gateways {
    /// Puts one in, or takes it out; the former value.
    pub(super) fn put(
        &mut self,
        name: &str,
        gateway: Option<Arc<Gateway>>,
    ) -> Option<Arc<Gateway>> {
        let before = self.by_name.remove(name);
        if let Some(before) = &before {
            self.selecting.remove(name, &before.selectors);
        }
        if let Some(gateway) = gateway {
            let name: Arc<str> = Arc::from(name);
            self.selecting.insert(&name, &gateway.selectors);
            self.by_name.insert(name, gateway);
        }
        before
    }

    /// The one that a proxy with these tags uses.
    pub(super) fn select(&self, tags: &Tags) -> Option<&Arc<Gateway>> {
        let candidates = self.selecting.candidates(tags);
        select::gateway(candidates.filter_map(|name| self.by_name.get(name)), tags)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
