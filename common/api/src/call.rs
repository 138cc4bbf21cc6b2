//! One request as handlers take it: who asks, what for, and the whole body.

use axum::body::Body;
use axum::extract::{FromRequest, Query, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use torii_auth::{Action, Identity};

use crate::api::Api;
use crate::problem::Problem;
use crate::rights;

/// An authenticated request with its body in memory.
#[derive(Debug)]
pub struct Call {
    /// The API's parts.
    pub api: Api,
    /// Who asks.
    pub identity: Identity,
    /// Method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// The query, decoded, in the order given.
    pub query: Vec<(String, String)>,
    /// The body; at most [`Api::BODY_LIMIT`] bytes.
    pub body: Bytes,
}

impl Call {
    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// Refuses the caller unless the one table of rights lets it.
    ///
    /// # Errors
    /// 403, or 401 for nobody.
    pub fn require(&self, action: Action) -> Result<(), Problem> {
        rights::check(&self.identity, action)
    }
}

impl FromRequest<Api> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        // No identity means that the request came past the authentication: refused, never anonymous.
        let identity = parts
            .extensions
            .remove::<Identity>()
            .ok_or_else(|| Problem::unauthenticated("Unauthenticated").into_response())?;
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::bad_request("the query is not valid").into_response())?;
        let body = read(body).await.map_err(IntoResponse::into_response)?;
        Ok(Self {
            api: api.clone(),
            identity,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            query,
            body,
        })
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, Api::BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(Api::BODY_LIMIT)),
        Err(_) => Err(Problem::bad_request(
            "the body could not be read to its end",
        )),
    }
}
