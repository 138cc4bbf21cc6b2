use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use torii_proto::torii::status::v1::{ProxyReport, ZoneReport};
use torii_store::{Config, Store};

use super::{Picture, receipts};
use crate::status::share::Shared;
use crate::status::soft::Connection;

fn report(revision: u64, pending: bool) -> ZoneReport {
    ZoneReport {
        epoch: 1,
        revision,
        full: true,
        proxies: vec![ProxyReport {
            id: "default/a".to_owned(),
            connected: true,
            acknowledged: if pending { revision - 1 } else { revision },
            pending,
            ..ProxyReport::default()
        }],
        ..ZoneReport::default()
    }
}

#[tokio::test]
async fn a_receipt_is_told_with_each_change_and_ends_when_every_proxy_has_the_revision() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config::single("n1", folder.path()), None)
        .await
        .unwrap();
    let shared = Shared::new("n1", CancellationToken::new());
    let connection = Connection {
        number: 1,
        kind: "torii",
        ..Connection::default()
    };
    shared.connected("east", connection);
    let picture = Picture {
        node: "n1".to_owned(),
        store: store.clone(),
        shared: shared.clone(),
        warnings: Vec::new(),
    };
    let mut lines = Box::pin(receipts(Arc::new(picture), 7));
    let mut next = async || {
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next());
        let line = line.await.expect("in time");
        line.map(|line| serde_json::from_slice::<serde_json::Value>(&line.unwrap()).unwrap())
    };
    assert_eq!(next().await.unwrap()["done"], false);
    shared.report("east", report(7, true));
    let waiting = next().await.unwrap();
    assert_eq!(waiting["zones"][0]["proxies"][0]["state"], "pending");
    shared.report("east", report(7, false));
    assert_eq!(next().await.unwrap()["done"], true);
    assert!(next().await.is_none());
    store.shutdown().await;
}
