//! Drives a machine over a stream: the only file of this crate that waits.
//!
//! Decides nothing: events go into the machine, actions come out. The writer is whoever drains the bounded channel
//! (tonic's stream), so reading never waits for writing (kds §10.1 "stuck sync"). Streams are closed by the shell,
//! with [`End::status`]; never with OK (kds §6.2).

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};

use crate::guard::Hold;
use crate::kuma::{self, NodeInfo, Peer};
use crate::receiver::{self, Ending, Receiver, Transaction};
use crate::sender::{self, Sender, SenderError};

#[cfg(test)]
mod tests;

/// Messages that may wait for the writer; more than the machines ever have outstanding (one a type).
pub const QUEUE: usize = 1024;
/// How long a peer may take to acknowledge (kds §10.2 P4).
pub const ACK_LIMIT: Duration = Duration::from_secs(60);
/// How long other types wait for Mesh (kds §10.2 P6).
pub const MESH_WAIT: Duration = Duration::from_secs(10);

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum End {
    /// The peer closed the stream.
    #[error("the peer closed the stream")]
    Closed,
    /// The peer or the connection failed.
    #[error("the stream failed: {0}")]
    Failed(Status),
    /// The sending machine cannot go on.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The receiving machine cannot go on.
    #[error(transparent)]
    Receiver(#[from] Ending),
    /// The peer does not acknowledge.
    #[error("the peer has not acknowledged response {nonce} of {type_name} within {} s", ACK_LIMIT.as_secs())]
    Overdue {
        /// The type.
        type_name: String,
        /// Nonce of the response.
        nonce: String,
    },
    /// The peer does not read.
    #[error("the peer does not read: {QUEUE} messages wait for it")]
    Full,
    /// This side stops.
    #[error("this control plane ends the stream")]
    Stopped,
}

impl End {
    /// The status to end a served stream with.
    pub fn status(&self) -> Status {
        Status::unavailable(self.to_string())
    }
}

/// The first request of a stream, looked at: who the peer is, and the stream with that request still in it.
///
/// # Errors
/// When the peer closes the stream before, or the stream fails.
pub async fn introduce<S>(
    mut requests: S,
) -> Result<
    (
        Peer,
        impl Stream<Item = Result<DeltaDiscoveryRequest, Status>> + Unpin,
    ),
    End,
>
where
    S: Stream<Item = Result<DeltaDiscoveryRequest, Status>> + Unpin,
{
    let first = requests
        .next()
        .await
        .ok_or(End::Closed)?
        .map_err(End::Failed)?;
    let peer = first.node.as_ref().map(Peer::of).unwrap_or_default();
    Ok((peer, stream::iter([Ok(first)]).chain(requests)))
}

/// The responses of a sending machine as messages, each made when it is written.
pub fn responses(
    queue: mpsc::Receiver<sender::Response>,
    identifier: String,
) -> impl Stream<Item = DeltaDiscoveryResponse> {
    ReceiverStream::new(queue).map(move |response| kuma::response(&response, &identifier))
}

/// The requests of a receiving machine as messages.
pub fn requests(
    queue: mpsc::Receiver<receiver::Request>,
    node: NodeInfo,
) -> impl Stream<Item = DeltaDiscoveryRequest> {
    ReceiverStream::new(queue).map(move |request| kuma::request(request, &node))
}

/// A served stream: ends with the status that the shell sends, with `UNAVAILABLE` when it forgets.
pub fn served<T>(
    items: impl Stream<Item = T>,
    end: oneshot::Receiver<Status>,
) -> impl Stream<Item = Result<T, Status>> {
    let end = end.map(|status| Err(status.unwrap_or_else(|_| End::Stopped.status())));
    items.map(Ok).chain(stream::once(end))
}

/// Runs a sending machine until the stream ends.
///
/// `feed` brings [`sender::Event::Loaded`], [`sender::Event::Changed`] and [`sender::Event::Retry`]; closing it stops
/// the pump. `notice` gets every action that is not a message.
pub async fn send<S>(
    mut sender: Sender,
    mut requests: S,
    queue: mpsc::Sender<sender::Response>,
    mut feed: mpsc::Receiver<sender::Event>,
    mut notice: impl FnMut(sender::Action),
) -> End
where
    S: Stream<Item = Result<DeltaDiscoveryRequest, Status>> + Unpin,
{
    let mut watch = Watch::default();
    loop {
        let event = tokio::select! {
            request = requests.next() => match request {
                Some(Ok(request)) => kuma::sender_event(request),
                Some(Err(status)) => return End::Failed(status),
                None => return End::Closed,
            },
            event = feed.recv() => match event {
                Some(event) => event,
                None => return End::Stopped,
            },
            () = sleep_until(watch.deadline()) => match watch.overdue() {
                Some(end) => return end,
                None => sender::Event::Release,
            },
        };
        let actions = match sender.handle(event) {
            Ok(actions) => actions,
            Err(error) => return error.into(),
        };
        for action in actions {
            match action {
                sender::Action::Send(response) => {
                    if let Err(error) = queue.try_send(response) {
                        return unsent(&error);
                    }
                }
                other => notice(other),
            }
        }
        watch.look(&sender);
    }
}

/// Runs a receiving machine until the stream ends.
///
/// `control` brings [`receiver::Event::Accepted`] and [`receiver::Event::Retry`]; closing it stops the pump. `store`
/// makes a transaction durable; an error ends the stream. `notice` hears what is held back.
pub async fn receive<S, F>(
    mut receiver: Receiver,
    mut responses: S,
    queue: mpsc::Sender<receiver::Request>,
    mut control: mpsc::Receiver<receiver::Event>,
    mut store: impl FnMut(Transaction) -> F,
    mut notice: impl FnMut(Hold),
) -> End
where
    S: Stream<Item = Result<DeltaDiscoveryResponse, Status>> + Unpin,
    F: Future<Output = Result<(), String>>,
{
    let mut storing: Option<Pin<Box<F>>> = None;
    let mut events = VecDeque::from([receiver::Event::Start]);
    let mut quiet = true;
    loop {
        while let Some(event) = events.pop_front() {
            for action in receiver.handle(event) {
                match action {
                    receiver::Action::Send(request) => {
                        if let Err(error) = queue.try_send(request) {
                            return unsent(&error);
                        }
                    }
                    receiver::Action::Commit(transaction) => {
                        storing = Some(Box::pin(store(transaction)))
                    }
                    receiver::Action::Held(hold) => notice(hold),
                    receiver::Action::End(ending) => return ending.into(),
                }
            }
        }
        // "Nothing more is buffered" closes the transaction of a foreign peer.
        let arrived = responses.next().now_or_never();
        if arrived.is_none() && !quiet {
            quiet = true;
            events.push_back(receiver::Event::Idle);
            continue;
        }
        let arrived = match arrived {
            Some(arrived) => arrived,
            None => tokio::select! {
                arrived = responses.next() => arrived,
                stored = stored(&mut storing) => {
                    storing = None;
                    quiet = false;
                    events.push_back(stored.map_or_else(receiver::Event::Failed, |()| receiver::Event::Committed));
                    continue;
                },
                event = control.recv() => match event {
                    Some(event) => {
                        events.push_back(event);
                        continue;
                    }
                    None => return End::Stopped,
                },
            },
        };
        match arrived {
            Some(Ok(response)) => {
                quiet = false;
                events.push_back(receiver::Event::Response(kuma::incoming(response)));
            }
            Some(Err(status)) => return End::Failed(status),
            None => return End::Closed,
        }
    }
}

/// The end of the transaction that is being stored; never, when there is none.
async fn stored<F>(storing: &mut Option<Pin<Box<F>>>) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    match storing {
        Some(storing) => storing.await,
        None => std::future::pending().await,
    }
}

