//! The leader is killed while clients write: nothing that was acknowledged is missing afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use torii_cli::playground::{Site, wait_until};
use torii_resource::registry;

use crate::{DEADLINE, without_envoy};

const WRITERS: usize = 4;
const KILLS: usize = 3;

fn document(name: &str, value: u64) -> String {
    format!(
        "type: MeshGatewayRoute\nmesh: default\nname: {name}\nselectors:\n- match:\n    kuma.io/service: x\n    value: v{value}\nconf:\n  tcp:\n    \
         rules:\n    - backends:\n      - destination:\n          kuma.io/service: y\n"
    )
}

fn value_of(item: &Value) -> Option<u64> {
    item["selectors"][0]["match"]["value"]
        .as_str()?
        .strip_prefix('v')?
        .parse()
        .ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_missing_after_leaders_were_killed() {
    let site = Arc::new(Site::start(without_envoy().zones(&[])).await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (site, stop) = (Arc::clone(&site), Arc::clone(&stop));
            tokio::spawn(async move { write(&site, writer, &stop).await })
        })
        .collect();
    for _ in 0..KILLS {
        let leader = site.leader().await.unwrap();
        // Let some writes through this leader first.
        let before = site.status().await.unwrap().revision;
        wait_until("writes go on", DEADLINE, || async {
            let now = site
                .status()
                .await
                .map_err(|error| error.to_string())?
                .revision;
            (now > before + 20)
                .then_some(())
                .ok_or_else(|| format!("revision {now}"))
        })
        .await
        .unwrap();
        let server = site.global(leader).unwrap();
        server.kill9().await;
        site.leader().await.unwrap();
        server.start().await.unwrap();
        site.global_ready(leader).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let kind = &registry::by_name("MeshGatewayRoute").unwrap().descriptor;
    let stored = site
        .client()
        .unwrap()
        .list(kind, Some("default"))
        .await
        .unwrap();
    let stored: BTreeMap<String, u64> = stored
        .iter()
        .filter_map(|item| Some((item["name"].as_str()?.to_owned(), value_of(item)?)))
        .collect();
    assert!(
        acknowledged.len() > 20,
        "only {} writes were acknowledged",
        acknowledged.len()
    );
    for (name, value) in acknowledged {
        let found = stored.get(&name).copied().unwrap_or_default();
        assert!(
            found >= value,
            "{name}: {value} was acknowledged, {found} is stored"
        );
    }
    Arc::into_inner(site).unwrap().stop().await;
}

/// Writes names of its own, growing values, one after the other; returns the newest acknowledged value of each name.
async fn write(site: &Site, writer: usize, stop: &AtomicBool) -> BTreeMap<String, u64> {
    let client = site.client().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut value = 0;
    while !stop.load(Ordering::Relaxed) {
        value += 1;
        let name = format!("w{writer}-{}", value % 50);
        // An error is no acknowledgement, and an unknown outcome is not one either.
        if client
            .apply(document(&name, value), |_| name.clone())
            .await
            .is_ok()
        {
            acknowledged.insert(name, value);
        }
    }
    acknowledged
}
