//! What passes between a session and its shell: requests, responses and reports, free of wire formats.
//!
//! Plain data, no decisions.

use std::sync::Arc;

use torii_render::{Part, Parts, TypeUrl};
use torii_resource::Revision;

/// What a proxy shall hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Revision of the global that it was generated from: what gets acknowledged.
    pub revision: Revision,
    /// Everything generated for the proxy.
    pub parts: Arc<Parts>,
}

/// A request of either protocol (delta, state of the world) in one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The type that it is about.
    pub of: TypeUrl,
    /// Names newly asked for, or asked for again; `*` is everything.
    pub subscribe: Vec<String>,
    /// Names no longer wanted.
    pub unsubscribe: Vec<String>,
    /// Name and version of what the proxy holds already (first request of a type on a stream).
    pub initial: Vec<(String, String)>,
    /// The response that it answers, if any.
    pub answer: Option<Answer>,
}

impl Request {
    /// A request about a type that neither subscribes nor answers anything.
    pub fn new(of: TypeUrl) -> Self {
        Self {
            of,
            subscribe: Vec::new(),
            unsubscribe: Vec::new(),
            initial: Vec::new(),
            answer: None,
        }
    }
}

/// ACK or NACK of one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Nonce of the response.
    pub nonce: u64,
    /// Envoy's words when it rejects, none when it accepts.
    pub error: Option<String>,
}

/// A response to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Type of everything in it.
    pub of: TypeUrl,
    /// A counter per stream over all types, from 1.
    pub nonce: u64,
    /// New or changed resources.
    pub upserts: Vec<Arc<Part>>,
    /// Names that do not exist (any more).
    pub removals: Vec<Arc<str>>,
    /// State of the world only: everything of the type that the proxy holds once it has taken this response in.
    pub set: Option<Vec<Arc<Part>>>,
}

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum Event {
    /// The proxy sent something.
    Request(Request),
    /// There is a new desired state.
    Desired(Arc<Desired>),
    /// The time of a timer set by [`Action::SetTimer`] is up.
    HoldExpired(u64),
}

/// What the shell has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a response.
    Send(Response),
    /// Give [`Event::HoldExpired`] with this number after the session's hold time.
    SetTimer(u64),
    /// Tell status and metrics.
    Report(ProxyEvent),
}

/// What status and metrics are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyEvent {
    /// The proxy answered a response.
    Answered {
        /// Type of the response.
        of: TypeUrl,
        /// Its nonce.
        nonce: u64,
        /// Envoy's words when it rejected.
        error: Option<String>,
    },
    /// Where the proxy stands; told whenever it changes.
    Standing(Standing),
}

/// How far a proxy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Newest revision of which everything has been sent.
    pub sent: Revision,
    /// Newest revision of which Envoy has accepted everything; "a proxy has R" (decisions.md, Torii's layer on KDS).
    pub acknowledged: Revision,
    /// Whether something has still to be sent or answered.
    pub pending: bool,
    /// What Envoy rejects of the current desired state, by type and name.
    pub rejections: Vec<Rejection>,
    /// A cluster that is not warm yet and that a route or listener waits, or waited in vain, for.
    pub waiting: Option<String>,
}

/// A resource that Envoy does not take. It keeps the last version that it took; everything else moves on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Its type.
    pub of: TypeUrl,
    /// Its name.
    pub resource: String,
    /// Envoy's words.
    pub message: String,
    /// Revision of the global with which it was sent.
    pub revision: Revision,
}
