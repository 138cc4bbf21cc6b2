//! The machine over all types: order, nonces, marks.

use std::collections::BTreeMap;

use torii_resource::KindName;

use crate::sender::channel::{Channel, Draft, Pending, Removals};
use crate::sender::{
    Action, Changed, Config, Event, Loaded, Rejected, Response, SenderError, TooLarge,
};
use crate::version::{Mark, Nonces, PROGRESS};

/// More types than any Kuma has (43 in 2.13.9), less than would hurt.
const MAX_TYPES: usize = 512;

/// Order of answers (kds §4.10): Mesh, Secret, Config, GlobalSecret, then the rest by name.
type Place = (u8, KindName);

const MESH: u8 = 0;

fn place(type_name: &KindName) -> Place {
    let rank = match type_name.as_str() {
        "Mesh" => MESH,
        "Secret" => 1,
        "Config" => 2,
        "GlobalSecret" => 3,
        _ => 4,
    };
    (rank, type_name.clone())
}

/// State of `torii.Progress` on this stream.
#[derive(Debug, Default)]
struct Progress {
    subscribed: bool,
    pending: Option<(String, Mark)>,
    last: Option<Mark>,
    /// Responses went out since the last one.
    open: bool,
}

/// The sending machine of one stream.
#[derive(Debug)]
pub struct Sender {
    config: Config,
    channels: BTreeMap<Place, Channel>,
    nonces: Nonces,
    newest: Option<Mark>,
    covered: Option<Mark>,
    progress: Progress,
    released: bool,
}

