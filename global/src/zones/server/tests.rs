//! The service over a real connection: what a zone is sent, and what ends its streams.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use torii_api::About;
use torii_api::change::{create, create_secret};
use torii_auth::token::{ZoneClaims, issue};
use torii_auth::{Family, KeyRing, SigningKey};
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;
use torii_proto::kuma::system::v1alpha1::Config as ConfigSpec;
use torii_proto::torii::status::v1::zone_status_client::ZoneStatusClient;
use torii_proto::torii::status::v1::{ReportAck, ZoneReport};
use torii_resource::Resource;
use torii_resource::kinds::Config;
use torii_runtime::{ServeOptions, bind, clock, serve_plain};
use torii_store::{Change, Proposal, Store};
use torii_sync::kuma::{NodeInfo, request, zone_headers};
use torii_sync::receiver;

use super::super::{Encoder, Roster};
use super::{Zones, router};
use crate::first::CLUSTER_ID;
use crate::status::share::Shared;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

struct World {
    zones: Zones,
    channel: Channel,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = torii_store::Config::single("n1", folder.path());
        let store = Store::open(config, None).await.unwrap();
        let stop = CancellationToken::new();
        let keys: Arc<ArcSwap<KeyRing>> = Arc::default();
        let zones = Zones {
            store: store.clone(),
            keys: Arc::clone(&keys),
            shared: Shared::new("n1", stop.clone()),
            about: Arc::new(About::this_process("n1")),
            unauthenticated: Arc::new(BTreeSet::new()),
            encoder: Encoder::default(),
            roster: Roster::default(),
            stop: stop.clone(),
        };
        let listener = bind("127.0.0.1:0".parse().unwrap(), "tests", "--none")
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve_plain(
            listener,
            router(&zones),
            stop,
            ServeOptions::new("test"),
        ));
        let world = Self {
            zones,
            channel: Endpoint::from_shared(url).unwrap().connect_lazy(),
            _folder: folder,
        };
        let config = ConfigSpec {
            config: "cluster".to_owned(),
        };
        let changes = vec![
            create(Resource::new::<Config>("", CLUSTER_ID, &config)),
            create_secret(Family::Zone.signing_key(1), &KEY.to_pem().unwrap()),
        ];
        world.commit(changes).await;
        // Once and for all: the shared ring lags behind as far as it can.
        keys.store(Arc::new(torii_api::keys::of_view(&store.view())));
        world
    }

    async fn commit(&self, changes: Vec<Change>) {
        let proposal = Proposal {
            changes,
            ..Proposal::default()
        };
        self.zones.store.propose(proposal).await.unwrap();
    }

    async fn end(self) {
        self.zones.stop.cancel();
        self.zones.store.shutdown().await;
    }
}

fn call<T>(message: T) -> Request<T> {
    let claims = ZoneClaims::control_plane("east");
    let hour = Duration::from_secs(3600);
    let token = issue(&claims, &KEY, 1, clock::now(), hour).unwrap();
    let mut request = Request::new(message);
    zone_headers(
        request.metadata_mut(),
        "east",
        "2.13.9",
        false,
        Some(&token),
    )
    .unwrap();
    request
}

/// A zone's stream from the global, which has subscribed to Config.
struct Down {
    _requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
}

impl Down {
    async fn open(world: &World) -> Result<Self, Status> {
        let (requests, sent) = mpsc::channel(8);
        let node = NodeInfo {
            id: "east".to_owned(),
            instance: "i".to_owned(),
            version: "2.13.9".to_owned(),
            config: String::new(),
            mark: None,
        };
        let subscription = receiver::Request {
            type_name: torii_resource::KindName::new("Config"),
            nonce: String::new(),
            subscribe: vec!["*".to_owned()],
            unsubscribe: Vec::new(),
            error: None,
        };
        requests.send(request(subscription, &node)).await.unwrap();
        let mut client = KDSSyncServiceClient::new(world.channel.clone());
        let answer = client
            .global_to_zone_sync(call(ReceiverStream::new(sent)))
            .await?;
        Ok(Self {
            _requests: requests,
            responses: answer.into_inner(),
        })
    }

