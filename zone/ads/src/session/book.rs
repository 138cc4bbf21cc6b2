//! What is known of one type on one stream: subscriptions, what Envoy accepted, what is under way, what it rejected.
//!
//! Bookkeeping only; the order between types is not here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use torii_render::{Part, Parts, TypeUrl};
use torii_resource::Revision;
use torii_sync::held::{Diff, Held};

use crate::message::Request;

/// A version that Envoy has accepted.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) version: Arc<str>,
    /// None when Envoy brought it along and the content is not known.
    pub(super) part: Option<Arc<Part>>,
}

/// A response that has not been answered.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) nonce: u64,
    pub(super) revision: Revision,
    pub(super) upserts: Vec<Arc<Part>>,
    pub(super) removals: Vec<Arc<str>>,
    /// Upserts when it was sent; Envoy may have let go of some since.
    pub(super) size: usize,
}

/// A version that Envoy rejected.
#[derive(Clone, Debug)]
pub(super) struct Quarantined {
    pub(super) version: Arc<str>,
    pub(super) message: String,
    pub(super) revision: Revision,
}

/// The book of one type.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Subscriptions, and what Envoy holds once everything under way has arrived.
    pub(super) held: Held,
    /// What Envoy accepted.
    pub(super) landed: BTreeMap<Arc<str>, Copy>,
    /// What is under way, in the order of sending.
    pub(super) flights: VecDeque<Flight>,
    /// What Envoy rejected, as far as it is still desired.
    pub(super) quarantine: BTreeMap<Arc<str>, Quarantined>,
    /// Names and versions that were in a rejected batch: to be sent one by one, to find the guilty.
    pub(super) alone: BTreeMap<Arc<str>, Arc<str>>,
    /// Versions that Envoy may have, though it is not certain; none is one whose content is not known.
    pub(super) doubtful: BTreeMap<Arc<str>, Vec<Option<Arc<Part>>>>,
    /// What is still to be sent; none when it has to be worked out again.
    pub(super) todo: Option<Diff>,
}

impl Book {
    /// Takes the subscription part of a request in.
    pub(super) fn subscribe(&mut self, request: &Request) {
        self.held.request(
            &request.subscribe,
            &request.unsubscribe,
            request.initial.iter().cloned(),
        );
        for (name, version) in &request.initial {
            let copy = Copy {
                version: Arc::from(version.as_str()),
                part: None,
            };
            self.landed.insert(Arc::from(name.as_str()), copy);
        }
        for name in &request.unsubscribe {
            if !self.held.wants(name) {
                self.drop_name(request.of, name);
            }
        }
        self.todo = None;
    }

    /// Envoy let go of it by itself. What it had, or gets because it was under way, is in doubt: it may have asked again.
    fn drop_name(&mut self, of: TypeUrl, name: &str) {
        self.alone.remove(name);
        let mut doubtful: Vec<_> = self
            .landed
            .remove(name)
            .into_iter()
            .map(|copy| copy.part)
            .collect();
        for flight in &mut self.flights {
            let dropped = flight.upserts.extract_if(.., |part| part.name == name);
            doubtful.extend(dropped.map(Some));
            flight.removals.retain(|removed| removed.as_ref() != name);
        }
        // Of the other types nothing depends on what they hold.
        if of == TypeUrl::Route && !doubtful.is_empty() {
            self.doubtful
                .entry(Arc::from(name))
                .or_default()
                .extend(doubtful);
        }
    }

    /// Takes the desired parts of the type in.
    pub(super) fn on_desired(&mut self, of: TypeUrl, parts: &Parts) {
        self.todo = None;
        self.forget_verdicts(of, parts);
        self.resolve(of, parts);
    }

    /// Verdicts on versions that are not desired (any more) mean nothing.
    pub(super) fn forget_verdicts(&mut self, of: TypeUrl, parts: &Parts) {
        let current = |name: &str, version: &str| {
            let part = parts.get(of, name);
            part.is_some_and(|part| part.version.as_str() == version)
        };
        self.quarantine
            .retain(|name, entry| current(name, &entry.version));
        self.alone.retain(|name, version| current(name, version));
    }

