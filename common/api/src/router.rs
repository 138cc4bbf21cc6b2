//! Routes: those of every kind in the registry, and the system's own. Hands a request to whom it concerns.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::uri::PathAndQuery;
use http::{Method, Uri};
use torii_auth::Action;
use torii_resource::registry::KINDS;
use torii_resource::{Access, Descriptor, Scope};
use tower::Layer as _;
use tower::util::MapRequestLayer;

use crate::api::Api;
use crate::authenticate::authenticate;
use crate::call::Call;
use crate::problem::Problem;
use crate::{batch, feed, index, item, negotiate, read, tokens};

/// The REST API.
pub fn router(api: Api) -> Router {
    router_with(api, Router::new())
}

/// The REST API with a plane's own routes, behind the same authentication and time limit. Their handlers take a
/// [`Call`] and check rights themselves.
pub fn router_with(api: Api, own: Router<Api>) -> Router {
    let mut routes = system_routes().merge(own);
    for kind in KINDS {
        if kind.descriptor.access != Access::Internal {
            routes = kind_routes(routes, &kind.descriptor);
        }
    }
    let routes = routes
        .fallback(|| async { negotiate::no_page() })
        .layer(middleware::from_fn_with_state(api.clone(), authenticate))
        .layer(middleware::from_fn_with_state(api.clone(), limit_time))
        .with_state(api);
    // Before routing: a layer of the router itself would come after it.
    Router::new().fallback_service(MapRequestLayer::new(without_trailing_slash).layer(routes))
}

fn system_routes() -> Router<Api> {
    Router::new()
        .route(
            "/",
            any(
                |call: Call| async move { index::document(&call, Action::ReadIndex, index::index) },
            ),
        )
        .route(
            "/config",
            any(|call: Call| async move {
                index::document(&call, Action::ReadControlPlaneConfig, index::configuration)
            }),
        )
        .route(
            "/who-am-i",
            any(|call: Call| async move { index::document(&call, Action::ReadIndex, index::who) }),
        )
        .route(
            "/_resources",
            any(
                |call: Call| async move { index::document(&call, Action::ReadIndex, index::kinds) },
            ),
        )
        .route("/tokens/dataplane", any(tokens::dataplane))
        .route("/tokens/zone", any(tokens::zone))
        .route("/tokens/user", any(tokens::user))
        .route("/torii/resources", any(batch::apply))
        .route("/torii/watch", any(feed::watch))
}

fn kind_routes(mut routes: Router<Api>, kind: &'static Descriptor) -> Router<Api> {
    for path in std::iter::once(&kind.plural).chain(kind.aliases) {
        routes = routes.route(
            &format!("/{path}"),
            any(move |call: Call| async move { list(kind, None, &call).await }),
        );
        routes = match kind.scope {
            Scope::Global => routes.route(
                &format!("/{path}/{{name}}"),
                any(move |Path(name): Path<String>, call: Call| async move {
                    one(kind, "", &name, &call).await
                }),
            ),
            Scope::Mesh => routes
                .route(
                    &format!("/meshes/{{mesh}}/{path}"),
                    any(move |Path(mesh): Path<String>, call: Call| async move {
                        list(kind, Some(&mesh), &call).await
                    }),
                )
                .route(
                    &format!("/meshes/{{mesh}}/{path}/{{name}}"),
                    any(
                        move |Path((mesh, name)): Path<(String, String)>, call: Call| async move {
                            one(kind, &mesh, &name, &call).await
                        },
                    ),
                ),
        };
    }
    routes
}

async fn list(kind: &Descriptor, mesh: Option<&str>, call: &Call) -> Response {
    if call.method != Method::GET {
        return negotiate::no_method("GET");
    }
    if let Err(refused) = negotiate::accepts_json(&call.headers) {
        return refused.into_response();
    }
    read::list(kind, mesh, call)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn one(kind: &Descriptor, mesh: &str, name: &str, call: &Call) -> Response {
    if let Err(refused) = negotiate::accepts_json(&call.headers) {
        return refused.into_response();
    }
    match call.method {
        Method::GET => read::one(kind, mesh, name, call).await.map_err(Into::into),
        Method::PUT => item::put(kind, mesh, name, call).await,
        Method::DELETE => item::delete(kind, mesh, name, call).await,
        _ => return negotiate::no_method("PUT, DELETE, GET"),
    }
    .unwrap_or_else(IntoResponse::into_response)
}

/// Gives a request up after the API's time: a read failed, a write's outcome is unknown.
async fn limit_time(State(api): State<Api>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match tokio::time::timeout(api.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) if reads => Problem::unavailable("the answer took too long").into_response(),
        Err(_) => Problem::unknown_outcome("the request took too long").into_response(),
    }
}

/// `/meshes/` is `/meshes` (control-plane-api §2).
fn without_trailing_slash(mut request: Request) -> Request {
    if let Some(uri) = trimmed(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn trimmed(uri: &Uri) -> Option<Uri> {
    let path = uri
        .path()
        .strip_suffix('/')
        .filter(|path| !path.is_empty())?;
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}
