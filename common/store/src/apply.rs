//! PURE: (state, command) → (state, batch, answer). Every node computes the same from the same log: no clock, no
//! randomness, no unordered map, and no failure that depends on the node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use torii_resource::{Resource, ResourceKey, Revision, Stamp};

use crate::command::{Change, Command, Committed, Expect, Op, Outcome, Proposal};
use crate::error::Error;
use crate::feed::{Batch, Changed};
use crate::state::State;

/// What a command that was not refused leads to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Applied {
    pub(crate) state: State,
    /// The new revision, unless no resource changed.
    pub(crate) batch: Option<Batch>,
    pub(crate) committed: Committed,
}

/// Applies a command whole or not at all.
///
/// # Errors
/// [`Error::Conflict`] when a condition does not hold, [`Error::Refused`] when the command contradicts itself. The
/// state stays as it was.
pub(crate) fn apply(state: &State, command: &Command) -> Result<Applied, Error> {
    check(state, &command.proposal)?;
    let mut next = state.clone();
    let stamp = Stamp {
        revision: state.revision.next(),
        time: command.time,
    };
    let mut changes = Vec::new();
    let mut outcomes = Vec::with_capacity(command.proposal.changes.len());
    for change in &command.proposal.changes {
        let before = state.resources.get(&change.key);
        let (outcome, after) = effect(before, change, stamp);
        outcomes.push(outcome);
        if outcome == Outcome::Unchanged {
            continue;
        }
        match &after {
            Some(after) => next.resources.insert(change.key.clone(), Arc::clone(after)),
            None => next.resources.remove(&change.key),
        };
        changes.push(Changed {
            key: change.key.clone(),
            before: before.cloned(),
            after,
        });
    }
    let marks = set_marks(&mut next, &command.proposal.marks);
    let batch = (!changes.is_empty()).then(|| {
        next.revision = stamp.revision;
        Batch {
            revision: stamp.revision,
            epoch: state.epoch,
            time: command.time,
            changes,
            marks,
        }
    });
    let committed = Committed {
        revision: next.revision,
        outcomes,
    };
    Ok(Applied {
        state: next,
        batch,
        committed,
    })
}

/// All conditions are on the state before the command.
fn check(state: &State, proposal: &Proposal) -> Result<(), Error> {
    let mut keys = BTreeSet::new();
    for change in &proposal.changes {
        if !keys.insert(&change.key) {
            return Err(Error::Refused(format!(
                "{} is changed twice in one write",
                change.key
            )));
        }
    }
    for change in &proposal.changes {
        let found = state
            .resources
            .get(&change.key)
            .map(|resource| resource.modified.revision);
        let holds = match change.expect {
            Expect::Any => true,
            Expect::Absent => found.is_none(),
            Expect::Modified(revision) => found == Some(revision),
        };
        if !holds {
            return Err(Error::Conflict {
                key: change.key.clone(),
                found: found.unwrap_or(Revision::ZERO),
            });
        }
    }
    Ok(())
}

/// What a change does to one resource: its outcome, and the resource afterwards.
fn effect(
    before: Option<&Arc<Resource>>,
    change: &Change,
    stamp: Stamp,
) -> (Outcome, Option<Arc<Resource>>) {
    let Op::Put {
        labels,
        spec,
        created,
    } = &change.op
    else {
        return match before {
            Some(_) => (Outcome::Deleted, None),
            None => (Outcome::Unchanged, None),
        };
    };
    let make = |key: &ResourceKey, created: Stamp| {
        Arc::new(Resource {
            key: key.clone(),
            labels: labels.clone(),
            spec: spec.clone(),
            created,
            modified: stamp,
        })
    };
    match before {
        None => (
            Outcome::Created,
            Some(make(&change.key, created.unwrap_or(stamp))),
        ),
        Some(old) => {
            let created = created.unwrap_or(old.created);
            if old.labels == *labels && old.spec == *spec && old.created == created {
                (Outcome::Unchanged, None)
            } else {
                (Outcome::Updated, Some(make(&change.key, created)))
            }
        }
    }
}

/// Sets marks and returns those that changed.
fn set_marks(
    state: &mut State,
    marks: &BTreeMap<String, Option<Bytes>>,
) -> BTreeMap<String, Option<Bytes>> {
    let mut changed = BTreeMap::new();
    for (name, value) in marks {
        if state.marks.get(name) == value.as_ref() {
            continue;
        }
        match value {
            Some(value) => state.marks.insert(name.clone(), value.clone()),
            None => state.marks.remove(name),
        };
        changed.insert(name.clone(), value.clone());
    }
    changed
}

#[cfg(test)]
mod tests;
