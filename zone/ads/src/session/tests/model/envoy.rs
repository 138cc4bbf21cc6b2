//! What Envoy does with a delta stream, as far as it matters to the session; it complains when something breaks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::super::*;
use crate::session::gate::warm_with_endpoints;

pub(super) fn says(part: &Part, word: &str) -> bool {
    part.body
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[derive(Default)]
pub(super) struct OneCluster {
    pub(super) active: bool,
    pub(super) warming: bool,
    pub(super) part: Option<Arc<Part>>,
}

/// What Envoy does with a stream, as far as it matters here.
#[derive(Default)]
pub(super) struct Envoy {
    pub(super) clusters: BTreeMap<String, OneCluster>,
    pub(super) endpoints: BTreeMap<String, Arc<Part>>,
    pub(super) listeners: BTreeMap<String, Arc<Part>>,
    pub(super) routes: BTreeMap<String, Arc<Part>>,
    pub(super) asked_endpoints: BTreeSet<String>,
    pub(super) asked_routes: BTreeSet<String>,
    /// Clusters of which a version was rejected, or whose warming nobody has to wait for.
    pub(super) excused: BTreeSet<String>,
    pub(super) inbox: VecDeque<Response>,
    pub(super) outbox: VecDeque<Request>,
    pub(super) held_back: VecDeque<Request>,
}

impl Envoy {
    pub(super) fn take(&mut self) -> Result<(), TestCaseError> {
        let Some(response) = self.inbox.pop_front() else {
            return Ok(());
        };
        let unreadable = response.upserts.iter().any(|part| says(part, "unreadable"));
        let mut error = unreadable.then(|| "cannot read it".to_owned());
        let mut late = Vec::new();
        if unreadable && response.of == C {
            self.excused.extend(
                response
                    .upserts
                    .iter()
                    .filter(|part| says(part, "unreadable"))
                    .map(|part| part.name.clone()),
            );
        }
        if !unreadable {
            for name in &response.removals {
                self.remove(response.of, name, &mut late)?;
            }
            for part in &response.upserts {
                if says(part, "bad") {
                    error = Some(format!("{} is bad", part.name));
                    if response.of == C {
                        self.excused.insert(part.name.clone());
                    }
                    continue;
                }
                self.upsert(response.of, part, &mut late)?;
            }
        }
        let mut answer = Request::new(response.of);
        answer.answer = Some(Answer {
            nonce: response.nonce,
            error,
        });
        let queue = if response.of == C {
            &mut self.held_back
        } else {
            &mut self.outbox
        };
        queue.push_back(answer);
        self.outbox.extend(late);
        self.release();
        Ok(())
    }

    /// CDS answers wait for the clusters to be warm.
    pub(super) fn release(&mut self) {
        if !self.clusters.values().any(|one| one.warming) {
            self.outbox.append(&mut self.held_back);
        }
    }

    fn upsert(
        &mut self,
        of: TypeUrl,
        part: &Arc<Part>,
        late: &mut Vec<Request>,
    ) -> Result<(), TestCaseError> {
        match of {
            C => {
                let one = self.clusters.entry(part.name.clone()).or_default();
                if one
                    .part
                    .as_ref()
                    .is_some_and(|held| held.version == part.version)
                {
                    return Ok(());
                }
                one.warming = true;
                one.part = Some(Arc::clone(part));
                if warm_with_endpoints(part) && self.asked_endpoints.insert(part.name.clone()) {
                    late.push(asks(E, &part.name));
                }
            }
            E => {
                if let Some(one) = self.clusters.get_mut(&part.name) {
                    self.endpoints.insert(part.name.clone(), Arc::clone(part));
                    if one
                        .part
                        .as_ref()
                        .is_some_and(|part| warm_with_endpoints(part))
                    {
                        (one.active, one.warming) = (true, false);
                    }
                }
            }
            L => {
                self.listeners.insert(part.name.clone(), Arc::clone(part));
                for route in &part.routes {
                    if self.asked_routes.insert(route.to_string()) {
                        late.push(asks(R, route));
                    }
                }
            }
            R => {
                if !self.asked_routes.contains(&part.name) {
                    return Ok(());
                }
                for name in &part.clusters {
                    let warm = self
                        .clusters
                        .get(name.as_ref())
                        .is_some_and(|one| one.active);
                    let excused = self.excused.contains(name.as_ref());
                    prop_assert!(
                        warm || excused,
                        "route {} uses {name}, which is not warm",
                        part.name
                    );
                }
                self.routes.insert(part.name.clone(), Arc::clone(part));
            }
            S | T => {}
        }
        Ok(())
    }

    fn remove(
        &mut self,
        of: TypeUrl,
        name: &str,
        late: &mut Vec<Request>,
    ) -> Result<(), TestCaseError> {
        match of {
            C => {
                let used = self.routes.values().find(|route| {
                    route
                        .clusters
                        .iter()
                        .any(|cluster| cluster.as_ref() == name)
                });
                prop_assert!(used.is_none(), "cluster {name} goes while a route uses it");
                self.clusters.remove(name);
                self.endpoints.remove(name);
                if self.asked_endpoints.remove(name) {
                    late.push(drops(E, name));
                }
            }
            L => {
                for route in self
                    .listeners
                    .remove(name)
                    .iter()
                    .flat_map(|gone| &gone.routes)
                {
                    self.routes.remove(route.as_ref());
                    self.asked_routes.remove(route.as_ref());
                    late.push(drops(R, route));
                }
            }
            // "There are none": the cluster is warm without endpoints.
            E => {
                if let Some(one) = self.clusters.get_mut(name)
                    && one
                        .part
                        .as_ref()
                        .is_some_and(|part| warm_with_endpoints(part))
                {
                    (one.active, one.warming) = (true, false);
                }
            }
            // Envoy ignores these.
            R | S | T => {}
        }
        Ok(())
    }

    /// A new stream: what was under way is lost, what was accepted is stated.
    pub(super) fn reconnect(&mut self) {
        self.inbox.clear();
        self.outbox.clear();
        self.held_back.clear();
        // The new session cannot know that they are still warming.
        self.excused.extend(
            self.clusters
                .iter()
                .filter(|(_, one)| one.warming)
                .map(|(name, _)| name.clone()),
        );
        let stated = |parts: Vec<&Arc<Part>>| {
            parts
                .iter()
                .map(|part| (part.name.clone(), part.version.to_string()))
                .collect()
        };
        let mut clusters = Request::new(C);
        clusters.initial = stated(
            self.clusters
                .values()
                .filter_map(|one| one.part.as_ref())
                .collect(),
        );
        let mut endpoints = Request::new(E);
        endpoints.initial = stated(self.endpoints.values().collect());
        endpoints.subscribe = self.asked_endpoints.iter().cloned().collect();
        let mut listeners = Request::new(L);
        listeners.initial = stated(self.listeners.values().collect());
        let mut routes = Request::new(R);
        routes.initial = stated(self.routes.values().collect());
        routes.subscribe = self.asked_routes.iter().cloned().collect();
        self.outbox.extend([clusters, endpoints, listeners, routes]);
    }
}

pub(super) fn asks(of: TypeUrl, name: &str) -> Request {
    let mut request = Request::new(of);
    request.subscribe.push(name.to_owned());
    request
}

fn drops(of: TypeUrl, name: &str) -> Request {
    let mut request = Request::new(of);
    request.unsubscribe.push(name.to_owned());
    request
}
