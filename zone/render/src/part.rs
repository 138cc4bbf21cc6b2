//! The unit that goes to Envoy: one named resource, encoded once, with a content hash as its version.
//!
//! Knows nothing of gateways or policies, and nothing of sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use torii_proto::envoy::config::listener::v3::Listener;
use torii_proto::envoy::config::route::v3::RouteConfiguration;
use torii_proto::envoy::extensions::transport_sockets::tls::v3::Secret;
use torii_proto::envoy::google::protobuf::Any;
use torii_proto::envoy::service::runtime::v3::Runtime;
use torii_resource::ResourceKey;

/// The types of resource that Torii serves over xDS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeUrl {
    /// CDS.
    Cluster,
    /// EDS.
    Endpoint,
    /// LDS.
    Listener,
    /// RDS.
    Route,
    /// SDS.
    Secret,
    /// RTDS.
    Runtime,
}

impl TypeUrl {
    /// Every type, in the order of `Ord`.
    pub const ALL: [Self; 6] = [
        Self::Cluster,
        Self::Endpoint,
        Self::Listener,
        Self::Route,
        Self::Secret,
        Self::Runtime,
    ];

    /// The type URL as on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Runtime => "type.googleapis.com/envoy.service.runtime.v3.Runtime",
        }
    }

    /// The type of this URL; none when Torii does not serve it.
    pub fn parse(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == url)
    }

    const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for TypeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message that is a whole xDS resource of one type.
pub trait XdsMessage: Message {
    /// Its type.
    const TYPE: TypeUrl;
}

impl XdsMessage for Cluster {
    const TYPE: TypeUrl = TypeUrl::Cluster;
}

impl XdsMessage for ClusterLoadAssignment {
    const TYPE: TypeUrl = TypeUrl::Endpoint;
}

impl XdsMessage for Listener {
    const TYPE: TypeUrl = TypeUrl::Listener;
}

impl XdsMessage for RouteConfiguration {
    const TYPE: TypeUrl = TypeUrl::Route;
}

impl XdsMessage for Secret {
    const TYPE: TypeUrl = TypeUrl::Secret;
}

impl XdsMessage for Runtime {
    const TYPE: TypeUrl = TypeUrl::Runtime;
}

/// Content hash of a part's body: 16 lower-case hexadecimal digits (xxh3, 64 bits). Cheap to clone.
///
/// It tells contents of one name apart; it is not a defence against an adversary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Arc<str>);

impl Version {
    /// The version of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self(Arc::from(format!("{:016x}", xxh3_64(body))))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One named Envoy resource, and the names of the other resources that it uses.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Resource name within its type.
    pub name: String,
    /// Hash of `body`.
    pub version: Version,
    /// The encoded message, without the `Any` around it.
    pub body: Bytes,
    /// Clusters that a route or listener sends to, mirrors included; sorted, each once.
    pub clusters: Vec<Arc<str>>,
    /// Route configurations (RDS) that a listener asks for; sorted, each once.
    pub routes: Vec<Arc<str>>,
    /// Secrets (SDS) that a cluster or listener asks for; sorted, each once.
    pub secrets: Vec<Arc<str>>,
}

impl Part {
    /// Encodes a message; it uses nothing else until `with_…` says so.
    pub fn new<M: XdsMessage>(name: impl Into<String>, message: &M) -> Self {
        Self::from_body(name, Bytes::from(message.encode_to_vec()))
    }

