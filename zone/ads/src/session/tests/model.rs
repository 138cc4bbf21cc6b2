//! A model of Envoy against the session: random states, late answers, rejections, slow clusters, reconnects.

mod envoy;

use proptest::prelude::*;

use super::*;
use crate::session::tests::model::Kind::{Bad, Fast, Slow, Unreadable};
use envoy::{Envoy, asks, says};

const CLUSTERS: [&str; 4] = ["a", "b", "c", "d"];

/// How Envoy takes a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fast,
    Slow,
    /// Envoy names it and takes the rest of the response.
    Bad,
    /// Envoy takes nothing of the response.
    Unreadable,
}

#[derive(Clone, Debug)]
struct Spec {
    /// Per cluster: kind and content.
    clusters: Vec<(Kind, u8)>,
    /// Per route: backends (bits), header, kind.
    routes: Vec<(u8, u8, Kind)>,
    /// Which listeners there are (bits); listener i uses route i.
    listeners: u8,
}

#[derive(Clone, Debug)]
enum Op {
    Desired(Spec),
    Envoy,
    Deliver,
    Warm(usize),
    Timer,
    Reconnect,
    Again,
}

fn kind(bad: u32) -> impl Strategy<Value = Kind> {
    prop_oneof![8 => Just(Fast), 2 => Just(Slow), bad => Just(Bad), bad => Just(Unreadable)]
}

