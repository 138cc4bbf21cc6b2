//! Who may open a stream on the KDS port (kds §3.4): a zone with its own token, or one that an operator named.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use tonic::Status;
use tonic::metadata::MetadataMap;

use torii_auth::rights::{Action, Identity, check};
use torii_auth::token::{TokenError, ZoneScope, verify_zone};
use torii_auth::{KeyRing, bearer_or_raw};
use torii_sync::kuma::{ZoneHeaders, header};

/// A zone that was let in.
#[derive(Clone)]
pub(crate) struct Accepted {
    /// Its name, proven unless `token` is absent.
    pub(crate) zone: String,
    /// What else it says in the headers.
    pub(crate) headers: ZoneHeaders,
    /// Its token; none for a zone that is admitted without.
    token: Option<String>,
}

impl Accepted {
    /// Whether the zone has proven its name.
    pub(crate) fn authenticated(&self) -> bool {
        self.token.is_some()
    }

    /// Whether the zone would be let in again: keys may have been rotated and tokens revoked meanwhile.
    pub(crate) fn still_valid(&self, keys: &KeyRing, now: Timestamp) -> Result<(), Status> {
        self.token
            .as_deref()
            .map_or(Ok(()), |token| prove(token, &self.zone, keys, now))
    }

    /// How long the token is valid from `now`; `None` without a token.
    pub(crate) fn expires_in(&self, now: Timestamp) -> Option<Duration> {
        let expiry = expiry(self.token.as_deref()?)?;
        let left = (expiry - now.as_second() as f64).max(0.0);
        // More than a duration can say is for ever.
        Some(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX))
    }
}

impl std::fmt::Debug for Accepted {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Accepted({}, authenticated: {})",
            self.zone,
            self.authenticated()
        )
    }
}

/// Checks the headers of a call.
///
/// # Errors
/// The status that the call is answered with (kds §3.4).
pub(crate) fn accept(
    metadata: &MetadataMap,
    unauthenticated: &BTreeSet<String>,
    keys: &KeyRing,
    now: Timestamp,
) -> Result<Accepted, Status> {
    let headers = ZoneHeaders::read(metadata).ok_or_else(|| {
        Status::invalid_argument("the header client-id with the zone's name is missing")
    })?;
    let zone = headers.zone.clone();
    let mut values = metadata.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Status::unauthenticated(
            "more than one authorization header",
        ));
    }
    let Some(value) = first else {
        if unauthenticated.contains(&zone) {
            return Ok(Accepted {
                zone,
                headers,
                token: None,
            });
        }
        return Err(Status::unauthenticated(format!(
            "zone {zone} sends no token: make one with `torii generate zone-token --zone {zone}`, or, for a Kuma zone, \
             start the global with --kds-unauthenticated-zone {zone}"
        )));
    };
    let token = value
        .to_str()
        .map(bearer_or_raw)
        .map_err(|_| Status::unauthenticated("the authorization header is not text"))?;
    prove(token, &zone, keys, now)?;
    Ok(Accepted {
        zone,
        headers,
        token: Some(token.to_owned()),
    })
}

fn prove(token: &str, zone: &str, keys: &KeyRing, now: Timestamp) -> Result<(), Status> {
    let claims = verify_zone(token, keys, now)
        .map_err(|error| Status::unauthenticated(error.to_string()))?;
    claims
        .check(zone, ZoneScope::ControlPlane)
        .map_err(|error| match error {
            TokenError::Missing { .. } => Status::unauthenticated(error.to_string()),
            other => Status::permission_denied(other.to_string()),
        })?;
    let identity = Identity::Zone {
        name: zone.to_owned(),
    };
    check(&identity, Action::Kds).map_err(|denied| Status::permission_denied(denied.to_string()))
}

/// `exp`, in seconds since 1970, of a token that was verified before: read as the verification reads it, in any case and
/// possibly with a fraction.
fn expiry(token: &str) -> Option<f64> {
    let claims = token.split('.').nth(1)?;
    let claims: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let expiry = claims
        .iter()
        .rfind(|(name, _)| name.eq_ignore_ascii_case("exp"));
    expiry.and_then(|(_, expiry)| expiry.as_f64())
}

#[cfg(test)]
mod tests;
