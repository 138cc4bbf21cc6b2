//! The merged picture of all zones, as this node knows it. PURE: reports go in, documents come out.
//!
//! May not guess: a zone that nobody has heard of is unknown, never fine.

use std::collections::BTreeMap;

use torii_api::status as document;
use torii_proto::torii::status::v1::{NodeStatus, Problem, ProxyReport, ZoneReport, ZoneState};

/// A zone's connection to this node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    /// Tells it from the zone's other connections to this node.
    pub(crate) number: u64,
    /// `torii` or `kuma`.
    pub(crate) kind: &'static str,
    /// The zone's version, as it says.
    pub(crate) version: String,
    /// Whether the zone proved its name.
    pub(crate) authenticated: bool,
    /// Since when, in milliseconds since 1970.
    pub(crate) at_unix_ms: u64,
}

/// A zone that connects, or has connected, to this node.
#[derive(Clone, Debug, Default)]
struct Own {
    connection: u64,
    state: ZoneState,
    /// By type: the words with which the zone refused what was sent last.
    refused: BTreeMap<String, String>,
    /// Value of the counter at the latest change.
    changed: u64,
}

/// All that is known of zones: of those connected here, and of those that other nodes tell about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Soft {
    own: BTreeMap<String, Own>,
    /// Grows with every change of `own`.
    counter: u64,
    others: BTreeMap<String, BTreeMap<String, ZoneState>>,
    /// Whether each other node that was ever heard of is heard of now.
    heard: BTreeMap<String, bool>,
}

impl Soft {
    /// A zone's stream opened here.
    pub(crate) fn connected(&mut self, zone: &str, connection: Connection) {
        let own = self.change(zone);
        own.connection = connection.number;
        connection.kind.clone_into(&mut own.state.kind);
        own.state.connected = true;
        own.state.authenticated = connection.authenticated;
        own.state.connected_at_unix_ms = connection.at_unix_ms;
        // A Torii zone says it in its reports too; a Kuma zone has none.
        own.state.report.get_or_insert_default().version = connection.version;
        // Every stream starts with everything: what was refused before is refused again, or is taken.
        own.refused.clear();
    }

    /// A zone does not take some resources of a type.
    pub(crate) fn refused(&mut self, zone: &str, type_name: &str, message: &str) {
        let refused = &mut self.change(zone).refused;
        refused.insert(type_name.to_owned(), message.to_owned());
    }

    /// A zone has taken what was sent of a type. Returns whether that changes anything.
    pub(crate) fn taken(&mut self, zone: &str, type_name: &str) -> bool {
        let refused = |own: &Own| own.refused.contains_key(type_name);
        self.own.get(zone).is_some_and(refused)
            && self.change(zone).refused.remove(type_name).is_some()
    }

    /// A connection of a zone ended; what the zone told last stays, marked as not connected, unless it has come back on
    /// a newer one. Returns whether that changes anything.
    pub(crate) fn disconnected(&mut self, zone: &str, number: u64) -> bool {
        let current = |own: &Own| own.connection == number && own.state.connected;
        let ended = self.own.get(zone).is_some_and(current);
        if ended {
            self.change(zone).state.connected = false;
        }
        ended
    }

    /// A zone reports; a partial report changes only what it names.
    pub(crate) fn report(&mut self, zone: &str, report: ZoneReport) {
        let state = &mut self.change(zone).state;
        state.report = Some(merge(state.report.take(), report));
    }

    /// Another node tells of its zones.
    pub(crate) fn peer(&mut self, told: NodeStatus) {
        self.heard.insert(told.node.clone(), true);
        let zones = self.others.entry(told.node).or_default();
        if told.full {
            zones.clear();
        }
        for zone in told.zones {
            zones.insert(zone.zone.clone(), zone);
        }
    }

    /// Another node is not heard of any more: its zones are unknown until somebody tells of them.
    pub(crate) fn peer_lost(&mut self, node: &str) {
        self.others.remove(node);
        self.heard.insert(node.to_owned(), false);
    }

    /// Whether this node hears of another; `None` = it never did, nor failed to.
    pub(crate) fn hears(&self, node: &str) -> Option<bool> {
        self.heard.get(node).copied()
    }

    /// What this node tells another: those of its own zones that have changed since the counter had this value (0: all),
    /// and its value now.
    pub(crate) fn own_since(&self, counter: u64) -> (u64, Vec<ZoneState>) {
        let changed = self.own.values().filter(|own| own.changed > counter);
        (self.counter, changed.map(Own::told).collect())
    }

