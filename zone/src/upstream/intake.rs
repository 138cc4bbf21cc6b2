//! What the global sends, as a proposal for the zone's own store. The plan is pure; the loop around it is not.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use torii_resource::{Resource, ResourceKey, Revision};
use torii_store::{Change, Error, Expect, Op, Proposal, Store, View};
use torii_sync::guard::Memory;
use torii_sync::receiver::Transaction;
use torii_sync::scope::Origin;

use super::Upstream;
use crate::{local, metrics};

/// How often a transaction is planned anew when the zone's users change the same keys.
const ATTEMPTS: usize = 8;

/// A transaction as a proposal, and the resources that are not taken over.
fn plan(view: &View, transaction: &Transaction) -> (Proposal, Vec<String>) {
    let origin = Origin::Global;
    let mut changes: BTreeMap<ResourceKey, Change> = BTreeMap::new();
    let mut refused: Vec<String> = transaction.refused.iter().map(ToString::to_string).collect();
    for (kind, change) in &transaction.types {
        for key in &change.removals {
            let key = origin.stored_key(kind, key);
            if let Some(copy) = view.get(&key).filter(|stored| local::is_copy(stored)) {
                let change = Change {
                    expect: Expect::Modified(copy.modified.revision),
                    op: Op::Delete,
                    key: key.clone(),
                };
                changes.insert(key, change);
            }
        }
        for resource in change.upserts.values() {
            match upsert(view, &origin, resource) {
                Ok(change) => {
                    changes.insert(change.key.clone(), change);
                }
                Err(reason) => refused.push(reason),
            }
        }
    }
    let memory = Bytes::from(transaction.memory.to_bytes());
    let proposal = Proposal {
        changes: changes.into_values().collect(),
        marks: BTreeMap::from([(local::MEMORY.to_owned(), Some(memory))]),
    };
    (proposal, refused)
}

fn upsert(view: &View, origin: &Origin, resource: &Resource) -> Result<Change, String> {
    let adopted = origin.adopt(resource.clone()).map_err(|error| error.to_string())?;
    let stored = view.get(&adopted.key);
    if stored.is_some_and(|stored| !local::is_copy(stored)) {
        return Err(format!(
            "{}: a resource of this zone has the same name; it stays, and the global's is not taken over",
            adopted.key
        ));
    }
    let created = (adopted.created.revision > Revision::ZERO).then_some(adopted.created);
    Ok(Change {
        expect: stored.map_or(Expect::Absent, |stored| Expect::Modified(stored.modified.revision)),
        key: adopted.key,
        op: Op::Put {
            labels: adopted.labels,
            spec: adopted.spec,
            created,
        },
    })
}

/// Stores a transaction and the guard's memory in one batch; then, and only then, it may be acknowledged.
///
/// # Errors
/// A text that ends the stream: nothing of the transaction is stored, or it is unknown whether it is.
pub(super) async fn store(upstream: &Upstream, transaction: Transaction) -> Result<(), String> {
    let started = Instant::now();
    for _ in 0..ATTEMPTS {
        let (proposal, refused) = plan(&upstream.store.view(), &transaction);
        match upstream.store.propose(proposal).await {
            Ok(committed) => {
                metrics::stored(started.elapsed());
                if let Some(mark) = transaction.mark {
                    metrics::revision(mark.revision.0);
                    upstream.engine.followed(mark, committed.revision);
                }
                upstream.set(|standing| {
                    standing.conflicts.retain(|known| refused.contains(known));
                    standing.conflicts.extend(refused);
                    standing.conflicts.sort();
                    standing.conflicts.dedup();
                });
                return Ok(());
            }
            Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("resources of this zone keep changing under the same names".to_owned())
}

/// Lets the next global through, whatever it says: an operator's decision, kept durably until it has been used.
///
/// # Errors
/// When the store does not take it.
pub(crate) async fn accept_global(store: &Store) -> Result<(), Error> {
    // Damaged bytes are replaced: that is what the operator asks for.
    let memory = Memory {
        accepted_once: true,
        ..local::memory(&store.view()).unwrap_or_default()
    };
    let proposal = Proposal {
        changes: Vec::new(),
        marks: BTreeMap::from([(local::MEMORY.to_owned(), Some(Bytes::from(memory.to_bytes())))]),
    };
    store.propose(proposal).await.map(|_| ())
}
