//! What the HTTP layer itself answers, as plain text: unknown paths, wrong methods, wrong media types
//! (control-plane-api §2). Knows no kinds.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::problem::Problem;

/// Why a request is not done: an error document, or the words of the HTTP layer.
#[derive(Debug)]
pub(crate) enum Refused {
    /// An error document.
    Document(Problem),
    /// Plain text.
    Plain(StatusCode, &'static str),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Document(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Document(problem) => problem.into_response(),
            Self::Plain(status, words) => (status, words).into_response(),
        }
    }
}

const UNSUPPORTED: Refused = Refused::Plain(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "415: Unsupported Media Type",
);
const NOT_ACCEPTABLE: Refused = Refused::Plain(
    StatusCode::NOT_ACCEPTABLE,
    "406: Not Acceptable\n\nAvailable representations: application/json",
);

/// 404 for a path that is not served. `kuma-dp` compares these words.
pub(crate) fn no_page() -> Response {
    (StatusCode::NOT_FOUND, "404: Page Not Found").into_response()
}

/// 405 for a method that the path does not have.
pub(crate) fn no_method(allow: &'static str) -> Response {
    let mut response = (StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed").into_response();
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// The media type of the body, without parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media = value.split(';').next().unwrap_or(value);
    Some(media.trim().to_ascii_lowercase())
}

/// Refuses a body that is not said to be JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Refused> {
    match media_type(headers).as_deref() {
        Some("application/json") => Ok(()),
        _ => Err(UNSUPPORTED),
    }
}

/// Refuses a body that is said to be neither YAML nor JSON.
pub(crate) fn require_yaml_or_json(headers: &HeaderMap) -> Result<(), Refused> {
    match media_type(headers).as_deref() {
        Some(
            "application/json" | "application/yaml" | "application/x-yaml" | "text/yaml"
            | "text/x-yaml",
        ) => Ok(()),
        _ => Err(UNSUPPORTED),
    }
}

/// Refuses a caller that takes no JSON. No `Accept` takes everything.
pub(crate) fn accepts_json(headers: &HeaderMap) -> Result<(), Refused> {
    let mut given = false;
    for value in headers.get_all(header::ACCEPT) {
        given = true;
        let Ok(value) = value.to_str() else { continue };
        let takes = value.split(',').any(|range| {
            let range = range.split(';').next().unwrap_or(range).trim();
            matches!(range, "*/*" | "application/*" | "application/json")
        });
        if takes {
            return Ok(());
        }
    }
    if given { Err(NOT_ACCEPTABLE) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_charset_does_not_matter() {
        assert!(
            require_json(&with(
                header::CONTENT_TYPE,
                "application/json; charset=utf-8"
            ))
            .is_ok()
        );
        assert!(require_json(&with(header::CONTENT_TYPE, "application/yaml")).is_err());
        assert!(require_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn every_range_that_includes_json_is_accepted() {
        assert!(accepts_json(&HeaderMap::new()).is_ok());
        for accept in ["application/json", "text/html, */*;q=0.1", "application/*"] {
            assert!(
                accepts_json(&with(header::ACCEPT, accept)).is_ok(),
                "{accept}"
            );
        }
        assert!(accepts_json(&with(header::ACCEPT, "text/yaml")).is_err());
    }
}
