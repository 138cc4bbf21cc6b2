//! The global's own REST routes: status, and receipts for `--wait`.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use torii_api::status as document;
use torii_api::{Api, Call, Problem};
use torii_auth::rights::Action;
use torii_resource::Kind as _;
use torii_resource::kinds::Zone;
use torii_store::Store;

use crate::first;
use crate::status::receipt::receipt;
use crate::status::share::Shared;

/// How long a receipt is followed for unless the caller says otherwise, and at most.
const USUAL: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(3600);

/// What the routes read.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) node: String,
    pub(crate) store: Store,
    pub(crate) shared: Shared,
    pub(crate) warnings: Vec<String>,
}

/// The routes.
pub(crate) fn routes(picture: Arc<Picture>) -> Router<Api> {
    Router::new()
        .route("/torii/status", get(status))
        .route("/torii/receipts/{revision}", get(follow_receipt))
        .layer(Extension(picture))
}

async fn status(
    Extension(picture): Extension<Arc<Picture>>,
    call: Call,
) -> Result<Response, Problem> {
    call.require(Action::ReadStatus)?;
    Ok(axum::Json(picture.status()).into_response())
}

/// One JSON line for each change of the receipt, until it is done, rejected or the time is up.
async fn follow_receipt(
    Extension(picture): Extension<Arc<Picture>>,
    Path(revision): Path<u64>,
    call: Call,
) -> Result<Response, Problem> {
    call.require(Action::ReadStatus)?;
    let limit = match call.parameter("timeout") {
        Some(text) => torii_auth::duration::parse(text)
            .map_err(|error| Problem::bad_request(format!("timeout: {error}")))?
            .min(LONGEST),
        None => USUAL,
    };
    let lines = receipts(picture, revision);
    let enough = tokio::time::sleep(limit);
    let stop = call.api.stop.cancelled_owned();
    let lines = lines.take_until(enough).take_until(stop);
    let response = (
        [(CONTENT_TYPE, "application/x-ndjson")],
        Body::from_stream(lines),
    );
    Ok(response.into_response())
}

fn receipts(
    picture: Arc<Picture>,
    revision: u64,
) -> impl Stream<Item = Result<Bytes, serde_json::Error>> {
    let changes = picture.shared.changes();
    let begin = Some((picture, changes, None::<document::Receipt>));
    futures::stream::unfold(begin, move |state| async move {
        let (picture, mut changes, told) = state?;
        loop {
            changes.mark_unchanged();
            let epoch = picture.store.view().epoch();
            let now = receipt(revision, epoch, picture.zones());
            if told.as_ref() != Some(&now) {
                let line = line(&now);
                let last = now.done || now.rejected || line.is_err();
                let next = (!last).then_some((picture, changes, Some(now)));
                return Some((line, next));
            }
            changes.changed().await.ok()?;
        }
    })
}

fn line(receipt: &document::Receipt) -> Result<Bytes, serde_json::Error> {
    let mut line = serde_json::to_vec(receipt)?;
    line.push(b'\n');
    Ok(line.into())
}

impl Picture {
    fn zones(&self) -> Vec<document::Zone> {
        let view = self.store.view();
        let names: Vec<String> = view
            .list(Zone::DESCRIPTOR.name)
            .map(|resource| resource.key.name.clone())
            .collect();
        self.shared.zones(names.iter().map(String::as_str))
    }

    fn status(&self) -> document::Status {
        let view = self.store.view();
        let members = self.store.members().borrow().clone();
        let nodes = members
            .nodes
            .iter()
            .map(|node| document::Node {
                name: node.name.clone(),
                address: node.address.clone(),
                voter: node.voter,
                leader: members.leader == Some(node.id),
                reachable: if node.id == members.this {
                    Some(true)
                } else {
                    self.shared.hears(&node.name)
                },
            })
            .collect();
        document::Status {
            role: "global".to_owned(),
            name: self.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster_id: first::cluster_id(&view).unwrap_or_default(),
            epoch: view.epoch(),
            revision: view.revision().0,
            nodes,
            zones: self.zones(),
            warnings: self.warnings.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
