//! What an answer of Envoy means: accepted, or rejected, and then whose fault it is.
//!
//! A rejected response with one resource puts that version into quarantine. One with several does not say which of them
//! Envoy took: it takes all but the named ones of a CDS or LDS response, and none when one of them does not even parse.
//! So each is sent again alone; the innocent are accepted, also if Envoy had them already.

use std::sync::Arc;

use torii_render::TypeUrl;

use crate::message::{Action, Answer, ProxyEvent};

use super::book::{Flight, Quarantined};
use super::{Dialect, Session, gate};

impl Session {
    /// Takes an ACK or NACK in. One with a nonce that is not under way is stale and means nothing.
    pub(super) fn on_answer(&mut self, of: TypeUrl, answer: &Answer, out: &mut Vec<Action>) {
        let Some(flight) = self.books[of as usize].take(answer.nonce) else {
            return;
        };
        let error = answer
            .error
            .as_ref()
            .map(|message| envoys_words(of, message));
        out.push(Action::Report(ProxyEvent::Answered {
            of,
            nonce: answer.nonce,
            error: error.clone(),
        }));
        match &error {
            None => {
                self.land_older(of, answer.nonce);
                self.on_accepted(of, &flight);
            }
            Some(message) => self.on_rejected(of, flight, message),
        }
    }

    /// State of the world: an answer speaks for everything of the type before it (Envoy folds its answers while CDS is paused).
    fn land_older(&mut self, of: TypeUrl, nonce: u64) {
        if self.dialect == Dialect::Delta {
            return;
        }
        while self.books[of as usize]
            .flights
            .front()
            .is_some_and(|flight| flight.nonce < nonce)
        {
            if let Some(flight) = self.books[of as usize].flights.pop_front() {
                self.on_accepted(of, &flight);
            }
        }
    }

    fn on_accepted(&mut self, of: TypeUrl, flight: &Flight) {
        self.books[of as usize].land(of, flight);
        match of {
            TypeUrl::Cluster => {
                for part in &flight.upserts {
                    // When it is to be removed and added again meanwhile, this one's warmth means nothing.
                    if !self.books[of as usize].is_leaving(&part.name) {
                        self.warmth.set(&part.name, part.version.as_str());
                    }
                }
            }
            TypeUrl::Endpoint => self.warm_by_endpoints(flight),
            TypeUrl::Listener | TypeUrl::Route | TypeUrl::Secret | TypeUrl::Runtime => {}
        }
    }

    /// Envoy has endpoints that were sent after their cluster: a plain EDS cluster is warm, whatever else of its batch is not.
    fn warm_by_endpoints(&mut self, flight: &Flight) {
        let names = flight
            .upserts
            .iter()
            .map(|part| part.name.as_str())
            .chain(flight.removals.iter().map(AsRef::as_ref));
        for name in names {
            let clusters = &self.books[TypeUrl::Cluster as usize];
            let Some((nonce, part)) = clusters.arriving(name, gate::warm_with_endpoints) else {
                continue;
            };
            if nonce < flight.nonce {
                let version = part.version.clone();
                self.warmth.set(name, version.as_str());
            }
        }
    }

    fn on_rejected(&mut self, of: TypeUrl, flight: Flight, message: &str) {
        self.progress.on_rejected(flight.nonce);
        let mut suspects = vec![flight];
        if self.dialect == Dialect::Sotw && full_set(of) {
            // Every later set has the same resource in it, and every earlier one may have: they are all in doubt.
            suspects.extend(std::mem::take(&mut self.books[of as usize].flights));
        }
        let book = &mut self.books[of as usize];
        let count: usize = suspects.iter().map(|flight| flight.size).sum();
        for flight in &suspects {
            if count == 0 {
                // Nothing in it that Envoy could dislike: sending it again would go on for ever.
                book.land(of, flight);
                continue;
            }
            for part in &flight.upserts {
                let name: Arc<str> = Arc::from(part.name.as_str());
                let version: Arc<str> = Arc::from(part.version.as_str());
                if count > 1 {
                    book.alone.insert(name, version);
                    continue;
                }
                book.alone.remove(&name);
                self.warmth.give_up(&name, &version);
                let (message, revision) = (message.to_owned(), flight.revision);
                book.quarantine.insert(
                    name,
                    Quarantined {
                        version,
                        message,
                        revision,
                    },
                );
            }
        }
        for flight in &suspects {
            book.roll_back(flight, count > 1);
        }
        if let Some(desired) = &self.desired {
            book.forget_verdicts(of, &desired.parts);
        }
        if of == TypeUrl::Cluster {
            // The version before stays, and is as warm as it was.
            for part in suspects.iter().flat_map(|flight| &flight.upserts) {
                match book.landed.get(part.name.as_str()) {
                    Some(copy) if !book.is_leaving(&part.name) => {
                        self.warmth.set(&part.name, &copy.version)
                    }
                    _ => self.warmth.unset(&part.name),
                }
            }
        }
    }
}

/// Most bytes of a message that are kept.
const MAX_WORDS: usize = 2_048;

/// What Envoy says, fit to be shown: without the resource, which it prints in front of some reasons, and never what it
/// says about a secret, which may be the secret.
fn envoys_words(of: TypeUrl, message: &str) -> String {
    if of == TypeUrl::Secret {
        return "Envoy does not take this secret (what it says is left out: it may show the key)"
            .to_owned();
    }
    let printed = message.starts_with("goo.gle/debug");
    let reason = message
        .rsplit_once("\n: ")
        .filter(|_| printed)
        .map_or(message, |(_, reason)| reason);
    let mut end = reason.len().min(MAX_WORDS);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

/// Whether the state-of-the-world protocol sends everything of the type each time, and takes what is missing as removed.
pub(super) fn full_set(of: TypeUrl) -> bool {
    matches!(of, TypeUrl::Cluster | TypeUrl::Listener)
}
