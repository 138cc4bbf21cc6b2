//! Descriptor pools: Kuma's and Torii's messages by name, Envoy's whole API, and JSON for any Envoy message.
//!
//! No defaults and no knowledge of any one message.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::Value;

mod canonical;

static KUMA: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/torii.descriptors.bin"));
    #[expect(
        clippy::expect_used,
        reason = "the build script wrote these bytes from a descriptor set"
    )]
    DescriptorPool::decode(bytes).expect("descriptor set of the build script")
});

/// Made by `regenerate-envoy-descriptors.sh`. Data, not built: Envoy's files do not all compile with protox.
static ENVOY: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!("../envoy.descriptors.bin.z");
    let mut bytes = Vec::new();
    #[expect(clippy::expect_used, reason = "committed data that a test loads")]
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(packed), &mut bytes)
        .expect("committed data unpacks");
    #[expect(clippy::expect_used, reason = "committed data that a test loads")]
    DescriptorPool::decode(bytes.as_slice()).expect("committed data is a descriptor set")
});

/// The pool with every message of `kuma.*` and `torii.*`.
pub fn kuma() -> &'static DescriptorPool {
    &KUMA
}

/// The pool with every message of Envoy's v3 API and what it imports. Loaded at the first use (some 0.1 s).
pub fn envoy() -> &'static DescriptorPool {
    &ENVOY
}

/// Why a message could not be read or written as JSON.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// No such message.
    #[error("`{0}` is not a message of Envoy's API as this build knows it")]
    UnknownType(String),
    /// The bytes are not that message.
    #[error("the bytes are not a {type_name}: {source}")]
    Decode {
        /// Full name of the message.
        type_name: String,
        /// What is wrong.
        source: prost::DecodeError,
    },
    /// The JSON is not that message, or a message inside (an `Any`) is unknown.
    #[error("{type_name}: {source}")]
    Json {
        /// Full name of the message.
        type_name: String,
        /// What is wrong, with the field's name.
        source: serde_json::Error,
    },
}

/// An Envoy message as JSON: names in lowerCamelCase, fields with default values left out, an `Any` opened with its
/// `@type`, keys in order. `type_url` may also be the full name alone.
///
/// # Errors
/// When the type, or that of an `Any` inside, is unknown, or the bytes are not that message.
pub fn to_json(type_url: &str, bytes: &[u8]) -> Result<Value, DescriptorError> {
    let descriptor = message(type_url)?;
    let type_name = descriptor.full_name().to_owned();
    let message =
        DynamicMessage::decode(descriptor, bytes).map_err(|source| DescriptorError::Decode {
            type_name: type_name.clone(),
            source,
        })?;
    let mut json = serde_json::to_value(&message)
        .map_err(|source| DescriptorError::Json { type_name, source })?;
    // Maps come out of hash maps.
    json.sort_all_objects();
    Ok(json)
}

/// The encoded message that JSON describes; the reverse of [`to_json`]. Field names in lowerCamelCase or snake case.
/// The same JSON always gives the same bytes.
///
/// # Errors
/// When the type, or that of an `Any` inside, is unknown, or a field is unknown or of another type.
pub fn from_json(type_url: &str, json: &Value) -> Result<Vec<u8>, DescriptorError> {
    let descriptor = message(type_url)?;
    let type_name = descriptor.full_name().to_owned();
    let message = DynamicMessage::deserialize(descriptor, json)
        .map_err(|source| DescriptorError::Json { type_name, source })?;
    Ok(canonical::encode(&message))
}

/// The same message with its maps in order of key, also inside of `Any`s: `envoy-types` has hash maps and encodes them
/// in any order.
///
/// # Errors
/// When the type is unknown or the bytes are not that message.
pub fn canonical(type_url: &str, bytes: &[u8]) -> Result<Vec<u8>, DescriptorError> {
    let descriptor = message(type_url)?;
    let type_name = descriptor.full_name().to_owned();
    let message = DynamicMessage::decode(descriptor, bytes)
        .map_err(|source| DescriptorError::Decode { type_name, source })?;
    Ok(canonical::encode(&message))
}

fn message(type_url: &str) -> Result<MessageDescriptor, DescriptorError> {
    let name = type_url.rsplit_once('/').map_or(type_url, |(_, name)| name);
    envoy()
        .get_message_by_name(name)
        .ok_or_else(|| DescriptorError::UnknownType(name.to_owned()))
}

#[cfg(test)]
mod tests;
