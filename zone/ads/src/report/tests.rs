use super::*;

fn key(name: &str) -> ProxyKey {
    ProxyKey {
        mesh: "default".to_owned(),
        name: name.to_owned(),
    }
}

fn standing(acknowledged: u64) -> ProxyEvent {
    ProxyEvent::Standing(Standing {
        acknowledged: Revision(acknowledged),
        ..Standing::default()
    })
}

#[test]
fn a_reader_sees_what_changed_since_it_looked() {
    let reports = Reports::new();
    let mut changes = reports.changes();
    let one = reports.open(key("one"), "1.40.0".to_owned());
    let _two = reports.open(key("two"), String::new());
    assert!(changes.has_changed().expect("it lives"));
    let seen = *changes.borrow_and_update();
    assert_eq!(reports.since(0).1.len(), 2);
    one.report(standing(7));
    let (counter, changed) = reports.since(seen);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].0, key("one"));
    assert_eq!(changed[0].1.acknowledged, Revision(7));
    assert_eq!(changed[0].1.envoy_version, "1.40.0");
    assert_eq!(reports.since(counter).1, []);
}

#[test]
fn a_proxy_whose_stream_ended_is_not_connected_and_keeps_what_was_known() {
    let reports = Reports::new();
    let stream = reports.open(key("one"), String::new());
    stream.report(standing(7));
    drop(stream);
    let status = reports.get(&key("one")).expect("it is known");
    assert!(!status.connected);
    assert_eq!(status.acknowledged, Revision(7));
}

#[test]
fn an_older_stream_of_a_proxy_changes_nothing_any_more() {
    let reports = Reports::new();
    let old = reports.open(key("one"), String::new());
    let new = reports.open(key("one"), String::new());
    new.report(standing(9));
    old.report(standing(3));
    drop(old);
    let status = reports.get(&key("one")).expect("it is known");
    assert!(status.connected);
    assert_eq!(status.acknowledged, Revision(9));
}

#[test]
fn a_forgotten_proxy_is_gone() {
    let reports = Reports::new();
    drop(reports.open(key("one"), String::new()));
    reports.forget(&key("one"));
    assert_eq!(reports.get(&key("one")), None);
}
