//! The one door in: authorize → decode → default → validate → propose. REST, batches and controllers come through it.
//!
//! The rules are in `plan.rs`; this file tries a plan against the store and again when somebody was faster.

use torii_auth::Identity;
use torii_auth::rights::ADMIN;
use torii_resource::registry;
use torii_resource::{ParsedResource, ResourceKey, Revision};
use torii_store::{Committed, Error as StoreError, Outcome, Proposal, View};

use crate::api::Api;
use crate::plan::{Fault, Intent, Plan, Scene, What, plan};
use crate::precondition::Precondition;
use crate::problem::{Problem, title};
use crate::{cascade, rights};

/// A resource to create or to replace.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// As decoded from a document; defaults and validation come at the door.
    pub resource: ParsedResource,
    /// What must be true before; [`Precondition::None`] lets a lost race be tried again.
    pub precondition: Precondition,
}

/// A write that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Revision of the batch; the present revision when nothing changed.
    pub revision: Revision,
    /// Revision of the resource's last change: its entity tag.
    pub modified: Revision,
    /// What happened to the resource.
    pub outcome: Outcome,
}

/// The control plane itself, writing what it has checked by other means: e.g. the Dataplane of a proxy whose token
/// fits it.
pub fn control_plane() -> Identity {
    Identity::user(
        "mesh-system:control-plane".to_owned(),
        vec![ADMIN.to_owned()],
    )
}

/// How often a write is planned: once from this node's state, then from the newest.
const ATTEMPTS: usize = 6;

/// Creates or replaces a resource.
///
/// # Errors
/// A [`Problem`] says why it was not done, or that it is unknown whether it was.
pub async fn write(
    api: &Api,
    identity: &Identity,
    request: WriteRequest,
) -> Result<Written, Problem> {
    let intent = Intent {
        what: What::Put(Box::new(request.resource)),
        precondition: request.precondition,
    };
    one(api, identity, intent).await
}

/// Removes a resource and what belongs to it.
///
/// # Errors
/// A [`Problem`] says why it was not done, or that it is unknown whether it was.
pub async fn delete(
    api: &Api,
    identity: &Identity,
    key: ResourceKey,
    precondition: Precondition,
) -> Result<Written, Problem> {
    let intent = Intent {
        what: What::Delete(key),
        precondition,
    };
    one(api, identity, intent).await
}

async fn one(api: &Api, identity: &Identity, intent: Intent) -> Result<Written, Problem> {
    let written = all(api, identity, &[intent]).await.map_err(first)?;
    // One intent in, one result out.
    written
        .into_iter()
        .next()
        .ok_or_else(|| Problem::internal(title::PROCESS))
}

fn first(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Faults(faults) => match faults.into_iter().next() {
            Some(fault) => fault.problem,
            None => Problem::internal(title::PROCESS),
        },
        Refusal::Whole(problem) => problem,
    }
}

/// Why a batch was not done.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// Because of some of its intents.
    Faults(Vec<Fault>),
    /// As a whole.
    Whole(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Whole(problem)
    }
}

/// Does all intents as one revision, or none.
pub(crate) async fn all(
    api: &Api,
    identity: &Identity,
    intents: &[Intent],
) -> Result<Vec<Written>, Refusal> {
    authorize(identity, intents)?;
    for attempt in 0..ATTEMPTS {
        let newest = attempt > 0 || needs_newest(intents);
        let view = if newest {
            api.store.linearizable().await.map_err(unread)?
        } else {
            api.store.view()
        };
        let plan = match planned(api, &view, intents) {
            Ok(plan) => plan,
            // What this node knows may be old: only the newest state may refuse.
            Err(_) if !newest => continue,
            Err(faults) => return Err(Refusal::Faults(faults)),
        };
        match api.store.propose(plan.proposal.clone()).await {
            Ok(committed) => {
                sweep(api, intents).await;
                return Ok(results(&plan, &committed));
            }
            Err(StoreError::Conflict { key, found }) => {
                let given = intents.iter().find(|intent| *intent.key() == key);
                if given.is_some_and(|intent| intent.precondition != Precondition::None) {
                    return Err(
                        Problem::stale(&key, Some(found.0).filter(|found| *found > 0)).into(),
                    );
                }
            }
            Err(error) => return Err(Refusal::Whole(error.into())),
        }
    }
    Err(Refusal::Whole(Problem::conflict(
        "others keep changing the same resources: nothing was stored; try again",
    )))
}

/// Says what [`all`] would refuse now, and does nothing.
pub(crate) async fn judge(
    api: &Api,
    identity: &Identity,
    intents: &[Intent],
) -> Result<(), Refusal> {
    authorize(identity, intents)?;
    let view = api.store.linearizable().await.map_err(unread)?;
    planned(api, &view, intents)
        .map(drop)
        .map_err(Refusal::Faults)
}

fn authorize(identity: &Identity, intents: &[Intent]) -> Result<(), Problem> {
    for intent in intents {
        let name = intent.key().kind.as_str();
        let kind = registry::by_name(name)
            .ok_or_else(|| Problem::bad_request(format!("unknown resource type {name:?}")))?;
        rights::write(identity, &kind.descriptor)?;
    }
    Ok(())
}

/// A removal is judged by what else there is, which no condition of a proposal covers.
fn needs_newest(intents: &[Intent]) -> bool {
    intents
        .iter()
        .any(|intent| matches!(intent.what, What::Delete(_)))
}

fn planned(api: &Api, view: &View, intents: &[Intent]) -> Result<Plan, Vec<Fault>> {
    let scene = Scene {
        mode: &api.mode,
        view,
        companions: &*api.companions,
    };
    plan(scene, intents)
}

/// A read that failed: nothing was written, so nothing is unknown.
fn unread(error: StoreError) -> Problem {
    match error {
        StoreError::Unknown(_) => {
            Problem::unavailable("the newest state could not be read; nothing was changed")
        }
        other => other.into(),
    }
}

fn results(plan: &Plan, committed: &Committed) -> Vec<Written> {
    let written = plan.places.iter().map(|place| {
        let outcome = committed.outcomes.get(place.change).copied();
        let outcome = outcome.unwrap_or(Outcome::Unchanged);
        Written {
            revision: committed.revision,
            modified: match (outcome, place.before) {
                (Outcome::Unchanged, Some(before)) => before,
                _ => committed.revision,
            },
            outcome,
        }
    });
    written.collect()
}

/// Removes what came into a mesh between the plan for its removal and the commit. Nothing can come after it: the
/// creation of a resource is tied to its mesh. Failing here leaves an orphan, which the next removal takes along.
async fn sweep(api: &Api, intents: &[Intent]) {
    for intent in intents {
        let What::Delete(key) = &intent.what else {
            continue;
        };
        if !cascade::is_mesh(key) {
            continue;
        }
        let view = api.store.view();
        let changes = cascade::of_mesh(&view, &key.name);
        if changes.is_empty() || view.get(key).is_some() {
            continue;
        }
        let proposal = Proposal {
            changes,
            ..Proposal::default()
        };
        if let Err(error) = api.store.propose(proposal).await {
            tracing::warn!(mesh = %key.name, %error, "what was left of a removed mesh could not be removed");
        }
    }
}
