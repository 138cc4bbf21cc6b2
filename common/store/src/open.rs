//! Puts a store together: disk, log, state machine, Raft; and brings a new cluster into being, once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use openraft::SnapshotPolicy;
use openraft::error::{InitializeError, RaftError};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::codec;
use crate::config::{Config, Timing};
use crate::disk::sled::SledDisk;
use crate::disk::{Disk, Found, Slot, Write};
use crate::error::OpenError;
use crate::feed::Feed;
use crate::peer::client::Peers;
use crate::peer::transport::Transport;
use crate::raft::durable::Durable;
use crate::raft::log::{self, LogStore};
use crate::raft::machine::StateMachine;
use crate::raft::network::Network;
use crate::raft::snapshot::SnapshotFolder;
use crate::raft::types::{Peer, Raft};
use crate::writer::Writer;

/// A node without peers has nobody to hear from: its timers only have to exist.
const ALONE: Timing = Timing {
    heartbeat: Duration::from_secs(2),
    election_min: Duration::from_secs(4),
    election_max: Duration::from_secs(6),
};

/// Whose data a folder holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    node: u64,
    name: String,
}

/// Everything that runs.
pub(crate) struct Opened {
    pub(crate) raft: Raft,
    pub(crate) feed: Feed,
    pub(crate) applied: watch::Receiver<u64>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) disk_thread: JoinHandle<()>,
}

pub(crate) async fn open(
    config: &Config,
    transport: Option<Transport>,
) -> Result<Opened, OpenError> {
    check(config, transport.is_some())?;
    let log_path = config.data_dir.join("log");
    let path = log_path.clone();
    // Opening reads the whole log.
    let (disk, found) = blocking(move || SledDisk::open(&path)).await??;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    claim(&*disk, &found, config, &log_path)?;

    let purged = log::purged(&found).map_err(|error| open_error(&log_path, &error))?;
    let snapshot_path = config.data_dir.join("snapshots");
    let path = snapshot_path.clone();
    let (folder, loaded) = blocking(move || SnapshotFolder::open(&path, purged))
        .await?
        .map_err(|error| open_error(&snapshot_path, &error))?;
    if purged > loaded.as_ref().and_then(|(meta, _)| meta.last_log_id) {
        return Err(OpenError::Damaged {
            path: snapshot_path,
            reason: "the log goes on after a snapshot that is not there".into(),
        });
    }
    let folder = Arc::new(folder);

    let (writer, disk_thread) =
        Writer::start(Arc::clone(&disk)).map_err(|error| open_error(&log_path, &error))?;
    let log = LogStore::new(config.node, disk, &found, writer, Arc::clone(&folder))
        .map_err(|error| open_error(&log_path, &error))?;
    let feed = Feed::new(config.ring, config.ring_bytes);
    let machine = StateMachine::new(folder, loaded, feed.clone());
    let applied = machine.applied();
    let peers = Arc::new(Peers::new(transport, config.peers.clone()));
    let durable = log.durable();
    let network = Network {
        peers: Arc::clone(&peers),
        durable: durable.clone(),
        longest_stall: config.timing.heartbeat,
    };
    let raft_config = Arc::new(raft_config(config)?);
    let raft = Box::pin(Raft::new(config.node, raft_config, network, log, machine))
        .await
        .map_err(|error| OpenError::Raft(error.to_string()))?;
    initialize(&raft, config, &durable).await?;
    Ok(Opened {
        raft,
        feed,
        applied,
        peers,
        disk_thread,
    })
}

fn check(config: &Config, has_transport: bool) -> Result<(), OpenError> {
    let refuse = |reason: String| Err(OpenError::Config(reason));
    let mut ids = BTreeMap::new();
    for peer in &config.peers {
        if let Some(other) = ids.insert(peer.id, &peer.name) {
            return refuse(format!(
                "members {other} and {} have the same number: rename one",
                peer.name
            ));
        }
    }
    if !config.peers.is_empty() && !ids.contains_key(&config.node) {
        return refuse(format!("{} is not in its own member list", config.name));
    }
    if !config.is_single() && !has_transport {
        return refuse("there are peers, but no transport to reach them".into());
    }
    Ok(())
}

