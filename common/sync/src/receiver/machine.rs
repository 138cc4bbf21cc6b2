//! The machine: when a transaction is complete, when it is acknowledged, what is held.

use std::collections::{BTreeMap, BTreeSet};

use torii_resource::KindName;

use crate::entry::WireKey;
use crate::guard::Guard;
use crate::receiver::batch::{Ack, Batch};
use crate::receiver::{
    Action, Config, Ending, Event, Incoming, Item, Refused, Request, Transaction, TypeChange,
};
use crate::version::{Mark, PROGRESS};

/// How many refused resources a NACK names; more only fill logs.
const NAMED: usize = 10;

/// How the peer closes a transaction. Decided by its first response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// By `torii.Progress`.
    Torii,
    /// By silence.
    Foreign,
}

/// The receiving machine of one stream.
#[derive(Debug)]
pub struct Receiver {
    types: Vec<KindName>,
    /// Keys from this peer by type, what is about to be stored included.
    known: BTreeMap<KindName, BTreeSet<WireKey>>,
    guard: Guard,
    peer: Option<Peer>,
    answered: BTreeSet<KindName>,
    open: Batch,
    ready: Batch,
    committing: Option<(Vec<Ack>, Transaction)>,
    held: BTreeMap<KindName, (TypeChange, Batch)>,
    held_progress: Option<(Ack, Mark)>,
    last_nonces: BTreeMap<KindName, String>,
    refused: BTreeMap<KindName, BTreeSet<WireKey>>,
    ended: bool,
}

impl Receiver {
    /// A machine for a stream that is about to open.
    pub fn new(config: Config) -> Self {
        Self {
            types: config.types,
            known: config.held,
            guard: config.guard,
            peer: None,
            answered: BTreeSet::new(),
            open: Batch::default(),
            ready: Batch::default(),
            committing: None,
            held: BTreeMap::new(),
            held_progress: None,
            last_nonces: BTreeMap::new(),
            refused: BTreeMap::new(),
            ended: false,
        }
    }