    async fn next(&mut self) -> Result<DeltaDiscoveryResponse, Status> {
        let next = tokio::time::timeout(Duration::from_secs(30), self.responses.message());
        next.await.expect("in time").map(Option::unwrap)
    }

    /// The status with which the stream ends.
    async fn ended(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}

/// A zone's status stream, on which it has reported once.
struct Reporting {
    _reports: mpsc::Sender<ZoneReport>,
    acks: Streaming<ReportAck>,
}

impl Reporting {
    async fn open(world: &World) -> Self {
        let (reports, sent) = mpsc::channel(8);
        let report = ZoneReport {
            sequence: 1,
            full: true,
            ..ZoneReport::default()
        };
        reports.send(report).await.unwrap();
        let mut client = ZoneStatusClient::new(world.channel.clone());
        let answer = client
            .report(call(ReceiverStream::new(sent)))
            .await
            .unwrap();
        let mut acks = answer.into_inner();
        assert_eq!(acks.message().await.unwrap().unwrap().sequence, 1);
        Self {
            _reports: reports,
            acks,
        }
    }
}

#[tokio::test]
async fn a_zone_is_sent_what_it_subscribes_to_with_the_mark_of_the_state() {
    let world = World::new().await;
    let mut down = Down::open(&world).await.unwrap();
    let first = down.next().await.unwrap();
    assert_eq!(first.type_url, "Config");
    assert!(
        first.system_version_info.starts_with("cluster/1/"),
        "{first:?}"
    );
    assert_eq!(first.resources[0].name, "kuma-cluster-id.");
    let shown = &world.zones.shared.zones(["east"].into_iter())[0];
    assert_eq!((shown.connected, shown.authenticated), (Some(true), true));
    drop(down);
    let mut changes = world.zones.shared.changes();
    let shared = world.zones.shared.clone();
    let gone =
        changes.wait_for(|()| shared.zones(["east"].into_iter())[0].connected == Some(false));
    let gone = tokio::time::timeout(Duration::from_secs(30), gone);
    gone.await.expect("the zone is seen to go").unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_token_that_is_not_valid_any_more_ends_every_stream_of_its_zone() {
    let world = World::new().await;
    let mut down = Down::open(&world).await.unwrap();
    down.next().await.unwrap();
    let mut reporting = Reporting::open(&world).await;
    let key = Family::Zone.signing_key(1);
    let view = world.zones.store.view();
    let removal = torii_api::change::remove(view.get(&key).unwrap());
    world.commit(vec![removal]).await;
    assert_eq!(down.ended().await.code(), Code::Unauthenticated);
    let status = reporting.acks.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    // The shared ring, which lags, lets it in again; the state that is watched does not.
    let ended = match Down::open(&world).await {
        Ok(mut down) => down.ended().await,
        Err(status) => status,
    };
    assert_eq!(ended.code(), Code::Unauthenticated);
    world.end().await;
}

#[tokio::test]
async fn a_newer_stream_of_a_zone_ends_the_older_one() {
    let world = World::new().await;
    let mut older = Down::open(&world).await.unwrap();
    older.next().await.unwrap();
    let mut newer = Down::open(&world).await.unwrap();
    newer.next().await.unwrap();
    let status = older.ended().await;
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("newer"), "{status}");
    let shown = &world.zones.shared.zones(["east"].into_iter())[0];
    assert_eq!(shown.connected, Some(true));
    world.end().await;
}

#[tokio::test]
async fn the_end_of_the_process_ends_every_stream_as_unavailable() {
    let world = World::new().await;
    let mut down = Down::open(&world).await.unwrap();
    down.next().await.unwrap();
    let mut reporting = Reporting::open(&world).await;
    world.zones.stop.cancel();
    assert_eq!(down.ended().await.code(), Code::Unavailable);
    let status = reporting.acks.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    world.end().await;
}
