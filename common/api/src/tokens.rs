//! `POST /tokens/…`: tokens for data planes, zones and users (control-plane-api §10.1).
//!
//! Checks the request; signing and keys are `torii_auth`'s. Never logs a token.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use torii_auth::{Action, duration};
use torii_resource::Violations;

use crate::call::Call;
use crate::negotiate::{self, Refused};
use crate::problem::{Problem, title};
use crate::{rights, sign};

const EMPTY: &str = "cannot be empty";
/// Validity when the caller names none, for data planes and zones.
const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Body of `POST /tokens/dataplane`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DataplaneRequest {
    pub(crate) name: String,
    pub(crate) mesh: String,
    pub(crate) tags: Option<BTreeMap<String, Vec<String>>>,
    pub(crate) r#type: String,
    pub(crate) workload: String,
    valid_for: String,
}

/// Body of `POST /tokens/zone`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ZoneRequest {
    pub(crate) zone: String,
    pub(crate) scope: Option<Vec<String>>,
    valid_for: String,
}

/// Body of `POST /tokens/user`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UserRequest {
    pub(crate) name: String,
    pub(crate) groups: Option<Vec<String>>,
    valid_for: String,
}

pub(crate) async fn dataplane(call: Call) -> Response {
    answer(&call, || {
        rights::check(&call.identity, Action::GenerateDataplaneToken)?;
        let Some(request) = parsed::<DataplaneRequest>(&call) else {
            return Ok(None);
        };
        let mut violations = Violations::new();
        if request.mesh.is_empty() {
            violations.add("mesh", EMPTY);
        }
        if !matches!(
            request.r#type.as_str(),
            "" | "dataplane" | "ingress" | "egress"
        ) {
            violations.add(
                "type",
                "must be one of [\"dataplane\", \"ingress\", \"egress\"]",
            );
        }
        let valid = validity(&request.valid_for, Some(TEN_YEARS), &mut violations);
        refuse(violations)?;
        sign::dataplane(&call.api, request, valid).map(Some)
    })
}

pub(crate) async fn zone(call: Call) -> Response {
    answer(&call, || {
        rights::check(&call.identity, Action::GenerateZoneToken)?;
        let Some(request) = parsed::<ZoneRequest>(&call) else {
            return Ok(None);
        };
        let mut violations = Violations::new();
        if request.zone.is_empty() {
            violations.add("zone", EMPTY);
        }
        if request.scope.as_ref().is_none_or(Vec::is_empty) {
            violations.add("scope", EMPTY);
        }
        let valid = validity(&request.valid_for, Some(TEN_YEARS), &mut violations);
        refuse(violations)?;
        sign::zone(&call.api, request, valid).map(Some)
    })
}

pub(crate) async fn user(call: Call) -> Response {
    answer(&call, || {
        rights::check(&call.identity, Action::GenerateUserToken)?;
        let Some(request) = parsed::<UserRequest>(&call) else {
            return Ok(None);
        };
        let mut violations = Violations::new();
        if request.name.is_empty() {
            violations.add("name", EMPTY);
        }
        let valid = validity(&request.valid_for, None, &mut violations);
        refuse(violations)?;
        sign::user(&call.api, request, valid).map(Some)
    })
}

/// `None` from `issue` is a body that is not JSON: 400 without a body, as recorded.
fn answer(call: &Call, issue: impl FnOnce() -> Result<Option<String>, Problem>) -> Response {
    if call.method != Method::POST {
        return negotiate::no_method("POST");
    }
    let issued =
        negotiate::require_json(&call.headers).and_then(|()| issue().map_err(Refused::from));
    match issued {
        Ok(Some(token)) => {
            let mut response = token.into_response();
            let text = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, text);
            response
        }
        Ok(None) => StatusCode::BAD_REQUEST.into_response(),
        Err(refused) => refused.into_response(),
    }
}

fn parsed<T: DeserializeOwned>(call: &Call) -> Option<T> {
    serde_json::from_slice(&call.body).ok()
}

fn refuse(violations: Violations) -> Result<(), Problem> {
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(title::REQUEST, violations))
    }
}

/// The validity asked for; `absent` stands for none, and without it none is a violation, as zero is.
fn validity(text: &str, absent: Option<Duration>, violations: &mut Violations) -> Duration {
    match (text, absent) {
        ("", Some(absent)) => return absent,
        ("", None) => violations.add("validFor", EMPTY),
        _ => match duration::parse(text) {
            Ok(duration) if !duration.is_zero() => return duration,
            Ok(_) => violations.add("validFor", EMPTY),
            Err(error) => violations.add("validFor", error.to_string()),
        },
    }
    Duration::ZERO
}
