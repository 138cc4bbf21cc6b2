//! Envoy's messages as people write them in a ProxyTemplate: YAML or JSON, with Go's durations, as Kuma reads them.
//!
//! Reads only; what is done with a message is the generator's business.

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value};

use torii_proto::descriptor;

use crate::format::node::Node;
use crate::format::proto_json::duration;
use crate::format::yaml;

/// Types of resources that a template may add.
const RESOURCES: [&str; 6] = [
    "envoy.config.cluster.v3.Cluster",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "envoy.config.listener.v3.Listener",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "envoy.service.runtime.v3.Runtime",
];
const TYPE: &str = "@type";

/// The encoded message of this full name that a text describes. The same text always gives the same bytes.
///
/// # Errors
/// The reason, for the user: no document, an unknown field or type, a value of another type.
pub fn message(name: &str, text: &str) -> Result<Vec<u8>, String> {
    let node = document(text)?;
    let json = typed(Some(&find(name)?), &node);
    descriptor::from_json(name, &json).map_err(|error| error.to_string())
}

/// The full name and the encoding of the resource that a text with an `@type` describes.
///
/// # Errors
/// As [`message`], and when the type is not one of a resource.
pub fn resource(text: &str) -> Result<(String, Vec<u8>), String> {
    let node = document(text)?;
    let url = node
        .get(TYPE)
        .and_then(Node::as_text)
        .ok_or_else(|| format!("{TYPE} is missing"))?;
    let name = full_name(url);
    if !RESOURCES.contains(&name) {
        return Err(format!(
            "{TYPE} must be one of {}",
            RESOURCES
                .map(|name| format!("type.googleapis.com/{name}"))
                .join(", ")
        ));
    }
    let mut json = typed(Some(&find(name)?), &node);
    if let Value::Object(fields) = &mut json {
        fields.remove(TYPE);
    }
    let bytes = descriptor::from_json(name, &json).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), bytes))
}

/// The one document of a text, which must be an object.
pub(crate) fn document(text: &str) -> Result<Node, String> {
    let mut documents = yaml::parse(text, "value").map_err(|error| error.to_string())?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) if matches!(document.node, Node::Map(_)) => Ok(document.node),
        (Some(document), true) => Err(format!(
            "must be an object, not {}",
            document.node.describe()
        )),
        (Some(_), false) => Err("must be one document".to_owned()),
        (None, _) => Err("is empty".to_owned()),
    }
}

fn find(name: &str) -> Result<MessageDescriptor, String> {
    descriptor::envoy()
        .get_message_by_name(name)
        .ok_or_else(|| format!("{name} is no message of Envoy's API"))
}

fn full_name(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// JSON as protobuf's stock reader takes it: durations in seconds, and text where text is meant. `None` stands for what
/// has no type here; the reader finds what is wrong.
fn typed(descriptor: Option<&MessageDescriptor>, node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(value, _) => Value::Bool(*value),
        Node::Number(value, _) => Value::Number(value.clone()),
        Node::String(text) if descriptor.is_some_and(is_duration) => duration::parse(text)
            .map_or_else(
                || Value::String(text.clone()),
                |value| Value::String(duration::print(value.seconds, value.nanos)),
            ),
        Node::String(text) => Value::String(text.clone()),
        Node::List(items) => {
            Value::Array(items.iter().map(|item| typed(descriptor, item)).collect())
        }
        Node::Map(entries) => Value::Object(object(descriptor, node, entries)),
    }
}

fn object(
    descriptor: Option<&MessageDescriptor>,
    node: &Node,
    entries: &[(String, Node)],
) -> Map<String, Value> {
    // An Any is what its type says.
    let inner = node
        .get(TYPE)
        .and_then(Node::as_text)
        .and_then(|url| find(full_name(url)).ok());
    // Open objects have fields of any name, which are not those of their messages.
    let descriptor = inner
        .as_ref()
        .or(descriptor)
        .filter(|descriptor| descriptor.parent_file().package_name() != "google.protobuf");
    entries
        .iter()
        .map(|(key, value)| {
            let kind = descriptor
                .and_then(|descriptor| {
                    descriptor
                        .fields()
                        .find(|field| field.json_name() == key || field.name() == key)
                })
                .map(|field| field.kind());
            (key.clone(), of_field(kind, value))
        })
        .collect()
}

fn of_field(kind: Option<Kind>, node: &Node) -> Value {
    match (kind, node) {
        (Some(Kind::Message(entry)), Node::Map(entries)) if entry.is_map_entry() => {
            let kind = entry.map_entry_value_field().kind();
            Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), of_field(Some(kind.clone()), value)))
                    .collect(),
            )
        }
        (Some(Kind::Message(descriptor)), _) => typed(Some(&descriptor), node),
        (Some(Kind::String), Node::List(items)) => Value::Array(
            items
                .iter()
                .map(|item| of_field(Some(Kind::String), item))
                .collect(),
        ),
        (Some(Kind::String), _) => node
            .as_text()
            .map_or_else(|| typed(None, node), |text| Value::String(text.to_owned())),
        _ => typed(None, node),
    }
}

fn is_duration(descriptor: &MessageDescriptor) -> bool {
    descriptor.full_name() == "google.protobuf.Duration"
}

#[cfg(test)]
mod tests;
