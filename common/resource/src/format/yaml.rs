//! YAML text to nodes and back, with bounds against alias bombs; and JSON text with duplicate keys refused.
//!
//! Knows no kinds and no protobuf.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{Options, Spanned};

use crate::format::error::{FormatError, Place};
use crate::format::node::Node;

/// A document of a file: where it starts, and its content.
pub(crate) struct Parsed {
    pub(crate) line: u64,
    pub(crate) node: Node,
}

/// Most YAML events (keys, values, starts, ends) of one text. 5,000 routes have some 200,000.
const MAX_EVENTS: usize = 4_000_000;
/// Most events that aliases may repeat: templates are small, bombs are not.
const MAX_ALIAS_EVENTS: usize = 100_000;
/// Most documents of one text.
const MAX_DOCUMENTS: usize = 20_000;

/// Every document of a text that is not empty. YAML, or JSON when the text is a JSON object.
pub(crate) fn parse(text: &str, file: &str) -> Result<Vec<Parsed>, FormatError> {
    if text.trim_start().starts_with('{')
        && let Ok(node) = parse_json(text.as_bytes(), file)
    {
        return Ok(vec![Parsed { line: 0, node }]);
    }
    let documents: Vec<YamlNode> = serde_saphyr::from_multiple_with_options(text, options())
        .map_err(|error| syntax(&error, file))?;
    Ok(documents
        .into_iter()
        .map(|document| Parsed {
            line: document.0.defined.line(),
            node: document.into_node(text),
        })
        .filter(|document| document.node != Node::Null)
        .collect())
}

/// One JSON value.
pub(crate) fn parse_json(text: &[u8], file: &str) -> Result<Node, FormatError> {
    serde_json::from_slice::<JsonNode>(text)
        .map(|node| node.0)
        .map_err(|error| FormatError::Syntax {
            place: Box::new(Place {
                file: file.to_owned(),
                ..Place::default()
            }),
            line: u64::try_from(error.line()).unwrap_or(0),
            column: u64::try_from(error.column()).unwrap_or(0),
            message: error.to_string(),
        })
}

/// JSON as YAML text, in block style, order kept.
///
/// # Errors
/// Never for JSON: the serializer's own error type asks for it.
pub fn to_text(value: &Value) -> Result<String, serde_saphyr::SerializeError> {
    serde_saphyr::to_string(value)
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: MAX_EVENTS,
            max_nodes: MAX_EVENTS,
            max_documents: MAX_DOCUMENTS,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: MAX_ALIAS_EVENTS,
            max_depth: 64,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIAS_EVENTS,
            max_replay_stack_depth: 16,
        },
        emit_comments: false,
        null_as_string: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    }
}

fn syntax(error: &serde_saphyr::Error, file: &str) -> FormatError {
    let location = error.location();
    FormatError::Syntax {
        place: Box::new(Place {
            file: file.to_owned(),
            ..Place::default()
        }),
        line: location.as_ref().map_or(0, serde_saphyr::Location::line),
        column: location.as_ref().map_or(0, serde_saphyr::Location::column),
        message: error.to_string(),
    }
}

/// A YAML node with its place in the text.
struct YamlNode(Spanned<Raw<Self>>);

/// A JSON node: no place, no second reading.
struct JsonNode(Node);

/// What `deserialize_any` gave, children not converted yet.
enum Raw<C> {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<C>),
    Map(Vec<(String, C)>),
}

impl YamlNode {
    /// The node, with the text of unquoted scalars taken from the source.
    fn into_node(self, source: &str) -> Node {
        let span = self.0.defined.span();
        let text = || {
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
            let text = source.get(start..end)?.trim();
            // A tagged scalar (`!!int 5`) is what its tag says, not its text.
            (!text.is_empty() && !text.starts_with(['!', '&', '*', '"', '\'']))
                .then(|| text.to_owned())
        };
        match self.0.value {
            Raw::Null => Node::Null,
            Raw::Bool(value) => Node::Bool(value, text()),
            Raw::Number(value) => Node::Number(value, text()),
            Raw::String(value) => Node::String(value),
            Raw::List(items) => Node::List(
                items
                    .into_iter()
                    .map(|item| item.into_node(source))
                    .collect(),
            ),
            Raw::Map(entries) => Node::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, value.into_node(source)))
                    .collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for JsonNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = match Raw::<Self>::deserialize(deserializer)? {
            Raw::Null => Node::Null,
            Raw::Bool(value) => Node::Bool(value, None),
            Raw::Number(value) => Node::Number(value, None),
            Raw::String(value) => Node::String(value),
            Raw::List(items) => Node::List(items.into_iter().map(|item| item.0).collect()),
            Raw::Map(entries) => Node::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, value.0))
                    .collect(),
            ),
        };
        Ok(Self(node))
    }
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for Raw<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor(PhantomData))
    }
}

struct RawVisitor<C>(PhantomData<C>);

impl<'de, C: Deserialize<'de>> Visitor<'de> for RawVisitor<C> {
    type Value = Raw<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Number::from_f64(value)
            .map(Raw::Number)
            .ok_or_else(|| E::custom("not a finite number; quote it if it is text"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Raw::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(Raw::String(value))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map: Vec<(String, C)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            map.push((key, entries.next_value()?));
        }
        Ok(Raw::Map(map))
    }
}
