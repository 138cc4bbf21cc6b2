use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tower::ServiceExt as _;

use torii_api::change::create_secret;
use torii_api::{About, Api, router_with};
use torii_auth::token::{UserClaims, issue};
use torii_auth::{Family, SigningKey};
use torii_resource::Mode;

use super::{Picture, routes};
use crate::local;
use crate::testing::TestZone;
use crate::upstream::Standing;

struct World {
    zone: TestZone,
    picture: Arc<Picture>,
    key: SigningKey,
}

impl World {
    async fn new() -> Self {
        let zone = TestZone::following().await;
        let key = SigningKey::generate().unwrap();
        let secret = create_secret(Family::User.signing_key(1), &key.to_pem().unwrap());
        zone.commit(vec![secret], None).await;
        zone.settled().await;
        let keys = Arc::clone(&zone.door.keys);
        zone.until(move || keys.load().public_key(&Family::User, 1).is_some())
            .await;
        let door = &zone.door;
        let picture = Picture {
            zone: "east".to_owned(),
            store: zone.store.clone(),
            engine: door.engine.clone(),
            slots: door.slots.clone(),
            reports: door.reports.clone(),
            standing: Arc::new(watch::Sender::new(Standing::default())),
            again: Arc::new(Notify::new()),
        };
        Self {
            picture: Arc::new(picture),
            zone,
            key,
        }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        user: Option<UserClaims>,
    ) -> (StatusCode, Value) {
        let keys = Arc::clone(&self.zone.door.keys);
        let mode = Mode::Zone("east".to_owned());
        let api = Api::new(
            self.zone.store.clone(),
            mode,
            keys,
            About::this_process("east"),
        );
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "east");
        if let Some(user) = user {
            let hour = std::time::Duration::from_secs(3600);
            let now = torii_runtime::clock::now();
            let token = issue(&user, &self.key, 1, now, hour).unwrap();
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let router = router_with(api, routes(Arc::clone(&self.picture)));
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

#[tokio::test]
async fn status_says_how_far_the_zone_is_and_why_it_does_not_follow() {
    let world = World::new().await;
    world.picture.standing.send_modify(|standing| {
        standing.guard = "another cluster".to_owned();
        standing.error = "refused".to_owned();
    });
    let (status, document) = world
        .send("GET", "/torii/status", Some(UserClaims::admin()))
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        (&document["epoch"], &document["clusterId"]),
        (&1.into(), &"cluster".into())
    );
    let zone = &document["zones"][0];
    assert_eq!(
        (&zone["revision"], &zone["connected"]),
        (&5.into(), &false.into())
    );
    assert_eq!(zone["guard"], "another cluster");
    assert!(
        document["warnings"][0]
            .as_str()
            .unwrap()
            .contains("refused")
    );
    world.zone.end().await;
}

#[tokio::test]
async fn an_accepted_global_is_remembered_and_tried_at_once() {
    let world = World::new().await;
    let admin = Some(UserClaims::admin());
    assert_eq!(
        world.send("POST", "/torii/accept-global", admin).await.0,
        200
    );
    assert!(
        local::memory(&world.zone.store.view())
            .unwrap()
            .accepted_once
    );
    // Kept for whoever waits for it next.
    world.picture.again.notified().await;
    world.zone.end().await;
}

#[tokio::test]
async fn nobody_and_a_user_without_rights_do_not_decide_which_global_is_followed() {
    let world = World::new().await;
    let user = UserClaims {
        name: "jo".to_owned(),
        groups: Vec::new(),
    };
    for (user, expected) in [(None, 401), (Some(user), 403)] {
        let (status, _) = world.send("POST", "/torii/accept-global", user).await;
        assert_eq!(status, expected);
    }
    assert_eq!(world.send("GET", "/torii/status", None).await.0, 401);
    assert!(
        !local::memory(&world.zone.store.view())
            .unwrap()
            .accepted_once
    );
    world.zone.end().await;
}
