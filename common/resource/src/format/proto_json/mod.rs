//! JSON and protobuf by the rules of Kuma's legacy `jsonpb` codec (resources §1.3), driven by descriptors.
//!
//! Differs from stock proto3 JSON: Go duration text, quoted numbers, unknown enum numbers kept, several members of a
//! oneof allowed, 64-bit integers as strings. Differs from Kuma in one decided point: an unknown field is an error when
//! the reader is [`Strictness::Strict`]. Never validates.

mod decode;
pub(crate) mod duration;
mod encode;
mod suggest;
#[cfg(test)]
mod tests;

use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};

use crate::format::node::Node;
use crate::violation::Violations;

pub(crate) use suggest::nearest;

/// What an unknown field is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// An error: what a person writes (REST, CLI).
    #[default]
    Strict,
    /// Ignored, as in Kuma: what another control plane sends (KDS, copies).
    Lenient,
}

/// The bytes of a message of this full name from its JSON. Maps are not in order yet: see
/// [`crate::KindEntry::normalize`].
///
/// # Errors
/// One violation for every wrong field, with its path.
pub fn decode(message: &str, json: &Value, strictness: Strictness) -> Result<Vec<u8>, Violations> {
    decode_node(message, &Node::from(json), strictness)
}

/// As [`decode()`], of a parsed document.
pub(crate) fn decode_node(
    message: &str,
    node: &Node,
    strictness: Strictness,
) -> Result<Vec<u8>, Violations> {
    let descriptor = descriptor(message)?;
    let mut decoder = decode::Decoder::new(strictness);
    let message = decoder.message(&descriptor, node);
    let violations = decoder.finish();
    if violations.is_empty() {
        Ok(prost::Message::encode_to_vec(&message))
    } else {
        Err(violations)
    }
}

/// The JSON object of an encoded message of this full name: declaration order, defaults left out.
///
/// # Errors
/// When the bytes are not that message.
pub fn encode(message: &str, bytes: &[u8]) -> Result<Map<String, Value>, Violations> {
    let descriptor = descriptor(message)?;
    let message = DynamicMessage::decode(descriptor, bytes).map_err(|error| {
        one(
            "",
            format!("the stored bytes are not a {message}: {error}; write the resource again"),
        )
    })?;
    Ok(encode::object(&message))
}

fn descriptor(message: &str) -> Result<MessageDescriptor, Violations> {
    torii_proto::descriptor::kuma()
        .get_message_by_name(message)
        .ok_or_else(|| one("", format!("this build has no message {message}")))
}

fn one(field: &str, reason: String) -> Violations {
    let mut violations = Violations::new();
    violations.add(field, reason);
    violations
}
