//! The merged picture of all zones, as this node knows it. PURE: reports go in, documents come out.
//!
//! May not guess: a zone that nobody has heard of is unknown, never fine.

use std::collections::BTreeMap;

use torii_api::status as document;
use torii_proto::torii::status::v1::{NodeStatus, ProxyReport, ZoneReport, ZoneState};

/// All that is known of zones: of those connected here, and of those that other nodes tell about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Soft {
    own: BTreeMap<String, ZoneState>,
    /// By zone and type: the words with which the zone refused what was sent last.
    refused: BTreeMap<String, BTreeMap<String, String>>,
    others: BTreeMap<String, BTreeMap<String, ZoneState>>,
    /// Whether each other node that was ever heard of is heard of now.
    heard: BTreeMap<String, bool>,
}

impl Soft {
    /// A zone's stream opened here.
    pub(crate) fn connected(&mut self, zone: &str, kind: &str, authenticated: bool, at_unix_ms: u64) {
        let state = self.own.entry(zone.to_owned()).or_default();
        state.zone = zone.to_owned();
        state.kind = kind.to_owned();
        state.connected = true;
        state.authenticated = authenticated;
        state.connected_at_unix_ms = at_unix_ms;
        // Every stream starts with everything: what was refused before is refused again, or is taken.
        self.refused.remove(zone);
    }

    /// A zone connected here does not take some resources of a type.
    pub(crate) fn refused(&mut self, zone: &str, type_name: &str, message: &str) {
        let by_type = self.refused.entry(zone.to_owned()).or_default();
        by_type.insert(type_name.to_owned(), message.to_owned());
    }

    /// A zone's stream ended here; what it told last stays, marked as not connected.
    pub(crate) fn disconnected(&mut self, zone: &str) {
        if let Some(state) = self.own.get_mut(zone) {
            state.connected = false;
        }
    }

    /// A zone that has no status stream (a Kuma zone) acknowledged up to a revision.
    pub(crate) fn followed(&mut self, zone: &str, version: &str, cluster_id: &str, epoch: u64, revision: u64) {
        let state = self.own.entry(zone.to_owned()).or_default();
        state.zone = zone.to_owned();
        let report = state.report.get_or_insert_default();
        report.zone = zone.to_owned();
        report.version = version.to_owned();
        report.cluster_id = cluster_id.to_owned();
        report.epoch = epoch;
        report.revision = report.revision.max(revision);
    }

    /// A connected zone reports; a partial report changes only what it names.
    pub(crate) fn report(&mut self, zone: &str, report: ZoneReport) {
        let state = self.own.entry(zone.to_owned()).or_default();
        state.zone = zone.to_owned();
        let known = state.report.take();
        state.report = Some(merge(known, report));
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

    /// What this node tells other nodes: its own zones.
    pub(crate) fn own(&self) -> Vec<ZoneState> {
        self.own.values().cloned().collect()
    }

    /// Zones by name, each from the node with its newest connection; `names` adds those nobody has told of.
    pub(crate) fn zones<'a>(&self, this: &str, names: impl Iterator<Item = &'a str>) -> Vec<document::Zone> {
        let mut best: BTreeMap<&str, (&str, &ZoneState)> = BTreeMap::new();
        let told = self.own.iter().map(|(zone, state)| (this, zone, state)).chain(
            self.others
                .iter()
                .flat_map(|(node, zones)| zones.iter().map(move |(zone, state)| (node.as_str(), zone, state))),
        );
        for (node, zone, state) in told {
            let newer = best
                .get(zone.as_str())
                .is_none_or(|(_, known)| age(known) < age(state));
            if newer {
                best.insert(zone, (node, state));
            }
        }
        let mut zones: BTreeMap<String, document::Zone> = names
            .map(|name| (name.to_owned(), unknown_zone(name)))
            .collect();
        for (zone, (node, state)) in best {
            zones.insert(zone.to_owned(), zone_document(node, state));
        }
        for (zone, by_type) in &self.refused {
            if let Some(zone) = zones.get_mut(zone) {
                zone.problems.extend(by_type.iter().map(|(type_name, message)| document::Problem {
                    resource: type_name.clone(),
                    reason: format!("refused by the zone: {message}"),
                    ..document::Problem::default()
                }));
            }
        }
        zones.into_values().collect()
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
    let mut proxies: BTreeMap<String, ProxyReport> =
        known.proxies.into_iter().map(|proxy| (proxy.id.clone(), proxy)).collect();
    for id in &new.gone {
        proxies.remove(id);
    }
    for proxy in new.proxies {
        proxies.insert(proxy.id.clone(), proxy);
    }
    // A settled proxy has everything that its zone has: the zone need not name it for that.
    let settled = |proxy: &&mut ProxyReport| proxy.connected && !proxy.pending && proxy.rejections.is_empty();
    for proxy in proxies.values_mut().filter(settled) {
        proxy.acknowledged = proxy.acknowledged.max(new.revision);
        proxy.sent = proxy.sent.max(new.revision);
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

fn zone_document(node: &str, state: &ZoneState) -> document::Zone {
    let report = state.report.clone().unwrap_or_default();
    document::Zone {
        name: state.zone.clone(),
        connected: Some(state.connected),
        authenticated: state.authenticated,
        kind: state.kind.clone(),
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
        problems: report.problems.into_iter().map(document::Problem::from).collect(),
    }
}

fn proxy_document(zone_connected: bool, report: ProxyReport) -> document::Proxy {
    let proxy = document::Proxy::from(report);
    let state = if zone_connected { proxy.state } else { document::ProxyState::Unknown };
    document::Proxy { state, ..proxy }
}

#[cfg(test)]
mod tests;
