//! The error document, as it is read (control-plane-api §7, §16.5).

use std::fmt;

use serde::Deserialize;

/// What the control plane says when it refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// What could not be done.
    pub title: String,
    /// Why.
    pub detail: String,
    /// The fields that are wrong.
    pub parameters: Vec<Parameter>,
}

/// One wrong field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// Path of the field; empty: the whole document.
    pub field: String,
    /// Why, and what to do.
    pub reason: String,
    /// File, document and resource, as far as known.
    pub place: String,
}

#[derive(Deserialize)]
struct Document {
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    invalid_parameters: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    field: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    document: Option<usize>,
    #[serde(default)]
    resource: Option<String>,
}

impl Problem {
    /// From an answer of status 400 or more. `place` names the document of a batch by its number, from 0.
    pub(super) fn parse(status: u16, body: &[u8], place: impl Fn(usize) -> String) -> Self {
        match serde_json::from_slice::<Document>(body) {
            Ok(document) => Self {
                status,
                title: document.title,
                detail: if document.detail.is_empty() {
                    document.details
                } else {
                    document.detail
                },
                parameters: document
                    .invalid_parameters
                    .into_iter()
                    .map(|entry| entry.located(&place))
                    .collect(),
            },
            Err(_) => Self::plain(status, body),
        }
    }

    /// From the router's own plain text.
    fn plain(status: u16, body: &[u8]) -> Self {
        let reason = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Unknown status");
        Self {
            status,
            title: format!("{status} {reason}"),
            detail: String::from_utf8_lossy(body)
                .chars()
                .take(500)
                .collect::<String>()
                .trim()
                .to_owned(),
            parameters: Vec::new(),
        }
    }

    /// One line for each wrong field.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.parameters.iter().map(ToString::to_string).collect()
    }
}

impl Entry {
    fn located(self, place: impl Fn(usize) -> String) -> Parameter {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.document.map(place).filter(|text| !text.is_empty()));
        parts.extend(self.resource);
        Parameter {
            field: self.field,
            reason: self.reason,
            place: parts.join(": "),
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.place, &self.field, &self.reason];
        let parts: Vec<&str> = parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect();
        f.write_str(&parts.join(": "))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        match self.status {
            401 => f.write_str("; the token is missing, expired, or from another control plane"),
            403 => f.write_str("; the token's user may not do this"),
            _ => Ok(()),
        }
    }
}