/// Makes sure that the folder belongs to this node: two nodes with one's data would both vote with it.
fn claim(disk: &dyn Disk, found: &Found, config: &Config, path: &Path) -> Result<(), OpenError> {
    let this = Owner {
        node: config.node,
        name: config.name.clone(),
    };
    let Some(owner) = &found.owner else {
        let value =
            codec::encode(&this).map_err(|error| open_error(path, &io::Error::other(error)))?;
        let slot = Slot::Owner;
        return disk
            .write(&[Write::Set { slot, value }])
            .and_then(|()| disk.sync())
            .map_err(|error| open_error(path, &error));
    };
    let owner: Owner = codec::decode(owner).map_err(|error| OpenError::Damaged {
        path: path.to_owned(),
        reason: format!("owner: {error}"),
    })?;
    if owner == this {
        return Ok(());
    }
    Err(OpenError::Config(format!(
        "the folder {} belongs to node {} ({}), not to {} ({}): give each node its own folder",
        path.display(),
        owner.name,
        owner.node,
        this.name,
        this.node,
    )))
}

fn raft_config(config: &Config) -> Result<openraft::Config, OpenError> {
    let timing = if config.is_single() {
        ALONE
    } else {
        config.timing
    };
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let raft = openraft::Config {
        cluster_name: "torii".into(),
        heartbeat_interval: millis(timing.heartbeat),
        election_timeout_min: millis(timing.election_min),
        election_timeout_max: millis(timing.election_max),
        install_snapshot_timeout: millis(config.patience),
        snapshot_max_chunk_size: 1 << 20,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_every.max(1)),
        max_in_snapshot_log_to_keep: config.snapshot_keep,
        // A follower that is further behind gets the snapshot.
        replication_lag_threshold: config.snapshot_every.saturating_mul(2).max(2),
        ..openraft::Config::default()
    };
    raft.validate()
        .map_err(|error| OpenError::Config(error.to_string()))
}

/// Forms the cluster at the first start. Every node does it with the same members, which makes the same first entry;
/// a node that has a log or a vote never does it again.
async fn initialize(raft: &Raft, config: &Config, durable: &Durable) -> Result<(), OpenError> {
    let failed = |error: &dyn std::fmt::Display| OpenError::Raft(error.to_string());
    let initialized = raft
        .is_initialized()
        .await
        .map_err(|error| failed(&error))?;
    if !initialized {
        let members: BTreeMap<u64, Peer> = config
            .members()
            .iter()
            .map(|member| (member.id, member.into()))
            .collect();
        match Box::pin(raft.initialize(members)).await {
            // A peer was faster and has already given this node a vote or a log.
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    let this = config.node;
    let sets = raft
        .with_raft_state(|state| {
            let membership = state.membership_state.effective().membership();
            membership.get_joint_config().clone()
        })
        .await
        .map_err(|error| failed(&error))?;
    durable.vote_by(&sets);
    if sets == [BTreeSet::from([this])] {
        lead_alone(raft, initialized, config).await?;
    }
    Ok(())
}

/// A node that is the only voter elects itself, and has applied its whole log before it serves.
async fn lead_alone(raft: &Raft, elect: bool, config: &Config) -> Result<(), OpenError> {
    if elect {
        raft.trigger()
            .elect()
            .await
            .map_err(|error| OpenError::Raft(error.to_string()))?;
    }
    let this = config.node;
    raft.wait(Some(config.patience))
        .metrics(
            |metrics| {
                let applied = metrics.last_applied.map(|id| id.index);
                metrics.current_leader == Some(this)
                    && applied.is_some()
                    && applied == metrics.last_log_index
            },
            "the only node leads",
        )
        .await
        .map_err(|error| OpenError::Raft(error.to_string()))?;
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| OpenError::Raft(error.to_string()))
}

fn open_error(path: &Path, error: &io::Error) -> OpenError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            OpenError::Damaged { path, reason }
        }
        _ => OpenError::Io { path, reason },
    }
}
