//! What zones get, encoded once per way of naming and shared by all zones (kds §10.2 P12).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use torii_auth::keys::SigningKey;
use torii_resource::{KindName, Revision};
use torii_store::{Batch, View};
use torii_sync::scope::{Scope, Variant};
use torii_sync::sender::{Changed, Changes, Loaded};
use torii_sync::{Entry, Mark};

/// Batches whose encoded form is kept, of all variants: zones that follow closely find theirs here.
const KEPT: usize = 32;

type Sets = BTreeMap<KindName, Vec<Arc<Entry>>>;
type Types = BTreeMap<KindName, Changes>;

/// A state or a batch, in one variant.
type Form = (Variant, u64, Revision);

/// The shared encoder. Cheap to clone: all clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoder(Arc<Known>);

/// Whoever needs a form first makes it under the lock; who needs the same meanwhile waits instead of making it too.
#[derive(Debug, Default)]
struct Known {
    /// The newest state of each variant.
    states: Mutex<BTreeMap<Variant, (Form, Sets)>>,
    batches: Mutex<VecDeque<(Form, Types)>>,
}

impl Encoder {
    /// The complete sets of a state for this variant.
    pub(crate) fn loaded(&self, variant: Variant, cluster_id: &str, view: &View) -> Loaded {
        let form = (variant, view.epoch(), view.revision());
        let mut states = lock(&self.0.states);
        let types = match states.get(&variant) {
            Some((known, sets)) if *known == form => sets.clone(),
            _ => {
                let sets = scope(variant).sets(view.iter().map(|resource| &**resource));
                states.insert(variant, (form, sets.clone()));
                sets
            }
        };
        let mark = mark(cluster_id, view.epoch(), view.revision());
        Loaded { mark, types }
    }

    /// What a batch changes for this variant.
    pub(crate) fn changed(&self, variant: Variant, cluster_id: &str, batch: &Batch) -> Changed {
        let form = (variant, batch.epoch, batch.revision);
        let mut batches = lock(&self.0.batches);
        let known = batches.iter().find(|(known, _)| *known == form);
        let types = match known {
            Some((_, types)) => types.clone(),
            None => {
                let types = encode(&scope(variant), batch);
                if batches.len() == KEPT {
                    batches.pop_front();
                }
                batches.push_back((form, types.clone()));
                types
            }
        };
        let mark = mark(cluster_id, batch.epoch, batch.revision);
        Changed { mark, types }
    }
}

fn lock<T>(known: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole after every statement, so a panic elsewhere does not matter.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mark(cluster_id: &str, epoch: u64, revision: Revision) -> Mark {
    Mark {
        cluster_id: cluster_id.to_owned(),
        epoch,
        revision,
    }
}

fn scope(variant: Variant) -> Scope {
    Scope::ToZone {
        variant,
        public_key,
    }
}

/// The public part of a signing key as its secret holds it; none rather than something else.
fn public_key(private: &[u8]) -> Option<Vec<u8>> {
    let key = SigningKey::from_bytes(private).ok()?;
    key.public_pem().ok().map(String::into_bytes)
}

fn encode(scope: &Scope, batch: &Batch) -> Types {
    let mut types = Types::new();
    for change in &batch.changes {
        let changes = scope.change(change.before.as_deref(), change.after.as_deref());
        if changes.upserts.is_empty() && changes.removals.is_empty() {
            continue;
        }
        let of_type = types.entry(change.key.kind.clone()).or_default();
        of_type.upserts.extend(changes.upserts);
        of_type.removals.extend(changes.removals);
    }
    types
}

#[cfg(test)]
mod tests;
