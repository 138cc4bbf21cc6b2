//! A message to JSON: declaration order, defaults left out, maps sorted.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};
use serde_json::{Map, Number, Value as Json};

use super::duration;

/// The fields of a message in the order of its `.proto` file (E5).
pub(crate) fn declared(descriptor: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> {
    descriptor
        .descriptor_proto()
        .field
        .iter()
        .filter_map(|field| descriptor.get_field(u32::try_from(field.number()).ok()?))
}

/// A message as an object, also when it is of a well-known type.
pub(crate) fn object(message: &DynamicMessage) -> Map<String, Json> {
    let descriptor = message.descriptor();
    let mut map = Map::new();
    for field in declared(&descriptor) {
        if message.has_field(&field) {
            let value = json(&field.kind(), &message.get_field(&field));
            map.insert(field.json_name().to_owned(), value);
        }
    }
    map
}

fn json(kind: &Kind, value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(value) => Json::from(*value),
        Value::U32(value) => Json::from(*value),
        Value::I64(value) => Json::String(value.to_string()),
        Value::U64(value) => Json::String(value.to_string()),
        // The shortest text that reads back the same: 0.1, not 0.10000000149011612.
        Value::F32(value) => float(
            value
                .to_string()
                .parse()
                .unwrap_or_else(|_| f64::from(*value)),
        ),
        Value::F64(value) => float(*value),
        Value::String(value) => Json::String(value.clone()),
        Value::Bytes(value) => Json::String(BASE64.encode(value)),
        Value::EnumNumber(number) => match kind {
            Kind::Enum(descriptor) => enumeration(descriptor, *number),
            _ => Json::from(*number),
        },
        Value::Message(message) => {
            well_known(message).unwrap_or_else(|| Json::Object(object(message)))
        }
        Value::List(items) => Json::Array(items.iter().map(|item| json(kind, item)).collect()),
        Value::Map(entries) => {
            let value_kind = match kind {
                Kind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other.clone(),
            };
            let sorted: BTreeMap<String, Json> = entries
                .iter()
                .map(|(key, value)| (key_text(key), json(&value_kind, value)))
                .collect();
            Json::Object(sorted.into_iter().collect())
        }
    }
}

fn enumeration(descriptor: &EnumDescriptor, number: i32) -> Json {
    descriptor.get_value(number).map_or_else(
        || Json::from(number),
        |value| Json::String(value.name().to_owned()),
    )
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn well_known(message: &DynamicMessage) -> Option<Json> {
    let descriptor = message.descriptor();
    let name = descriptor.full_name().strip_prefix("google.protobuf.")?;
    match name {
        "Duration" => {
            let value: prost_types::Duration = message.transcode_to().ok()?;
            Some(Json::String(duration::print(value.seconds, value.nanos)))
        }
        "Timestamp" => {
            let value: prost_types::Timestamp = message.transcode_to().ok()?;
            Some(Json::String(timestamp(&value)?))
        }
        "Struct" => {
            let value: prost_types::Struct = message.transcode_to().ok()?;
            Some(open_struct(&value))
        }
        "BoolValue" | "BytesValue" | "DoubleValue" | "FloatValue" | "Int32Value" | "Int64Value"
        | "StringValue" | "UInt32Value" | "UInt64Value" => {
            let field = descriptor.get_field(1)?;
            Some(json(&field.kind(), &message.get_field(&field)))
        }
        _ => None,
    }
}

/// UTC with 0, 3, 6 or 9 digits (E4).
fn timestamp(value: &prost_types::Timestamp) -> Option<String> {
    let time = Timestamp::new(value.seconds, value.nanos).ok()?;
    let seconds = time.strftime("%Y-%m-%dT%H:%M:%S");
    let nanos = time.subsec_nanosecond();
    Some(if nanos == 0 {
        format!("{seconds}Z")
    } else if nanos % 1_000_000 == 0 {
        format!("{seconds}.{:03}Z", nanos / 1_000_000)
    } else if nanos % 1_000 == 0 {
        format!("{seconds}.{:06}Z", nanos / 1_000)
    } else {
        format!("{seconds}.{nanos:09}Z")
    })
}

/// Whole numbers without a fraction, as Go prints them.
fn float(value: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        return Json::from(value as i64);
    }
    Number::from_f64(value).map_or_else(|| Json::String(value.to_string()), Json::Number)
}

fn open_struct(value: &prost_types::Struct) -> Json {
    Json::Object(
        value
            .fields
            .iter()
            .map(|(key, value)| (key.clone(), open_value(value)))
            .collect(),
    )
}

fn open_value(value: &prost_types::Value) -> Json {
    use prost_types::value::Kind;

    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(*value),
        Some(Kind::NumberValue(value)) => float(*value),
        Some(Kind::StringValue(value)) => Json::String(value.clone()),
        Some(Kind::StructValue(value)) => open_struct(value),
        Some(Kind::ListValue(value)) => Json::Array(value.values.iter().map(open_value).collect()),
    }
}
