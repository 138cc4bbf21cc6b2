//! One stream: drives a [`Session`] between tonic's halves. No rules of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use torii_proto::envoy::config::core::v3::Node;
use torii_render::TypeUrl;

use crate::message::{Action, Desired, Event, ProxyEvent, Request, Response};
use crate::metrics::StageTimes;
use crate::report::ProxyReporter;
use crate::session::{Dialect, Session};

/// How one of the two protocols is written.
pub(crate) trait Wire: Default + Send + 'static {
    /// Message from the client.
    type In: Send + 'static;
    /// Message to the client.
    type Out: Send + 'static;
    /// The protocol.
    const DIALECT: Dialect;

    /// The type URL that a request names.
    fn type_url(message: &Self::In) -> &str;
    /// The node that a request comes from; only the first one of a stream has to say.
    fn take_node(message: &mut Self::In) -> Option<Node>;
    /// A request about `of` in neutral form.
    fn request(&mut self, of: TypeUrl, message: Self::In) -> Request;
    /// A response as it is written.
    fn response(&mut self, response: Response, identifier: &str) -> Self::Out;
}

/// What a stream ends with, told to the client.
pub(crate) type Outbound<W> = mpsc::Sender<Result<<W as Wire>::Out, Status>>;

/// A stream of an admitted proxy.
pub(crate) struct Pump<W: Wire> {
    pub(crate) inbound: Streaming<W::In>,
    pub(crate) outbound: Outbound<W>,
    pub(crate) desired: watch::Receiver<Option<Arc<Desired>>>,
    pub(crate) reporter: ProxyReporter,
    pub(crate) identifier: Arc<str>,
    pub(crate) node_id: String,
    pub(crate) hold: Duration,
    pub(crate) shutdown: CancellationToken,
}

/// The moving parts of a running stream.
struct Running<W: Wire> {
    wire: W,
    session: Session,
    timers: VecDeque<(Instant, u64)>,
    times: StageTimes,
}

impl<W: Wire> Pump<W> {
    /// Runs until either side ends it; an error is what the client is told.
    pub(crate) async fn run(mut self, first: W::In) -> Result<(), Status> {
        let mut running = Running {
            wire: W::default(),
            session: Session::new(W::DIALECT),
            timers: VecDeque::new(),
            times: StageTimes::default(),
        };
        self.desired.mark_changed();
        self.on_message(&mut running, first).await?;
        loop {
            let timer = running.timers.front().map(|(at, _)| *at);
            let expired = async {
                match timer {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.shutdown.cancelled() => return Err(going()),
                () = self.outbound.closed() => return Ok(()),
                changed = self.desired.changed() => {
                    changed.map_err(|_| Status::unavailable("this proxy is no longer served here, connect again"))?;
                    let desired = self.desired.borrow_and_update().clone();
                    if let Some(desired) = desired {
                        running.times.received(desired.revision);
                        self.act(&mut running, Event::Desired(desired)).await?;
                    }
                }
                message = self.inbound.next() => match message {
                    Some(Ok(message)) => self.on_message(&mut running, message).await?,
                    Some(Err(status)) if status.code() == Code::Cancelled => return Ok(()),
                    Some(Err(status)) => return Err(status),
                    None => return Ok(()),
                },
                () = expired => {
                    if let Some((_, id)) = running.timers.pop_front() {
                        self.act(&mut running, Event::HoldExpired(id)).await?;
                    }
                }
            }
        }
    }

    async fn on_message(&self, running: &mut Running<W>, mut message: W::In) -> Result<(), Status> {
        if let Some(node) = W::take_node(&mut message)
            && !node.id.is_empty()
            && node.id != self.node_id
        {
            return Err(Status::invalid_argument(format!(
                "node id changed on the stream from {:?} to {:?}: open a new stream",
                self.node_id, node.id
            )));
        }
        let Some(of) = TypeUrl::parse(W::type_url(&message)) else {
            crate::metrics::unknown_type();
            tracing::warn!(node = %self.node_id, type_url = W::type_url(&message), "proxy asks for a type that is not served");
            return Ok(());
        };
        let request = running.wire.request(of, message);
        tracing::debug!(
            node = %self.node_id, %of, answer = ?request.answer, subscribe = request.subscribe.len(), "request",
        );
        self.act(running, Event::Request(request)).await
    }

    async fn act(&self, running: &mut Running<W>, event: Event) -> Result<(), Status> {
        for action in running.session.handle(event) {
            match action {
                Action::Send(response) => {
                    crate::metrics::response(response.of);
                    tracing::debug!(
                        node = %self.node_id, of = %response.of, nonce = response.nonce,
                        upserts = response.upserts.len(), removals = response.removals.len(), "response",
                    );
                    let message = running.wire.response(response, &self.identifier);
                    self.send(message).await?;
                }
                Action::SetTimer(id) => running.timers.push_back((Instant::now() + self.hold, id)),
                Action::Report(event) => {
                    if let ProxyEvent::Answered {
                        of,
                        error: Some(error),
                        ..
                    } = &event
                    {
                        tracing::warn!(node = %self.node_id, %of, error, "proxy rejected a response");
                    }
                    running.times.observe(&event);
                    self.reporter.report(event);
                }
            }
        }
        Ok(())
    }

    async fn send(&self, message: W::Out) -> Result<(), Status> {
        tokio::select! {
            () = self.shutdown.cancelled() => Err(going()),
            sent = self.outbound.send(Ok(message)) => sent.map_err(|_| Status::cancelled("the client is gone")),
        }
    }
}

/// What a client is told when this process ends.
pub(crate) fn going() -> Status {
    Status::unavailable("the zone control plane is shutting down, connect again")
}
