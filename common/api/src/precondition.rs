//! `If-Match` and `If-None-Match`: what a caller says about the present state of the resource that it writes.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use torii_resource::{Resource, ResourceKey, Revision};

use crate::problem::Problem;

/// Header of every answer that has read or written the store: the revision that it saw or made.
pub(crate) const REVISION: HeaderName = HeaderName::from_static("x-torii-revision");

/// What must be true of the resource for the write to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: a lost race is tried again.
    #[default]
    None,
    /// It exists (`If-Match: *`).
    Exists,
    /// Its last change was this revision (`If-Match: "17"`).
    Modified(Revision),
    /// It does not exist (`If-None-Match: *`).
    Absent,
}

impl Precondition {
    /// Reads the headers.
    ///
    /// # Errors
    /// 400 for a value that is not an entity tag of ours.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        if let Some(value) = headers.get(header::IF_NONE_MATCH) {
            return match value.as_bytes() {
                b"*" => Ok(Self::Absent),
                _ => Err(Problem::bad_request(
                    "If-None-Match takes only * on a write",
                )),
            };
        }
        let Some(value) = headers.get(header::IF_MATCH) else {
            return Ok(Self::None);
        };
        match value.to_str() {
            Ok("*") => Ok(Self::Exists),
            Ok(text) => {
                let digits = text
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                let revision = digits.unwrap_or(text).parse();
                revision
                    .map(|revision| Self::Modified(Revision(revision)))
                    .map_err(|_| wrong())
            }
            Err(_) => Err(wrong()),
        }
    }

    /// 412 when the stored resource is not as the caller says.
    pub(crate) fn check(self, key: &ResourceKey, stored: Option<&Resource>) -> Result<(), Problem> {
        let found = stored.map(|resource| resource.modified.revision);
        let holds = match self {
            Self::None => true,
            Self::Exists => found.is_some(),
            Self::Modified(wanted) => found == Some(wanted),
            Self::Absent => found.is_none(),
        };
        if holds {
            Ok(())
        } else {
            Err(Problem::stale(key, found.map(|revision| revision.0)))
        }
    }
}

fn wrong() -> Problem {
    Problem::bad_request(
        "If-Match takes one ETag as a GET of the resource gives it, e.g. \"17\", or *",
    )
}

/// The entity tag of a resource: the revision of its last change.
pub(crate) fn etag(revision: Revision) -> HeaderValue {
    // Digits and quotes are always a valid header value; the fallback cannot happen.
    HeaderValue::try_from(format!("\"{revision}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: HeaderName, value: &'static str) -> Result<Precondition, Problem> {
        Precondition::of(&HeaderMap::from_iter([(
            name,
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn headers_are_read_as_preconditions() {
        assert_eq!(Precondition::of(&HeaderMap::new()), Ok(Precondition::None));
        assert_eq!(given(header::IF_MATCH, "*"), Ok(Precondition::Exists));
        assert_eq!(
            given(header::IF_MATCH, "\"17\""),
            Ok(Precondition::Modified(Revision(17)))
        );
        assert_eq!(given(header::IF_NONE_MATCH, "*"), Ok(Precondition::Absent));
        for value in ["W/\"17\"", "\"x\"", "\"1\", \"2\"", ""] {
            assert_eq!(
                given(header::IF_MATCH, value).unwrap_err().status,
                400,
                "{value}"
            );
        }
    }

    #[test]
    fn a_precondition_that_does_not_hold_is_412() {
        let key = ResourceKey::new("Mesh", "", "default");
        assert_eq!(Precondition::None.check(&key, None), Ok(()));
        assert_eq!(Precondition::Absent.check(&key, None), Ok(()));
        for wanted in [Precondition::Exists, Precondition::Modified(Revision(3))] {
            assert_eq!(wanted.check(&key, None).unwrap_err().status, 412);
        }
    }
}
