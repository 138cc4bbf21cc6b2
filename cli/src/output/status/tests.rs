//! What people see, whole.

use torii_api::status::{Problem, Rejection};

use super::*;

fn proxy(id: &str, state: ProxyState, acknowledged: u64) -> Proxy {
    Proxy {
        id: id.to_owned(),
        state,
        sent: 42,
        acknowledged,
        envoy_version: "1.40.0".to_owned(),
        ..Proxy::default()
    }
}

fn zone(name: &str, connected: Option<bool>, proxies: Vec<Proxy>) -> Zone {
    Zone {
        name: name.to_owned(),
        connected,
        authenticated: true,
        kind: "torii".to_owned(),
        version: "0.1.0".to_owned(),
        node: "global-2".to_owned(),
        revision: 42,
        proxies,
        ..Zone::default()
    }
}

fn node(number: u8, leader: bool, reachable: Option<bool>) -> Node {
    Node {
        name: format!("global-{number}"),
        address: format!("127.0.0.1{number}:5686"),
        voter: true,
        leader,
        reachable,
    }
}

fn status() -> Status {
    let mut east = zone(
        "east",
        Some(true),
        vec![proxy("default/gateway-east", ProxyState::Acknowledged, 42)],
    );
    east.problems.push(Problem {
        resource: "MeshGatewayRoute default/edge-gateway-route".to_owned(),
        field: "conf.http.rules[0].backends[0]".to_owned(),
        reason: "no Dataplane of this zone offers the service shop: requests get 503".to_owned(),
        proxy: String::new(),
    });
    let mut west = zone(
        "west",
        Some(true),
        vec![proxy("default/gateway-west", ProxyState::Rejected, 40)],
    );
    west.guard = "the global is at revision 7, which is older than 42".to_owned();
    west.authenticated = false;
    west.proxies[0].rejections.push(Rejection {
        type_url: "type.googleapis.com/envoy.config.listener.v3.Listener".to_owned(),
        resources: vec!["edge-gateway:HTTP:8080".to_owned()],
        message: "Error adding/updating listener(s): cannot bind\n".to_owned(),
        revision: 42,
    });
    west.proxies[0].waiting = "cluster shop is not warm yet".to_owned();
    let lost = zone(
        "north",
        Some(false),
        vec![proxy("default/gateway-north", ProxyState::Acknowledged, 42)],
    );
    Status {
        role: "global".to_owned(),
        name: "global-1".to_owned(),
        version: "0.1.0".to_owned(),
        cluster_id: "c1".to_owned(),
        epoch: 1,
        revision: 42,
        nodes: vec![
            node(1, true, Some(true)),
            node(2, false, Some(false)),
            node(3, false, None),
        ],
        zones: vec![
            east,
            lost,
            Zone {
                name: "south".to_owned(),
                ..Zone::default()
            },
            west,
        ],
        warnings: vec![
            "zone west is admitted without a token (--kds-unauthenticated-zone west)".to_owned(),
        ],
    }
}

#[test]
fn a_site_with_every_kind_of_trouble() {
    insta::assert_snapshot!(render(&status(), false));
}

#[test]
fn a_zone_that_is_not_connected_makes_its_proxies_unknown() {
    for connected in [None, Some(false)] {
        let zone = zone(
            "east",
            connected,
            vec![proxy("default/g", ProxyState::Acknowledged, 42)],
        );
        assert_eq!(
            proxy_state(&zone, &zone.proxies[0]).0,
            "unknown",
            "{connected:?}"
        );
    }
}

#[test]
fn empty_sections_are_left_out() {
    let text = render(
        &Status {
            role: "global".to_owned(),
            name: "global-1".to_owned(),
            ..Status::default()
        },
        false,
    );
    assert_eq!(
        text,
        "global global-1: revision 0, epoch 0, cluster unknown, version unknown\n"
    );
}

#[test]
fn colour_comes_only_when_painted() {
    assert!(!render(&status(), false).contains('\u{1b}'));
    assert!(render(&status(), true).contains('\u{1b}'));
}
