//! The soft state of a node, shared with the other nodes: each tells what its own zones reported.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use torii_api::status as document;
use torii_proto::torii::status::v1::status_peer_client::StatusPeerClient;
use torii_proto::torii::status::v1::status_peer_server::StatusPeer;
use torii_proto::torii::status::v1::{NodeStatus, ShareRequest, ZoneReport};
use torii_runtime::Backoff;
use torii_store::Member;

use super::soft::{Connection, Soft};
use crate::peers::Dialer;

/// Largest message between nodes, in bytes: all zones of a node with all their proxies.
const MESSAGE_LIMIT: usize = 64 << 20;

/// The node's soft state with a change signal. Cheap to clone: all clones share one state.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    node: Arc<str>,
    soft: Arc<Mutex<Soft>>,
    /// Changes with anything that is told of any zone.
    changes: watch::Sender<()>,
    /// Changes with this node's own zones.
    own_changes: watch::Sender<()>,
    stop: CancellationToken,
}

impl Shared {
    /// Nothing known yet, on the node of this name. Others are told nothing any more after `stop`.
    pub(crate) fn new(node: &str, stop: CancellationToken) -> Self {
        Self {
            node: Arc::from(node),
            soft: Arc::default(),
            changes: watch::Sender::new(()),
            own_changes: watch::Sender::new(()),
            stop,
        }
    }

    /// A zone's stream opened here.
    pub(crate) fn connected(&self, zone: &str, connection: Connection) {
        self.own(|soft| {
            soft.connected(zone, connection);
            true
        });
    }

    /// A connection of a zone to this node ended.
    pub(crate) fn disconnected(&self, zone: &str, number: u64) {
        self.own(|soft| soft.disconnected(zone, number));
    }

    /// A zone does not take some resources of a type.
    pub(crate) fn refused(&self, zone: &str, type_name: &str, message: &str) {
        self.own(|soft| {
            soft.refused(zone, type_name, message);
            true
        });
    }

    /// A zone has taken what was sent of a type.
    pub(crate) fn taken(&self, zone: &str, type_name: &str) {
        self.own(|soft| soft.taken(zone, type_name));
    }

    /// A zone reports.
    pub(crate) fn report(&self, zone: &str, report: ZoneReport) {
        self.own(|soft| {
            soft.report(zone, report);
            true
        });
    }

    /// Every zone that is known, and those named that are not.
    pub(crate) fn zones<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<document::Zone> {
        self.lock().zones(&self.node, names)
    }

    /// Whether this node hears of another one.
    pub(crate) fn hears(&self, node: &str) -> Option<bool> {
        self.lock().hears(node)
    }

    /// Changes whenever anything is told by any zone, to this node or another.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Follows another node's zones until the process ends.
    pub(crate) async fn follow(self, member: Member, dialer: Dialer) {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            if let Err(error) = self.follow_once(&member, &dialer, &mut backoff).await {
                tracing::debug!(node = %member.name, %error, "no status from the node");
            }
            self.change(|soft| soft.peer_lost(&member.name));
            backoff.wait().await;
        }
    }

    async fn follow_once(
        &self,
        member: &Member,
        dialer: &Dialer,
        backoff: &mut Backoff,
    ) -> Result<(), Status> {
        let channel = dialer
            .channel(member)
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let request = ShareRequest {
            node: self.node.to_string(),
        };
        let mut client = StatusPeerClient::new(channel).max_decoding_message_size(MESSAGE_LIMIT);
        let mut told = client.share(request).await?.into_inner();
        while let Some(mut status) = told.message().await? {
            backoff.reset();
            // Who tells is known from the connection, not from the message.
            status.node.clone_from(&member.name);
            self.change(|soft| soft.peer(status));
        }
        Ok(())
    }

    /// Changes what is known of this node's own zones; `change` says whether it did.
    fn own(&self, change: impl FnOnce(&mut Soft) -> bool) {
        // The lock is given back before anybody is woken who needs it.
        let changed = change(&mut self.lock());
        if changed {
            self.changes.send_replace(());
            self.own_changes.send_replace(());
        }
    }

    fn change(&self, change: impl FnOnce(&mut Soft)) {
        change(&mut self.lock());
        self.changes.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, Soft> {
        // Whole after every statement, so a panic elsewhere does not matter.
        self.soft.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What another node that was told up to this value of the counter is to be told next; 0: it knows nothing.
    fn told_since(&self, counter: u64) -> (u64, NodeStatus) {
        let (now, zones) = self.lock().own_since(counter);
        let status = NodeStatus {
            node: self.node.to_string(),
            full: counter == 0,
            zones,
        };
        (now, status)
    }
}

#[tonic::async_trait]
impl StatusPeer for Shared {
    type ShareStream = Pin<Box<dyn Stream<Item = Result<NodeStatus, Status>> + Send>>;

    /// All of the node's own zones first, then those that change: a slow reader skips what is outdated.
    async fn share(
        &self,
        _request: Request<ShareRequest>,
    ) -> Result<Response<Self::ShareStream>, Status> {
        let shared = self.clone();
        let changes = WatchStream::new(self.own_changes.subscribe());
        let told = changes.scan(0, move |counter, ()| {
            let (now, status) = shared.told_since(*counter);
            *counter = now;
            std::future::ready(Some(Ok(status)))
        });
        let told = told.take_until(self.stop.clone().cancelled_owned());
        Ok(Response::new(Box::pin(told)))
    }
}
