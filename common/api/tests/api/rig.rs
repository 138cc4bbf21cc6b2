//! A router over a store in a temporary folder, with the keys that tests sign tokens with.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use torii_api::{About, Api, Companions, router};
use torii_auth::{Claims, Family, KeyRing, SigningKey, UserClaims, ZoneClaims};
use torii_proto::kuma::system::v1alpha1 as proto;
use torii_resource::kinds::{GlobalSecret, Mesh, Secret};
use torii_resource::{Kind, Mode, Resource, ResourceKey};
use torii_store::{Change, Config, Expect, Op, Proposal, Store};
use tower::ServiceExt as _;

/// A resource with an empty spec.
pub(crate) fn empty<K: Kind>(mesh: &str, name: &str) -> Resource {
    Resource::new::<K>(mesh, name, &K::Spec::default())
}

/// An API under test.
pub(crate) struct Rig {
    pub(crate) api: Api,
    router: Router,
    _folder: tempfile::TempDir,
}

/// An answer with its body read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The wrong fields that an error document names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let document = self.json();
        let parameters = document["invalid_parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        parameters
            .iter()
            .map(|parameter| parameter["field"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Rig {
    /// A global with the mesh `default`.
    pub(crate) async fn global() -> Self {
        Self::new(Mode::Global, None).await
    }

    /// A zone `east` that has a copy of the mesh `default`.
    pub(crate) async fn zone() -> Self {
        Self::new(Mode::Zone("east".into()), None).await
    }

    /// A global that adds something to writes.
    pub(crate) async fn with_companions(companions: Arc<dyn Companions>) -> Self {
        Self::new(Mode::Global, Some(companions)).await
    }

    async fn new(mode: Mode, companions: Option<Arc<dyn Companions>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Config::single("test", folder.path()), None)
            .await
            .unwrap();
        let keys = Arc::new(ArcSwap::new(Arc::clone(&RING)));
        let about = About::this_process("test-host");
        let mut api = Api::new(store, mode.clone(), keys, about).over_plain_http();
        if let Some(companions) = companions {
            api = api.with_companions(companions);
        }
        let mesh = empty::<Mesh>("", "default");
        let labels: &[(&str, &str)] = match mode {
            Mode::Global => &[],
            Mode::Zone(_) => &[("kuma.io/origin", "global")],
        };
        let rig = Self {
            router: router(api.clone()),
            api,
            _folder: folder,
        };
        rig.store(mesh, labels).await;
        rig
    }

    /// Stores a resource past the door, as what comes by KDS is.
    pub(crate) async fn store(&self, resource: Resource, labels: &[(&str, &str)]) {
        let mut all = resource.labels;
        all.extend(
            labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        let change = Change {
            key: resource.key,
            expect: Expect::Any,
            op: Op::Put {
                labels: all,
                spec: resource.spec,
                created: None,
            },
        };
        let proposal = Proposal {
            changes: vec![change],
            marks: BTreeMap::new(),
        };
        self.api.store.propose(proposal).await.unwrap();
    }

    pub(crate) fn stored(&self, kind: &str, mesh: &str, name: &str) -> Option<Arc<Resource>> {
        self.api
            .store
            .view()
            .get(&ResourceKey::new(kind, mesh, name))
            .cloned()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.api.store.view().revision().0
    }

    /// Any request, exactly as given.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A request of the admin's with a JSON body when there is one.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.send(request(method, path, body, &[])).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.call("PUT", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// An answer of 200 whose body is still open.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Body {
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body()
    }

    pub(crate) async fn open(&self, path: &str) -> Body {
        self.respond(request("GET", path, None, &[])).await
    }
}

/// A request of the admin's; `headers` replace those that it would have.
pub(crate) fn request(
    method: &str,
    path: &str,
    body: Option<&str>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let token = admin();
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header(header::HOST, "global.test:5682")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_owned()));
    let mut request = request.body(body).unwrap();
    for (name, value) in headers {
        let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().remove(&name);
        if !value.is_empty() {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    request
}

/// Keys are slow to make: one for all tests and families.
static RING: LazyLock<Arc<KeyRing>> = LazyLock::new(|| {
    let pem = SigningKey::generate().unwrap().to_pem().unwrap();
    let mesh = Family::Dataplane {
        mesh: "default".into(),
    };
    let resources: Vec<_> = [Family::User, Family::Zone, mesh]
        .iter()
        .map(|family| {
            let key = family.signing_key(1);
            let spec = proto::Secret {
                data: Some(pem.clone().into_bytes()),
            };
            match family {
                Family::Dataplane { mesh } => Resource::new::<Secret>(mesh, &key.name, &spec),
                Family::User | Family::Zone => Resource::new::<GlobalSecret>("", &key.name, &spec),
            }
        })
        .collect();
    Arc::new(KeyRing::from_resources(&resources))
});

/// A token with these claims, valid for an hour.
pub(crate) fn token<C: Claims>(claims: &C) -> String {
    RING.issue(claims, jiff::Timestamp::now(), Duration::from_secs(3600))
        .unwrap()
}

pub(crate) fn admin() -> String {
    token(&UserClaims::admin())
}

/// A token of a user who is in no group.
pub(crate) fn reader() -> String {
    token(&UserClaims {
        name: "jo".into(),
        groups: Vec::new(),
    })
}

pub(crate) fn zone_token() -> String {
    token(&ZoneClaims::control_plane("east"))
}
