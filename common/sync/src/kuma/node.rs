//! The node that each end names itself by, and what can be learnt from a peer's (kds §1.6, §2.2).

use std::fmt;

use torii_proto::envoy::config::core::v3::Node;
use torii_proto::envoy::google::protobuf::value::Kind as ValueKind;
use torii_proto::envoy::google::protobuf::{ListValue, Struct, Value};

use crate::kuma::{NODE_FEATURES, feature};
use crate::scope::Variant;
use crate::version::Mark;

const VERSION: &str = "version";
const FEATURES: &str = "features";
const CONFIG: &str = "config";
const INSTANCE: &str = "control-plane-id";
/// Torii's own: the newest mark that the zone has stored. Kuma ignores unknown metadata.
const MARK: &str = "torii-mark";

/// Who this end is.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// The zone's name, on both streams: a global too identifies itself with it.
    pub id: String,
    /// Instance id of this control plane.
    pub instance: String,
    /// Version, as a semantic version.
    pub version: String,
    /// A zone's configuration without secrets, as JSON with at least `store.type`; a global sends none.
    pub config: String,
    /// A zone: the newest mark that it has stored, so that the global does not answer from an older state.
    pub mark: Option<Mark>,
}

impl fmt::Debug for NodeInfo {
    /// Without the configuration: it is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "NodeInfo({} {} {})",
            self.id, self.instance, self.version
        )
    }
}

impl NodeInfo {
    pub(crate) fn to_node(&self) -> Node {
        let build = fields([
            ("version", text(&self.version)),
            ("gitTag", text("")),
            ("gitCommit", text("")),
            ("buildDate", text("")),
        ]);
        let features = ListValue {
            values: NODE_FEATURES.iter().map(|feature| text(feature)).collect(),
        };
        let mark = self.mark.iter().map(|mark| (MARK, text(&mark.to_string())));
        let metadata = [
            (
                VERSION,
                value(ValueKind::StructValue(fields([(
                    "kumaCp",
                    value(ValueKind::StructValue(build)),
                )]))),
            ),
            (FEATURES, value(ValueKind::ListValue(features))),
            (CONFIG, text(&self.config)),
            (INSTANCE, text(&self.instance)),
        ];
        Node {
            id: self.id.clone(),
            metadata: Some(fields(metadata.into_iter().chain(mark))),
            ..Node::default()
        }
    }
}

/// What a peer says about itself in the first request of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The zone's name as the peer says it; the authenticated name is in the headers.
    pub zone: String,
    /// Instance id.
    pub instance: String,
    /// Version of its control plane.
    pub version: String,
    /// Configuration as JSON; empty from a global.
    pub config: String,
    /// It is Torii.
    pub torii: bool,
    /// It takes names with a hash.
    pub hash_suffix: bool,
    /// The newest mark that it has stored, if it says one.
    pub mark: Option<Mark>,
}

impl Peer {
    /// Reads a node; what is missing or of another type stays empty.
    pub fn of(node: &Node) -> Self {
        let metadata = node.metadata.as_ref();
        let field = |key: &str| {
            metadata
                .and_then(|metadata| get_text(metadata, key))
                .unwrap_or_default()
        };
        let version = metadata
            .and_then(|metadata| get_struct(metadata, VERSION))
            .and_then(|version| get_struct(version, "kumaCp"))
            .and_then(|build| get_text(build, "version"))
            .unwrap_or_default();
        let features: Vec<&str> = match metadata.and_then(|metadata| get(metadata, FEATURES)) {
            Some(ValueKind::ListValue(list)) => list
                .values
                .iter()
                .filter_map(|value| match &value.kind {
                    Some(ValueKind::StringValue(text)) => Some(text.as_str()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        Self {
            zone: node.id.clone(),
            instance: field(INSTANCE).to_owned(),
            version: version.to_owned(),
            config: field(CONFIG).to_owned(),
            torii: features.contains(&feature::TORII_PLAIN_NAMES),
            hash_suffix: features.contains(&feature::HASH_SUFFIX),
            mark: field(MARK).parse().ok(),
        }
    }

    /// How names look to this peer.
    pub fn variant(&self) -> Variant {
        match (self.torii, self.hash_suffix) {
            (true, _) => Variant::Torii,
            (false, true) => Variant::Hashed,
            (false, false) => Variant::Plain,
        }
    }
}

fn value(kind: ValueKind) -> Value {
    Value { kind: Some(kind) }
}

fn text(text: &str) -> Value {
    value(ValueKind::StringValue(text.to_owned()))
}

fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Struct {
    Struct {
        fields: fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

fn get<'a>(fields: &'a Struct, key: &str) -> Option<&'a ValueKind> {
    fields.fields.get(key)?.kind.as_ref()
}

fn get_text<'a>(fields: &'a Struct, key: &str) -> Option<&'a str> {
    match get(fields, key)? {
        ValueKind::StringValue(text) => Some(text),
        _ => None,
    }
}

fn get_struct<'a>(fields: &'a Struct, key: &str) -> Option<&'a Struct> {
    match get(fields, key)? {
        ValueKind::StructValue(inner) => Some(inner),
        _ => None,
    }
}
