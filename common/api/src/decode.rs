//! From the bytes of a body to resources, or to everything that is wrong with their fields.

use serde::Deserialize;
use torii_resource::format::{self, FormatError, Options, universal};
use torii_resource::{ParsedResource, ResourceKey, Violations};

use crate::problem::{Problem, title};

/// What a body or a document of it is called in messages.
const BODY: &str = "request body";

/// The resource of a PUT at `url`.
pub(crate) fn body(url: &ResourceKey, bytes: &[u8]) -> Result<ParsedResource, Problem> {
    universal::from_request(bytes, url).map_err(|error| match error {
        FormatError::Syntax { message, .. } => undecodable(url, &message),
        FormatError::Invalid { violations, .. } => match wrong_type(bytes, url) {
            Some(problem) => problem,
            None => invalid(url, violations),
        },
    })
}

/// Kuma's words for a body that its decoder refuses (control-plane-api §7).
fn undecodable(url: &ResourceKey, words: &str) -> Problem {
    Problem::bad_request(format!("invalid {} object: {words:?}", url.kind))
}

/// A body of another type is told about that alone: its fields are another kind's.
fn wrong_type(bytes: &[u8], url: &ResourceKey) -> Option<Problem> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(default)]
        r#type: String,
    }
    let header: Header = serde_json::from_slice(bytes).ok()?;
    let reason = "type from the URL has to be the same as in body";
    (header.r#type != url.kind.as_str())
        .then(|| Problem::invalid_field(title::PROCESS, "type", reason))
}

/// A document that disagrees with the URL is not valid; one whose fields cannot be read is a bad request, as in Kuma,
/// but with the fields' paths.
fn invalid(url: &ResourceKey, violations: Violations) -> Problem {
    let metadata = |field: &str| matches!(field, "name" | "mesh");
    if violations
        .iter()
        .all(|violation| metadata(&violation.field))
    {
        return Problem::invalid(title::PROCESS, violations);
    }
    let words = undecodable(url, &violations.to_string());
    Problem {
        title: words.title,
        detail: words.detail,
        ..Problem::invalid(title::PROCESS, violations)
    }
}

/// One document of several.
pub(crate) type Decoded = Result<ParsedResource, Refused>;

/// A document that cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Kind, mesh and name as far as they are there.
    pub(crate) resource: String,
    /// Every wrong field.
    pub(crate) violations: Violations,
}

/// The documents of a text, YAML or JSON, each for itself: one that is wrong does not hide the next.
///
/// # Errors
/// When the text as a whole is not YAML or JSON.
pub(crate) fn documents(bytes: &[u8]) -> Result<Vec<Decoded>, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Problem::bad_request(format!("the body is not UTF-8 text: {error}")))?;
    match format::from_text(text, BODY, &Options::default()) {
        Ok(documents) => Ok(documents
            .into_iter()
            .map(|document| Ok(document.resource))
            .collect()),
        Err(FormatError::Syntax { message, .. }) => Err(Problem::bad_request(format!(
            "the body is not YAML or JSON: {message}"
        ))),
        Err(_) => parts(text)
            .into_iter()
            .map(each)
            .collect::<Result<Vec<_>, _>>()
            .map(flatten),
    }
}

fn flatten(parts: Vec<Vec<Decoded>>) -> Vec<Decoded> {
    parts.into_iter().flatten().collect()
}

fn each(part: String) -> Result<Vec<Decoded>, Problem> {
    match format::from_text(&part, BODY, &Options::default()) {
        Ok(documents) => Ok(documents
            .into_iter()
            .map(|document| Ok(document.resource))
            .collect()),
        Err(FormatError::Syntax { message, .. }) => Err(Problem::bad_request(format!(
            "the body is not YAML or JSON: {message}"
        ))),
        Err(FormatError::Invalid { place, violations }) => Ok(vec![Err(Refused {
            resource: place.resource,
            violations,
        })]),
    }
}

/// The text cut at its document marks: a line that begins with `---` is one wherever it stands (YAML 1.2 §9.1.2).
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let marks = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if marks {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_document_is_reported_and_the_good_ones_are_kept() {
        let text = "\
# first
type: MeshGateway
name: a
nope: 1
---
type: Mesh
name: m
--- # third
type: Nope
name: b
";
        let documents = documents(text.as_bytes()).unwrap();
        assert_eq!(documents.len(), 3);
        let fields: Vec<_> = documents
            .iter()
            .map(|document| {
                document
                    .as_ref()
                    .err()
                    .map(|refused| refused.violations.to_string())
            })
            .collect();
        assert!(fields[0].as_ref().unwrap().contains("nope"), "{fields:?}");
        assert_eq!(fields[1], None);
        assert!(fields[2].as_ref().unwrap().contains("type"), "{fields:?}");
    }

    #[test]
    fn a_text_that_is_no_yaml_is_refused_as_a_whole() {
        assert_eq!(documents(b"a: [").unwrap_err().status, 400);
        assert_eq!(documents(&[0xff]).unwrap_err().status, 400);
        assert!(documents(b"").unwrap().is_empty());
    }
}
