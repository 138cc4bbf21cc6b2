//! What goes now, and in which order: the comparison after every event.
//!
//! Runtime at once; secrets before what uses them; clusters, their endpoints; then listeners and routes whose clusters
//! are warm ([`super::gate`]); then what nothing uses any more: listeners, their routes, and clusters once the routes
//! and listeners that left them are acknowledged. Endpoints and secrets are never taken away: Envoy lets go of them with
//! their last user.

use std::collections::BTreeSet;
use std::sync::Arc;

use torii_render::{Part, Parts, TypeUrl};

use crate::message::{Action, Desired, Response};

use super::book::Flight;
use super::verdict::full_set;
use super::{Dialect, Session};

/// CDS responses under way at most: Envoy holds their ACKs back while a cluster warms, and a slow one must not fill memory.
const MAX_CLUSTER_FLIGHTS: usize = 64;

type Blockers = BTreeSet<(Arc<str>, Arc<str>)>;

/// What may go of a type, and how.
#[derive(Default)]
struct Share {
    together: Vec<Arc<Part>>,
    alone: Vec<Arc<Part>>,
    later: Vec<Arc<str>>,
}

impl Session {
    /// Sends whatever may go now.
    pub(super) fn flush(&mut self, out: &mut Vec<Action>) {
        let Some(desired) = self.desired.clone() else {
            return;
        };
        let parts = &*desired.parts;
        let none = BTreeSet::new();
        for of in [
            TypeUrl::Runtime,
            TypeUrl::Secret,
            TypeUrl::Cluster,
            TypeUrl::Endpoint,
        ] {
            self.books[of as usize].refresh(of, parts);
            let removals = self.answers_only(of);
            self.push(of, &desired, &none, removals, out);
        }
        let mut blockers = Blockers::new();
        for of in [TypeUrl::Listener, TypeUrl::Route] {
            self.books[of as usize].refresh(of, parts);
            let gated = self.gated(of, parts, &mut blockers);
            let removals = match of {
                // A listener that takes over an address comes in the same response in which the old one goes.
                TypeUrl::Listener if !gated.is_empty() => Vec::new(),
                TypeUrl::Listener => self.take_removals(of, |_| true),
                _ => self.unused_routes(parts),
            };
            self.push(of, &desired, &gated, removals, out);
        }
        let removals = self.unused_clusters(parts);
        self.push(TypeUrl::Cluster, &desired, &none, removals, out);
        self.answer_the_rest(&desired, out);
        if let Some(id) = self.warmth.wait_for(blockers) {
            out.push(Action::SetTimer(id));
        }
    }

    /// Sends the upserts of a type that may go, and `removals`.
    fn push(
        &mut self,
        of: TypeUrl,
        desired: &Desired,
        gated: &BTreeSet<Arc<str>>,
        removals: Vec<Arc<str>>,
        out: &mut Vec<Action>,
    ) {
        let share = self.share(of, &desired.parts, gated);
        if let Some(todo) = &mut self.books[of as usize].todo {
            todo.upserts = share.later;
        }
        if !share.together.is_empty() || !removals.is_empty() {
            self.emit(of, desired, share.together, removals, out);
        }
        for part in share.alone {
            self.emit(of, desired, vec![part], Vec::new(), out);
        }
    }

    fn share(&self, of: TypeUrl, parts: &Parts, gated: &BTreeSet<Arc<str>>) -> Share {
        let book = &self.books[of as usize];
        let names = book
            .todo
            .as_ref()
            .map(|todo| todo.upserts.as_slice())
            .unwrap_or_default();
        let mut share = Share::default();
        if names.is_empty() {
            return share;
        }
        let flying = book.flying();
        let one_by_one = self.dialect == Dialect::Sotw && full_set(of) && !book.alone.is_empty();
        let full = of == TypeUrl::Cluster && book.flights.len() >= MAX_CLUSTER_FLIGHTS;
        for name in names {
            let Some(part) = parts.get(of, name) else {
                continue;
            };
            let alone = book
                .alone
                .get(name)
                .is_some_and(|version| version.as_ref() == part.version.as_str());
            // One version of a name under way at a time, so that a busy zone sends the newest only. Not for clusters: their
            // ACK may be held back for long by another cluster.
            let busy =
                of != TypeUrl::Cluster && flying.contains(name.as_ref()) && !book.held.owes(name);
            let queued =
                one_by_one && (!alone || !book.flights.is_empty() || !share.alone.is_empty());
            if gated.contains(name) || busy || full || queued {
                share.later.push(Arc::clone(name));
            } else if alone {
                share.alone.push(Arc::clone(part));
            } else {
                share.together.push(Arc::clone(part));
            }
        }
        share
    }

