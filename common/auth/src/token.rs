//! Tokens: RS256 JWTs of users, zones and data planes (control-plane-api §10.2, kds §3.2), made and verified.
//!
//! Only RS256 with a `kid` of the key ring is accepted, whatever the header says. Every token must have an expiry and
//! an id, so that it can be revoked.

mod claims;
mod error;

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::keyring::{KeyRing, NoSigningKey};
use crate::keys::{Family, SigningKey};

pub use self::claims::{Claims, DataplaneClaims, UserClaims, ZoneClaims, ZoneScope};
pub use self::error::{TokenError, TokenKind};

/// How far issuing dates back, for clocks that differ (kds §3.2).
const SLACK: Duration = Duration::from_secs(5);
/// Longer ones are not looked at.
const MAX_BYTES: usize = 16 * 1024;
/// How long the token lives that first start makes for the operator (control-plane-api §8.5), and the default for
/// zones and data planes (§10.1).
pub const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Nothing to sign with.
    #[error(transparent)]
    NoSigningKey(#[from] NoSigningKey),
    /// The validity ends after all time.
    #[error("a validity of {0:?} ends later than any clock can say; ask for less")]
    TooLong(Duration),
    /// The key does not sign.
    #[error("the signing key of {0} tokens does not work; replace it")]
    Key(TokenKind),
}

#[derive(Serialize)]
struct Envelope<'a, C> {
    #[serde(flatten)]
    claims: &'a C,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
}

/// A new token with these claims, signed by `key`, valid from 5 s before `now` until `valid_for` after it.
///
/// # Errors
/// When the end of the validity is out of range or the key does not sign.
pub fn issue<C: Claims>(
    claims: &C,
    key: &SigningKey,
    serial: u64,
    now: Timestamp,
    valid_for: Duration,
) -> Result<String, IssueError> {
    let start = now - SLACK;
    let end = now
        .checked_add(valid_for)
        .map_err(|_| IssueError::TooLong(valid_for))?;
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(serial.to_string());
    let envelope = Envelope {
        claims,
        exp: end.as_second(),
        nbf: start.as_second(),
        iat: start.as_second(),
        jti: uuid::Uuid::new_v4().to_string(),
    };
    jsonwebtoken::encode(&header, &envelope, key.encoding()).map_err(|_| IssueError::Key(C::KIND))
}

impl KeyRing {
    /// A new token, signed with the newest key of its family.
    ///
    /// # Errors
    /// When there is no key to sign with, or as [`issue`].
    pub fn issue<C: Claims>(
        &self,
        claims: &C,
        now: Timestamp,
        valid_for: Duration,
    ) -> Result<String, IssueError> {
        let (serial, key) = self.signing_key(&claims.family())?;
        issue(claims, &key, serial, now, valid_for)
    }
}

/// Verifies a user's token.
///
/// # Errors
/// What is wrong with it and what to do, without any of it.
pub fn verify_user(token: &str, ring: &KeyRing, now: Timestamp) -> Result<UserClaims, TokenError> {
    verify(token, ring, &Family::User, now)
}

/// Verifies a zone's token. Whose it must be and for what is the caller's to check: [`ZoneClaims::check`].
///
/// # Errors
/// What is wrong with it and what to do, without any of it.
pub fn verify_zone(token: &str, ring: &KeyRing, now: Timestamp) -> Result<ZoneClaims, TokenError> {
    verify(token, ring, &Family::Zone, now)
}

/// Verifies a data plane's token with the keys of `mesh`, the mesh of the proxy's resource. Which proxy it must be is
/// the caller's to check: [`DataplaneClaims::check`].
///
/// # Errors
/// What is wrong with it and what to do, without any of it.
pub fn verify_dataplane(
    token: &str,
    mesh: &str,
    ring: &KeyRing,
    now: Timestamp,
) -> Result<DataplaneClaims, TokenError> {
    let family = Family::Dataplane {
        mesh: mesh.to_owned(),
    };
    verify(token, ring, &family, now)
}

