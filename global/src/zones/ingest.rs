//! What a zone sends up, as proposals for the store. PURE: a state and a transaction in, changes out.
//!
//! A zone changes and removes only what it owns; where its plain name is taken by somebody else, its resource is stored
//! under Kuma's hashed name (docs/decisions/002-names-of-zone-resources.md).

use std::collections::BTreeMap;

use torii_api::change;
use torii_resource::name::hashed;
use torii_resource::{KindName, Resource, ResourceKey};
use torii_store::{Change, Proposal, View};
use torii_sync::WireKey;
use torii_sync::receiver::Transaction;
use torii_sync::scope::Origin;

/// What a transaction comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// What to propose, in order; nothing for what is stored alike.
    pub(super) proposals: Vec<Proposal>,
    /// What of it is not taken in, and why.
    pub(super) refused: Vec<String>,
}

/// A transaction of `zone` on this state.
pub(super) fn plan(view: &View, zone: &str, origin: &Origin, transaction: &Transaction) -> Plan {
    let mut changes: BTreeMap<ResourceKey, Change> = BTreeMap::new();
    let mut refused: Vec<String> = transaction
        .refused
        .iter()
        .map(ToString::to_string)
        .collect();
    for (kind, change) in &transaction.types {
        for key in &change.removals {
            if let Some(stored) = owned(view, zone, origin, kind, key) {
                changes.insert(stored.key.clone(), change::remove(stored));
            }
        }
        // After the removals: the same stored key may be meant by both, and then it stays.
        for resource in change.upserts.values() {
            match upsert(view, zone, origin, resource) {
                Ok((key, Some(change))) => {
                    changes.insert(key, change);
                }
                Ok((key, None)) => {
                    changes.remove(&key);
                }
                Err(reason) => refused.push(reason),
            }
        }
    }
    Plan {
        proposals: change::proposals(changes.into_values().collect(), BTreeMap::new()),
        refused,
    }
}

/// Where a resource is stored, and the change that makes it so, if one is needed.
fn upsert(
    view: &View,
    zone: &str,
    origin: &Origin,
    resource: &Resource,
) -> Result<(ResourceKey, Option<Change>), String> {
    let mut adopted = origin
        .adopt(resource.clone())
        .map_err(|error| error.to_string())?;
    let foreign = |key: &ResourceKey| view.get(key).is_some_and(|stored| !origin.owns(stored));
    if foreign(&adopted.key) {
        let fallback = fallback(&adopted.key, zone);
        if foreign(&fallback) {
            return Err(format!(
                "{}: its name is taken, and so is {}",
                adopted.key, fallback.name
            ));
        }
        adopted.key = fallback;
    }
    let key = adopted.key.clone();
    let stored = view.get(&key).map(|stored| &**stored);
    Ok((key, change::copy(adopted, stored)))
}

/// The stored resource that the zone means by a key of its own.
fn owned<'a>(
    view: &'a View,
    zone: &str,
    origin: &Origin,
    kind: &KindName,
    key: &WireKey,
) -> Option<&'a Resource> {
    let plain = origin.stored_key(kind, key);
    let fallback = fallback(&plain, zone);
    [plain, fallback]
        .iter()
        .filter_map(|key| view.get(key))
        .find(|stored| origin.owns(stored))
        .map(|stored| &**stored)
}

fn fallback(key: &ResourceKey, zone: &str) -> ResourceKey {
    ResourceKey {
        name: hashed(&key.mesh, &key.name, &[zone]),
        ..key.clone()
    }
}

#[cfg(test)]
mod tests;
