//! JSON to a message, collecting every error with its path.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};
use serde_json::Number;

use super::{Strictness, duration, nearest};
use crate::format::node::Node;
use crate::violation::Violations;

/// Walks one document. Wrong fields are noted and left unset, so that one pass finds them all.
pub(crate) struct Decoder {
    strictness: Strictness,
    path: String,
    violations: Violations,
}

impl Decoder {
    pub(crate) fn new(strictness: Strictness) -> Self {
        Self {
            strictness,
            path: String::new(),
            violations: Violations::new(),
        }
    }

    pub(crate) fn finish(self) -> Violations {
        self.violations
    }

    /// The message of a node. `null` is the empty message (D7).
    pub(crate) fn message(
        &mut self,
        descriptor: &MessageDescriptor,
        node: &Node,
    ) -> DynamicMessage {
        match descriptor.full_name() {
            "google.protobuf.Duration" => self.duration(descriptor, node),
            "google.protobuf.Timestamp" => self.timestamp(descriptor, node),
            "google.protobuf.Struct" => self.open_object(descriptor, node),
            "google.protobuf.BoolValue"
            | "google.protobuf.BytesValue"
            | "google.protobuf.DoubleValue"
            | "google.protobuf.FloatValue"
            | "google.protobuf.Int32Value"
            | "google.protobuf.Int64Value"
            | "google.protobuf.StringValue"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.UInt64Value" => self.wrapper(descriptor, node),
            _ => self.object(descriptor, node),
        }
    }

