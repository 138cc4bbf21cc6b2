//! The status of a control plane as tables: what is not known is never shown as fine.

use torii_api::status::{Node, Proxy, ProxyState, Status, Zone};

use super::table::Grid;
use super::terminal::Tone;

const UNKNOWN: (&str, Option<Tone>) = ("unknown", Some(Tone::Doubt));

/// Nodes, zones and gateways, and beneath them everything that is wrong.
pub(crate) fn render(status: &Status, paint: bool) -> String {
    let mut sections = vec![headline(status)];
    sections.push(nodes(&status.nodes, paint));
    sections.push(zones(&status.zones, paint));
    sections.push(proxies(&status.zones, paint));
    sections.push(complaints(status, paint));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

fn headline(status: &Status) -> String {
    let cluster = or_unknown(&status.cluster_id);
    format!(
        "{} {}: revision {}, epoch {}, cluster {cluster}, version {}\n",
        status.role,
        status.name,
        status.revision,
        status.epoch,
        or_unknown(&status.version)
    )
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

fn nodes(nodes: &[Node], paint: bool) -> String {
    let mut grid = Grid::new(&["NODE", "ADDRESS", "ROLE", "REACHABLE"], paint);
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    for node in nodes {
        let role = match (node.leader, node.voter) {
            (true, _) => "leader",
            (false, true) => "follower",
            (false, false) => "learner",
        };
        let reachable = match node.reachable {
            Some(true) => ("yes", Some(Tone::Good)),
            Some(false) => ("no", Some(Tone::Bad)),
            None => UNKNOWN,
        };
        grid.row([
            (node.name.as_str(), None),
            (&node.address, None),
            (role, None),
            reachable,
        ]);
    }
    text(&grid)
}

fn zones(zones: &[Zone], paint: bool) -> String {
    let mut grid = Grid::new(
        &[
            "ZONE", "STATE", "REVISION", "NODE", "KIND", "VERSION", "TOKEN",
        ],
        paint,
    );
    for zone in zones {
        let revision = if zone.revision == 0 {
            String::new()
        } else {
            zone.revision.to_string()
        };
        let token = match (zone.connected, zone.authenticated) {
            (None, _) => UNKNOWN,
            (Some(_), true) => ("yes", None),
            (Some(_), false) => ("none", Some(Tone::Doubt)),
        };
        grid.row([
            (zone.name.as_str(), None),
            zone_state(zone),
            (&revision, None),
            (&zone.node, None),
            (or_unknown(&zone.kind), None),
            (or_unknown(&zone.version), None),
            token,
        ]);
    }
    text(&grid)
}

fn zone_state(zone: &Zone) -> (&'static str, Option<Tone>) {
    match zone.connected {
        None => UNKNOWN,
        Some(false) => ("disconnected", Some(Tone::Bad)),
        Some(true) if !zone.guard.is_empty() => ("held", Some(Tone::Doubt)),
        Some(true) => ("connected", Some(Tone::Good)),
    }
}

fn proxies(zones: &[Zone], paint: bool) -> String {
    let mut grid = Grid::new(
        &["ZONE", "GATEWAY", "STATE", "SENT", "ACKNOWLEDGED", "ENVOY"],
        paint,
    );
    for zone in zones {
        for proxy in &zone.proxies {
            let (sent, acknowledged) = (number(proxy.sent), number(proxy.acknowledged));
            grid.row([
                (zone.name.as_str(), None),
                (&proxy.id, None),
                proxy_state(zone, proxy),
                (&sent, None),
                (&acknowledged, None),
                (or_unknown(&proxy.envoy_version), None),
            ]);
        }
    }
    text(&grid)
}

fn number(revision: u64) -> String {
    if revision == 0 {
        String::new()
    } else {
        revision.to_string()
    }
}

/// A proxy of a zone that is not heard of is unknown, whatever the zone said last.
pub(crate) fn proxy_state(zone: &Zone, proxy: &Proxy) -> (&'static str, Option<Tone>) {
    if zone.connected != Some(true) {
        return UNKNOWN;
    }
    match proxy.state {
        ProxyState::Unknown => UNKNOWN,
        ProxyState::Acknowledged => ("acknowledged", Some(Tone::Good)),
        ProxyState::Pending => ("pending", Some(Tone::Doubt)),
        ProxyState::Rejected => ("rejected", Some(Tone::Bad)),
    }
}

fn text(grid: &Grid) -> String {
    if grid.is_empty() {
        String::new()
    } else {
        grid.render()
    }
}

fn complaints(status: &Status, paint: bool) -> String {
    let mut lines = Vec::new();
    for warning in &status.warnings {
        lines.push(format!("{} {warning}", Tone::Doubt.on("warning:", paint)));
    }
    for zone in &status.zones {
        if !zone.guard.is_empty() {
            let label = Tone::Doubt.on("held:", paint);
            lines.push(format!("{label} zone {}: {}", zone.name, zone.guard));
        }
        for proxy in &zone.proxies {
            lines.extend(proxy_complaints(&zone.name, proxy, paint));
        }
        for problem in &zone.problems {
            let proxy = if problem.proxy.is_empty() {
                String::new()
            } else {
                format!(", {}", problem.proxy)
            };
            let label = Tone::Doubt.on("problem:", paint);
            let parts = [&problem.resource, &problem.field, &problem.reason];
            let parts: Vec<&str> = parts
                .iter()
                .map(|part| part.as_str())
                .filter(|part| !part.is_empty())
                .collect();
            lines.push(format!(
                "{label} zone {}{proxy}: {}",
                zone.name,
                parts.join(": ")
            ));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What an Envoy rejected, in its own words, and why something waits.
pub(crate) fn proxy_complaints(zone: &str, proxy: &Proxy, paint: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for rejection in &proxy.rejections {
        let kind = rejection
            .type_url
            .rsplit('.')
            .next()
            .unwrap_or(&rejection.type_url);
        lines.push(format!(
            "{} zone {zone}, {}: its Envoy rejected {kind} {} of revision {}: {}",
            Tone::Bad.on("rejected:", paint),
            proxy.id,
            rejection.resources.join(", "),
            rejection.revision,
            rejection.message.trim()
        ));
    }
    if !proxy.waiting.is_empty() {
        let label = Tone::Doubt.on("waiting:", paint);
        lines.push(format!(
            "{label} zone {zone}, {}: {}",
            proxy.id, proxy.waiting
        ));
    }
    lines
}

#[cfg(test)]
mod tests;