    /// Learns the content of versions that Envoy brought along.
    pub(super) fn resolve(&mut self, of: TypeUrl, parts: &Parts) {
        for (name, copy) in self
            .landed
            .iter_mut()
            .filter(|(_, copy)| copy.part.is_none())
        {
            copy.part = parts
                .get(of, name)
                .filter(|part| part.version.as_str() == copy.version.as_ref())
                .cloned();
        }
    }

    /// What is to be sent, worked out if need be. Quarantined versions are not part of it.
    pub(super) fn refresh(&mut self, of: TypeUrl, parts: &Parts) {
        if self.todo.is_some() {
            return;
        }
        let mut diff = if self.held.asked() {
            self.held.diff(
                parts
                    .of_type(of)
                    .map(|part| (part.name.as_str(), part.version.as_str())),
            )
        } else {
            Diff::default()
        };
        diff.upserts
            .retain(|name| !self.is_quarantined(name, parts.get(of, name)));
        self.todo = Some(diff);
    }

    /// Whether Envoy rejected exactly this.
    pub(super) fn is_quarantined(&self, name: &str, part: Option<&Arc<Part>>) -> bool {
        self.quarantine.get(name).is_some_and(|entry| {
            part.is_some_and(|part| part.version.as_str() == entry.version.as_ref())
        })
    }

    /// Names with a version under way.
    pub(super) fn flying(&self) -> BTreeSet<&str> {
        let upserts = self
            .flights
            .iter()
            .flat_map(|flight| flight.upserts.iter().map(|part| part.name.as_str()));
        upserts
            .chain(
                self.flights
                    .iter()
                    .flat_map(|flight| flight.removals.iter().map(AsRef::as_ref)),
            )
            .collect()
    }

    /// Notes that a response is under way.
    pub(super) fn send(&mut self, flight: Flight) {
        for part in &flight.upserts {
            self.held.set(part.name.as_str(), part.version.as_str());
        }
        for name in &flight.removals {
            self.held.unset(name);
        }
        self.held.answered();
        self.flights.push_back(flight);
    }

    /// Whether a removal of `name` is under way.
    pub(super) fn is_leaving(&self, name: &str) -> bool {
        let mut removals = self.flights.iter().flat_map(|flight| &flight.removals);
        removals.any(|removed| removed.as_ref() == name)
    }

    /// Takes the flight with this nonce out.
    pub(super) fn take(&mut self, nonce: u64) -> Option<Flight> {
        let at = self
            .flights
            .iter()
            .position(|flight| flight.nonce == nonce)?;
        self.flights.remove(at)
    }

    /// Envoy accepted a response.
    pub(super) fn land(&mut self, of: TypeUrl, flight: &Flight) {
        for name in &flight.removals {
            let copy = self.landed.remove(name);
            if of == TypeUrl::Route {
                // Envoy acknowledges these and does nothing: a listener that is still there goes on with what it has.
                let doubtful = self.doubtful.entry(Arc::clone(name)).or_default();
                doubtful.extend(copy.map(|copy| copy.part));
            } else {
                self.doubtful.remove(name);
            }
        }
        for part in &flight.upserts {
            let name: Arc<str> = Arc::from(part.name.as_str());
            let version: Arc<str> = Arc::from(part.version.as_str());
            self.doubtful.remove(&name);
            if self.alone.get(&name) == Some(&version) {
                self.alone.remove(&name);
            }
            self.landed.insert(
                name,
                Copy {
                    version,
                    part: Some(Arc::clone(part)),
                },
            );
        }
    }

    /// Envoy rejected a response, already taken out of the flights. Of one with a single resource it took nothing, and
    /// holds what it held before; of a batch it may have taken any part, so each has to be sent again.
    pub(super) fn roll_back(&mut self, flight: &Flight, batch: bool) {
        for part in &flight.upserts {
            if batch {
                let doubtful = self
                    .doubtful
                    .entry(Arc::from(part.name.as_str()))
                    .or_default();
                doubtful.push(Some(Arc::clone(part)));
            }
            self.roll_back_name(&part.name);
        }
        for name in &flight.removals {
            self.roll_back_name(name);
        }
        self.todo = None;
    }

