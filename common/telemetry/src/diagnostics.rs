//! The diagnostics port: `/healthy`, `/ready`, `/metrics`. Plain HTTP, read-only, no secrets, no authentication: to be
//! bound to loopback unless the operator says otherwise (decisions, "which ports speak plain HTTP").

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use torii_runtime::Readiness;

use crate::metrics::Metrics;

/// The routes. `/healthy`: the process answers. `/ready`: 200, or 503 with what stands in the way. `/metrics`:
/// Prometheus's text format.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthy", get(|| async { "OK\n" }))
        .route("/ready", get(ready).with_state(readiness))
        .route("/metrics", get(scrape).with_state(metrics))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let blockers: Vec<_> = readiness
        .status()
        .into_iter()
        .map(|(name, reason)| json!({ "name": name, "reason": reason }))
        .collect();
    let code = if blockers.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        Json(json!({ "ready": blockers.is_empty(), "blockers": blockers })),
    )
        .into_response()
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, TEXT)], metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_names_what_blocks_and_answers_200_when_nothing_does() {
        let readiness = Readiness::new();
        let router = router(readiness.clone(), Metrics::install(&[]).unwrap());
        let blocker = readiness.register("store");
        blocker.block("no leader yet");
        let (status, body) = get(&router, "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let blocked =
            json!({ "ready": false, "blockers": [{ "name": "store", "reason": "no leader yet" }] });
        assert_eq!(body, blocked);
        drop(blocker);
        assert_eq!(get(&router, "/ready").await.0, StatusCode::OK);
        assert_eq!(
            get(&router, "/healthy").await,
            (StatusCode::OK, "OK\n".to_owned())
        );
        assert!(
            get(&router, "/metrics")
                .await
                .1
                .contains("process_cpu_seconds_total")
        );
    }
}
