//! Typed reads of open objects (`google.protobuf.Struct`), as the configuration of a plugin is: absent is the default,
//! another type is an error.

use prost_types::Struct;
use prost_types::value::Kind;

fn field<'a>(object: Option<&'a Struct>, key: &str) -> Option<&'a Kind> {
    object?
        .fields
        .get(key)?
        .kind
        .as_ref()
        .filter(|kind| !matches!(kind, Kind::NullValue(_)))
}

/// Text; empty when absent.
pub(crate) fn text<'a>(object: Option<&'a Struct>, key: &str) -> Result<&'a str, String> {
    match field(object, key) {
        None => Ok(""),
        Some(Kind::StringValue(text)) => Ok(text),
        Some(_) => Err(format!("{key}: must be text")),
    }
}

/// A boolean, if there is one.
pub(crate) fn boolean(object: Option<&Struct>, key: &str) -> Result<Option<bool>, String> {
    match field(object, key) {
        None => Ok(None),
        Some(Kind::BoolValue(value)) => Ok(Some(*value)),
        Some(_) => Err(format!("{key}: must be true or false")),
    }
}

/// A whole number of 32 bits, quoted or not; 0 when absent.
pub(crate) fn unsigned(object: Option<&Struct>, key: &str) -> Result<u32, String> {
    let value = match field(object, key) {
        None => return Ok(0),
        Some(Kind::NumberValue(value))
            if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(value) =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and in range"
            )]
            Some(*value as u32)
        }
        Some(Kind::StringValue(text)) => text.parse().ok(),
        Some(_) => None,
    };
    value.ok_or_else(|| format!("{key}: must be a whole number from 0 to {}", u32::MAX))
}

/// An object, if there is one.
pub(crate) fn object<'a>(
    object: Option<&'a Struct>,
    key: &str,
) -> Result<Option<&'a Struct>, String> {
    match field(object, key) {
        None => Ok(None),
        Some(Kind::StructValue(value)) => Ok(Some(value)),
        Some(_) => Err(format!("{key}: must be an object")),
    }
}

/// A list of objects; empty when absent.
pub(crate) fn objects<'a>(
    object: Option<&'a Struct>,
    key: &str,
) -> Result<Vec<&'a Struct>, String> {
    match field(object, key) {
        None => Ok(Vec::new()),
        Some(Kind::ListValue(list)) => list
            .values
            .iter()
            .map(|value| match &value.kind {
                Some(Kind::StructValue(value)) => Ok(value),
                _ => Err(format!("{key}: must be a list of objects")),
            })
            .collect(),
        Some(_) => Err(format!("{key}: must be a list of objects")),
    }
}
