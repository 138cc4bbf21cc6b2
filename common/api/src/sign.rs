//! Signs the tokens whose requests `tokens.rs` has checked. Keys and signing are `torii_auth`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use torii_auth::{Claims, DataplaneClaims, IssueError, UserClaims, ZoneClaims};

use crate::api::Api;
use crate::problem::{Problem, title};
use crate::tokens::{DataplaneRequest, UserRequest, ZoneRequest};

pub(crate) fn dataplane(
    api: &Api,
    request: DataplaneRequest,
    valid: Duration,
) -> Result<String, Problem> {
    let tags: BTreeMap<String, BTreeSet<String>> = request
        .tags
        .unwrap_or_default()
        .into_iter()
        .map(|(tag, values)| (tag, values.into_iter().collect()))
        .collect();
    let claims = DataplaneClaims {
        name: request.name,
        mesh: request.mesh,
        tags,
        proxy_type: request.r#type,
        workload: request.workload,
    };
    issue(api, &claims, valid)
}

pub(crate) fn zone(api: &Api, request: ZoneRequest, valid: Duration) -> Result<String, Problem> {
    let claims = ZoneClaims {
        zone: request.zone,
        scope: request.scope.unwrap_or_default(),
    };
    issue(api, &claims, valid)
}

pub(crate) fn user(api: &Api, request: UserRequest, valid: Duration) -> Result<String, Problem> {
    let claims = UserClaims {
        name: request.name,
        groups: request.groups.unwrap_or_default(),
    };
    issue(api, &claims, valid)
}

fn issue<C: Claims>(api: &Api, claims: &C, valid: Duration) -> Result<String, Problem> {
    let keys = api.keys.load();
    keys.issue(claims, Timestamp::now(), valid)
        .map_err(|error| match error {
            IssueError::NoSigningKey(error) => Problem::new(
                StatusCode::NOT_FOUND,
                "Signing Key not found",
                error.to_string(),
            ),
            IssueError::TooLong(_) => {
                Problem::invalid_field(title::REQUEST, "validFor", error.to_string())
            }
            IssueError::Key(_) => {
                tracing::error!(%error, "a token could not be signed");
                Problem::internal(title::REQUEST)
            }
        })
}
