//! PURE: what a write asks for + the present state → one proposal, or everything that is wrong with it.
//!
//! Rules about one resource's content are in `torii_resource`; who owns what is in `ownership.rs`, what goes with a
//! removal in `cascade.rs`. Knows no HTTP requests and no callers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::kinds::Mesh;
use torii_resource::{
    Access, Kind as _, Mode, ParsedResource, Resource, ResourceKey, Revision, Stamp, admit,
    registry,
};
use torii_store::{Change, Expect, Op, Proposal, View};

use crate::api::Companions;
use crate::cascade;
use crate::ownership::{self, Verb};
use crate::precondition::Precondition;
use crate::problem::{Problem, title};

/// One thing that a writer asks for.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) what: What,
    /// What must be true before.
    pub(crate) precondition: Precondition,
}

/// Create or replace, or remove.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// As decoded; not judged yet.
    Put(Box<ParsedResource>),
    Delete(ResourceKey),
}

impl Intent {
    pub(crate) fn key(&self) -> &ResourceKey {
        match &self.what {
            What::Put(parsed) => &parsed.key,
            What::Delete(key) => key,
        }
    }
}

/// Why one of several intents cannot be done.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// Which intent.
    pub(crate) index: usize,
    /// Why.
    pub(crate) problem: Problem,
}

/// A proposal that does what was asked, if the state is still as it was when the plan was made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) proposal: Proposal,
    /// One an intent, in order.
    pub(crate) places: Vec<Place>,
}

/// Where an intent's own change is in the proposal, and what it replaces.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Index in the proposal's changes.
    pub(crate) change: usize,
    /// Revision of the last change before this one.
    pub(crate) before: Option<Revision>,
}

/// What planning reads beside the intents.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) mode: &'a Mode,
    pub(crate) view: &'a View,
    pub(crate) companions: &'a dyn Companions,
}