    /// Zones by name, each from the node with its newest connection: those that are connected, and those of these names
    /// (of Zone resources), told of or not.
    pub(crate) fn zones<'a>(
        &self,
        this: &str,
        names: impl Iterator<Item = &'a str>,
    ) -> Vec<document::Zone> {
        let mut zones: BTreeMap<&str, Option<(&str, ZoneState)>> =
            names.map(|name| (name, None)).collect();
        let own = self.own.iter();
        let own = own.map(|(zone, own)| (this, zone, own.told()));
        let others = self.others.iter().flat_map(|(node, told)| {
            let told = told.iter();
            told.map(|(zone, state)| (node.as_str(), zone, state.clone()))
        });
        for (node, zone, state) in own.chain(others) {
            let known = zones.get(zone.as_str());
            let newer = match known {
                Some(Some((_, known))) => age(known) < age(&state),
                Some(None) => true,
                // Its Zone resource was deleted.
                None => state.connected,
            };
            if newer {
                zones.insert(zone, Some((node, state)));
            }
        }
        let document = |(name, told): (&str, Option<(&str, ZoneState)>)| match told {
            Some((node, state)) => zone_document(node, state),
            None => unknown_zone(name),
        };
        zones.into_iter().map(document).collect()
    }

    fn change(&mut self, zone: &str) -> &mut Own {
        self.counter += 1;
        let own = self.own.entry(zone.to_owned()).or_default();
        own.changed = self.counter;
        zone.clone_into(&mut own.state.zone);
        own
    }
}

impl Own {
    /// The zone's state, with what it refuses among its problems.
    fn told(&self) -> ZoneState {
        let mut state = self.state.clone();
        if !self.refused.is_empty() {
            let refused = self.refused.iter().map(|(type_name, message)| Problem {
                kind: type_name.clone(),
                reason: format!("refused by the zone: {message}"),
                ..Problem::default()
            });
            let report = state.report.get_or_insert_default();
            report.problems.extend(refused);
        }
        state
    }
}

/// Connected beats not connected, then the newer connection.
fn age(state: &ZoneState) -> (bool, u64) {
    (state.connected, state.connected_at_unix_ms)
}

fn merge(known: Option<ZoneReport>, mut new: ZoneReport) -> ZoneReport {
    let Some(known) = known.filter(|_| !new.full) else {
        return new;
    };
    let mut proxies: BTreeMap<String, ProxyReport> = known
        .proxies
        .into_iter()
        .map(|proxy| (proxy.id.clone(), proxy))
        .collect();
    for id in &new.gone {
        proxies.remove(id);
    }
    for proxy in new.proxies {
        proxies.insert(proxy.id.clone(), proxy);
    }
    // A settled proxy has everything that its zone has: the zone need not name it for that.
    let settled =
        |proxy: &&mut ProxyReport| proxy.connected && !proxy.pending && proxy.rejections.is_empty();
    for proxy in proxies.values_mut().filter(settled) {
        proxy.acknowledged = new.revision;
        proxy.sent = new.revision;
    }
    new.proxies = proxies.into_values().collect();
    new.gone = Vec::new();
    new.full = true;
    new
}

fn unknown_zone(name: &str) -> document::Zone {
    document::Zone {
        name: name.to_owned(),
        ..document::Zone::default()
    }
}

fn zone_document(node: &str, state: ZoneState) -> document::Zone {
    let report = state.report.unwrap_or_default();
    document::Zone {
        name: state.zone,
        connected: Some(state.connected),
        authenticated: state.authenticated,
        kind: state.kind,
        version: report.version,
        node: node.to_owned(),
        cluster_id: report.cluster_id,
        epoch: report.epoch,
        revision: report.revision,
        guard: report.guard,
        proxies: report
            .proxies
            .into_iter()
            .map(|proxy| proxy_document(state.connected, proxy))
            .collect(),
        problems: report
            .problems
            .into_iter()
            .map(document::Problem::from)
            .collect(),
    }
}

fn proxy_document(zone_connected: bool, report: ProxyReport) -> document::Proxy {
    let proxy = document::Proxy::from(report);
    let state = if zone_connected {
        proxy.state
    } else {
        document::ProxyState::Unknown
    };
    document::Proxy { state, ..proxy }
}

#[cfg(test)]
mod tests;
