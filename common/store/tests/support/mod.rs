//! Several nodes in one process, each with a runtime of its own, over real loopback connections without TLS.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests; each file uses its part"
)]

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use torii_resource::ResourceKey;
use torii_store::{
    Change, Committed, Config, Error, Expect, Member, Op, OpenError, Proposal, Store, Transport,
};

/// How long a condition may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn key(name: &str) -> ResourceKey {
    ResourceKey::new("MeshGateway", "default", name)
}

pub fn put(name: &str, spec: impl Into<Bytes>) -> Proposal {
    expecting(name, spec, Expect::Any)
}

pub fn expecting(name: &str, spec: impl Into<Bytes>, expect: Expect) -> Proposal {
    let change = Change {
        key: key(name),
        expect,
        op: Op::Put {
            labels: BTreeMap::from([("kuma.io/origin".to_owned(), "global".to_owned())]),
            spec: spec.into(),
            created: None,
        },
    };
    Proposal {
        changes: vec![change],
        marks: BTreeMap::new(),
    }
}

/// Waits until a condition holds; fails the test when it does not in time.
pub async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Writes until it is acknowledged: on a busy machine a leader may lose its office between two heartbeats, and the
/// outcome is unknown then. The proposal must be one that may be repeated.
pub async fn written(store: &Store, proposal: Proposal) -> Committed {
    eventually("a write", async || {
        match store.propose(proposal.clone()).await {
            Ok(committed) => Some(committed),
            Err(Error::Unknown(_) | Error::Retry { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await
}

/// One node: its store, and the runtime that everything of it runs on.
pub struct Running {
    pub store: Store,
    runtime: Runtime,
}

pub struct Cluster {
    pub members: Vec<Member>,
    pub nodes: Vec<Option<Running>>,
    folder: tempfile::TempDir,
    adjust: fn(&mut Config),
}

impl Cluster {
    /// Starts `count` nodes; `adjust` changes each one's configuration.
    pub async fn start(count: usize, adjust: fn(&mut Config)) -> Self {
        // All are held until all are known, so that no two nodes get the same port.
        let listeners: Vec<TcpListener> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let members = (1..)
            .zip(&listeners)
            .map(|(number, listener)| {
                Member::new(
                    &format!("global-{number}"),
                    &listener.local_addr().unwrap().to_string(),
                )
            })
            .collect();
        drop(listeners);
        let mut cluster = Self {
            members,
            nodes: (0..count).map(|_| None).collect(),
            folder: tempfile::tempdir().unwrap(),
            adjust,
        };
        for node in 0..count {
            cluster.run(node).await;
        }
        cluster
    }

    pub fn config(&self, node: usize) -> Config {
        let this = &self.members[node];
        let mut config = Config::replicated(
            this,
            self.members.clone(),
            self.folder.path().join(&this.name),
        );
        (self.adjust)(&mut config);
        config
    }

    pub fn data_dir(&self, node: usize) -> std::path::PathBuf {
        self.config(node).data_dir
    }

    /// Starts a node, with whatever is in its folder.
    pub async fn run(&mut self, node: usize) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let config = self.config(node);
        let address: SocketAddr = config.address.parse().unwrap();
        let store = runtime.spawn(open_when_free(config)).await.unwrap();
        let service = store.peer_service();
        runtime
            .spawn(async move {
                let listener = tokio::net::TcpListener::bind(address).await.unwrap();
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                tokio::spawn(
                    Server::builder()
                        .add_service(service)
                        .serve_with_incoming(incoming),
                );
            })
            .await
            .unwrap();
        self.nodes[node] = Some(Running { store, runtime });
    }

    pub fn store(&self, node: usize) -> Store {
        self.nodes[node].as_ref().unwrap().store.clone()
    }

    pub fn stores(&self) -> Vec<Store> {
        self.nodes
            .iter()
            .flatten()
            .map(|running| running.store.clone())
            .collect()
    }

    /// Ends a node at once, without telling its store.
    pub fn crash(&mut self, node: usize) {
        let running = self.nodes[node].take().unwrap();
        running.runtime.shutdown_background();
    }

    /// Stops a node in order.
    pub async fn stop(&mut self, node: usize) {
        let running = self.nodes[node].take().unwrap();
        running.store.shutdown().await;
        running.runtime.shutdown_background();
    }

    /// The running node that leads, once all running nodes agree on one.
    pub async fn leader(&self) -> usize {
        eventually("a leader", async || {
            let running: Vec<usize> = (0..self.nodes.len())
                .filter(|&node| self.nodes[node].is_some())
                .collect();
            let seen: Vec<Option<u64>> = running
                .iter()
                .map(|&node| self.store(node).members().borrow().leader)
                .collect();
            let leader = seen.first().copied().flatten()?;
            let agreed = seen.iter().all(|other| *other == Some(leader));
            running
                .into_iter()
                .find(|&node| agreed && self.members[node].id == leader)
        })
        .await
    }

    /// Any running node that does not lead.
    pub async fn follower(&self) -> usize {
        let leader = self.leader().await;
        (0..self.nodes.len())
            .find(|&node| node != leader && self.nodes[node].is_some())
            .unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for running in self.nodes.drain(..).flatten() {
            running.runtime.shutdown_background();
        }
    }
}

/// Opens a store whose folder may be held for a moment by one that is just ending.
pub async fn open_when_free(config: Config) -> Store {
    let start = Instant::now();
    loop {
        match Store::open(config.clone(), Some(Transport::plaintext())).await {
            Ok(store) => return store,
            Err(OpenError::Io { .. }) if start.elapsed() < DEADLINE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn single(folder: &Path, adjust: impl FnOnce(&mut Config)) -> Result<Store, OpenError> {
    let mut config = Config::single("alone", folder);
    adjust(&mut config);
    Store::open(config, None).await
}
