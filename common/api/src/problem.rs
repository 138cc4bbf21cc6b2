//! The error document that clients read (control-plane-api §7), and how each failure becomes one.
//!
//! Knows no kinds and no routes. Never carries a secret: only field paths, reasons, names and revisions.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use torii_auth::rights::Denied;
use torii_resource::{ResourceKey, Violations};
use torii_store::Error as StoreError;

use crate::json;

/// One wrong field of a request, of a document, or of one document of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Path as in `conf.listeners[0].port`; empty: the whole document.
    pub field: String,
    /// Why, and what to do.
    pub reason: String,
    /// Which document of a batch, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<usize>,
    /// The resource of that document, e.g. `MeshGateway default/edge-gateway`, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// Why a request was not done: status and the document that says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{title} ({detail})")]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// What could not be done.
    pub title: String,
    /// Why.
    pub detail: String,
    /// The fields that are wrong.
    pub parameters: Vec<Parameter>,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u32>,
}

/// The words of §7 for what was tried.
pub(crate) mod title {
    /// GET of one resource.
    pub(crate) const RETRIEVE: &str = "Could not retrieve a resource";
    /// GET of a list.
    pub(crate) const LIST: &str = "Could not retrieve resources";
    /// PUT, until the resource is checked.
    pub(crate) const PROCESS: &str = "Could not process a resource";
    /// DELETE.
    pub(crate) const DELETE: &str = "Could not delete a resource";
    /// Any operation in a mesh that does not exist.
    pub(crate) const MESH: &str = "Failed to retrieve Mesh";
    /// A token request with a wrong field.
    pub(crate) const REQUEST: &str = "Invalid request";
}

const NOT_VALID: &str = "Resource is not valid";

impl Problem {
    /// A problem without parameters.
    pub fn new(status: StatusCode, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            status,
            title: title.into(),
            detail: detail.into(),
            parameters: Vec::new(),
            retry_after: None,
        }
    }

    /// 404: the thing of the operation, or its mesh, does not exist.
    pub fn not_found(title: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, title, "Not found")
    }

    /// 400 with what is wrong with a document's fields.
    pub fn invalid(title: &str, violations: Violations) -> Self {
        Self::invalid_parameters(
            title,
            violations
                .into_iter()
                .map(|violation| Parameter {
                    field: violation.field,
                    reason: violation.reason,
                    ..Parameter::default()
                })
                .collect(),
        )
    }

    /// 400 with one wrong field.
    pub fn invalid_field(title: &str, field: impl Into<String>, reason: impl Into<String>) -> Self {
        let mut violations = Violations::new();
        violations.add(field, reason);
        Self::invalid(title, violations)
    }

    /// 400 with ready-made parameters.
    pub fn invalid_parameters(title: &str, parameters: Vec<Parameter>) -> Self {
        Self {
            parameters,
            ..Self::new(StatusCode::BAD_REQUEST, title, NOT_VALID)
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Bad Request", detail)
    }

    /// 401: no token, or one that is not good. `detail` says which and must not contain it.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "Invalid authentication data",
            detail,
        )
    }

    /// 403: the caller is known and may not do this.
    pub fn denied(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Access Denied", detail)
    }

    /// 405 as a document: the resource cannot be changed here.
    pub fn not_allowed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", detail)
    }

    /// 409: somebody else has the name, or was faster.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", detail)
    }

    /// 412: the resource is not at the revision that the caller named.
    pub fn stale(key: &ResourceKey, found: Option<u64>) -> Self {
        let found = found.map_or_else(
            || "does not exist".to_owned(),
            |found| format!("is at revision {found}"),
        );
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "Precondition Failed",
            format!(
                "{key} {found}, which is not what the request's precondition says; read it again and retry"
            ),
        )
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Request Entity Too Large",
            format!("the body has more than {limit} bytes; split it into several requests"),
        )
    }

    /// 504: the time is over and the write may or may not have been committed.
    pub fn unknown_outcome(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Outcome unknown",
            format!(
                "{}: unknown whether it was done; read before writing again",
                detail.into()
            ),
        )
    }

    /// 503: nothing was changed, another try may succeed.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable",
                detail,
            )
        }
    }

    /// 500: a fault of ours; the words for the log go to the log, not to the caller.
    pub fn internal(title: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            title,
            "Internal Server Error",
        )
    }
}

impl From<StoreError> for Problem {
    /// Without a precondition of the caller; see [`Problem::stale`] for the other case.
    fn from(error: StoreError) -> Self {
        let words = error.to_string();
        match error {
            StoreError::Conflict { .. } => Self::conflict(words),
            StoreError::Refused(_) => Self::bad_request(words),
            StoreError::Retry { .. } => Self::unavailable(words),
            StoreError::Unknown(_) => Self::unknown_outcome(words),
            StoreError::Stopped(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Service unavailable",
                words,
            ),
        }
    }
}

impl From<Denied> for Problem {
    /// 401 for nobody, 403 for others.
    fn from(denied: Denied) -> Self {
        if denied.anonymous {
            Self::unauthenticated(denied.to_string())
        } else {
            Self::denied(denied.to_string())
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    status: u16,
    title: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    invalid_parameters: &'a [Parameter],
    details: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause<'a>>,
}

/// A parameter in the words of old clients.
#[derive(Serialize)]
struct Cause<'a> {
    field: &'a str,
    message: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: "/std-errors",
            status: self.status.as_u16(),
            title: &self.title,
            detail: &self.detail,
            invalid_parameters: &self.parameters,
            details: &self.detail,
            causes: self
                .parameters
                .iter()
                .map(|parameter| Cause {
                    field: &parameter.field,
                    message: &parameter.reason,
                })
                .collect(),
        };
        let mut response = json::response(self.status, &document);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use torii_resource::Revision;

    use super::*;

    #[test]
    fn store_errors_keep_refused_retry_and_unknown_apart() {
        let key = ResourceKey::new("Mesh", "", "default");
        let conflict = StoreError::Conflict {
            key,
            found: Revision(3),
        };
        let cases = [
            (conflict, 409, None),
            (StoreError::Refused("too large".into()), 400, None),
            (
                StoreError::Retry {
                    reason: "no leader".into(),
                },
                503,
                Some(1),
            ),
            (StoreError::Unknown("leader lost".into()), 504, None),
            (StoreError::Stopped("disk".into()), 503, None),
        ];
        for (error, status, retry_after) in cases {
            let problem = Problem::from(error);
            assert_eq!(problem.status.as_u16(), status, "{problem}");
            assert_eq!(problem.retry_after, retry_after, "{problem}");
        }
    }

    #[test]
    fn an_unknown_outcome_says_read_before_writing_again() {
        let problem = Problem::from(StoreError::Unknown("leader lost".into()));
        assert!(
            problem.detail.contains("read before writing again"),
            "{problem}"
        );
    }
}
