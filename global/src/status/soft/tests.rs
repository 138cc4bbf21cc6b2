use torii_api::status::ProxyState;
use torii_proto::torii::status::v1::{NodeStatus, ProxyReport, ZoneReport, ZoneState};

use super::Soft;

fn proxy(id: &str, acknowledged: u64, pending: bool) -> ProxyReport {
    ProxyReport {
        id: id.to_owned(),
        connected: true,
        acknowledged,
        pending,
        ..ProxyReport::default()
    }
}

fn report(revision: u64, full: bool, proxies: Vec<ProxyReport>) -> ZoneReport {
    ZoneReport {
        zone: "east".to_owned(),
        revision,
        full,
        proxies,
        ..ZoneReport::default()
    }
}

#[test]
fn a_zone_that_nobody_told_of_is_unknown() {
    let zones = Soft::default().zones("n1", ["east"].into_iter());
    assert_eq!(zones.len(), 1);
    assert_eq!(zones[0].connected, None);
}

#[test]
fn a_partial_report_keeps_the_proxies_it_does_not_name_and_moves_the_idle_ones_on() {
    let mut soft = Soft::default();
    soft.connected("east", "torii", true, 1);
    soft.report("east", report(4, true, vec![proxy("default/a", 4, false), proxy("default/b", 4, false)]));
    soft.report("east", report(5, false, vec![proxy("default/b", 4, true)]));
    let zone = &soft.zones("n1", std::iter::empty())[0];
    assert_eq!(zone.revision, 5);
    assert_eq!((zone.proxies[0].acknowledged, zone.proxies[0].state), (5, ProxyState::Acknowledged));
    assert_eq!((zone.proxies[1].acknowledged, zone.proxies[1].state), (4, ProxyState::Pending));
}

#[test]
fn the_proxies_of_a_zone_that_left_are_unknown() {
    let mut soft = Soft::default();
    soft.connected("east", "torii", true, 1);
    soft.report("east", report(4, true, vec![proxy("default/a", 4, false)]));
    soft.disconnected("east");
    let zone = &soft.zones("n1", std::iter::empty())[0];
    assert_eq!(zone.connected, Some(false));
    assert_eq!(zone.proxies[0].state, ProxyState::Unknown);
}

#[test]
fn the_newest_connection_of_a_zone_wins_between_nodes() {
    let mut soft = Soft::default();
    soft.connected("east", "torii", true, 1);
    soft.disconnected("east");
    soft.peer(NodeStatus {
        node: "n2".to_owned(),
        full: true,
        zones: vec![ZoneState {
            zone: "east".to_owned(),
            connected: true,
            connected_at_unix_ms: 9,
            ..ZoneState::default()
        }],
    });
    assert_eq!(soft.zones("n1", std::iter::empty())[0].node, "n2");
    soft.peer_lost("n2");
    assert_eq!(soft.zones("n1", std::iter::empty())[0].connected, Some(false));
}
