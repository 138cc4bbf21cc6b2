//! The table of MeshGatewayRoutes, and which of them may attach to a listener.

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_resource::tags::Tags;

use crate::index::lookup::Selecting;
use crate::model::Route;

/// MeshGatewayRoutes of one mesh by name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_name: BTreeMap<Arc<str>, Arc<Route>>,
    selecting: Selecting,
}

impl Routes {
    /// Puts one in, or takes it out; the former value.
    pub(super) fn put(&mut self, name: &str, route: Option<Arc<Route>>) -> Option<Arc<Route>> {
        let before = self.by_name.remove(name);
        if let Some(before) = &before {
            self.selecting.remove(name, &before.selectors);
        }
        if let Some(route) = route {
            self.selecting.insert(&route.name, &route.selectors);
            self.by_name.insert(route.name.clone(), route);
        }
        before
    }

    /// Those that may attach to a listener with these tags; some twice.
    pub(super) fn candidates(&self, tags: &Tags) -> impl Iterator<Item = &Arc<Route>> {
        let names = self.selecting.candidates(tags);
        names.filter_map(|name| self.by_name.get(name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