    /// Takes an event and says what to do. After [`Action::End`] nothing happens any more.
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.ended {
            return actions;
        }
        let result = match event {
            Event::Start => {
                actions.extend(
                    self.types
                        .iter()
                        .map(|name| Action::Send(subscription(name))),
                );
                Ok(())
            }
            Event::Response(incoming) => self.response(incoming, &mut actions),
            Event::Idle => {
                self.idle();
                Ok(())
            }
            Event::Committed => {
                self.committed(&mut actions);
                Ok(())
            }
            Event::Failed(reason) => Err(Ending::Store(reason)),
            Event::Accepted => {
                self.accepted();
                Ok(())
            }
            Event::Retry => {
                self.retry(&mut actions);
                Ok(())
            }
        };
        match result {
            Ok(()) => self.commit(&mut actions),
            Err(ending) => {
                self.ended = true;
                actions.push(Action::End(ending));
            }
        }
        actions
    }

    /// Whether a transaction is being stored.
    pub fn committing(&self) -> bool {
        self.committing.is_some()
    }

    fn response(&mut self, incoming: Incoming, actions: &mut Vec<Action>) -> Result<(), Ending> {
        if !self.types.contains(&incoming.type_name) {
            return Ok(()); // nobody asked; kds §9.2
        }
        self.recognise(incoming.mark.as_ref())?;
        self.guard.judge(incoming.mark.as_ref())?;
        self.last_nonces
            .insert(incoming.type_name.clone(), incoming.nonce.clone());
        if incoming.type_name.as_str() == PROGRESS {
            self.progress(incoming);
            return Ok(());
        }
        self.take(incoming, actions);
        Ok(())
    }

    /// The peer says marks always or never.
    fn recognise(&mut self, mark: Option<&Mark>) -> Result<(), Ending> {
        let follows_marks = self.types.iter().any(|name| name.as_str() == PROGRESS);
        let peer = match mark {
            Some(_) if follows_marks => Peer::Torii,
            _ => Peer::Foreign,
        };
        match *self.peer.get_or_insert(peer) {
            known if known == peer => Ok(()),
            Peer::Torii => Err(Ending::Protocol(
                "a response without a mark after some with one",
            )),
            Peer::Foreign => Err(Ending::Protocol(
                "a response with a mark after some without one",
            )),
        }
    }

    /// Everything up to the mark was sent before this.
    fn progress(&mut self, incoming: Incoming) {
        let ack = Ack {
            type_name: incoming.type_name,
            nonce: incoming.nonce,
            error: None,
        };
        // A foreign peer answers an unknown type with an empty response: nothing more than that.
        let Some(mark) = incoming.mark.filter(|_| self.peer == Some(Peer::Torii)) else {
            self.open.acks.push(ack);
            return;
        };
        self.ready.append(std::mem::take(&mut self.open));
        if self.held.is_empty() {
            self.ready.acks.push(ack);
            self.ready.mark = Some(mark);
        } else {
            self.held_progress = Some((ack, mark));
        }
    }

    /// Takes a response into the open batch, or holds it.
    fn take(&mut self, incoming: Incoming, actions: &mut Vec<Action>) {
        let type_name = incoming.type_name;
        let first = self.answered.insert(type_name.clone());
        let known = self.known.entry(type_name.clone()).or_default();
        let mut change = TypeChange {
            full: first,
            ..TypeChange::default()
        };
        let mut refused = Vec::new();
        let mut present = BTreeSet::new();
        for item in incoming.items {
            match item {
                Item::Good(key, resource) => {
                    present.insert(key.clone());
                    change.upserts.insert(key, *resource);
                }
                Item::Bad { key, reason } => {
                    present.extend(key.clone());
                    refused.push(Refused {
                        type_name: type_name.clone(),
                        key,
                        reason,
                    });
                }
            }
        }
        // A resource without a readable name may be any of those that seem to be missing: then none is.
        let nameless = refused.iter().any(|refused| refused.key.is_none());
        if first && !nameless {
            change.removals.extend(known.difference(&present).cloned());
        }
        // A key in both lists counts as an update (kds §1.6); one that is not held needs no removal.
        change.removals.extend(
            incoming
                .removed
                .into_iter()
                .filter(|key| known.contains(key) && !present.contains(key)),
        );

        let verdict = if first {
            self.guard
                .judge_set(&type_name, known.len(), change.removals.len())
        } else {
            Ok(())
        };
        known.retain(|key| !change.removals.contains(key));
        known.extend(change.upserts.keys().cloned());
        self.note_refused(&type_name, &change, &refused);

        let mut batch = Batch::default();
        batch.acks.push(Ack {
            error: nack_text(&refused),
            type_name: type_name.clone(),
            nonce: incoming.nonce,
        });
        batch.refused = refused;
        match verdict {
            Ok(()) if !self.held.contains_key(&type_name) => {
                batch.add(&type_name, change);
                self.open.append(batch);
            }
            Ok(()) => {
                // The peer went on although its first set is not acknowledged.
                if let Some((earlier, acks)) = self.held.remove(&type_name) {
                    let mut all = Batch::default();
                    all.add(&type_name, earlier);
                    all.add(&type_name, change);
                    batch.acks.splice(0..0, acks.acks);
                    batch.refused.splice(0..0, acks.refused);
                    let change = all.types.remove(&type_name).unwrap_or_default();
                    self.held.insert(type_name, (change, batch));
                }
            }
            Err(hold) => {
                self.held.insert(type_name, (change, batch));
                actions.push(Action::Held(hold));
            }
        }
    }

    fn note_refused(&mut self, type_name: &KindName, change: &TypeChange, refused: &[Refused]) {
        let keys = self.refused.entry(type_name.clone()).or_default();
        keys.retain(|key| !change.upserts.contains_key(key) && !change.removals.contains(key));
        keys.extend(refused.iter().filter_map(|refused| refused.key.clone()));
    }

    /// A foreign peer has nothing more to say for now.
    fn idle(&mut self) {
        if self.peer == Some(Peer::Foreign) && self.committing.is_none() {
            self.ready.append(std::mem::take(&mut self.open));
        }
    }

    fn accepted(&mut self) {
        self.guard.accept();
        for (type_name, (change, mut batch)) in std::mem::take(&mut self.held) {
            batch.add(&type_name, change);
            self.ready.append(batch);
        }
        if let Some((ack, mark)) = self.held_progress.take() {
            self.ready.acks.push(ack);
            self.ready.mark = Some(mark);
        }
    }

    /// Asks for the transaction to be stored, or acknowledges at once when there is nothing to store.
    fn commit(&mut self, actions: &mut Vec<Action>) {
        if self.committing.is_some() || self.ready.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.ready);
        let reached = batch.mark.is_none() || batch.mark == self.guard.memory().mark;
        if batch.writes_nothing() && batch.refused.is_empty() && reached {
            actions.extend(batch.acks.into_iter().map(|ack| Action::Send(ack.into())));
            return;
        }
        let transaction = Transaction {
            memory: self.guard.remember(batch.mark.as_ref()),
            types: batch.types,
            mark: batch.mark,
            refused: batch.refused,
        };
        let told = Transaction {
            types: BTreeMap::new(),
            refused: Vec::new(),
            ..transaction.clone()
        };
        self.committing = Some((batch.acks, told));
        actions.push(Action::Commit(transaction));
    }

    fn committed(&mut self, actions: &mut Vec<Action>) {
        let Some((acks, transaction)) = self.committing.take() else {
            return;
        };
        self.guard.committed(transaction.memory);
        actions.extend(acks.into_iter().map(|ack| Action::Send(ack.into())));
    }

    /// The resend trick (kds §1.6). It acknowledges, so a type whose answer is not stored yet is left alone.
    fn retry(&self, actions: &mut Vec<Action>) {
        let committing = self.committing.iter().flat_map(|(acks, _)| acks);
        let unanswered: BTreeSet<&KindName> = committing
            .chain(&self.open.acks)
            .chain(&self.ready.acks)
            .map(|ack| &ack.type_name)
            .chain(self.held.keys())
            .collect();
        for (type_name, keys) in &self.refused {
            let nonce = self.last_nonces.get(type_name);
            let Some(nonce) = nonce.filter(|_| !keys.is_empty() && !unanswered.contains(type_name))
            else {
                continue;
            };
            let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
            actions.push(Action::Send(Request {
                type_name: type_name.clone(),
                nonce: nonce.clone(),
                subscribe: names.clone(),
                unsubscribe: names,
                error: None,
            }));
        }
    }
}

fn subscription(type_name: &KindName) -> Request {
    Request {
        type_name: type_name.clone(),
        nonce: String::new(),
        subscribe: vec!["*".to_owned()],
        unsubscribe: Vec::new(),
        error: None,
    }
}

/// What the peer reads about resources that were not taken; the others of the response are stored (kds §6.4, 2.10).
fn nack_text(refused: &[Refused]) -> Option<String> {
    if refused.is_empty() {
        return None;
    }
    let named: Vec<String> = refused
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect();
    let more = refused.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    Some(format!(
        "user error: {} not stored, all others are: {}{more}",
        refused.len(),
        named.join("; ")
    ))
}
