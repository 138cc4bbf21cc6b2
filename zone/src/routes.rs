//! The zone's own REST routes: its status, and the operator's word that its global may be followed.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{Notify, watch};

use torii_ads::Reports;
use torii_api::status as document;
use torii_api::{Api, Call, Problem};
use torii_auth::rights::Action;
use torii_store::Store;

use crate::config_dump;
use crate::regen;
use crate::report;
use crate::slots::Slots;
use crate::upstream::{Standing, accept_global};

/// What the routes read.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) zone: String,
    pub(crate) store: Store,
    pub(crate) engine: regen::Handle,
    pub(crate) slots: Slots,
    pub(crate) reports: Reports,
    pub(crate) standing: Arc<watch::Sender<Standing>>,
    pub(crate) again: Arc<Notify>,
}

/// The routes.
pub(crate) fn routes(picture: Arc<Picture>) -> Router<Api> {
    Router::new()
        .route("/torii/status", get(status))
        .route("/torii/accept-global", post(accept))
        .route(
            "/torii/proxies/{mesh}/{name}/config",
            get(config_dump::answer),
        )
        .layer(Extension(picture))
}

async fn status(
    Extension(picture): Extension<Arc<Picture>>,
    call: Call,
) -> Result<Response, Problem> {
    call.require(Action::ReadStatus)?;
    Ok(axum::Json(picture.status()).into_response())
}

async fn accept(
    Extension(picture): Extension<Arc<Picture>>,
    call: Call,
) -> Result<Response, Problem> {
    call.require(Action::AcceptGlobal)?;
    accept_global(&picture.store).await?;
    tracing::warn!("an operator accepts the next global, whatever it says");
    picture.again.notify_one();
    Ok(axum::Json(serde_json::json!({})).into_response())
}

impl Picture {
    fn status(&self) -> document::Status {
        let generated = self.engine.generated().borrow().clone();
        let known = Arc::clone(&self.engine.picture().borrow());
        let standing = self.standing.borrow().clone();
        let proxies = report::proxies(&known, &generated, &self.slots, &self.reports);
        let (cluster_id, epoch, revision) = generated
            .mark
            .map(|mark| (mark.cluster_id, mark.epoch, mark.revision.0))
            .unwrap_or_default();
        let zone = document::Zone {
            name: self.zone.clone(),
            connected: Some(!standing.connected_to.is_empty()),
            authenticated: true,
            kind: "torii".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: standing.connected_to,
            cluster_id: cluster_id.clone(),
            epoch,
            revision,
            guard: standing.guard,
            proxies: proxies.into_values().map(document::Proxy::from).collect(),
            problems: report::problems(&known)
                .into_iter()
                .map(document::Problem::from)
                .collect(),
        };
        let mut warnings: Vec<_> = standing.conflicts.iter().map(ToString::to_string).collect();
        if !standing.error.is_empty() {
            warnings.push(format!("not following the global: {}", standing.error));
        }
        document::Status {
            role: "zone".to_owned(),
            name: self.zone.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster_id,
            epoch,
            revision: self.store.view().revision().0,
            nodes: Vec::new(),
            zones: vec![zone],
            warnings,
        }
    }
}

#[cfg(test)]
mod tests;