    fn emit(
        &mut self,
        of: TypeUrl,
        desired: &Desired,
        upserts: Vec<Arc<Part>>,
        removals: Vec<Arc<str>>,
        out: &mut Vec<Action>,
    ) {
        let flight = Flight {
            nonce: self.nonce + 1,
            revision: desired.revision,
            size: upserts.len(),
            upserts,
            removals,
        };
        if of == TypeUrl::Cluster {
            self.on_clusters_sent(&flight);
        }
        let book = &mut self.books[of as usize];
        if self.dialect == Dialect::Sotw
            && !full_set(of)
            && flight.upserts.is_empty()
            && !book.held.answer_due()
        {
            // This protocol has no word for it.
            book.land(of, &flight);
            for name in &flight.removals {
                book.held.unset(name);
            }
            return;
        }
        self.nonce = flight.nonce;
        book.send(flight.clone());
        out.push(Action::Send(Response {
            of,
            nonce: flight.nonce,
            set: (self.dialect == Dialect::Sotw).then(|| book.set_ahead()),
            upserts: flight.upserts,
            removals: flight.removals,
        }));
    }

    /// A cluster that is changed waits for endpoints again, under a name that Envoy holds already and does not ask for
    /// again (control-plane-api §12.4): they are sent after it.
    fn on_clusters_sent(&mut self, flight: &Flight) {
        for name in &flight.removals {
            self.warmth.unset(name);
        }
        let endpoints = &mut self.books[TypeUrl::Endpoint as usize];
        for part in flight
            .upserts
            .iter()
            .filter(|part| endpoints.held.wants(&part.name))
            .collect::<Vec<_>>()
        {
            endpoints.held.forget(&part.name);
            endpoints.todo = None;
        }
    }

    /// Names of a type to be removed now, taken out of what is to be done.
    fn take_removals(&mut self, of: TypeUrl, may_go: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let Some(todo) = &mut self.books[of as usize].todo else {
            return Vec::new();
        };
        let (go, stay) = std::mem::take(&mut todo.removals)
            .into_iter()
            .partition(|name| may_go(name));
        todo.removals = stay;
        go
    }

    /// Removals that go before anything else: answers to names that do not exist. Endpoints and secrets have no other;
    /// clusters have none of these, because one that is in doubt may be in use.
    fn answers_only(&mut self, of: TypeUrl) -> Vec<Arc<str>> {
        if of == TypeUrl::Cluster {
            return Vec::new();
        }
        let owed = self.books[of as usize].held.owed();
        let go = self.take_removals(of, |name| of == TypeUrl::Runtime || owed.contains(name));
        if let Some(todo) = &mut self.books[of as usize].todo {
            todo.removals.clear();
        }
        go
    }