    /// A part from bytes that are encoded already.
    pub fn from_body(name: impl Into<String>, body: Bytes) -> Self {
        Self {
            name: name.into(),
            version: Version::of(&body),
            body,
            clusters: Vec::new(),
            routes: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// The same part with these clusters as dependencies.
    #[must_use]
    pub fn with_clusters(mut self, names: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.clusters = sorted(names);
        self
    }

    /// The same part with these route configurations as dependencies.
    #[must_use]
    pub fn with_routes(mut self, names: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.routes = sorted(names);
        self
    }

    /// The same part with these secrets as dependencies.
    #[must_use]
    pub fn with_secrets(mut self, names: impl IntoIterator<Item = Arc<str>>) -> Self {
        self.secrets = sorted(names);
        self
    }

    /// The body as Envoy's `Any`, to be put into a discovery response.
    pub fn to_any(&self, of: TypeUrl) -> Any {
        Any {
            type_url: of.as_str().to_owned(),
            value: self.body.to_vec(),
        }
    }
}

impl fmt::Debug for Part {
    /// Without the body: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("bytes", &self.body.len())
            .field("clusters", &self.clusters)
            .field("routes", &self.routes)
            .field("secrets", &self.secrets)
            .finish()
    }
}

fn sorted(names: impl IntoIterator<Item = Arc<str>>) -> Vec<Arc<str>> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// All parts of one proxy by type and name. Equal when names and versions are. Cheap to clone: a clone shares the
/// types in which it is not changed.
#[derive(Clone, Default)]
pub struct Parts {
    types: [Arc<BTreeMap<Arc<str>, Arc<Part>>>; TypeUrl::ALL.len()],
}

impl Parts {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part; one of the same type and name is replaced and returned.
    pub fn insert(&mut self, of: TypeUrl, part: impl Into<Arc<Part>>) -> Option<Arc<Part>> {
        let part = part.into();
        Arc::make_mut(&mut self.types[of.index()]).insert(Arc::from(part.name.as_str()), part)
    }

    /// Takes a part out.
    pub fn remove(&mut self, of: TypeUrl, name: &str) -> Option<Arc<Part>> {
        Arc::make_mut(&mut self.types[of.index()]).remove(name)
    }

    /// One part.
    pub fn get(&self, of: TypeUrl, name: &str) -> Option<&Arc<Part>> {
        self.types[of.index()].get(name)
    }

    /// The parts of one type, in order of name.
    pub fn of_type(&self, of: TypeUrl) -> impl ExactSizeIterator<Item = &Arc<Part>> {
        self.types[of.index()].values()
    }

    /// All parts, in order of type and name.
    pub fn iter(&self) -> impl Iterator<Item = (TypeUrl, &Arc<Part>)> {
        TypeUrl::ALL
            .into_iter()
            .flat_map(|of| self.of_type(of).map(move |part| (of, part)))
    }

    /// Number of parts of all types.
    pub fn len(&self) -> usize {
        self.types.iter().map(|parts| parts.len()).sum()
    }

    /// True when there is no part at all.
    pub fn is_empty(&self) -> bool {
        self.types.iter().all(|parts| parts.is_empty())
    }
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        self.types.iter().zip(&other.types).all(|(mine, theirs)| {
            Arc::ptr_eq(mine, theirs)
                || mine.len() == theirs.len()
                    && mine
                        .iter()
                        .zip(&**theirs)
                        .all(|((name, part), (other_name, other_part))| {
                            name == other_name
                                && (Arc::ptr_eq(part, other_part)
                                    || part.version == other_part.version)
                        })
        })
    }
}

impl Eq for Parts {}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What was wrong in what a proxy reads: the rest is served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{part}: {resource}: {field}: {reason}")]
pub struct PartError {
    /// Listener or route configuration that is affected.
    pub part: String,
    /// Resource that is at fault.
    pub resource: ResourceKey,
    /// Path of the field in it, e.g. `conf.listeners[0].protocol`.
    pub field: String,
    /// Reason, and what to do.
    pub reason: String,
}

/// Everything generated for one proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// What Envoy gets.
    pub parts: Parts,
    /// What is left out, and why; sorted.
    pub errors: Vec<PartError>,
    /// What is served and may surprise, e.g. a backend that nobody serves; sorted.
    pub notes: Vec<PartError>,
}

#[cfg(test)]
mod tests;