    fn object(&mut self, descriptor: &MessageDescriptor, node: &Node) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        let entries = match node {
            Node::Map(entries) => entries,
            Node::Null => return message,
            other => {
                self.note_type("an object", other);
                return message;
            }
        };
        // Declaration order, so that of several members of a oneof the one declared last wins (D8).
        for field in super::encode::declared(descriptor) {
            let value = node
                .get(field.json_name())
                .or_else(|| node.get(field.name()));
            if let Some(value) = value.filter(|value| **value != Node::Null) {
                self.at_field(field.json_name(), |decoder| {
                    decoder.field(&mut message, &field, value)
                });
            }
        }
        if self.strictness == Strictness::Strict {
            for (key, _) in entries {
                self.known(descriptor, key);
            }
        }
        message
    }

    /// Notes a key that the message has not.
    fn known(&mut self, descriptor: &MessageDescriptor, key: &str) {
        let fields = || descriptor.fields();
        if fields().any(|field| field.json_name() == key || field.name() == key) {
            return;
        }
        let names: Vec<_> = fields().map(|field| field.json_name().to_owned()).collect();
        let reason = match nearest(key, names.iter().map(String::as_str)) {
            Some(name) => format!("unknown field, did you mean {name:?}?"),
            None if names.is_empty() => "unknown field: nothing can be set here".to_owned(),
            None => format!("unknown field; known here: {}", names.join(", ")),
        };
        self.at_field(key, |decoder| decoder.note(reason));
    }

    fn field(&mut self, message: &mut DynamicMessage, field: &FieldDescriptor, node: &Node) {
        let value = if field.is_map() {
            self.map(field, node)
        } else if field.is_list() {
            self.list(field, node)
        } else {
            self.value(&field.kind(), node)
        };
        if let Some(value) = value
            && message.try_set_field(field, value).is_err()
        {
            self.note("cannot be stored in this field");
        }
    }

    fn list(&mut self, field: &FieldDescriptor, node: &Node) -> Option<Value> {
        let Node::List(items) = node else {
            return self.wrong("a list", node);
        };
        let kind = field.kind();
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let value = self.at(
                |path| _ = write!(path, "[{index}]"),
                |decoder| decoder.value(&kind, item),
            );
            values.extend(value);
        }
        Some(Value::List(values))
    }

    fn map(&mut self, field: &FieldDescriptor, node: &Node) -> Option<Value> {
        let Node::Map(entries) = node else {
            return self.wrong("an object", node);
        };
        let Kind::Message(entry) = field.kind() else {
            return None;
        };
        if entry.map_entry_key_field().kind() != Kind::String {
            self.note("maps with keys other than text are not supported");
            return None;
        }
        let kind = entry.map_entry_value_field().kind();
        let mut values = Vec::with_capacity(entries.len());
        for (key, item) in entries {
            let value = self.at(
                |path| _ = write!(path, "[{key:?}]"),
                |decoder| decoder.value(&kind, item),
            );
            values.extend(value.map(|value| (MapKey::String(key.clone()), value)));
        }
        Some(Value::Map(values.into_iter().collect()))
    }

    fn value(&mut self, kind: &Kind, node: &Node) -> Option<Value> {
        match kind {
            Kind::Message(descriptor) => Some(Value::Message(self.message(descriptor, node))),
            Kind::Enum(descriptor) => self.enumeration(descriptor, node).map(Value::EnumNumber),
            Kind::String => self.text(node).map(Value::String),
            Kind::Bytes => self.bytes(node).map(|bytes| Value::Bytes(bytes.into())),
            Kind::Bool => match node {
                Node::Bool(value, _) => Some(Value::Bool(*value)),
                other => self.wrong("true or false", other),
            },
            Kind::Double => self.float(node).map(Value::F64),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float field has this precision"
            )]
            Kind::Float => self.float(node).map(|value| Value::F32(value as f32)),
            Kind::Uint32 | Kind::Fixed32 => self.integer(node).map(Value::U32),
            Kind::Uint64 | Kind::Fixed64 => self.integer(node).map(Value::U64),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => self.integer(node).map(Value::I32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => self.integer(node).map(Value::I64),
        }
    }

    /// Text, or what an unquoted scalar of YAML says.
    fn text(&mut self, node: &Node) -> Option<String> {
        match node.as_text() {
            Some(text) => Some(text.to_owned()),
            None if matches!(node, Node::Null) => {
                self.note("must be text, not null: give a value, in quotes if it is one of null, ~ or empty");
                None
            }
            None => self.wrong("text (put it in quotes)", node),
        }
    }

    fn bytes(&mut self, node: &Node) -> Option<Vec<u8>> {
        let text = self.text(node)?;
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        let bytes = BASE64.decode(text);
        if bytes.is_err() {
            // Never the value: it may be a key.
            self.note("must be base64 with padding");
        }
        bytes.ok()
    }

    fn enumeration(&mut self, descriptor: &EnumDescriptor, node: &Node) -> Option<i32> {
        match node {
            Node::Number(..) => self.integer(node),
            Node::String(name) | Node::Bool(_, Some(name)) => {
                if let Some(value) = descriptor.get_value_by_name(name) {
                    return Some(value.number());
                }
                let names: Vec<_> = descriptor
                    .values()
                    .map(|value| value.name().to_owned())
                    .collect();
                let advice = nearest(name, names.iter().map(String::as_str))
                    .map_or_else(|| ";".to_owned(), |name| format!(", did you mean {name}?"));
                self.note(format!(
                    "unknown value {name:?}{advice} allowed: {}",
                    names.join(", ")
                ));
                None
            }
            other => self.wrong("the name of a value", other),
        }
    }

    /// A whole number, quoted or not (D4).
    fn integer<T>(&mut self, node: &Node) -> Option<T>
    where
        T: TryFrom<i128>,
    {
        let number: Option<i128> = match node {
            Node::Number(number, _) => whole(number),
            Node::String(text) if leading_zero(text) => {
                self.note("must be a number without leading zeros: YAML readers disagree on 017");
                return None;
            }
            Node::String(text) if !text.starts_with('+') => text.parse().ok(),
            Node::String(_) => None,
            other => return self.wrong("a whole number", other),
        };
        let value = number.and_then(|number| T::try_from(number).ok());
        if value.is_none() {
            self.note("must be a whole number in the range of this field");
        }
        value
    }

    fn float(&mut self, node: &Node) -> Option<f64> {
        let value = match node {
            Node::Number(number, _) => number.as_f64(),
            Node::String(text) => text.parse::<f64>().ok(),
            other => return self.wrong("a number", other),
        };
        let value = value.filter(|value| value.is_finite());
        if value.is_none() {
            self.note("must be a number");
        }
        value
    }

    /// The wrappers of `google.protobuf`: the bare value.
    fn wrapper(&mut self, descriptor: &MessageDescriptor, node: &Node) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        if *node != Node::Null
            && let Some(field) = descriptor.get_field(1)
        {
            self.field(&mut message, &field, node);
        }
        message
    }

    fn duration(&mut self, descriptor: &MessageDescriptor, node: &Node) -> DynamicMessage {
        let value = node.as_text().and_then(duration::parse);
        if value.is_none() {
            self.note("must be a duration such as 300ms, 15s or 1h30m");
        }
        transcoded(descriptor, &value.unwrap_or_default())
    }

    fn timestamp(&mut self, descriptor: &MessageDescriptor, node: &Node) -> DynamicMessage {
        let value = node
            .as_text()
            .and_then(|text| text.parse::<Timestamp>().ok());
        if value.is_none() {
            self.note("must be a time such as 2026-11-24T16:19:12Z");
        }
        let value = value.unwrap_or_default();
        transcoded(
            descriptor,
            &prost_types::Timestamp {
                seconds: value.as_second(),
                nanos: value.subsec_nanosecond(),
            },
        )
    }

    /// `google.protobuf.Struct`: any object (D9).
    fn open_object(&mut self, descriptor: &MessageDescriptor, node: &Node) -> DynamicMessage {
        match node {
            Node::Map(_) | Node::Null => {}
            other => self.note_type("an object", other),
        }
        transcoded(descriptor, &open_struct(node))
    }

    fn at_field<T>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        self.at(
            |path| {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            },
            f,
        )
    }

    fn at<T>(&mut self, extend: impl FnOnce(&mut String), f: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        extend(&mut self.path);
        let result = f(self);
        self.path.truncate(length);
        result
    }

    fn note(&mut self, reason: impl Into<String>) {
        self.violations.add(self.path.clone(), reason);
    }

    fn note_type(&mut self, wanted: &str, node: &Node) {
        self.note(format!("must be {wanted}, not {}", node.describe()));
    }

    fn wrong<T>(&mut self, wanted: &str, node: &Node) -> Option<T> {
        self.note_type(wanted, node);
        None
    }
}

fn whole(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

fn leading_zero(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

fn transcoded(descriptor: &MessageDescriptor, value: &impl prost::Message) -> DynamicMessage {
    let bytes = value.encode_to_vec();
    DynamicMessage::decode(descriptor.clone(), bytes.as_slice())
        .unwrap_or_else(|_| DynamicMessage::new(descriptor.clone()))
}

fn open_struct(node: &Node) -> prost_types::Struct {
    let fields = match node {
        Node::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), open_value(value)))
            .collect(),
        _ => std::collections::BTreeMap::new(),
    };
    prost_types::Struct { fields }
}

fn open_value(node: &Node) -> prost_types::Value {
    use prost_types::value::Kind;

    let kind = match node {
        Node::Null => Kind::NullValue(0),
        Node::Bool(value, _) => Kind::BoolValue(*value),
        Node::Number(number, _) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Node::String(text) => Kind::StringValue(text.clone()),
        Node::List(items) => Kind::ListValue(prost_types::ListValue {
            values: items.iter().map(open_value).collect(),
        }),
        Node::Map(_) => Kind::StructValue(open_struct(node)),
    };
    prost_types::Value { kind: Some(kind) }
}
