//! Who asks: a user token in `Authorization`, or nobody. Nobody gets 401, everywhere.
//!
//! Trusts no address: loopback is not an identity (control-plane-api §8.2 is not copied). Decides no rights.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use torii_auth::Identity;
use torii_auth::{KeyRing, TokenError, TokenKind, token};

use crate::api::Api;
use crate::problem::Problem;

/// Puts the caller's [`Identity`] into the request, or answers 401.
pub(crate) async fn authenticate(
    State(api): State<Api>,
    mut request: Request,
    next: Next,
) -> Response {
    let keys = api.keys.load_full();
    match identify(&keys, request.headers(), Timestamp::now()) {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(problem) => {
            let mut response = problem.into_response();
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
    }
}

fn identify(keys: &KeyRing, headers: &HeaderMap, now: Timestamp) -> Result<Identity, Problem> {
    let missing = || {
        Problem::unauthenticated(
            TokenError::Missing {
                kind: TokenKind::User,
            }
            .to_string(),
        )
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return Err(missing());
    };
    let token = value
        .to_str()
        .ok()
        .and_then(token::bearer)
        .ok_or_else(missing)?;
    let claims = token::verify_user(token, keys, now)
        .map_err(|error| Problem::unauthenticated(error.to_string()))?;
    // What a token of another kind would look like here, were it ever signed with a user's key.
    if claims.name.is_empty() {
        return Err(Problem::unauthenticated("the user token has no name"));
    }
    Ok(claims.identity())
}