fn unsent<T>(error: &mpsc::error::TrySendError<T>) -> End {
    match error {
        mpsc::error::TrySendError::Full(_) => End::Full,
        mpsc::error::TrySendError::Closed(_) => End::Closed,
    }
}

/// Since when the sending machine waits, for whom.
#[derive(Debug, Default)]
struct Watch {
    unacknowledged: BTreeMap<String, (String, Instant)>,
    holding: Option<Instant>,
}

impl Watch {
    fn look(&mut self, sender: &Sender) {
        let now = Instant::now();
        let mut before = std::mem::take(&mut self.unacknowledged);
        for (type_name, nonce) in sender.unacknowledged() {
            let since = match before.remove(type_name) {
                Some((known, since)) if known == nonce => since,
                _ => now,
            };
            self.unacknowledged
                .insert(type_name.to_owned(), (nonce.to_owned(), since));
        }
        self.holding = sender.holding().then(|| self.holding.unwrap_or(now));
    }

    fn deadline(&self) -> Instant {
        let acks = self
            .unacknowledged
            .values()
            .map(|(_, since)| *since + ACK_LIMIT);
        let mesh = self.holding.iter().map(|since| *since + MESH_WAIT);
        // Far enough to be never; nothing happens when it passes.
        acks.chain(mesh)
            .min()
            .unwrap_or_else(|| Instant::now() + ACK_LIMIT * 60)
    }

    fn overdue(&self) -> Option<End> {
        let now = Instant::now();
        self.unacknowledged
            .iter()
            .find(|(_, (_, since))| *since + ACK_LIMIT <= now)
            .map(|(type_name, (nonce, _))| End::Overdue {
                type_name: type_name.clone(),
                nonce: nonce.clone(),
            })
    }
}
