//! The documents of `GET /torii/status` and `GET /torii/receipts/{revision}`: what the planes tell and the CLI reads.
//!
//! Data only; the planes fill them in.

use serde::{Deserialize, Serialize};

use torii_proto::torii::status::v1 as wire;

/// Answer of `GET /torii/status`, at the global and in a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `global` or `zone`.
    pub role: String,
    /// Name of the node or zone that answers.
    pub name: String,
    /// Torii's version.
    pub version: String,
    /// Id of the cluster; empty while unknown.
    pub cluster_id: String,
    /// Grows with every restore from a backup.
    pub epoch: u64,
    /// Newest revision of the answering process's own store.
    pub revision: u64,
    /// Nodes of the global; in a zone its own store's.
    pub nodes: Vec<Node>,
    /// Every zone that is known: connected ones, and those that a Zone resource names.
    pub zones: Vec<Zone>,
    /// Standing warnings of the process, e.g. a zone admitted without a token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A node of a store's Raft group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Node name.
    pub name: String,
    /// Peer address.
    pub address: String,
    /// Whether it votes.
    pub voter: bool,
    /// Whether the answering node believes it to be the leader.
    pub leader: bool,
    /// Whether the answering node hears from it; `None` = unknown.
    pub reachable: Option<bool>,
}

/// A zone as its global sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// Zone name.
    pub name: String,
    /// Connected now; `None` = unknown (not heard of since the answering node started).
    pub connected: Option<bool>,
    /// Whether it proved its name with a token.
    pub authenticated: bool,
    /// `torii` or `kuma`; empty while unknown.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// Global node that it is connected to.
    pub node: String,
    /// Cluster that it follows.
    pub cluster_id: String,
    /// Epoch of `revision`.
    pub epoch: u64,
    /// Everything up to here is durably stored in the zone.
    pub revision: u64,
    /// Why the zone refuses or holds what the global sends; empty when it does not.
    pub guard: String,
    /// Its proxies.
    pub proxies: Vec<Proxy>,
    /// What its gateways cannot serve, or serve otherwise than its writer may expect.
    pub problems: Vec<Problem>,
}

/// State of a proxy with regard to a revision, or to everything that its zone has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyState {
    /// Not heard of, or its zone is not: never shown as fine.
    #[default]
    Unknown,
    /// Its Envoy acknowledged everything.
    Acknowledged,
    /// Something is on its way, or waits.
    Pending,
    /// Its Envoy rejected something; the last good version stays.
    Rejected,
}

/// A proxy as its zone reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// `mesh/name` of its Dataplane.
    pub id: String,
    /// Present state.
    pub state: ProxyState,
    /// Newest revision whose effect was sent.
    pub sent: u64,
    /// Everything up to here is acknowledged.
    pub acknowledged: u64,
    /// Envoy's words for what it rejected.
    pub rejections: Vec<Rejection>,
    /// Why a part waits; empty otherwise.
    pub waiting: String,
    /// Envoy's version, empty while unknown.
    pub envoy_version: String,
}

/// Something that an Envoy rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// Envoy's type URL.
    pub type_url: String,
    /// Names of the rejected resources.
    pub resources: Vec<String>,
    /// Envoy's own words.
    pub message: String,
    /// Revision that was being sent.
    pub revision: u64,
}

/// A resource that has no effect, or another than its writer may expect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `MeshGatewayRoute default/edge-gateway-route`
    pub resource: String,
    /// Field path.
    pub field: String,
    /// Reason.
    pub reason: String,
    /// `mesh/name` of the proxy concerned; empty when all are.
    pub proxy: String,
}

/// Answer of `GET /torii/receipts/{revision}`: one JSON line for each change, the last one with `done`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The revision asked for.
    pub revision: u64,
    /// Every proxy of every connected zone has it.
    pub done: bool,
    /// Some proxy's Envoy rejected something of it.
    pub rejected: bool,
    /// Zone by zone; a zone that is not connected is listed with its proxies unknown, and not waited for.
    pub zones: Vec<Zone>,
}

impl From<wire::ProxyReport> for Proxy {
    /// As its zone tells it; whether the zone itself is heard of is the caller's to know.
    fn from(report: wire::ProxyReport) -> Self {
        let state = if !report.connected {
            ProxyState::Unknown
        } else if report.pending {
            ProxyState::Pending
        } else if report.rejections.is_empty() {
            ProxyState::Acknowledged
        } else {
            ProxyState::Rejected
        };
        Self {
            id: report.id,
            state,
            sent: report.sent,
            acknowledged: report.acknowledged,
            rejections: report.rejections.into_iter().map(Rejection::from).collect(),
            waiting: report.waiting,
            envoy_version: report.envoy_version,
        }
    }
}

impl From<wire::Rejection> for Rejection {
    fn from(rejection: wire::Rejection) -> Self {
        Self {
            type_url: rejection.type_url,
            resources: rejection.resources,
            message: rejection.message,
            revision: rejection.revision,
        }
    }
}

impl From<wire::Problem> for Problem {
    fn from(problem: wire::Problem) -> Self {
        let resource = if problem.mesh.is_empty() {
            format!("{} {}", problem.kind, problem.name)
        } else {
            format!("{} {}/{}", problem.kind, problem.mesh, problem.name)
        };
        Self {
            resource,
            field: problem.field,
            reason: problem.reason,
            proxy: problem.proxy,
        }
    }
}
