//! The two ends, the link between them, and what may never happen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_resource::{KindName, Resource, ResourceKey, Revision, Stamp};
use torii_sync::guard::{Guard, Memory};
use torii_sync::kuma::{self, NodeInfo};
use torii_sync::receiver::{self, Ending, Item, Receiver, Transaction};
use torii_sync::scope::{Scope, Variant};
use torii_sync::sender::{self, Changed, Loaded, Sender, SenderError};
use torii_sync::{Mark, WireKey};

use crate::Op;

pub(crate) const KINDS: [(&str, &str); 3] = [
    ("Mesh", ""),
    ("MeshGateway", "default"),
    ("MeshGatewayRoute", "default"),
];
const VALUE: &str = "value";

type Key = (usize, u8);

fn resource((kind, name): Key, revision: u64) -> Resource {
    let (kind, mesh) = KINDS[kind];
    Resource {
        key: ResourceKey::new(kind, mesh, &format!("r{name}")),
        labels: BTreeMap::from([(VALUE.to_owned(), revision.to_string())]),
        spec: bytes::Bytes::new(),
        created: Stamp::default(),
        modified: Stamp::default(),
    }
}

fn types() -> Vec<KindName> {
    let mut types: Vec<_> = KINDS.iter().map(|(kind, _)| KindName::new(kind)).collect();
    types.push(KindName::new(torii_sync::PROGRESS));
    types
}

struct Link {
    sender: Sender,
    receiver: Receiver,
    feed: VecDeque<sender::Event>,
    down: VecDeque<DeltaDiscoveryResponse>,
    up: VecDeque<DeltaDiscoveryRequest>,
    storing: Option<Transaction>,
    impostor: bool,
}

pub(crate) struct World {
    torii: bool,
    scope: Scope,
    /// State by revision: the revision in which a key was put last.
    history: Vec<BTreeMap<Key, u64>>,
    deleted: BTreeMap<WireName, Vec<u64>>,
    /// The receiver's durable copy.
    copy: BTreeMap<WireName, u64>,
    memory: Memory,
    /// Keys that the receiver could not read in their latest version.
    spoiled: BTreeSet<WireName>,
    link: Option<Link>,
}

type WireName = (KindName, WireKey);

impl World {
    fn new(torii: bool) -> Self {
        let variant = if torii {
            Variant::Torii
        } else {
            Variant::Hashed
        };
        Self {
            torii,
            scope: Scope::ToZone {
                variant,
                public_key: |_| None,
            },
            history: vec![BTreeMap::new()],
            deleted: BTreeMap::new(),
            copy: BTreeMap::new(),
            memory: Memory::default(),
            spoiled: BTreeSet::new(),
            link: None,
        }
    }

    fn revision(&self) -> u64 {
        self.history.len() as u64 - 1
    }

    fn state(&self) -> &BTreeMap<Key, u64> {
        self.history.last().unwrap()
    }

    fn wire_name(&self, key: Key) -> WireName {
        let resource = resource(key, 0);
        (
            resource.key.kind.clone(),
            self.scope.key(&resource).unwrap(),
        )
    }

    fn loaded(&self, revision: u64) -> sender::Event {
        let resources: Vec<_> = self.history[revision as usize]
            .iter()
            .map(|(key, value)| resource(*key, *value))
            .collect();
        sender::Event::Loaded(Loaded {
            mark: mark("c", revision),
            types: self.scope.sets(&resources),
        })
    }

    /// The change that made this revision.
    fn changed(&self, revision: u64) -> sender::Event {
        let (before, after) = (
            &self.history[revision as usize - 1],
            &self.history[revision as usize],
        );
        let mut types = BTreeMap::new();
        for key in before.keys().chain(after.keys()) {
            if before.get(key) != after.get(key) {
                let old = before.get(key).map(|value| resource(*key, *value));
                let new = after.get(key).map(|value| resource(*key, *value));
                types.insert(
                    KindName::new(KINDS[key.0].0),
                    self.scope.change(old.as_ref(), new.as_ref()),
                );
            }
        }
        sender::Event::Changed(Changed {
            mark: mark("c", revision),
            types,
        })
    }

    fn commit(&mut self, key: Key, put: bool) {
        let revision = self.revision() + 1;
        let mut state = self.state().clone();
        if put {
            state.insert(key, revision);
        } else if state.remove(&key).is_some() {
            let name = self.wire_name(key);
            self.deleted.entry(name).or_default().push(revision);
        }
        self.history.push(state);
        let event = self.changed(revision);
        if let Some(link) = self.link.as_mut().filter(|link| !link.impostor) {
            link.feed.push_back(event);
        }
    }

