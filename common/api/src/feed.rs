//! `GET /torii/watch`: committed changes as JSON lines, as they come.
//!
//! Reads the store's bounded ring at the caller's pace: a caller that is too slow gets a `resync` line and the end.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderValue, Method, header};
use serde::Serialize;
use serde_json::Value;
use torii_resource::{Access, Resource, ResourceKey, Revision, registry};
use torii_store::{Batch, Event, Watch};

use crate::call::Call;
use crate::problem::{Problem, title};
use crate::{negotiate, read, rights, show};

/// One line of the feed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    revision: Revision,
    epoch: u64,
    /// The changes before this one are not all known any more: read everything again, then watch from here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resync: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<jiff::Timestamp>,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    r#type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mesh: String,
    name: String,
    /// The resource now; absent when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
}

/// Changes after `after` (default: from now on), of the kinds given (default: all that the caller may read).
pub(crate) async fn watch(call: Call) -> Response {
    if call.method != Method::GET {
        return negotiate::no_method("GET");
    }
    match start(&call) {
        Ok((kinds, watch)) => {
            let lines = stream::unfold(Some(watch), move |watch| {
                let kinds = kinds.clone();
                async move { next(watch?, &kinds).await }
            });
            let lines = lines.take_until(call.api.stop.clone().cancelled_owned());
            let mut response = Response::new(Body::from_stream(lines));
            let lines = HeaderValue::from_static("application/x-ndjson");
            response.headers_mut().insert(header::CONTENT_TYPE, lines);
            read::stamped(response, call.api.store.view().revision())
        }
        Err(problem) => problem.into_response(),
    }
}

type Kinds = BTreeSet<&'static str>;

fn start(call: &Call) -> Result<(Kinds, Watch), Problem> {
    let after = match call.parameter("after") {
        None => call.api.store.view().revision(),
        Some(text) => text.parse().map(Revision).map_err(|_| {
            Problem::invalid_field(title::LIST, "after", "must be a revision, a number from 0")
        })?,
    };
    let mut kinds = Kinds::new();
    for (_, name) in call.query.iter().filter(|(key, _)| key == "kind") {
        let kind = registry::by_any_name(name)
            .map(|kind| &kind.descriptor)
            .filter(|kind| kind.access != Access::Internal)
            .ok_or_else(|| {
                Problem::invalid_field(
                    title::LIST,
                    "kind",
                    format!("unknown resource type {name:?}"),
                )
            })?;
        rights::read(&call.identity, kind)?;
        kinds.insert(kind.name);
    }
    if kinds.is_empty() {
        let readable = registry::KINDS
            .iter()
            .map(|kind| &kind.descriptor)
            .filter(|kind| {
                kind.access != Access::Internal && rights::read(&call.identity, kind).is_ok()
            });
        kinds.extend(readable.map(|kind| kind.name));
    }
    Ok((kinds, call.api.store.watch(after)))
}

/// The next line, and the watch unless this line is the last.
async fn next(
    mut watch: Watch,
    kinds: &Kinds,
) -> Option<(Result<Bytes, serde_json::Error>, Option<Watch>)> {
    loop {
        match watch.next().await? {
            Event::Batch(batch) => {
                let line = line(&batch, kinds);
                if !line.changes.is_empty() {
                    return Some((encoded(&line), Some(watch)));
                }
            }
            Event::Snapshot(view) => {
                let line = Line {
                    revision: view.revision(),
                    epoch: view.epoch(),
                    resync: true,
                    time: None,
                    changes: Vec::new(),
                };
                return Some((encoded(&line), None));
            }
        }
    }
}

fn line(batch: &Batch, kinds: &Kinds) -> Line {
    let concerned = batch
        .changes
        .iter()
        .filter(|change| kinds.contains(change.key.kind.as_str()));
    Line {
        revision: batch.revision,
        epoch: batch.epoch,
        resync: false,
        time: Some(batch.time),
        changes: concerned
            .map(|change| changed(&change.key, change.after.as_deref()))
            .collect(),
    }
}

fn changed(key: &ResourceKey, after: Option<&Resource>) -> Change {
    Change {
        r#type: key.kind.as_str().to_owned(),
        mesh: key.mesh.clone(),
        name: key.name.clone(),
        resource: after.map(show::universal),
    }
}

fn encoded(line: &Line) -> Result<Bytes, serde_json::Error> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}