fn verify<C: Claims>(
    token: &str,
    ring: &KeyRing,
    family: &Family,
    now: Timestamp,
) -> Result<C, TokenError> {
    let kind = C::KIND;
    let malformed = |reason| TokenError::Malformed { kind, reason };
    if token.is_empty() {
        return Err(TokenError::Missing { kind });
    }
    if token.len() > MAX_BYTES {
        return Err(malformed("it is longer than 16 KiB"));
    }
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_| malformed("it is not a signed JWT with a readable header"))?;
    if header.alg != Algorithm::RS256 {
        return Err(malformed("it is not signed with RS256"));
    }
    let kid = header
        .kid
        .ok_or_else(|| malformed("its header has no `kid`"))?;
    let serial: u64 = kid
        .parse()
        .map_err(|_| malformed("its `kid` is not a number"))?;
    let key = ring
        .public_key(family, serial)
        .ok_or_else(|| TokenError::UnknownKey {
            kind,
            key: NoSigningKey::new(family, serial),
        })?;
    let mut validation = Validation::new(Algorithm::RS256);
    // The time is an argument here, not the machine's: checked below.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, key.decoding(), &validation)
        .map_err(|error| {
            use jsonwebtoken::errors::ErrorKind;
            match error.kind() {
                ErrorKind::Json(_) | ErrorKind::Utf8(_) => {
                    malformed("its claims are not a JSON object")
                }
                _ => TokenError::BadSignature { kind },
            }
        })?;
    // Go reads names of claims in any case (control-plane-api §10.2).
    let claims: Map<String, Value> = decoded
        .claims
        .into_iter()
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    check_time(kind, &claims, now)?;
    let id = claims
        .get("jti")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| malformed("it has no id (`jti`), so that it could not be revoked"))?;
    if ring.is_revoked(family, id) {
        return Err(TokenError::Revoked {
            kind,
            id: id.to_owned(),
        });
    }
    C::from_claims(Value::Object(claims))
        .map_err(|_| malformed("its claims are not those of such a token"))
}

fn check_time(
    kind: TokenKind,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<(), TokenError> {
    // Seconds since 1970, possibly with a fraction; f64 is exact far beyond every date.
    let now = now.as_second() as f64;
    let number = |name: &str| claims.get(name).and_then(Value::as_f64);
    let expiry = number("exp").ok_or(TokenError::Malformed {
        kind,
        reason: "it has no expiry (`exp`)",
    })?;
    if now >= expiry {
        return Err(TokenError::Expired {
            kind,
            at: when(expiry),
        });
    }
    match claims.get("nbf") {
        None | Some(Value::Null) => Ok(()),
        Some(start) => match start.as_f64() {
            Some(start) if now >= start => Ok(()),
            Some(start) => Err(TokenError::NotYetValid {
                kind,
                from: when(start),
            }),
            None => Err(TokenError::Malformed {
                kind,
                reason: "its `nbf` is not a number",
            }),
        },
    }
}

/// A date for an error; the ends of time for what no clock can say.
fn when(seconds: f64) -> Timestamp {
    // The cast saturates.
    Timestamp::from_second(seconds as i64).unwrap_or(if seconds < 0.0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The token of an `Authorization` header as REST takes it: `Bearer `, case-sensitive, one blank (control-plane-api
/// §8.3). `None`: the header has another scheme.
pub fn bearer(header: &str) -> Option<&str> {
    header.strip_prefix("Bearer ").map(str::trim)
}

/// The token of gRPC metadata: with or without `Bearer ` or `bearer ` (kds §3.4, control-plane-api §12.2).
pub fn bearer_or_raw(value: &str) -> &str {
    let value = value.trim();
    value
        .strip_prefix("Bearer ")
        .or_else(|| value.strip_prefix("bearer "))
        .unwrap_or(value)
        .trim()
}

#[cfg(test)]
mod tests;