    fn open(&mut self, lag: u64, announce: bool, impostor: bool) {
        // A foreign global says no revision: nobody can know that it lags (kds §5.6).
        let lag = if self.torii { lag } else { 0 };
        let from = self.revision().saturating_sub(lag);
        let mut feed = VecDeque::new();
        if impostor {
            feed.push_back(sender::Event::Loaded(Loaded {
                mark: mark("other", 1),
                types: BTreeMap::new(),
            }));
        } else {
            feed.push_back(self.loaded(from));
            feed.extend((from + 1..=self.revision()).map(|revision| self.changed(revision)));
        }
        let mut held: BTreeMap<KindName, BTreeSet<WireKey>> = BTreeMap::new();
        for (kind, key) in self.copy.keys() {
            held.entry(kind.clone()).or_default().insert(key.clone());
        }
        let mut link = Link {
            sender: Sender::new(sender::Config {
                torii: self.torii,
                mesh_first: true,
                at_least: self.memory.announced().filter(|_| announce).cloned(),
                limits: sender::Limits {
                    chunk: 400,
                    ..sender::Limits::default()
                },
            }),
            receiver: Receiver::new(receiver::Config {
                types: types(),
                held,
                guard: Guard::new(self.memory.clone()),
            }),
            feed,
            down: VecDeque::new(),
            up: VecDeque::new(),
            storing: None,
            impostor,
        };
        let actions = link.receiver.handle(receiver::Event::Start);
        self.link = Some(link);
        self.received(actions);
    }

    fn tell_sender(&mut self, event: sender::Event) {
        let Some(link) = &mut self.link else {
            return;
        };
        match link.sender.handle(event) {
            Ok(actions) => {
                for action in actions {
                    if let sender::Action::Send(response) = action {
                        link.down.push_back(kuma::response(&response, "global"));
                    }
                }
            }
            Err(SenderError::Stale { .. }) => self.link = None,
            Err(error) => panic!("{error}"),
        }
    }

    fn tell_receiver(&mut self, event: receiver::Event) {
        if let Some(link) = &mut self.link {
            let actions = link.receiver.handle(event);
            self.received(actions);
        }
    }

    fn received(&mut self, actions: Vec<receiver::Action>) {
        let node = NodeInfo {
            id: "east".to_owned(),
            instance: String::new(),
            version: String::new(),
            config: String::new(),
            mark: None,
        };
        for action in actions {
            let Some(link) = &mut self.link else {
                return;
            };
            match action {
                receiver::Action::Send(request) => link.up.push_back(kuma::request(request, &node)),
                receiver::Action::Commit(transaction) => {
                    assert!(
                        link.storing.replace(transaction).is_none(),
                        "one transaction at a time"
                    );
                }
                receiver::Action::Held(_) => {
                    assert!(
                        !self.torii,
                        "a followed Torii global is judged by its marks"
                    );
                    if !link.impostor {
                        self.tell_receiver(receiver::Event::Accepted);
                    }
                }
                receiver::Action::End(Ending::Refused(_)) => self.link = None,
                receiver::Action::End(ending) => panic!("{ending}"),
            }
        }
    }

    fn deliver(&mut self, spoil: bool) {
        let Some(response) = self.link.as_mut().and_then(|link| link.down.pop_front()) else {
            return;
        };
        let mut incoming = kuma::incoming(response);
        if spoil && let Some(item) = incoming.items.first_mut() {
            let Item::Good(key, _) = &*item else {
                panic!("{item:?}");
            };
            *item = Item::Bad {
                key: Some(key.clone()),
                reason: "spoilt".to_owned(),
            };
        }
        self.tell_receiver(receiver::Event::Response(incoming));
    }