fn spec() -> impl Strategy<Value = Spec> {
    let clusters = prop::collection::vec((kind(1), 0..2_u8), CLUSTERS.len());
    let route_kind = prop_oneof![12 => Just(Fast), 1 => Just(Bad), 1 => Just(Unreadable)];
    let routes = prop::collection::vec((1..16_u8, 0..2_u8, route_kind), 2);
    (clusters, routes, 0..4_u8).prop_map(|(clusters, routes, listeners)| Spec {
        clusters,
        routes,
        listeners,
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => spec().prop_map(Op::Desired),
        20 => Just(Op::Envoy),
        20 => Just(Op::Deliver),
        3 => (0..CLUSTERS.len()).prop_map(Op::Warm),
        1 => Just(Op::Timer),
        1 => Just(Op::Reconnect),
        1 => Just(Op::Again),
    ]
}

fn text(kind: Kind, content: u8) -> String {
    let word = match kind {
        Fast | Slow => "good",
        Bad => "bad",
        Unreadable => "unreadable",
    };
    format!("{word}{content}")
}

fn render(revision: u64, spec: &Spec) -> Arc<Desired> {
    let mut parts = Vec::new();
    let mut used = 0;
    for (at, name) in ["r", "s"]
        .iter()
        .enumerate()
        .filter(|(at, _)| spec.listeners & (1 << at) != 0)
    {
        let (backends, header, kind) = spec.routes[at];
        used |= backends;
        let names: Vec<&str> = (0..CLUSTERS.len())
            .filter(|bit| backends & (1 << bit) != 0)
            .map(|bit| CLUSTERS[bit])
            .collect();
        parts.push(route(name, &text(kind, header), &names));
        parts.push(listener(["l", "m"][at], "good", &[name]));
    }
    for (bit, (kind, content)) in spec
        .clusters
        .iter()
        .enumerate()
        .filter(|(bit, _)| used & (1 << bit) != 0)
    {
        let make = if *kind == Slow { slow } else { cluster };
        parts.push(make(CLUSTERS[bit], &text(*kind, *content)));
        if *kind != Slow {
            parts.push(endpoints(CLUSTERS[bit]));
        }
    }
    state(revision, &parts)
}

struct World {
    envoy: Envoy,
    server: Script,
    desired: Option<Arc<Desired>>,
    revision: u64,
    reconnected: bool,
}

impl World {
    fn new() -> Self {
        let mut envoy = Envoy::default();
        envoy.reconnect();
        Self {
            envoy,
            server: Script::new(Dialect::Delta),
            desired: None,
            revision: 0,
            reconnected: false,
        }
    }

    fn apply(&mut self, op: &Op) -> Result<(), TestCaseError> {
        match op {
            Op::Desired(spec) => {
                self.revision += 1;
                let desired = render(self.revision, spec);
                self.server.desired(&desired);
                self.desired = Some(desired);
            }
            Op::Envoy => self.envoy.take()?,
            Op::Deliver => {
                if let Some(request) = self.envoy.outbox.pop_front() {
                    self.server.event(Event::Request(request));
                }
            }
            Op::Warm(at) => self.warm(CLUSTERS[*at]),
            Op::Timer => {
                for id in std::mem::take(&mut self.server.timers) {
                    self.envoy.excused.extend(CLUSTERS.map(ToOwned::to_owned));
                    self.server.event(Event::HoldExpired(id));
                }
            }
            Op::Reconnect => {
                self.envoy.reconnect();
                self.reconnected = true;
                self.server = Script::new(Dialect::Delta);
                if let Some(desired) = &self.desired {
                    self.server.desired(desired);
                }
            }
            Op::Again => {
                if let Some(name) = self.envoy.asked_endpoints.first() {
                    let request = asks(E, name);
                    self.envoy.outbox.push_back(request);
                }
            }
        }
        let sent = self.server.sent();
        self.envoy.inbox.extend(sent);
        Ok(())
    }

    fn warm(&mut self, name: &str) {
        if let Some(one) = self.envoy.clusters.get_mut(name)
            && one
                .part
                .as_ref()
                .is_some_and(|part| !crate::session::gate::warm_with_endpoints(part))
        {
            (one.active, one.warming) = (true, false);
        }
        self.envoy.release();
    }

    fn settle(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..2_000 {
            for at in 0..CLUSTERS.len() {
                self.apply(&Op::Warm(at))?;
            }
            if self.envoy.inbox.is_empty() && self.envoy.outbox.is_empty() {
                return Ok(());
            }
            self.apply(&Op::Envoy)?;
            self.apply(&Op::Deliver)?;
        }
        prop_assert!(false, "it never comes to rest");
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Some(desired) = &self.desired else {
            return Ok(());
        };
        let good = |part: &Part| !says(part, "bad") && !says(part, "unreadable");
        let parts = &desired.parts;
        for part in parts.of_type(C).filter(|part| good(part)) {
            let held = self.envoy.clusters.get(&part.name);
            prop_assert!(
                held.is_some_and(|one| one.active && one.part.as_ref() == Some(part)),
                "cluster {}",
                part.name
            );
        }
        let rejected = parts.iter().filter(|(_, part)| !good(part)).count();
        // A rejected successor of what Envoy brought along from before a reconnect, or may or may not have got before it let
        // go of it: what that uses stays until it is mended.
        let doubtful = !self.server.session.books[R as usize].doubtful.is_empty();
        let blind = rejected > 0 && (self.reconnected || doubtful);
        for name in self
            .envoy
            .clusters
            .keys()
            .filter(|name| parts.get(C, name).is_none())
        {
            let mut uses = self.envoy.routes.values().flat_map(|route| &route.clusters);
            prop_assert!(
                blind || uses.any(|used| used.as_ref() == name),
                "cluster {name} is left over"
            );
        }
        let listeners: Vec<_> = parts.of_type(L).collect();
        prop_assert_eq!(self.envoy.listeners.values().collect::<Vec<_>>(), listeners);
        for part in parts.of_type(R).filter(|part| good(part)) {
            prop_assert_eq!(self.envoy.routes.get(&part.name), Some(part));
        }
        let standing = self.server.standing();
        prop_assert!(!standing.pending, "pending: {standing:?}");
        prop_assert_eq!(standing.rejections.len(), rejected);
        prop_assert_eq!(
            standing.acknowledged == desired.revision,
            rejected == 0,
            "{:?}",
            standing
        );
        prop_assert_eq!(standing.sent, desired.revision);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1_000), ..ProptestConfig::default() })]

    #[test]
    fn after_anything_envoy_has_what_is_desired_and_nothing_broke_on_the_way(ops in prop::collection::vec(op(), 0..120)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op)?;
        }
        world.settle()?;
        world.check()?;
    }
}