    fn roll_back_name(&mut self, name: &str) {
        match self.version_ahead(name) {
            Some(version) => self.held.set(name, version),
            None => self.held.unset(name),
        }
        if self.doubtful.contains_key(name) && !self.flying().contains(name) {
            self.held.forget(name);
        }
    }

    /// The version that Envoy holds once everything under way has arrived.
    fn version_ahead(&self, name: &str) -> Option<Arc<str>> {
        for flight in self.flights.iter().rev() {
            if let Some(part) = flight.upserts.iter().find(|part| part.name == name) {
                return Some(Arc::from(part.version.as_str()));
            }
            if flight
                .removals
                .iter()
                .any(|removed| removed.as_ref() == name)
            {
                return None;
            }
        }
        self.landed.get(name).map(|copy| Arc::clone(&copy.version))
    }

    /// Everything that Envoy holds once everything under way has arrived, by name, as far as its content is known.
    pub(super) fn set_ahead(&self) -> Vec<Arc<Part>> {
        let mut set: BTreeMap<&str, &Arc<Part>> = BTreeMap::new();
        for (name, copy) in &self.landed {
            if let Some(part) = &copy.part {
                set.insert(name, part);
            }
        }
        for flight in &self.flights {
            for name in &flight.removals {
                set.remove(name.as_ref());
            }
            for part in &flight.upserts {
                set.insert(&part.name, part);
            }
        }
        set.into_values().map(Arc::clone).collect()
    }

    /// Every version that Envoy has, or may have when it answers, and that is not the desired one. A part that is none
    /// is one whose content is not known.
    pub(super) fn outgoing<'a>(
        &'a self,
        of: TypeUrl,
        parts: &'a Parts,
    ) -> impl Iterator<Item = Option<&'a Arc<Part>>> {
        let differs = move |name: &str, version: &str| {
            parts
                .get(of, name)
                .is_none_or(|part| part.version.as_str() != version)
        };
        let landed = self
            .landed
            .iter()
            .filter(move |(name, copy)| differs(name, &copy.version))
            .map(|(_, copy)| copy.part.as_ref());
        let flying = self.flights.iter().flat_map(|flight| &flight.upserts);
        let flying = flying
            .map(Some)
            .chain(self.doubtful.values().flatten().map(Option::as_ref));
        landed.chain(
            flying.filter(move |part| {
                part.is_none_or(|part| differs(&part.name, part.version.as_str()))
            }),
        )
    }

    /// Every version that Envoy has or may have; none is one whose content is not known.
    pub(super) fn possible(&self) -> impl Iterator<Item = Option<&Arc<Part>>> {
        let landed = self.landed.values().map(|copy| copy.part.as_ref());
        let flying = self.flights.iter().flat_map(|flight| &flight.upserts);
        let doubtful = self.doubtful.values().flatten().map(Option::as_ref);
        landed.chain(flying.map(Some)).chain(doubtful)
    }

    /// Nonce of the newest response under way that brings `name`, and what it brings. None when that cannot be told to be
    /// what Envoy has next: a removal is under way too (the newest may be rejected), or not every version that Envoy may
    /// have instead is `alike`.
    pub(super) fn arriving(
        &self,
        name: &str,
        alike: impl Fn(&Part) -> bool,
    ) -> Option<(u64, &Arc<Part>)> {
        let doubtful = self.doubtful.get(name).into_iter().flatten();
        let sure = |part: &Option<Arc<Part>>| part.as_ref().is_some_and(|part| alike(part));
        if self.is_leaving(name) || !doubtful.into_iter().all(sure) {
            return None;
        }
        let mut newest = None;
        for flight in &self.flights {
            for part in flight.upserts.iter().filter(|part| part.name == name) {
                if !alike(part) {
                    return None;
                }
                newest = Some((flight.nonce, part));
            }
        }
        newest
    }
}
