//! Deterministic encoding where the generated messages cannot give it, and message pieces that are encoded once.
//!
//! The generated maps are unordered: a map with more than one key is written here, in order of key. Fields may follow
//! each other in any order on the wire, so an encoded message is finished by appending the missing field.

use std::collections::BTreeMap;

use prost::encoding::{WireType, encode_key, encode_varint};
use prost::{Message, Name};

use torii_proto::envoy::google::protobuf::value::Kind;
use torii_proto::envoy::google::protobuf::{Any, Duration, UInt32Value, Value};

/// Appends an already encoded message as field `tag`.
pub(crate) fn append(buffer: &mut Vec<u8>, tag: u32, body: &[u8]) {
    open(buffer, tag, body.len());
    buffer.extend_from_slice(body);
}

/// Begins field `tag` with a message of this many bytes, which are to follow.
pub(crate) fn open(buffer: &mut Vec<u8>, tag: u32, length: usize) {
    encode_key(tag, WireType::LengthDelimited, buffer);
    encode_varint(length as u64, buffer);
}

/// An encoded `google.protobuf.Struct`: field 1 is `map<string, Value>`.
pub(crate) fn structure(fields: &BTreeMap<&str, Kind>) -> Vec<u8> {
    let values = fields.iter().map(|(key, kind)| {
        let value = Value {
            kind: Some(kind.clone()),
        };
        (*key, value.encode_to_vec())
    });
    map(1, values)
}

/// An encoded `map<string, message>` of field `tag`; the entries come in order of key.
pub(crate) fn map<'a>(tag: u32, entries: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
    let mut buffer = Vec::new();
    for (key, value) in entries {
        let mut entry = Vec::with_capacity(key.len() + value.len() + 8);
        append(&mut entry, 1, key.as_bytes());
        append(&mut entry, 2, &value);
        append(&mut buffer, tag, &entry);
    }
    buffer
}

/// A message in an `Any`.
pub(crate) fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

/// A duration of whole milliseconds.
pub(crate) fn millis(millis: u32) -> Option<Duration> {
    #[expect(clippy::cast_possible_wrap, reason = "below 1000 million")]
    Some(Duration {
        seconds: i64::from(millis / 1000),
        nanos: ((millis % 1000) * 1_000_000) as i32,
    })
}

/// A number that says that it is set.
pub(crate) fn number(value: u32) -> Option<UInt32Value> {
    Some(UInt32Value { value })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message as _;

    use torii_proto::envoy::config::core::v3::Metadata;
    use torii_proto::envoy::google::protobuf::Struct;
    use torii_proto::envoy::google::protobuf::value::Kind;

    use super::{map, millis, structure};

    #[test]
    fn a_structure_decodes_to_its_fields() {
        let fields = BTreeMap::from([
            ("b", Kind::NumberValue(2.0)),
            ("a", Kind::StringValue("x".to_owned())),
        ]);
        let decoded = Struct::decode(&*structure(&fields)).unwrap();
        assert_eq!(decoded.fields.len(), 2);
        assert_eq!(
            decoded.fields["a"].kind,
            Some(Kind::StringValue("x".to_owned()))
        );
        assert_eq!(decoded.fields["b"].kind, Some(Kind::NumberValue(2.0)));
    }

    #[test]
    fn a_map_decodes_to_its_entries() {
        let bytes = map(1, [("x", Vec::new()), ("y", Vec::new())]);
        let decoded = Metadata::decode(&*bytes).unwrap();
        assert_eq!(decoded.filter_metadata.len(), 2);
    }

    #[test]
    fn half_a_second_is_five_hundred_million_nanoseconds() {
        assert_eq!(millis(500).unwrap().nanos, 500_000_000);
        assert_eq!(millis(5_000).unwrap().seconds, 5);
    }
}