impl Sender {
    /// A machine for a stream that just opened.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            channels: BTreeMap::new(),
            nonces: Nonces::default(),
            newest: None,
            covered: None,
            progress: Progress::default(),
            released: false,
        }
    }

    /// Takes an event and says what to do.
    ///
    /// # Errors
    /// When the stream has to end.
    pub fn handle(&mut self, event: Event) -> Result<Vec<Action>, SenderError> {
        let mut actions = Vec::new();
        match event {
            Event::Loaded(loaded) => self.load(loaded)?,
            Event::Changed(changed) => self.change(changed)?,
            Event::Subscribe { type_name } => self.subscribe(&type_name)?,
            Event::Ack { type_name, nonce } => actions.extend(self.ack(type_name, &nonce)),
            Event::Nack {
                type_name,
                nonce,
                message,
            } => actions.extend(self.nack(type_name, &nonce, message)),
            Event::Resend {
                type_name,
                nonce,
                keys,
            } => {
                let Some(channel) = self.channels.get_mut(&place(&type_name)) else {
                    return Ok(actions);
                };
                if channel.last_nonce.as_ref() == Some(&nonce) {
                    channel.force(keys);
                }
                actions.extend(self.ack(type_name, &nonce));
            }
            Event::Retry { type_name } => {
                if let Some(channel) = self.channels.get_mut(&place(&type_name)) {
                    channel.retry();
                }
            }
            Event::Release => self.released |= self.holding(),
        }
        self.flush(&mut actions);
        Ok(actions)
    }

    /// Whether other types wait for Mesh. The shell bounds the wait and sends [`Event::Release`].
    pub fn holding(&self) -> bool {
        self.newest.is_some()
            && self.gate_closed()
            && self
                .channels
                .iter()
                .any(|((rank, _), channel)| *rank != MESH && channel.unsent_upserts())
    }

    /// Unacknowledged responses: type and nonce. The shell bounds their age.
    pub fn unacknowledged(&self) -> impl Iterator<Item = (&str, &str)> {
        let progress = self
            .progress
            .pending
            .iter()
            .map(|(nonce, _)| (PROGRESS, nonce.as_str()));
        self.channels
            .iter()
            .filter_map(|((_, name), channel)| {
                Some((name.as_str(), channel.pending.as_ref()?.nonce.as_str()))
            })
            .chain(progress)
    }

    fn load(&mut self, loaded: Loaded) -> Result<(), SenderError> {
        let since = self.advance(&loaded.mark)?;
        let mut types = loaded.types;
        for ((_, name), channel) in &mut self.channels {
            channel.load(types.remove(name).unwrap_or_default(), &since);
        }
        for (name, entries) in types {
            self.channels
                .entry(place(&name))
                .or_default()
                .load(entries, &since);
        }
        Ok(())
    }

    fn change(&mut self, changed: Changed) -> Result<(), SenderError> {
        if self.newest.is_none() {
            return Err(SenderError::NotLoaded(changed.mark));
        }
        let since = self.advance(&changed.mark)?;
        for (name, changes) in changed.types {
            self.channels
                .entry(place(&name))
                .or_default()
                .change(changes, &since);
        }
        Ok(())
    }

    /// Moves to a newer state; an older or another one is an error (kds §10.2 P1). Returns the first mark that the move
    /// passes: what it brings may have happened there already.
    fn advance(&mut self, mark: &Mark) -> Result<Mark, SenderError> {
        if let Some(newest) = &self.newest
            && newest.cluster_id != mark.cluster_id
        {
            return Err(SenderError::OtherCluster {
                from: newest.cluster_id.clone(),
                to: mark.cluster_id.clone(),
            });
        }
        // A peer that remembers another cluster decides for itself: only an order within one cluster is judged here.
        for needed in self.newest.iter().chain(&self.config.at_least) {
            if mark < needed {
                return Err(SenderError::Stale {
                    have: mark.clone(),
                    needed: needed.clone(),
                });
            }
        }
        let since = match self.newest.replace(mark.clone()) {
            Some(mut before) => {
                before.revision = before.revision.next();
                before
            }
            None => mark.clone(),
        };
        Ok(since)
    }

    fn subscribe(&mut self, type_name: &KindName) -> Result<(), SenderError> {
        if self.config.torii && type_name.as_str() == PROGRESS {
            self.progress = Progress {
                subscribed: true,
                open: true,
                ..Progress::default()
            };
            return Ok(());
        }
        let place = place(type_name);
        if self.channels.len() >= MAX_TYPES && !self.channels.contains_key(&place) {
            return Err(SenderError::TooManyTypes(MAX_TYPES));
        }
        self.channels.entry(place).or_default().subscribe();
        Ok(())
    }

    fn ack(&mut self, type_name: KindName, nonce: &str) -> Option<Action> {
        let mark = if self.config.torii && type_name.as_str() == PROGRESS {
            let (_, mark) = self
                .progress
                .pending
                .take_if(|(pending, _)| pending == nonce)?;
            mark
        } else {
            let place = place(&type_name);
            let Pending { mark, .. } = self.channels.get_mut(&place)?.ack(nonce)?;
            if place.0 == MESH {
                self.released = false;
            }
            mark
        };
        Some(Action::Acknowledged { type_name, mark })
    }

    fn nack(&mut self, type_name: KindName, nonce: &str, message: String) -> Option<Action> {
        let keys = if self.config.torii && type_name.as_str() == PROGRESS {
            self.progress
                .pending
                .take_if(|(pending, _)| pending == nonce)?;
            Vec::new()
        } else {
            self.channels.get_mut(&place(&type_name))?.nack(nonce)?.keys
        };
        Some(Action::Rejected(Rejected {
            type_name,
            message,
            keys,
        }))
    }

    /// Whether other types have to wait for Mesh: its first answer is not judged, or a new mesh cannot go out yet.
    fn gate_closed(&self) -> bool {
        if !self.config.mesh_first || self.config.torii || self.released {
            return false;
        }
        match self.channels.first_key_value() {
            Some(((MESH, _), mesh)) if mesh.subscribed() => {
                !mesh.judged() || (mesh.pending.is_some() && mesh.unsent_upserts())
            }
            _ => true,
        }
    }

    fn flush(&mut self, actions: &mut Vec<Action>) {
        let Some(newest) = self.newest.clone() else {
            return;
        };
        let places: Vec<Place> = self.channels.keys().cloned().collect();
        for place in &places {
            if place.0 == MESH {
                self.send(place, Removals::Later, &newest, actions);
            } else if !self.gate_closed() {
                self.send(place, Removals::Now, &newest, actions);
            }
        }
        // What lives in a mesh goes before the mesh.
        if let Some(mesh) = places.first().filter(|place| place.0 == MESH)
            && !self
                .channels
                .iter()
                .any(|((rank, _), channel)| *rank != MESH && channel.unsent_removals())
        {
            self.send(mesh, Removals::Now, &newest, actions);
        }
        self.close(&newest, actions);
    }

    fn send(
        &mut self,
        place: &Place,
        removals: Removals,
        newest: &Mark,
        actions: &mut Vec<Action>,
    ) {
        let limits = self.config.limits;
        let Some(channel) = self.channels.get_mut(place) else {
            return;
        };
        match channel.next(limits, removals) {
            Ok(None) => {}
            Ok(Some(Draft {
                entries,
                removed,
                full,
            })) => {
                let nonce = self.nonces.next_nonce();
                let keys = entries
                    .iter()
                    .map(|entry| entry.key.clone())
                    .chain(removed.iter().cloned());
                channel.pending = Some(Pending {
                    nonce: nonce.clone(),
                    mark: newest.clone(),
                    keys: keys.collect(),
                });
                channel.last_nonce = Some(nonce.clone());
                self.progress.open = true;
                actions.push(Action::Send(Response {
                    type_name: place.1.clone(),
                    nonce,
                    entries,
                    removed,
                    mark: self.config.torii.then(|| newest.clone()),
                    full,
                }));
            }
            Err(oversize) => {
                if channel.reported.replace(oversize.bytes) != Some(oversize.bytes) {
                    actions.push(Action::TooLarge(TooLarge {
                        type_name: place.1.clone(),
                        resources: oversize.resources,
                        bytes: oversize.bytes,
                        limit: limits.message,
                    }));
                }
            }
        }
    }

    /// Says how far everything was sent.
    ///
    /// A Torii peer acknowledges only what a progress mark has closed, so whatever went out is followed by one, with
    /// an unchanged mark if it must be: otherwise a type that waits for its acknowledgement would wait for ever.
    fn close(&mut self, newest: &Mark, actions: &mut Vec<Action>) {
        let owed = self.channels.values().any(Channel::owed);
        if !self.progress.subscribed || self.progress.pending.is_some() || owed {
            return;
        }
        self.cover(newest);
        let Some(mark) = self.covered.clone() else {
            return;
        };
        if !self.progress.open && self.progress.last.as_ref() == Some(&mark) {
            return;
        }
        let nonce = self.nonces.next_nonce();
        self.progress.pending = Some((nonce.clone(), mark.clone()));
        self.progress.last = Some(mark.clone());
        self.progress.open = false;
        actions.push(Action::Send(Response {
            type_name: KindName::new(PROGRESS),
            nonce,
            entries: Vec::new(),
            removed: Vec::new(),
            mark: Some(mark),
            full: false,
        }));
    }

    /// Moves the covered mark: up to the newest, or to just before the oldest change that could not be sent yet.
    fn cover(&mut self, newest: &Mark) {
        let oldest = self
            .channels
            .values()
            .filter_map(Channel::since)
            .min_by_key(|mark| (mark.epoch, mark.revision));
        let candidate = match oldest {
            None => newest.clone(),
            Some(since) => {
                let mut before = since.clone();
                before.revision.0 = before.revision.0.saturating_sub(1);
                // The revision before the first of a new epoch does not exist in it.
                let epoch = self
                    .covered
                    .as_ref()
                    .map_or(newest.epoch, |covered| covered.epoch);
                if before.epoch != epoch {
                    return;
                }
                before
            }
        };
        if self
            .covered
            .as_ref()
            .is_none_or(|covered| candidate > *covered)
        {
            self.covered = Some(candidate);
        }
    }
}