    /// Names of listeners or routes that have to wait for a cluster; the clusters are added to `blockers`.
    fn gated(&self, of: TypeUrl, parts: &Parts, blockers: &mut Blockers) -> BTreeSet<Arc<str>> {
        let clusters = &self.books[TypeUrl::Cluster as usize];
        let routes = &self.books[TypeUrl::Route as usize].held;
        let mut gated = BTreeSet::new();
        for name in self.books[of as usize]
            .todo
            .iter()
            .flat_map(|todo| &todo.upserts)
        {
            let Some(part) = parts.get(of, name) else {
                continue;
            };
            // A listener that brings a new route configuration along serves only when Envoy has that too.
            let brought = part
                .routes
                .iter()
                .filter(|route| routes.version(route).is_none());
            let brought = brought
                .filter_map(|route| parts.get(TypeUrl::Route, route))
                .flat_map(|route| &route.clusters);
            for cluster in part.clusters.iter().chain(brought) {
                if let Some(blocker) = self.warmth.blocker(cluster, clusters, parts) {
                    blockers.insert(blocker);
                    gated.insert(Arc::clone(name));
                }
            }
        }
        gated
    }

    /// Route configurations that no listener of Envoy's uses any more.
    fn unused_routes(&mut self, parts: &Parts) -> Vec<Arc<str>> {
        if self.books[TypeUrl::Route as usize]
            .todo
            .as_ref()
            .is_none_or(|todo| todo.removals.is_empty())
        {
            return Vec::new();
        }
        let owed = self.books[TypeUrl::Route as usize].held.owed();
        let used = self.used_by(&[TypeUrl::Listener], parts, |part| &part.routes);
        self.take_removals(TypeUrl::Route, |name| {
            owed.contains(name) || used.as_ref().is_some_and(|used| !used.contains(name))
        })
    }

    /// Clusters that no listener and no route of Envoy's uses any more.
    fn unused_clusters(&mut self, parts: &Parts) -> Vec<Arc<str>> {
        let todo = self.books[TypeUrl::Cluster as usize].todo.as_ref();
        if todo.is_none_or(|todo| todo.removals.is_empty()) || !self.users_known() {
            return Vec::new();
        }
        self.forget_doubtful_routes();
        let users = [TypeUrl::Listener, TypeUrl::Route];
        let used = self.used_by(&users, parts, |part| &part.clusters);
        self.take_removals(TypeUrl::Cluster, |name| {
            used.as_ref().is_some_and(|used| !used.contains(name))
        })
    }

    /// A route configuration that no listener can use any more is gone, whatever was in doubt about it.
    fn forget_doubtful_routes(&mut self) {
        let mut used = BTreeSet::new();
        for listener in self.books[TypeUrl::Listener as usize].possible() {
            let Some(listener) = listener else {
                return;
            };
            used.extend(listener.routes.iter().cloned());
        }
        let routes = &mut self.books[TypeUrl::Route as usize];
        routes.doubtful.retain(|name, _| used.contains(name));
    }

    /// Whether Envoy has said which listeners and routes it has. After a reconnect it names its clusters first: until it
    /// has named the rest, any of them may be in use.
    fn users_known(&self) -> bool {
        let listeners = &self.books[TypeUrl::Listener as usize];
        let routes = &self.books[TypeUrl::Route as usize].held;
        let parts = listeners
            .landed
            .values()
            .filter_map(|copy| copy.part.as_ref());
        listeners.held.asked()
            && parts
                .flat_map(|part| &part.routes)
                .all(|name| routes.wants(name))
    }

    /// What the versions that Envoy still has, and shall not have any more, use. None when one of them is not known.
    fn used_by(
        &self,
        users: &[TypeUrl],
        parts: &Parts,
        names: impl Fn(&Part) -> &[Arc<str>],
    ) -> Option<BTreeSet<Arc<str>>> {
        let mut used = BTreeSet::new();
        for of in users {
            for part in self.books[*of as usize].outgoing(*of, parts) {
                used.extend(names(part?).iter().cloned());
            }
        }
        Some(used)
    }

    /// Subscriptions to what Envoy holds already get an empty answer, because Envoy waits for one.
    fn answer_the_rest(&mut self, desired: &Desired, out: &mut Vec<Action>) {
        for of in TypeUrl::ALL {
            let book = &self.books[of as usize];
            if book.held.answer_due() && book.todo.as_ref().is_none_or(|todo| todo.is_empty()) {
                self.emit(of, desired, Vec::new(), Vec::new(), out);
            }
        }
    }
}
