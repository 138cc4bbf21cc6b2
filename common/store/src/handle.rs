//! The only public door: propose, read, watch.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use torii_proto::torii::peer::v1::raft_peer_server::RaftPeerServer;
use torii_resource::Revision;

use crate::command::{Command, Committed, MAX_COMMAND, Proposal};
use crate::config::Config;
use crate::error::{Error, OpenError};
use crate::feed::{Feed, Watch};
use crate::leader::{self, Proposed};
use crate::members::{Membership, Node};
use crate::metrics;
use crate::open::{self, Opened};
use crate::peer::client::{CallError, Peers};
use crate::peer::server::PeerService;
use crate::peer::transport::Transport;
use crate::raft::types::{Payload, Peer, Raft};
use crate::state::View;
use crate::status::{self, End};

/// How long a node that has been told "not the leader" waits for news before it asks again.
const NEWS: Duration = Duration::from_millis(50);

/// One node's store. A clone is another handle on it. Call [`Store::shutdown`] before the last one goes.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    node: u64,
    patience: Duration,
    raft: Raft,
    feed: Feed,
    peers: Arc<Peers>,
    applied: watch::Receiver<u64>,
    members: watch::Receiver<Membership>,
    end: watch::Receiver<End>,
    asked_to_stop: watch::Sender<bool>,
    disk_thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("node", &self.inner.node)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `config.data_dir`, or makes a new one there.
    ///
    /// A single node serves when this returns: it has applied its whole log. One of several needs its peers first:
    /// mount [`Store::peer_service`], then [`Store::linearizable`] waits until there is a leader.
    ///
    /// # Errors
    /// See [`OpenError`]: what is on disk is not changed then.
    pub async fn open(config: Config, transport: Option<Transport>) -> Result<Self, OpenError> {
        let opened = Box::pin(open::open(&config, transport)).await?;
        let Opened {
            raft,
            feed,
            applied,
            peers,
            disk_thread,
        } = opened;
        let asked_to_stop = watch::Sender::new(false);
        let (members, end) =
            status::follow(&raft, feed.clone(), asked_to_stop.subscribe(), config.node);
        let inner = Inner {
            node: config.node,
            patience: config.patience,
            raft,
            feed,
            peers,
            applied,
            members,
            end,
            asked_to_stop,
            disk_thread: Mutex::new(Some(disk_thread)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Commits a proposal, from any node: the leader proposes it. Returns when it is durable on a majority and applied
    /// on this node.
    ///
    /// # Errors
    /// [`Error::Conflict`] and [`Error::Refused`]: nothing was changed, for good. [`Error::Retry`]: nothing was
    /// changed, no leader was found in time. [`Error::Unknown`]: it may or may not be, or still become, committed.
    /// [`Error::Stopped`]: this node serves no more.
    pub async fn propose(&self, proposal: Proposal) -> Result<Committed, Error> {
        let start = std::time::Instant::now();
        let command = Command {
            time: Timestamp::now(),
            node: self.inner.node,
            proposal,
        };
        let payload =
            Payload::encode(&command).map_err(|error| Error::Refused(error.to_string()))?;
        if payload.bytes().len() > MAX_COMMAND {
            return Err(Error::Refused(format!(
                "it has {} bytes, the limit is {MAX_COMMAND}: split it",
                payload.bytes().len()
            )));
        }
        let deadline = Instant::now() + self.inner.patience;
        let (index, answer) = self.inner.propose(&payload, deadline).await?;
        let applied = self.inner.applied_up_to(index + 1, deadline).await;
        if answer.is_ok() && !applied {
            return Err(Error::Unknown(
                "it is committed, but this node has not applied it yet".into(),
            ));
        }
        metrics::committed(start.elapsed());
        answer
    }

    /// This node's state, at or after everything that was committed when this was called (read-index).
    ///
    /// # Errors
    /// [`Error::Retry`] when no leader confirms in time, [`Error::Stopped`] when this node serves no more.
    pub async fn linearizable(&self) -> Result<View, Error> {
        let deadline = Instant::now() + self.inner.patience;
        let next = self.inner.read_index(deadline).await?;
        if self.inner.applied_up_to(next, deadline).await {
            Ok(self.view())
        } else {
            Err(self
                .inner
                .stopped_or_retry("this node lags behind the leader"))
        }
    }

    /// This node's state, possibly stale.
    pub fn view(&self) -> View {
        self.inner.feed.view()
    }

    /// Batches after a revision, as this node applies them. A revision that this node does not have yet is waited for.
    pub fn watch(&self, after: Revision) -> Watch {
        self.inner.feed.watch(after)
    }

    /// Nodes, voters, leader and term, as this node knows them.
    pub fn members(&self) -> watch::Receiver<Membership> {
        self.inner.members.clone()
    }

    /// Whether this node leads, as far as it knows. It may have been replaced a moment ago: what must not happen twice
    /// needs a condition in its proposal.
    pub fn is_leader(&self) -> bool {
        self.inner.members.borrow().is_leader()
    }

    /// What peers call; to be mounted on the peer port.
    pub fn peer_service(&self) -> RaftPeerServer<PeerService> {
        PeerService::server(
            self.inner.raft.clone(),
            self.inner.node,
            self.inner.patience,
        )
    }

    /// Resolves when the store has stopped: `None` after [`Store::shutdown`], else the reason, after which the process
    /// should end.
    pub async fn stopped(&self) -> Option<Error> {
        let mut end = self.inner.end.clone();
        // The sender's task sets a final value before it ends; without one it was killed with its runtime.
        match end
            .wait_for(|end| *end != End::Running)
            .await
            .map(|end| end.clone())
        {
            Ok(End::Failed(reason)) => Some(Error::Stopped(reason)),
            Ok(End::Running | End::Asked) | Err(_) => None,
        }
    }

    /// Stops: no write is acknowledged after this, watches end, the data folder is free.
    pub async fn shutdown(&self) {
        self.inner.asked_to_stop.send_replace(true);
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(%error, "Raft did not stop cleanly");
        }
        self.stopped().await;
        let thread = self
            .inner
            .disk_thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // It ends when the log's last handle is gone, after a last sync.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Inner {
    async fn propose(
        &self,
        payload: &Payload,
        deadline: Instant,
    ) -> Result<(u64, Result<Committed, Error>), Error> {
        loop {
            let leader = self.leader(deadline).await?;
            let proposed = if leader.id == self.node {
                leader::propose(&self.raft, payload.clone(), deadline - Instant::now()).await
            } else {
                self.forward(&leader, payload, deadline).await
            };
            match proposed {
                Proposed::Done { index, answer } => return Ok((index, answer)),
                Proposed::Unknown(reason) => return Err(Error::Unknown(reason)),
                Proposed::Stopped(reason) if leader.id == self.node => {
                    return Err(Error::Stopped(reason));
                }
                Proposed::NotLeader(reason) | Proposed::Stopped(reason) => {
                    self.news(deadline, &reason).await?
                }
            }
        }
    }

    async fn forward(&self, leader: &Node, payload: &Payload, deadline: Instant) -> Proposed {
        let peer = peer(leader);
        match timeout_at(deadline, self.peers.forward(leader.id, &peer, payload)).await {
            Ok(Ok(proposed)) => proposed,
            Ok(Err(error @ CallError::NotSent { .. })) => Proposed::NotLeader(error.to_string()),
            Ok(Err(error @ CallError::Lost { .. })) => Proposed::Unknown(error.to_string()),
            Err(_) => Proposed::Unknown(format!("{} did not answer in time", leader.name)),
        }
    }

    async fn read_index(&self, deadline: Instant) -> Result<u64, Error> {
        loop {
            let leader = self.leader(deadline).await?;
            let peer = peer(&leader);
            let asked = async {
                if leader.id == self.node {
                    leader::read_index(&self.raft).await
                } else {
                    let answer = self.peers.read_index(leader.id, &peer).await;
                    answer.unwrap_or_else(|error| Err(error.to_string()))
                }
            };
            match timeout_at(deadline, asked).await {
                Ok(Ok(next)) => return Ok(next),
                // A read changes nothing: whatever went wrong, it can be asked again.
                Ok(Err(reason)) => {
                    self.news(deadline, &reason).await?;
                }
                Err(_) => {
                    return Err(
                        self.stopped_or_retry("the leader did not confirm the read in time")
                    );
                }
            }
        }
    }

    /// The leader, as soon as one is known.
    async fn leader(&self, deadline: Instant) -> Result<Node, Error> {
        let mut members = self.members.clone();
        let known = timeout_at(
            deadline,
            members.wait_for(|members| members.leader_node().is_some()),
        );
        match known.await {
            Ok(Ok(members)) => {
                let leader = members.leader_node().cloned();
                leader.ok_or_else(|| self.stopped_or_retry("there is no leader"))
            }
            Ok(Err(_)) | Err(_) => {
                Err(self.stopped_or_retry("there is no leader; a majority of nodes may be missing"))
            }
        }
    }

    /// Waits for a change of leader, or a moment.
    async fn news(&self, deadline: Instant, reason: &str) -> Result<(), Error> {
        tracing::debug!(%reason, "asking the leader again");
        if Instant::now() + NEWS >= deadline || *self.end.borrow() != End::Running {
            return Err(self.stopped_or_retry(reason));
        }
        let mut members = self.members.clone();
        let _ = timeout(NEWS, members.changed()).await;
        Ok(())
    }

    /// Whether this node had applied that many entries before the deadline.
    async fn applied_up_to(&self, entries: u64, deadline: Instant) -> bool {
        let mut applied = self.applied.clone();
        let reached = timeout_at(deadline, applied.wait_for(|applied| *applied >= entries));
        matches!(reached.await, Ok(Ok(_)))
    }

    fn stopped_or_retry(&self, reason: &str) -> Error {
        match &*self.end.borrow() {
            End::Running => Error::Retry {
                reason: reason.into(),
            },
            End::Asked => Error::Stopped("it was shut down".into()),
            End::Failed(reason) => Error::Stopped(reason.clone()),
        }
    }
}

fn peer(node: &Node) -> Peer {
    Peer {
        name: node.name.clone(),
        address: node.address.clone(),
    }
}
