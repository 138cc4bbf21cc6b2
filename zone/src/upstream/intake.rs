//! What the global sends, as proposals for the zone's own store. The plan is pure; the loop around it is not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bytes::Bytes;

use torii_api::change;
use torii_resource::{KindName, Resource, ResourceKey, Revision};
use torii_store::{Change, Error, Proposal, Store, View};
use torii_sync::WireKey;
use torii_sync::guard::Memory;
use torii_sync::receiver::{Refused, Transaction};
use torii_sync::scope::Origin;

use super::Upstream;
use crate::{local, metrics};

/// How often a transaction is planned anew when the zone's users change the same keys.
const ATTEMPTS: usize = 8;

/// What a transaction comes to.
#[derive(Debug)]
struct Plan {
    /// What to propose, in order; nothing for what is stored alike. The last one has the guard's memory.
    proposals: Vec<Proposal>,
    /// What is not taken over.
    refused: Vec<Refused>,
}

fn plan(view: &View, transaction: &Transaction) -> Plan {
    let mut changes: BTreeMap<ResourceKey, Change> = BTreeMap::new();
    let mut refused = transaction.refused.clone();
    for (kind, change) in &transaction.types {
        for key in &change.removals {
            let key = Origin::Global.stored_key(kind, key);
            if let Some(copy) = view.get(&key).filter(|stored| local::is_copy(stored)) {
                changes.insert(key, change::remove(copy));
            }
        }
        // A key in both lists is an update (kds §1.6).
        for (key, resource) in &change.upserts {
            match upsert(view, resource) {
                Ok((stored, Some(change))) => {
                    changes.insert(stored, change);
                }
                Ok((stored, None)) => {
                    changes.remove(&stored);
                }
                Err(reason) => refused.push(refusal(kind, key, reason)),
            }
        }
    }
    let memory = Bytes::from(transaction.memory.to_bytes());
    let marks = BTreeMap::from([(local::MEMORY.to_owned(), Some(memory))]);
    Plan {
        proposals: change::proposals(changes.into_values().collect(), marks),
        refused,
    }
}

/// Where a resource is stored, and the change that makes it so, if one is needed.
fn upsert(view: &View, resource: &Resource) -> Result<(ResourceKey, Option<Change>), &'static str> {
    let adopted = Origin::Global.adopt(resource.clone());
    let adopted = adopted.map_err(|error| error.reason)?;
    let key = adopted.key.clone();
    let stored = view.get(&key).map(|stored| &**stored);
    if stored.is_some_and(|stored| !local::is_copy(stored)) {
        return Err(
            "a resource of this zone has the same name; it stays, and the global's is not taken over",
        );
    }
    Ok((key, change::copy(adopted, stored)))
}

fn refusal(kind: &KindName, key: &WireKey, reason: &str) -> Refused {
    Refused {
        type_name: kind.clone(),
        key: Some(key.clone()),
        reason: reason.to_owned(),
    }
}

/// What is not taken over after a transaction: what it says anew about a resource replaces what was known of it.
fn conflicts(
    known: &BTreeSet<Refused>,
    transaction: &Transaction,
    refused: Vec<Refused>,
) -> BTreeSet<Refused> {
    let again = |known: &Refused| {
        let same = |new: &Refused| (&new.type_name, &new.key) == (&known.type_name, &known.key);
        let change = transaction.types.get(&known.type_name);
        let told = change.is_some_and(|change| {
            let key = known.key.as_ref();
            let named = key.is_none_or(|key| {
                change.upserts.contains_key(key) || change.removals.contains(key)
            });
            change.full || named
        });
        told || refused.iter().any(same)
    };
    let kept: BTreeSet<_> = known
        .iter()
        .filter(|known| !again(known))
        .cloned()
        .collect();
    kept.into_iter().chain(refused).collect()
}

/// Stores a transaction and the guard's memory; then, and only then, it may be acknowledged. In one batch, unless it is
/// too large for one: then the memory, which says how far the copy goes, is in the last.
///
/// # Errors
/// A text that ends the stream: it is not stored, or not all of it, or it is unknown whether it is.
pub(super) async fn store(upstream: Upstream, transaction: Transaction) -> Result<(), String> {
    let started = Instant::now();
    for _ in 0..ATTEMPTS {
        let plan = plan(&upstream.store.view(), &transaction);
        let revision = match propose(&upstream.store, plan.proposals).await {
            Ok(revision) => revision,
            Err(Error::Conflict { .. }) => continue,
            Err(error) => return Err(error.to_string()),
        };
        metrics::stored(started.elapsed());
        upstream.set(|standing| {
            standing.conflicts = conflicts(&standing.conflicts, &transaction, plan.refused);
        });
        if let Some(mark) = transaction.mark {
            metrics::revision(mark.revision.0);
            upstream.engine.followed(mark, revision);
        }
        return Ok(());
    }
    Err("resources of this zone keep changing under the same names".to_owned())
}

/// Proposes one after the other; the revision of the store after the last.
async fn propose(store: &Store, proposals: Vec<Proposal>) -> Result<Revision, Error> {
    let mut revision = store.view().revision();
    for proposal in proposals {
        revision = store.propose(proposal).await?.revision;
    }
    Ok(revision)
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
        marks: BTreeMap::from([(
            local::MEMORY.to_owned(),
            Some(Bytes::from(memory.to_bytes())),
        )]),
    };
    store.propose(proposal).await.map(|_| ())
}

#[cfg(test)]
mod tests;
