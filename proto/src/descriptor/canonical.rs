//! Encoding with maps in order of key. `prost-reflect` has hash maps: its own encoding differs from run to run.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, ReflectMessage as _, Value};

const ANY: &str = "google.protobuf.Any";

/// The message's bytes: fields in order of number, maps in order of key, unknown fields last as they came.
pub(super) fn encode(message: &DynamicMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let opened = (message.descriptor().full_name() == ANY)
        .then(|| open(message))
        .flatten();
    for (field, value) in message.fields() {
        match (&opened, value) {
            (Some(payload), Value::Bytes(_)) => put(&mut bytes, field.number(), payload),
            _ => encode_field(&mut bytes, &field, value),
        }
    }
    for unknown in message.unknown_fields() {
        unknown.encode(&mut bytes);
    }
    bytes
}

fn encode_field(bytes: &mut Vec<u8>, field: &FieldDescriptor, value: &Value) {
    match value {
        Value::Message(message) if !field.is_group() => {
            put(bytes, field.number(), &encode(message))
        }
        Value::List(items)
            if matches!(items.first(), Some(Value::Message(_))) && !field.is_group() =>
        {
            for message in items.iter().filter_map(Value::as_message) {
                put(bytes, field.number(), &encode(message));
            }
        }
        Value::Map(entries) => {
            let kind = field.kind();
            let Some(descriptor) = kind.as_message() else {
                return;
            };
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in entries {
                let mut entry = DynamicMessage::new(descriptor.clone());
                entry.set_field(&descriptor.map_entry_key_field(), plain(key));
                entry.set_field(&descriptor.map_entry_value_field(), value.clone());
                put(bytes, field.number(), &encode(&entry));
            }
        }
        _ => {
            let mut single = DynamicMessage::new(field.parent_message().clone());
            single.set_field(field, value.clone());
            bytes.extend(single.encode_to_vec());
        }
    }
}

/// The canonical bytes of what an `Any` holds, if its type is known and they are of it.
fn open(any: &DynamicMessage) -> Option<Vec<u8>> {
    let type_url = any.get_field_by_name("type_url")?;
    let name = type_url.as_str()?.rsplit_once('/')?.1;
    let payload = any.get_field_by_name("value")?;
    let descriptor = any.descriptor().parent_pool().get_message_by_name(name)?;
    let message = DynamicMessage::decode(descriptor, payload.as_bytes()?.clone()).ok()?;
    Some(encode(&message))
}

fn put(bytes: &mut Vec<u8>, number: u32, payload: &[u8]) {
    encode_key(number, WireType::LengthDelimited, bytes);
    // usize is at most 64 bits wide.
    encode_varint(payload.len() as u64, bytes);
    bytes.extend_from_slice(payload);
}

fn plain(key: &MapKey) -> Value {
    match key {
        MapKey::Bool(value) => Value::Bool(*value),
        MapKey::I32(value) => Value::I32(*value),
        MapKey::I64(value) => Value::I64(*value),
        MapKey::U32(value) => Value::U32(*value),
        MapKey::U64(value) => Value::U64(*value),
        MapKey::String(value) => Value::String(value.clone()),
    }
}
