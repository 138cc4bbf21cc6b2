//! The answer for a revision: which zones and proxies have it. PURE.

use torii_api::status::{ProxyState, Receipt, Zone};

/// The receipt of `revision` from the present picture of all zones (decisions.md, "a proxy has R").
pub(crate) fn receipt(revision: u64, epoch: u64, zones: Vec<Zone>) -> Receipt {
    let zones: Vec<Zone> = zones
        .into_iter()
        .map(|zone| judge(zone, epoch, revision))
        .collect();
    let proxies = || {
        zones
            .iter()
            .filter(|zone| waited_for(zone))
            .flat_map(|zone| &zone.proxies)
            .filter(|proxy| proxy.state != ProxyState::Unknown)
    };
    let zones_have_it = zones
        .iter()
        .filter(|zone| waited_for(zone))
        .all(|zone| has(zone, epoch, revision));
    let done = zones_have_it && proxies().all(|proxy| proxy.state == ProxyState::Acknowledged);
    let rejected = proxies().any(|proxy| proxy.state == ProxyState::Rejected);
    Receipt {
        revision,
        done,
        rejected,
        zones,
    }
}

/// Zones that are not connected are listed and not waited for; a Kuma zone cannot tell how far it is.
fn waited_for(zone: &Zone) -> bool {
    zone.connected == Some(true) && zone.kind != "kuma"
}

fn has(zone: &Zone, epoch: u64, revision: u64) -> bool {
    (zone.epoch, zone.revision) >= (epoch, revision)
}

/// Sets each proxy's state with regard to the revision asked for, not to the newest one.
fn judge(mut zone: Zone, epoch: u64, revision: u64) -> Zone {
    let zone_has_it = has(&zone, epoch, revision);
    for proxy in &mut zone.proxies {
        proxy.state = match proxy.state {
            ProxyState::Unknown => ProxyState::Unknown,
            _ if zone_has_it && proxy.acknowledged >= revision => ProxyState::Acknowledged,
            // Nothing is on its way any more, and still not all of it is acknowledged: Envoy's answer stands.
            ProxyState::Rejected if zone_has_it => ProxyState::Rejected,
            _ => ProxyState::Pending,
        };
    }
    zone
}

#[cfg(test)]
mod tests {
    use torii_api::status::{Proxy, ProxyState, Rejection, Zone};

    use super::receipt;

    fn zone(revision: u64, connected: Option<bool>, proxies: Vec<Proxy>) -> Zone {
        Zone {
            name: "east".to_owned(),
            connected,
            epoch: 1,
            revision,
            proxies,
            ..Zone::default()
        }
    }

    fn proxy(state: ProxyState, acknowledged: u64) -> Proxy {
        Proxy {
            id: "default/a".to_owned(),
            state,
            acknowledged,
            ..Proxy::default()
        }
    }

    #[test]
    fn done_when_every_proxy_of_every_connected_zone_has_it() {
        let zones = vec![
            zone(7, Some(true), vec![proxy(ProxyState::Acknowledged, 7)]),
            zone(3, Some(false), vec![proxy(ProxyState::Unknown, 3)]),
        ];
        assert!(receipt(7, 1, zones).done);
    }

    #[test]
    fn a_proxy_that_waits_for_a_later_revision_still_has_the_earlier_one() {
        let receipt = receipt(
            6,
            1,
            vec![zone(7, Some(true), vec![proxy(ProxyState::Pending, 6)])],
        );
        assert!(receipt.done);
    }

    #[test]
    fn not_done_while_a_connected_zone_lacks_it() {
        let receipt = receipt(
            8,
            1,
            vec![zone(
                7,
                Some(true),
                vec![proxy(ProxyState::Acknowledged, 7)],
            )],
        );
        assert!(!receipt.done && !receipt.rejected);
    }

    #[test]
    fn an_older_epoch_does_not_have_it_whatever_its_number() {
        let receipt = receipt(2, 2, vec![zone(7, Some(true), vec![])]);
        assert!(!receipt.done);
    }

    #[test]
    fn a_rejection_of_this_revision_is_told() {
        let mut rejected = proxy(ProxyState::Rejected, 6);
        rejected.rejections.push(Rejection {
            revision: 7,
            ..Rejection::default()
        });
        let receipt = receipt(7, 1, vec![zone(7, Some(true), vec![rejected])]);
        assert!(receipt.rejected && !receipt.done);
    }
}
