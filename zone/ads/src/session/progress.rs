//! How far the proxy is: which revision has been sent, which is acknowledged.
//!
//! "Acknowledged up to R" is said only when everything of R was sent, and every response up to the last of them was
//! accepted; a state that changes nothing is acknowledged at once.

use std::collections::VecDeque;

use torii_render::TypeUrl;
use torii_resource::Revision;

use crate::message::{Action, ProxyEvent, Rejection, Standing};

use super::Session;

/// Everything of `revision` was sent when `nonce` was the last.
#[derive(Clone, Copy, Debug)]
struct SentMark {
    revision: Revision,
    nonce: u64,
}

/// Revisions on their way.
#[derive(Debug, Default)]
pub(super) struct Progress {
    marks: VecDeque<SentMark>,
    sent: Revision,
    acknowledged: Revision,
}

impl Progress {
    fn sent(&mut self, revision: Revision, nonce: u64, clean: bool) {
        self.sent = revision;
        if !clean {
            return;
        }
        match self.marks.back_mut() {
            Some(last) if last.nonce == nonce => last.revision = revision,
            _ => self.marks.push_back(SentMark { revision, nonce }),
        }
    }

    /// A response was rejected: nothing that was sent with or after it counts until it is sent anew.
    pub(super) fn on_rejected(&mut self, nonce: u64) {
        self.marks.retain(|mark| mark.nonce < nonce);
    }

    /// Everything before `oldest`, the first response that has not been answered, was accepted.
    fn settle(&mut self, oldest: Option<u64>) {
        while let Some(mark) = self
            .marks
            .front()
            .filter(|mark| oldest.is_none_or(|oldest| mark.nonce < oldest))
        {
            self.acknowledged = self.acknowledged.max(mark.revision);
            self.marks.pop_front();
        }
    }
}

impl Session {
    /// Works out how far the proxy is, and tells when that has changed.
    pub(super) fn report_standing(&mut self, out: &mut Vec<Action>) {
        let rejections = self.rejections();
        let complete = self.complete();
        if complete && let Some(desired) = &self.desired {
            self.progress
                .sent(desired.revision, self.nonce, rejections.is_empty());
        }
        let oldest = self
            .books
            .iter()
            .filter_map(|book| book.flights.front())
            .map(|flight| flight.nonce)
            .min();
        self.progress.settle(oldest);
        let standing = Standing {
            sent: self.progress.sent,
            acknowledged: self.progress.acknowledged,
            pending: !complete || oldest.is_some(),
            rejections,
            waiting: self.warmth.waiting().map(|name| name.to_string()),
        };
        if standing != self.standing {
            self.standing = standing.clone();
            out.push(Action::Report(ProxyEvent::Standing(standing)));
        }
    }

    fn rejections(&self) -> Vec<Rejection> {
        let entries = TypeUrl::ALL.into_iter().flat_map(|of| {
            self.books[of as usize]
                .quarantine
                .iter()
                .map(move |entry| (of, entry))
        });
        entries
            .map(|(of, (name, entry))| Rejection {
                of,
                resource: name.to_string(),
                message: entry.message.clone(),
                revision: entry.revision,
            })
            .collect()
    }

    /// Whether everything of the desired state that Envoy can have been sent was sent, rejected parts apart.
    fn complete(&self) -> bool {
        let Some(desired) = &self.desired else {
            return false;
        };
        let parts = &desired.parts;
        let todo = self.books.iter().map(|book| book.todo.as_ref());
        let flying = self.books.iter().any(|book| !book.flights.is_empty());
        let rejected = self.books.iter().any(|book| !book.quarantine.is_empty());
        // What the last good version of something rejected uses stays for as long as that does: nothing to wait for.
        let stuck = rejected && !flying;
        let mut todo = todo.map(|todo| {
            todo.is_some_and(|todo| todo.upserts.is_empty() && (stuck || todo.removals.is_empty()))
        });
        let idle = todo.all(|done| done);
        let asked = [TypeUrl::Cluster, TypeUrl::Listener]
            .into_iter()
            .all(|of| self.books[of as usize].held.asked() || parts.of_type(of).len() == 0);
        if !idle || !asked {
            return false;
        }
        // Envoy asks for a route configuration only when it has the listener.
        let (listeners, routes) = (
            &self.books[TypeUrl::Listener as usize],
            &self.books[TypeUrl::Route as usize],
        );
        parts
            .of_type(TypeUrl::Listener)
            .filter(|listener| !listeners.is_quarantined(&listener.name, Some(listener)))
            .flat_map(|listener| &listener.routes)
            .filter_map(|name| parts.get(TypeUrl::Route, name))
            .all(|route| {
                routes
                    .held
                    .version(&route.name)
                    .is_some_and(|held| held.as_ref() == route.version.as_str())
                    || routes.is_quarantined(&route.name, Some(route))
            })
    }
}
