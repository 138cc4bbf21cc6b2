//! Serial commit latency and failover: one node, and three nodes on loopback without TLS. Prints medians and p99.
#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot run must say so"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{Cluster, put, single};
use torii_store::Store;

const WRITES: usize = 500;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let store = single(folder.path(), |_| {}).await.expect("a store");
        measure("one node", &store).await;
        store.shutdown().await;
        let mut cluster = Cluster::start(3, |_| {}).await;
        measure(
            "three nodes, at the leader",
            &cluster.store(cluster.leader().await),
        )
        .await;
        measure(
            "three nodes, through a follower",
            &cluster.store(cluster.follower().await),
        )
        .await;
        let start = Instant::now();
        let reads = 200;
        for _ in 0..reads {
            cluster
                .store(cluster.follower().await)
                .linearizable()
                .await
                .expect("a read");
        }
        println!(
            "linearizable read at a follower: mean {:.2} ms",
            start.elapsed().as_secs_f64() * 1e3 / f64::from(reads)
        );
        failover(&mut cluster).await;
    });
}

/// From the end of a leader to the next acknowledged write.
async fn failover(cluster: &mut Cluster) {
    let mut took = Vec::new();
    for round in 0..8 {
        let leader = cluster.leader().await;
        let survivor = cluster.store(cluster.follower().await);
        cluster.crash(leader);
        let start = Instant::now();
        while survivor
            .propose(put("failover", format!("{round}")))
            .await
            .is_err()
        {}
        took.push(start.elapsed());
        cluster.run(leader).await;
        // A node that has not caught up yet cannot win, and the next election would take two rounds.
        cluster.store(leader).linearizable().await.expect("a read");
    }
    took.sort_unstable();
    println!("failover: {took:.0?}");
}

async fn measure(name: &str, store: &Store) {
    let mut took: Vec<Duration> = Vec::with_capacity(WRITES);
    for number in 0..WRITES {
        let start = Instant::now();
        store
            .propose(put(
                "a",
                vec![u8::try_from(number % 251).unwrap_or(0); 1024],
            ))
            .await
            .expect("a commit");
        took.push(start.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| took[(WRITES - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{name}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}
