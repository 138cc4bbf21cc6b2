use std::sync::Arc;

use tonic::Code;

use torii_ads::{Admission as _, FirstRequest, ProxyStream};
use torii_proto::envoy::google::protobuf::{Struct, Value, value::Kind};
use torii_resource::Resource;
use torii_resource::format::universal;

use super::{key, mark, parse_dataplane};
use crate::testing::{TestZone, expired, forged, gateway, id, token, token_of_service};

fn first(name: &str, token: Option<&str>, brought: Option<&str>) -> FirstRequest {
    let metadata = brought.map(|text| {
        let text = Kind::StringValue(text.to_owned());
        let value = Value { kind: Some(text) };
        Struct {
            fields: [("dataplane.resource".to_owned(), value)].into(),
        }
    });
    FirstRequest {
        node_id: format!("default.{name}"),
        token: token.map(str::to_owned),
        metadata,
        envoy_version: String::new(),
    }
}

async fn admit(zone: &TestZone, first: &FirstRequest) -> Result<ProxyStream, Code> {
    zone.door.admit(first).await.map_err(|status| status.code())
}

async fn brings(
    zone: &TestZone,
    name: &str,
    token: &str,
    service: &str,
) -> Result<ProxyStream, Code> {
    admit(
        zone,
        &first(name, Some(token), Some(&gateway(name, service))),
    )
    .await
}

/// An operator writes a Dataplane.
async fn apply(zone: &TestZone, name: &str, service: &str) {
    let parsed = universal::parse(&gateway(name, service), "test")
        .unwrap()
        .remove(0)
        .resource;
    let resource = Resource {
        key: parsed.key,
        labels: parsed.labels,
        spec: parsed.spec,
        created: torii_resource::Stamp::default(),
        modified: torii_resource::Stamp::default(),
    };
    zone.commit(vec![torii_api::change::create(resource)], None)
        .await;
}

fn stored(zone: &TestZone, name: &str) -> Option<Arc<Resource>> {
    zone.store.view().get(&key(&id(name))).cloned()
}

/// control-plane-api §12.2.
#[tokio::test]
async fn the_matrix_of_tokens() {
    let zone = TestZone::following().await;
    let rows: [(&str, Option<String>, Option<Code>); 7] = [
        ("its own", Some(token("gw")), None),
        ("its service's", Some(token_of_service("edge")), None),
        ("none", None, Some(Code::Unauthenticated)),
        (
            "another proxy's",
            Some(token("other")),
            Some(Code::Unauthenticated),
        ),
        (
            "another service's",
            Some(token_of_service("x")),
            Some(Code::Unauthenticated),
        ),
        (
            "of another key",
            Some(forged("gw")),
            Some(Code::Unauthenticated),
        ),
        ("expired", Some(expired("gw")), Some(Code::Unauthenticated)),
    ];
    for (what, token, expected) in rows {
        let first = first("gw", token.as_deref(), Some(&gateway("gw", "edge")));
        assert_eq!(admit(&zone, &first).await.err(), expected, "{what}");
    }
    zone.end().await;
}

#[tokio::test]
async fn a_dataplane_that_is_not_the_nodes_is_refused() {
    let zone = TestZone::following().await;
    let other = gateway("other", "edge");
    let first = first("gw", Some(&token("gw")), Some(&other));
    assert_eq!(
        admit(&zone, &first).await.err(),
        Some(Code::InvalidArgument)
    );
    assert!(stored(&zone, "gw").is_none() && stored(&zone, "other").is_none());
    zone.end().await;
}

#[tokio::test]
async fn a_proxy_without_a_dataplane_needs_a_stored_one() {
    let zone = TestZone::following().await;
    let first = first("gw", Some(&token("gw")), None);
    assert_eq!(admit(&zone, &first).await.err(), Some(Code::NotFound));
    assert!(
        !zone.door.slots.wanted(&id("gw")),
        "who is refused holds nothing"
    );
    apply(&zone, "gw", "edge").await;
    assert!(admit(&zone, &first).await.is_ok());
    zone.end().await;
}

/// control-plane-api §12.3: the intent of the override check.
#[tokio::test]
async fn who_replaces_a_stored_dataplane_must_be_allowed_to_be_that_one() {
    let zone = TestZone::following().await;
    apply(&zone, "gw", "payments").await;
    let taken = brings(&zone, "gw", &token_of_service("edge"), "edge").await;
    assert_eq!(taken.err(), Some(Code::Unauthenticated));
    assert!(brings(&zone, "gw", &token("gw"), "edge").await.is_ok());
    zone.end().await;
}

#[tokio::test]
async fn a_dataplane_that_a_proxy_brought_goes_with_its_last_stream() {
    let zone = TestZone::following().await;
    let one = brings(&zone, "gw", &token("gw"), "edge").await.unwrap();
    let two = brings(&zone, "gw", &token("gw"), "edge").await.unwrap();
    assert!(zone.store.view().mark(&mark(&id("gw"))).is_some());
    let reporter = zone.door.reports.open(one.key.clone(), String::new());
    drop((one, reporter));
    zone.door.deregister(&id("gw")).await;
    assert!(stored(&zone, "gw").is_some(), "another stream is there");
    let key = two.key.clone();
    drop(two);
    zone.until(|| stored(&zone, "gw").is_none()).await;
    zone.until(|| zone.door.reports.get(&key).is_none()).await;
    assert!(zone.store.view().mark(&mark(&id("gw"))).is_none());
    zone.end().await;
}

#[tokio::test]
async fn a_dataplane_that_somebody_wrote_stays_when_its_proxy_goes() {
    let zone = TestZone::following().await;
    apply(&zone, "gw", "edge").await;
    drop(brings(&zone, "gw", &token("gw"), "edge").await.unwrap());
    zone.door.deregister(&id("gw")).await;
    assert!(stored(&zone, "gw").is_some());
    zone.end().await;
}

#[tokio::test]
async fn proxies_that_come_and_go_at_once_always_have_their_dataplane_while_they_are_there() {
    let zone = Arc::new(TestZone::following().await);
    for _ in 0..20 {
        let leaving = brings(&zone, "gw", &token("gw"), "edge").await.unwrap();
        let coming = {
            let zone = Arc::clone(&zone);
            tokio::spawn(async move { brings(&zone, "gw", &token("gw"), "edge").await.unwrap() })
        };
        // With a grace of nothing, its end and the other's beginning meet.
        drop(leaving);
        let there = coming.await.unwrap();
        zone.door.deregister(&id("gw")).await;
        assert!(stored(&zone, "gw").is_some());
        drop(there);
    }
    Arc::into_inner(zone).unwrap().end().await;
}

#[tokio::test]
async fn a_zone_that_stops_keeps_the_dataplanes_of_its_proxies() {
    let zone = TestZone::following().await;
    let stream = brings(&zone, "gw", &token("gw"), "edge").await.unwrap();
    zone.door
        .shutdown
        .stop(torii_runtime::Reason::Asked("a test".to_owned()));
    drop(stream);
    tokio::task::yield_now().await;
    assert!(stored(&zone, "gw").is_some());
    zone.end().await;
}

proptest::proptest! {
    #[test]
    fn no_text_of_a_proxy_breaks_the_reader(text in ".{0,400}") {
        let _ = parse_dataplane(&text, &id("a"));
    }

    #[test]
    fn no_changed_dataplane_breaks_the_reader(at in 0_usize..200, byte in 0_u8..128) {
        let mut text = gateway("a", "edge").into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let _ = parse_dataplane(&String::from_utf8(text).unwrap(), &id("a"));
    }
}
