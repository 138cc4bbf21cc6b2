//! What a zone sends up, as a proposal for the store. PURE: a state and a transaction in, changes out.
//!
//! A zone changes and removes only what it owns; where its plain name is taken by somebody else, its resource is stored
//! under Kuma's hashed name (docs/decisions/002-names-of-zone-resources.md).

use std::collections::BTreeMap;

use torii_resource::{KindName, Resource, ResourceKey, Revision};
use torii_store::{Change, Expect, Op, Proposal, View};
use torii_sync::WireKey;
use torii_resource::name::hashed;
use torii_sync::receiver::Transaction;
use torii_sync::scope::Origin;

/// A transaction of `zone` as a proposal, and what of it is refused.
pub(crate) fn plan(view: &View, zone: &str, origin: &Origin, transaction: &Transaction) -> (Proposal, Vec<String>) {
    let mut changes: BTreeMap<ResourceKey, Change> = BTreeMap::new();
    let mut refused: Vec<String> = transaction.refused.iter().map(ToString::to_string).collect();
    for (kind, change) in &transaction.types {
        for key in &change.removals {
            if let Some(stored) = owned(view, zone, origin, kind, key) {
                changes.insert(stored.key.clone(), removal(stored));
            }
        }
        // After the removals: the same stored key may be meant by both, and then it stays.
        for resource in change.upserts.values() {
            match upsert(view, zone, origin, resource) {
                Ok(change) => {
                    changes.insert(change.key.clone(), change);
                }
                Err(reason) => refused.push(reason),
            }
        }
    }
    let proposal = Proposal {
        changes: changes.into_values().collect(),
        ..Proposal::default()
    };
    (proposal, refused)
}

fn upsert(view: &View, zone: &str, origin: &Origin, resource: &Resource) -> Result<Change, String> {
    let mut adopted = origin.adopt(resource.clone()).map_err(|error| error.to_string())?;
    let foreign = |key: &ResourceKey| view.get(key).is_some_and(|stored| !origin.owns(stored));
    if foreign(&adopted.key) {
        let fallback = fallback(&adopted.key, zone);
        if foreign(&fallback) {
            return Err(format!("{}: its name is taken, and so is {}", adopted.key, fallback.name));
        }
        adopted.key = fallback;
    }
    let expect = view
        .get(&adopted.key)
        .map_or(Expect::Absent, |stored| Expect::Modified(stored.modified.revision));
    let created = (adopted.created.revision > Revision::ZERO).then_some(adopted.created);
    Ok(Change {
        key: adopted.key,
        expect,
        op: Op::Put {
            labels: adopted.labels,
            spec: adopted.spec,
            created,
        },
    })
}

fn removal(stored: &Resource) -> Change {
    Change {
        key: stored.key.clone(),
        expect: Expect::Modified(stored.modified.revision),
        op: Op::Delete,
    }
}

/// The stored resource that the zone means by a key of its own.
fn owned<'a>(view: &'a View, zone: &str, origin: &Origin, kind: &KindName, key: &WireKey) -> Option<&'a Resource> {
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