    fn store(&mut self) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        let Some(transaction) = link.storing.take() else {
            return false;
        };
        let impostor = link.impostor;
        self.apply(transaction, impostor);
        true
    }

    /// Makes a transaction durable, and judges it.
    fn apply(&mut self, transaction: Transaction, impostor: bool) {
        for refused in transaction.refused {
            self.spoiled
                .insert((refused.type_name, refused.key.unwrap()));
        }
        for (kind, change) in transaction.types {
            for (key, resource) in change.upserts {
                let value: u64 = resource.labels[VALUE].parse().unwrap();
                let name = (kind.clone(), key);
                let before = self.copy.insert(name.clone(), value);
                assert!(
                    before.is_none_or(|before| before <= value),
                    "{name:?} goes back from {before:?} to {value}"
                );
                self.spoiled.remove(&name);
            }
            for key in change.removals {
                let name = (kind.clone(), key);
                assert!(
                    !impostor,
                    "{name:?} is removed because a global has nothing"
                );
                let value = self
                    .copy
                    .remove(&name)
                    .expect("only what is held is removed");
                let deletions = self.deleted.get(&name);
                assert!(
                    deletions.is_some_and(|all| all.iter().any(|deletion| *deletion > value)),
                    "{name:?} of revision {value} is removed, but was deleted only at {deletions:?}"
                );
                self.spoiled.remove(&name);
            }
        }
        if let (Some(mark), false) = (&transaction.mark, impostor) {
            self.judge(mark);
        }
        self.memory = transaction.memory;
    }

    /// Everything up to the mark is in the copy, or something later.
    fn judge(&self, mark: &Mark) {
        assert!(
            self.memory
                .mark
                .as_ref()
                .is_none_or(|before| mark.covers(before))
        );
        let claimed = &self.history[mark.revision.0 as usize];
        for key in (0..KINDS.len()).flat_map(|kind| (0..4).map(move |name| (kind, name))) {
            let name = self.wire_name(key);
            if self.spoiled.contains(&name) {
                continue;
            }
            let (has, should) = (self.copy.get(&name), claimed.get(&key));
            let later = match has {
                Some(value) => *value > mark.revision.0,
                None => self
                    .deleted
                    .get(&name)
                    .is_some_and(|all| all.iter().any(|at| *at > mark.revision.0)),
            };
            assert!(
                has == should || later,
                "at {mark}: {name:?} is {has:?} instead of {should:?}"
            );
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Put(kind, name) => self.commit((kind, name), true),
            Op::Delete(kind, name) => self.commit((kind, name), false),
            Op::Feed => {
                if let Some(event) = self.link.as_mut().and_then(|link| link.feed.pop_front()) {
                    self.tell_sender(event);
                }
            }
            Op::Overrun => {
                let all = self.loaded(self.revision());
                if let Some(link) = self.link.as_mut().filter(|link| !link.impostor) {
                    link.feed = VecDeque::from([all]);
                }
            }
            Op::ToReceiver => self.deliver(false),
            Op::Spoil => self.deliver(true),
            Op::Idle => self.tell_receiver(receiver::Event::Idle),
            Op::Store => {
                if self.store() {
                    self.tell_receiver(receiver::Event::Committed);
                }
            }
            Op::ToSender => {
                if let Some(request) = self.link.as_mut().and_then(|link| link.up.pop_front()) {
                    self.tell_sender(kuma::sender_event(request));
                }
            }
            Op::Release => self.tell_sender(sender::Event::Release),
            Op::Cut => self.link = None,
            Op::StoreAndCut => {
                self.store();
                self.link = None;
            }
            Op::Open(lag, announce) => self.open(lag, announce, false),
            Op::Impostor => {
                // Without a memory there is nothing to tell a first global by.
                if self.memory.mark.is_some() || (!self.torii && !self.copy.is_empty()) {
                    self.open(0, false, true);
                }
            }
        }
    }

    /// Lets everything happen that can, without a cut.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "the link never comes to rest");
            let Some(link) = &self.link else {
                return;
            };
            let op = if !link.feed.is_empty() {
                Op::Feed
            } else if !link.up.is_empty() {
                Op::ToSender
            } else if !link.down.is_empty() {
                Op::ToReceiver
            } else if link.storing.is_some() {
                Op::Store
            } else {
                self.step(Op::Idle);
                let Some(link) = &self.link else {
                    return;
                };
                if link.storing.is_none() && link.up.is_empty() {
                    if !link.sender.holding() {
                        return;
                    }
                    assert!(link.impostor, "Mesh is answered, nothing waits for it");
                    self.step(Op::Release);
                }
                continue;
            };
            self.step(op);
        }
    }

    fn assert_equal(&self, when: &str) {
        let source: BTreeMap<WireName, u64> = self
            .state()
            .iter()
            .map(|(key, value)| (self.wire_name(*key), *value))
            .collect();
        assert_eq!(self.copy, source, "{when}");
        if self.torii {
            assert_eq!(self.memory.mark, Some(mark("c", self.revision())), "{when}");
        }
    }

    pub(crate) fn run(torii: bool, ops: Vec<Op>) {
        let mut world = Self::new(torii);
        for op in ops {
            world.step(op);
        }
        world.settle();
        if world.link.as_ref().is_some_and(|link| !link.impostor) {
            for type_name in types() {
                world.tell_sender(sender::Event::Retry { type_name });
            }
            world.settle();
            if world.link.is_some() {
                world.assert_equal("on the stream that was open, without a cut");
            }
        }
        world.open(0, true, false);
        world.settle();
        assert!(world.link.is_some(), "an up-to-date global is followed");
        world.assert_equal("after a reconnect");
    }
}

fn mark(cluster: &str, revision: u64) -> Mark {
    Mark {
        cluster_id: cluster.to_owned(),
        epoch: 1,
        revision: Revision(revision),
    }
}
