//! One proxy's stream as a pure machine: an event in, actions out.
//!
//! The session compares what Envoy holds with what it shall hold, and sends whatever may go now; every event is
//! followed by the same comparison ([`plan`]), so that nothing depends on the order in which things happened. What may
//! not go yet is decided in [`gate`], what an ACK or NACK means in [`verdict`], how far the proxy is in [`progress`].
//! Rules: decisions.md "Envoy: order and warming". It reads no clock: time comes as [`Event::HoldExpired`].

mod book;
mod gate;
mod plan;
mod progress;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use torii_render::{Parts, TypeUrl};

use crate::message::{Action, Desired, Event, Request, Standing};

use book::Book;
use gate::Warmth;
use progress::Progress;

/// How long a route or listener is held for a cluster that does not get warm.
pub const DEFAULT_HOLD: Duration = Duration::from_secs(2);

/// Which of the two protocols the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `DeltaAggregatedResources`.
    Delta,
    /// `StreamAggregatedResources`: clusters and listeners come as full sets, and there is no removal of other types.
    Sotw,
}

/// The machine of one stream. Make a new one for every stream.
#[derive(Debug)]
pub struct Session {
    dialect: Dialect,
    desired: Option<Arc<Desired>>,
    books: [Book; TypeUrl::ALL.len()],
    warmth: Warmth,
    progress: Progress,
    nonce: u64,
    standing: Standing,
}

impl Session {
    /// A session of a stream on which nothing has been said yet.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            desired: None,
            books: Default::default(),
            warmth: Warmth::default(),
            progress: Progress::default(),
            nonce: 0,
            standing: Standing::default(),
        }
    }

    /// Takes one event in and says what to do.
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Request(request) => self.on_request(request, &mut out),
            Event::Desired(desired) => {
                if !self.on_desired(desired) {
                    return out;
                }
            }
            Event::HoldExpired(id) => self.warmth.expire(id),
        }
        self.flush(&mut out);
        self.report_standing(&mut out);
        out
    }

    /// How far the proxy is.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    fn on_request(&mut self, mut request: Request, out: &mut Vec<Action>) {
        if let Some(answer) = &request.answer {
            self.on_answer(request.of, answer, out);
        }
        let wildcard_by_default = matches!(request.of, TypeUrl::Cluster | TypeUrl::Listener);
        let book = &mut self.books[request.of as usize];
        // Only CDS and LDS mean "everything" by naming nothing.
        let silent = request.subscribe.is_empty()
            && request.unsubscribe.is_empty()
            && request.initial.is_empty();
        if silent && (book.held.asked() || !wildcard_by_default) {
            return;
        }
        if request.of == TypeUrl::Endpoint {
            // Envoy states endpoints that a changed cluster of the same name may still wait for: it gets them again.
            request.initial.clear();
        }
        book.subscribe(&request);
        let parts = self
            .desired
            .as_ref()
            .map(|desired| Arc::clone(&desired.parts));
        if request.of == TypeUrl::Cluster {
            // What Envoy says it holds of clusters it has warmed, or is warming on its own account.
            for (name, version) in &request.initial {
                self.warmth.set(name, version);
            }
        }
        if let Some(parts) = parts {
            self.books[request.of as usize].resolve(request.of, &parts);
        }
    }

    /// Takes a newer desired state; an older one is ignored, so that an Envoy never goes back. Returns whether it was taken.
    fn on_desired(&mut self, desired: Arc<Desired>) -> bool {
        let before = self.desired.take();
        if let Some(before) = before {
            if desired.revision < before.revision {
                self.desired = Some(before);
                return false;
            }
            for of in TypeUrl::ALL {
                if !same(of, &before.parts, &desired.parts) {
                    self.books[of as usize].on_desired(of, &desired.parts);
                }
            }
        } else {
            for of in TypeUrl::ALL {
                self.books[of as usize].on_desired(of, &desired.parts);
            }
        }
        self.warmth.on_desired(&desired.parts);
        self.desired = Some(desired);
        true
    }
}

/// Whether two states have the same parts of a type. Cheap when most parts are shared.
fn same(of: TypeUrl, one: &Parts, other: &Parts) -> bool {
    one.of_type(of).len() == other.of_type(of).len()
        && one.of_type(of).zip(other.of_type(of)).all(|(one, other)| {
            Arc::ptr_eq(one, other)
                || (one.name == other.name
                    && one.version == other.version
                    && one.clusters == other.clusters)
        })
}

#[cfg(test)]
mod tests;
