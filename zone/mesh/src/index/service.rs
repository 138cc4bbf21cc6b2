//! The table of services: from inbounds of Dataplanes to endpoints by service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Inbound, Service};
use crate::protocol::Protocol;

type Member = (Arc<str>, usize);

#[derive(Debug)]
struct Entry {
    members: BTreeMap<Member, Inbound>,
    built: Arc<Service>,
}

/// Services of one mesh by name.
#[derive(Debug, Default)]
pub(super) struct Services {
    by_name: BTreeMap<Arc<str>, Entry>,
}

impl Services {
    /// Puts a Dataplane's inbounds in the place of its former ones; the services that are not what they were.
    pub(super) fn put(
        &mut self,
        dataplane: &Arc<str>,
        before: &[Inbound],
        after: &[Inbound],
    ) -> BTreeSet<Arc<str>> {
        if before == after {
            return BTreeSet::new();
        }
        let names: BTreeSet<Arc<str>> = before
            .iter()
            .chain(after)
            .map(|one| one.service.clone())
            .collect();
        for (i, inbound) in before.iter().enumerate() {
            if let Some(entry) = self.by_name.get_mut(&inbound.service) {
                entry.members.remove(&(dataplane.clone(), i));
            }
        }
        for (i, inbound) in after.iter().enumerate() {
            let entry = self
                .by_name
                .entry(inbound.service.clone())
                .or_insert_with(|| Entry {
                    members: BTreeMap::new(),
                    built: Arc::new(build(&inbound.service, &BTreeMap::new())),
                });
            entry
                .members
                .insert((dataplane.clone(), i), inbound.clone());
        }
        names
            .into_iter()
            .filter(|name| self.rebuild(name))
            .collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Service>> {
        self.by_name.get(name).map(|entry| &entry.built)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether the service is not what it was.
    fn rebuild(&mut self, name: &Arc<str>) -> bool {
        let Some(entry) = self.by_name.get_mut(name) else {
            return false;
        };
        if entry.members.is_empty() {
            self.by_name.remove(name);
            return true;
        }
        let service = build(name, &entry.members);
        if service == *entry.built {
            return false;
        }
        entry.built = Arc::new(service);
        true
    }
}

fn build(name: &Arc<str>, members: &BTreeMap<Member, Inbound>) -> Service {
    let mut endpoints: Vec<_> = members
        .values()
        .filter(|inbound| inbound.ready)
        .map(|inbound| inbound.endpoint.clone())
        .collect();
    endpoints.sort();
    Service {
        name: name.clone(),
        endpoints,
        inbounds: members.len(),
        protocol: Protocol::common(members.values().map(|inbound| inbound.protocol)),
    }
}
