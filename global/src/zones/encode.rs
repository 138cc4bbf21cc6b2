//! What zones get, encoded once per way of naming and shared by all zones (kds §10.2 P12).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use torii_auth::keys::SigningKey;
use torii_resource::{KindName, Revision};
use torii_store::{Batch, View};
use torii_sync::Mark;
use torii_sync::scope::{Scope, Variant};
use torii_sync::sender::{Changed, Changes, Loaded};

/// Batches whose encoded form is kept: zones that follow closely find theirs here.
const KEPT: usize = 64;

type Types = BTreeMap<KindName, Changes>;

/// The shared encoder. Cheap to clone: all clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoder(Arc<Mutex<VecDeque<(Variant, u64, Revision, Types)>>>);

impl Encoder {
    /// The complete sets of a state for this variant.
    pub(crate) fn loaded(&self, variant: Variant, cluster_id: &str, view: &View) -> Loaded {
        Loaded {
            mark: mark(cluster_id, view.epoch(), view.revision()),
            types: scope(variant).sets(view.iter().map(|resource| &**resource)),
        }
    }

    /// What a batch changes for this variant.
    pub(crate) fn changed(&self, variant: Variant, cluster_id: &str, batch: &Batch) -> Changed {
        let mark = mark(cluster_id, batch.epoch, batch.revision);
        let known = self.lock().iter().find_map(|(of, epoch, revision, types)| {
            (*of == variant && *epoch == batch.epoch && *revision == batch.revision).then(|| types.clone())
        });
        if let Some(types) = known {
            return Changed { mark, types };
        }
        let types = encode(&scope(variant), batch);
        let mut kept = self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((variant, batch.epoch, batch.revision, types.clone()));
        Changed { mark, types }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Variant, u64, Revision, Types)>> {
        // Whole after every statement, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(cluster_id: &str, epoch: u64, revision: Revision) -> Mark {
    Mark {
        cluster_id: cluster_id.to_owned(),
        epoch,
        revision,
    }
}

fn scope(variant: Variant) -> Scope {
    Scope::ToZone { variant, public_key }
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
