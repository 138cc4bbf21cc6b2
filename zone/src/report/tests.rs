use std::collections::BTreeMap;

use torii_ads::{ProxyStatus, Rejection};
use torii_mesh::ProxyId;
use torii_proto::torii::status::v1::{ProxyReport, ZoneReport};
use torii_render::TypeUrl;
use torii_resource::Revision;

use super::{Teller, proxy};

fn id() -> ProxyId {
    ProxyId {
        mesh: "default".to_owned(),
        name: "gw".to_owned(),
    }
}

fn status(acknowledged: u64, pending: bool) -> ProxyStatus {
    ProxyStatus {
        connected: true,
        sent: Revision(acknowledged),
        acknowledged: Revision(acknowledged),
        pending,
        ..ProxyStatus::default()
    }
}

#[test]
fn a_settled_proxy_has_everything_that_its_zone_has() {
    let report = proxy(&id(), &status(4, false), Some(Revision(4)), Revision(9));
    assert_eq!((report.acknowledged, report.pending), (9, false));
}

#[test]
fn what_is_published_and_not_taken_up_is_pending() {
    let report = proxy(&id(), &status(4, false), Some(Revision(9)), Revision(9));
    assert_eq!((report.acknowledged, report.pending), (4, true));
}

#[test]
fn a_rejection_stands_only_for_what_the_stream_has_taken_up() {
    let rejected = ProxyStatus {
        sent: Revision(6),
        rejections: vec![Rejection {
            of: TypeUrl::Listener,
            resource: "edge".to_owned(),
            message: "no".to_owned(),
            revision: Revision(6),
        }],
        ..status(5, false)
    };
    let pending = |published| {
        let report = proxy(
            &id(),
            &rejected,
            Some(Revision(published)),
            Revision(published),
        );
        report.pending
    };
    assert!(!pending(6));
    assert!(pending(7), "the next state may be without it");
}

#[test]
fn a_proxy_without_a_stream_has_nothing_new() {
    let report = proxy(&id(), &ProxyStatus::default(), None, Revision(9));
    assert_eq!((report.connected, report.acknowledged), (false, 0));
}

fn zone(revision: u64) -> ZoneReport {
    ZoneReport {
        zone: "east".to_owned(),
        revision,
        ..ZoneReport::default()
    }
}

fn told(reports: &[ProxyReport]) -> BTreeMap<String, ProxyReport> {
    reports
        .iter()
        .map(|report| (report.id.clone(), report.clone()))
        .collect()
}

#[test]
fn the_first_report_is_full_and_later_ones_name_only_what_changed() {
    let settled = proxy(&id(), &status(4, false), Some(Revision(4)), Revision(4));
    let mut teller = Teller::default();
    let first = teller
        .next(zone(4), told(std::slice::from_ref(&settled)))
        .unwrap();
    assert!(first.full && first.proxies.len() == 1);
    assert_eq!(
        teller.next(zone(4), told(std::slice::from_ref(&settled))),
        None
    );

    let moved = proxy(&id(), &status(4, false), Some(Revision(4)), Revision(5));
    let second = teller.next(zone(5), told(&[moved])).unwrap();
    assert!(
        !second.full && second.proxies.is_empty(),
        "a settled proxy moves on with its zone"
    );

    let third = teller.next(zone(5), BTreeMap::new()).unwrap();
    assert_eq!(third.gone, ["default/gw"]);
}
