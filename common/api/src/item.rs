//! PUT and DELETE of one resource: from the request to the door and back.

use axum::response::Response;
use http::{StatusCode, header};
use serde::Serialize;
use torii_resource::{Descriptor, ResourceKey};
use torii_store::Outcome;

use crate::call::Call;
use crate::negotiate::{self, Refused};
use crate::precondition::{Precondition, etag};
use crate::read::stamped;
use crate::write::{self, WriteRequest, Written};
use crate::{decode, json, ownership, rights};

/// Body of a write that was done: `{}`, nothing to say (control-plane-api §5.2).
#[derive(Serialize)]
struct Done {}

/// PUT of one resource.
pub(crate) async fn put(
    kind: &Descriptor,
    mesh: &str,
    name: &str,
    call: &Call,
) -> Result<Response, Refused> {
    negotiate::require_json(&call.headers)?;
    rights::write(&call.identity, kind)?;
    ownership::kind(&call.api.mode, kind)?;
    let precondition = Precondition::of(&call.headers)?;
    let key = ResourceKey::new(kind.name, mesh, name);
    let resource = decode::body(&key, &call.body)?;
    let request = WriteRequest {
        resource,
        precondition,
    };
    let written = write::write(&call.api, &call.identity, request).await?;
    let status = match written.outcome {
        Outcome::Created => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    let mut response = done(status, &written);
    response
        .headers_mut()
        .insert(header::ETAG, etag(written.modified));
    Ok(response)
}

/// DELETE of one resource.
pub(crate) async fn delete(
    kind: &Descriptor,
    mesh: &str,
    name: &str,
    call: &Call,
) -> Result<Response, Refused> {
    let precondition = Precondition::of(&call.headers)?;
    let key = ResourceKey::new(kind.name, mesh, name);
    let written = write::delete(&call.api, &call.identity, key, precondition).await?;
    Ok(done(StatusCode::OK, &written))
}

fn done(status: StatusCode, written: &Written) -> Response {
    stamped(json::response(status, &Done {}), written.revision)
}
