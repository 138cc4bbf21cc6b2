//! A parsed document before its types are known: JSON, plus the text of unquoted YAML scalars.
//!
//! Unquoted `8080` or `yes` is a number or a boolean to a YAML parser, but the value of a tag to the user: a field of
//! text takes the text, every other field the value.

use serde_json::{Number, Value};

/// One node of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Nothing.
    Null,
    /// `true`, `false`, in YAML also `yes`, `no`, `on`, `off`; with the text when it was unquoted YAML.
    Bool(bool, Option<String>),
    /// A number; with the text when it was unquoted YAML.
    Number(Number, Option<String>),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Self>),
    /// Key and value pairs in document order, keys distinct.
    Map(Vec<(String, Self)>),
}

impl Node {
    /// What the node is, for an error.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(..) => "a boolean",
            Self::Number(..) => "a number",
            Self::String(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// The value of a key, when this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string, or of an unquoted scalar.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Bool(_, Some(text)) | Self::Number(_, Some(text)) => {
                Some(text)
            }
            _ => None,
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value, None),
            Value::Number(value) => Self::Number(value.clone(), None),
            Value::String(value) => Self::String(value.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from(value)))
                    .collect(),
            ),
        }
    }
}
