//! Reading: one resource, or a page of a list. Linearizable unless the caller takes what this node has.

use std::sync::Arc;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use torii_resource::{Descriptor, Resource, ResourceKey, Revision};
use torii_store::{Error as StoreError, View};

use crate::call::Call;
use crate::page::{Selection, next_query};
use crate::plan::require_mesh;
use crate::precondition::{REVISION, etag};
use crate::problem::{Problem, title};
use crate::{json, rights, show};

/// The state to answer from, as the query's `consistency` asks.
pub(crate) async fn view(call: &Call) -> Result<View, Problem> {
    match call.parameter("consistency") {
        Some("stale") => Ok(call.api.store.view()),
        None | Some("" | "linearizable") => {
            call.api
                .store
                .linearizable()
                .await
                .map_err(|error| match error {
                    StoreError::Retry { .. } | StoreError::Unknown(_) => Problem::unavailable(
                        format!("{error}; consistency=stale reads what this node has"),
                    ),
                    other => other.into(),
                })
        }
        Some(_) => Err(Problem::invalid_field(
            title::RETRIEVE,
            "consistency",
            "must be one of [\"linearizable\", \"stale\"]",
        )),
    }
}

/// GET of one resource.
pub(crate) async fn one(
    kind: &Descriptor,
    mesh: &str,
    name: &str,
    call: &Call,
) -> Result<Response, Problem> {
    rights::read(&call.identity, kind)?;
    let format = Format::of(call)?;
    let view = view(call).await?;
    require_mesh(&view, mesh)?;
    let resource = view
        .get(&ResourceKey::new(kind.name, mesh, name))
        .ok_or_else(|| Problem::not_found(title::RETRIEVE))?;
    let document = format.write(resource)?;
    let mut response = json::response(StatusCode::OK, &document);
    response
        .headers_mut()
        .insert(header::ETAG, etag(resource.modified.revision));
    Ok(stamped(response, view.revision()))
}

#[derive(Serialize)]
struct List {
    total: usize,
    items: Vec<Value>,
    next: Option<String>,
}

/// GET of a list: in one mesh, or everywhere.
pub(crate) async fn list(
    kind: &Descriptor,
    mesh: Option<&str>,
    call: &Call,
) -> Result<Response, Problem> {
    rights::read(&call.identity, kind)?;
    let template = match mesh {
        Some(_) => format!("/meshes/{{mesh}}/{}", kind.plural),
        None => format!("/{}", kind.plural),
    };
    let selection = Selection::parse(&call.query, kind, &template)?;
    let view = view(call).await?;
    let page = match mesh {
        Some(mesh) => {
            require_mesh(&view, mesh)?;
            selection.page(view.list_in(kind.name, mesh).map(Arc::as_ref))
        }
        None => selection.page(view.list(kind.name).map(Arc::as_ref)),
    };
    let list = List {
        total: page.total,
        items: page.items.into_iter().map(show::universal).collect(),
        next: page.next.map(|offset| next(call, offset)),
    };
    Ok(stamped(
        json::response(StatusCode::OK, &list),
        view.revision(),
    ))
}

/// The address of the next page: absolute, as this request came (control-plane-api §5.5).
fn next(call: &Call, offset: usize) -> String {
    let host = call
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = call.uri.authority().map(http::uri::Authority::as_str);
    format!(
        "{}://{}{}?{}",
        call.api.scheme,
        host.or(authority).unwrap_or("localhost"),
        call.uri.path(),
        next_query(&call.query, offset)
    )
}

/// Adds the revision that the answer is of.
pub(crate) fn stamped(mut response: Response, revision: Revision) -> Response {
    response
        .headers_mut()
        .insert(REVISION, HeaderValue::from(revision.0));
    response
}

/// How a resource is written into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Universal,
    Kubernetes,
}

impl Format {
    fn of(call: &Call) -> Result<Self, Problem> {
        match call.parameter("format") {
            None | Some("" | "universal") => Ok(Self::Universal),
            Some("k8s" | "kubernetes") => Ok(Self::Kubernetes),
            Some(_) => Err(Problem::invalid_field(
                title::RETRIEVE,
                "",
                "\"format\" must be one of [\"k8s\", \"kubernetes\", \"universal\"]",
            )),
        }
    }

    fn write(self, resource: &Resource) -> Result<Value, Problem> {
        match self {
            Self::Universal => Ok(show::universal(resource)),
            Self::Kubernetes => {
                show::kubernetes(resource).ok_or_else(|| Problem::internal(title::RETRIEVE))
            }
        }
    }
}
