//! What a connected proxy's Envoy is to have, as one document: for `torii inspect proxy`.
//!
//! Reads what the engine has published; generates nothing. Private keys never leave the zone this way.

use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use torii_api::{Call, Problem};
use torii_auth::rights::Action;
use torii_mesh::ProxyId;
use torii_render::{ConfigDocument, PrivateKeys};

use crate::routes::Picture;

const TITLE: &str = "Could not retrieve the configuration of a proxy";

/// `GET /torii/proxies/{mesh}/{name}/config`
pub(crate) async fn answer(
    Extension(picture): Extension<Arc<Picture>>,
    Path((mesh, name)): Path<(String, String)>,
    call: Call,
) -> Result<Response, Problem> {
    call.require(Action::ReadProxyConfig)?;
    let id = ProxyId { mesh, name };
    let Some(desired) = picture.slots.desired(&id) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            TITLE,
            format!(
                "no Envoy of Dataplane {id} is connected to zone {}; `torii status` shows which proxy is where",
                picture.zone
            ),
        ));
    };
    // Thousands of routes take a while.
    let document = tokio::task::spawn_blocking(move || {
        ConfigDocument::of(&desired.parts, PrivateKeys::Masked)
    })
    .await;
    match document {
        Ok(Ok(document)) => Ok(axum::Json(document).into_response()),
        Ok(Err(error)) => {
            tracing::error!(proxy = %id, %error, "the configuration cannot be written as JSON");
            Err(Problem::internal(TITLE))
        }
        Err(error) => {
            tracing::error!(proxy = %id, %error, "writing the configuration as JSON ended early");
            Err(Problem::internal(TITLE))
        }
    }
}
