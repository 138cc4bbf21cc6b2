use torii_api::status::ProxyState;
use torii_proto::torii::status::v1::{NodeStatus, ProxyReport, ZoneReport, ZoneState};

use super::{Connection, Soft};

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

fn connection(number: u64) -> Connection {
    Connection {
        number,
        kind: "torii",
        version: "1.2.3".to_owned(),
        authenticated: true,
        at_unix_ms: number,
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
    soft.connected("east", connection(1));
    soft.report(
        "east",
        report(
            4,
            true,
            vec![proxy("default/a", 4, false), proxy("default/b", 4, false)],
        ),
    );
    soft.report("east", report(5, false, vec![proxy("default/b", 4, true)]));
    let zone = &soft.zones("n1", ["east"].into_iter())[0];
    assert_eq!(zone.revision, 5);
    assert_eq!(
        (zone.proxies[0].acknowledged, zone.proxies[0].state),
        (5, ProxyState::Acknowledged)
    );
    assert_eq!(
        (zone.proxies[1].acknowledged, zone.proxies[1].state),
        (4, ProxyState::Pending)
    );
}

#[test]
fn the_proxies_of_a_zone_that_left_are_unknown() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    soft.report("east", report(4, true, vec![proxy("default/a", 4, false)]));
    assert!(soft.disconnected("east", 1));
    let zone = &soft.zones("n1", ["east"].into_iter())[0];
    assert_eq!(zone.connected, Some(false));
    assert_eq!(zone.proxies[0].state, ProxyState::Unknown);
}

#[test]
fn the_newest_connection_of_a_zone_wins_between_nodes() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    assert!(soft.disconnected("east", 1));
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
    assert_eq!(soft.zones("n1", ["east"].into_iter())[0].node, "n2");
    soft.peer_lost("n2");
    assert_eq!(
        soft.zones("n1", ["east"].into_iter())[0].connected,
        Some(false)
    );
}

#[test]
fn the_end_of_an_older_connection_does_not_disconnect_a_zone() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    soft.connected("east", connection(2));
    assert!(!soft.disconnected("east", 1));
    assert_eq!(
        soft.zones("n1", ["east"].into_iter())[0].connected,
        Some(true)
    );
}

#[test]
fn a_zone_that_follows_an_older_state_than_before_is_shown_there() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    soft.report(
        "east",
        report(90, true, vec![proxy("default/a", 90, false)]),
    );
    let restored = ZoneReport {
        epoch: 2,
        ..report(4, false, Vec::new())
    };
    soft.report("east", restored);
    let zone = &soft.zones("n1", ["east"].into_iter())[0];
    assert_eq!((zone.epoch, zone.revision), (2, 4));
    assert_eq!(
        zone.proxies[0].acknowledged, 4,
        "a settled proxy is where its zone is"
    );
}

#[test]
fn a_kuma_zone_is_shown_with_the_version_that_it_connected_with() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    assert_eq!(soft.zones("n1", ["east"].into_iter())[0].version, "1.2.3");
}

#[test]
fn what_a_zone_refuses_is_a_problem_at_every_node_until_it_is_taken() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    soft.refused("east", "MeshGateway", "no room");
    let (_, told) = soft.own_since(0);
    assert!(
        told[0].report.as_ref().unwrap().problems[0]
            .reason
            .contains("no room")
    );
    let problems = |soft: &Soft| soft.zones("n1", ["east"].into_iter())[0].problems.len();
    assert_eq!(problems(&soft), 1);
    assert!(!soft.taken("east", "Mesh"), "another type");
    assert!(soft.taken("east", "MeshGateway"));
    assert_eq!(problems(&soft), 0);
}

#[test]
fn other_nodes_are_told_only_of_zones_that_changed_since() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    soft.connected("west", connection(2));
    let (counter, all) = soft.own_since(0);
    assert_eq!(all.len(), 2);
    assert_eq!(soft.own_since(counter), (counter, Vec::new()));
    soft.report("west", report(4, true, Vec::new()));
    let (_, changed) = soft.own_since(counter);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].zone, "west");
}

#[test]
fn a_zone_whose_resource_was_deleted_is_shown_only_while_it_is_connected() {
    let mut soft = Soft::default();
    soft.connected("east", connection(1));
    assert_eq!(soft.zones("n1", std::iter::empty()).len(), 1);
    soft.disconnected("east", 1);
    assert!(soft.zones("n1", std::iter::empty()).is_empty());
}