/// Plans all intents as one batch. Every intent is judged, so that a caller sees everything that is wrong at once.
pub(crate) fn plan(scene: Scene<'_>, intents: &[Intent]) -> Result<Plan, Vec<Fault>> {
    let mut draft = Draft::of(intents);
    let mut places = Vec::with_capacity(intents.len());
    let mut faults = Vec::new();
    for (index, intent) in intents.iter().enumerate() {
        match draft.add(scene, intent) {
            Ok(place) => places.push(place),
            Err(problem) => faults.push(Fault { index, problem }),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let proposal = draft.finish();
    Ok(Plan { proposal, places })
}

/// A proposal in the making: each key at most once.
struct Draft {
    changes: Vec<Change>,
    /// Keys that the caller's own changes have.
    asked: BTreeSet<ResourceKey>,
    /// Changes that go with them; what the caller asks for wins.
    others: BTreeMap<ResourceKey, Change>,
    /// Meshes that the same batch writes: its mesh-scoped documents may refer to them.
    meshes: BTreeSet<String>,
}

impl Draft {
    fn of(intents: &[Intent]) -> Self {
        let meshes = intents.iter().filter_map(|intent| match &intent.what {
            What::Put(parsed) if parsed.key.kind.as_str() == Mesh::DESCRIPTOR.name => {
                Some(parsed.key.name.clone())
            }
            _ => None,
        });
        Self {
            changes: Vec::with_capacity(intents.len()),
            asked: BTreeSet::new(),
            others: BTreeMap::new(),
            meshes: meshes.collect(),
        }
    }

    fn add(&mut self, scene: Scene<'_>, intent: &Intent) -> Result<Place, Problem> {
        let key = intent.key();
        let kind = registry::by_name(key.kind.as_str())
            .filter(|kind| kind.descriptor.access != Access::Internal)
            .ok_or_else(|| {
                Problem::bad_request(format!("unknown resource type {:?}", key.kind.as_str()))
            })?;
        ownership::kind(scene.mode, &kind.descriptor)?;
        if !self.asked.insert(key.clone()) {
            let reason = format!("{key} is more than once in the request");
            return Err(Problem::invalid_field(title::PROCESS, "name", reason));
        }
        if !self.meshes.contains(&key.mesh) {
            require_mesh(scene.view, &key.mesh)?;
        }
        let stored = scene.view.get(key).map(Arc::as_ref);
        intent.precondition.check(key, stored)?;
        match &intent.what {
            What::Put(parsed) => self.put(scene, parsed, stored),
            What::Delete(key) => self.delete(scene, key, stored),
        }
    }

    fn put(
        &mut self,
        scene: Scene<'_>,
        parsed: &ParsedResource,
        stored: Option<&Resource>,
    ) -> Result<Place, Problem> {
        if let Some(stored) = stored {
            ownership::copy(scene.mode, stored, Verb::Put)?;
        }
        let resource = admitted(scene.mode, parsed, stored)?;
        if stored.is_none() {
            self.guard_mesh(scene.view, &resource.key.mesh);
            for companion in scene.companions.companions(&resource, scene.view)? {
                self.also(companion);
            }
        }
        let op = Op::Put {
            labels: resource.labels,
            spec: resource.spec,
            created: None,
        };
        Ok(self.place(resource.key, stored, op))
    }

    fn delete(
        &mut self,
        scene: Scene<'_>,
        key: &ResourceKey,
        stored: Option<&Resource>,
    ) -> Result<Place, Problem> {
        let stored = stored.ok_or_else(|| Problem::not_found(title::DELETE))?;
        ownership::copy(scene.mode, stored, Verb::Delete)?;
        scene.companions.before_delete(key, scene.view)?;
        for removal in cascade::with(scene.mode, scene.view, key)? {
            self.also(removal);
        }
        Ok(self.place(key.clone(), Some(stored), Op::Delete))
    }

    fn place(&mut self, key: ResourceKey, stored: Option<&Resource>, op: Op) -> Place {
        let before = stored.map(|stored| stored.modified.revision);
        let expect = before.map_or(Expect::Absent, Expect::Modified);
        self.changes.push(Change { key, expect, op });
        Place {
            change: self.changes.len() - 1,
            before,
        }
    }

    fn also(&mut self, change: Change) {
        self.others.entry(change.key.clone()).or_insert(change);
    }

    /// Ties the creation of a resource to its mesh: writes the mesh as it is, which changes nothing, on condition
    /// that it is still there. Without it, a mesh that is deleted meanwhile would leave an orphan.
    fn guard_mesh(&mut self, view: &View, mesh: &str) {
        if let Some(mesh) = view.get(&ResourceKey::of::<Mesh>("", mesh)) {
            self.also(Change {
                key: mesh.key.clone(),
                expect: Expect::Modified(mesh.modified.revision),
                op: Op::Put {
                    labels: mesh.labels.clone(),
                    spec: mesh.spec.clone(),
                    created: None,
                },
            });
        }
    }

    fn finish(self) -> Proposal {
        let Self {
            mut changes,
            asked,
            others,
            ..
        } = self;
        changes.extend(
            others
                .into_values()
                .filter(|change| !asked.contains(&change.key)),
        );
        Proposal {
            changes,
            marks: BTreeMap::new(),
        }
    }
}

/// The resource as it will be stored, by the rules of its kind.
fn admitted(
    mode: &Mode,
    parsed: &ParsedResource,
    stored: Option<&Resource>,
) -> Result<Resource, Problem> {
    let admitted = admit(parsed, stored, mode)
        .map_err(|violations| Problem::invalid(title::PROCESS, violations))?;
    Ok(Resource {
        key: parsed.key.clone(),
        labels: admitted.labels,
        spec: admitted.spec,
        created: stored.map(|stored| stored.created).unwrap_or_default(),
        modified: Stamp::default(),
    })
}

/// Refuses a mesh that does not exist; nothing to refuse for a kind outside of meshes.
pub(crate) fn require_mesh(view: &View, mesh: &str) -> Result<(), Problem> {
    if mesh.is_empty() || view.get(&ResourceKey::of::<Mesh>("", mesh)).is_some() {
        Ok(())
    } else {
        Err(Problem::not_found(title::MESH))
    }
}
