//! Start, changes under load, and rejections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use tonic::transport::Server;

use torii_ads::{
    Admission, AdsServer, Desired, FirstRequest, ProxyKey, ProxyStatus, ProxyStream, Reports,
};
use torii_render::TypeUrl;
use torii_resource::Revision;

use crate::backend::{self, Answer, Client};
use crate::config::{
    One, bad_route, cluster, cluster_without_source, dns_cluster, endpoints, listener, route,
    runtime, state,
};
use crate::process::{self, Envoy};

/// Longer than anything takes; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(60);

struct OneProxy {
    desired: Mutex<watch::Sender<Option<Arc<Desired>>>>,
}

impl OneProxy {
    fn sender(&self) -> std::sync::MutexGuard<'_, watch::Sender<Option<Arc<Desired>>>> {
        self.desired.lock().expect("nobody panics with it")
    }
}

impl Admission for OneProxy {
    async fn admit(&self, first: &FirstRequest) -> Result<ProxyStream, Status> {
        if first.token.as_deref() != Some("the-token") {
            return Err(Status::unauthenticated("who are you?"));
        }
        assert_eq!(first.node_id, "default.gateway");
        Ok(ProxyStream {
            key: key(),
            desired: self.sender().subscribe(),
            guard: Box::new(()),
        })
    }
}

fn key() -> ProxyKey {
    ProxyKey {
        mesh: "default".to_owned(),
        name: "gateway".to_owned(),
    }
}

/// An ADS server, an Envoy, two backends, and two listeners of the Envoy.
struct World {
    proxy: Arc<OneProxy>,
    reports: Reports,
    revision: u64,
    gateway: SocketAddr,
    second: SocketAddr,
    blue: SocketAddr,
    green: SocketAddr,
    envoy: Envoy,
    _stop: DropGuard,
}

impl World {
    /// Everything runs, with both listeners sent to `blue`; none when there is no Envoy.
    async fn start(address: Ipv4Addr, api: &str) -> Option<Self> {
        let binary = process::binary()?;
        let (blue, green) = (
            backend::serve(address, "blue").await,
            backend::serve(address, "green").await,
        );
        let listener = tokio::net::TcpListener::bind((address, 0))
            .await
            .expect("the address is local");
        let server = listener.local_addr().expect("it is bound");
        let proxy = Arc::new(OneProxy {
            desired: Mutex::new(watch::Sender::new(None)),
        });
        let (reports, stop) = (Reports::new(), CancellationToken::new());
        let ads = AdsServer::new(
            Arc::clone(&proxy),
            reports.clone(),
            "zone-east",
            stop.clone(),
        );
        tokio::spawn(
            Server::builder()
                .add_service(ads.into_service())
                .serve_with_incoming_shutdown(
                    TcpListenerStream::new(listener),
                    stop.clone().cancelled_owned(),
                ),
        );
        let port = || SocketAddr::from((address, process::free_port(address)));
        let (gateway, second) = (port(), port());
        let envoy = Envoy::start(&binary, server, api);
        let mut world = Self {
            proxy,
            reports,
            revision: 0,
            gateway,
            second,
            blue,
            green,
            envoy,
            _stop: stop.drop_guard(),
        };
        world.apply(&world.two_routes("blue", "0", "blue"));
        world.acknowledged().await;
        Some(world)
    }

    /// Both listeners, the first one's route to `backend` with `header`, the second's to `blue`, and `blue` itself.
    fn two_routes(&self, backend: &str, header: &str, second_backend: &str) -> Vec<One> {
        let mut parts = self.listeners();
        parts.extend([
            route("first", header, backend),
            route("second", header, second_backend),
        ]);
        parts.extend(self.backend("blue"));
        parts
    }

    fn listeners(&self) -> Vec<One> {
        vec![
            runtime(),
            listener("first", self.gateway, "first"),
            listener("second", self.second, "second"),
        ]
    }

    fn backend(&self, name: &str) -> [One; 2] {
        let at = if name == "green" {
            self.green
        } else {
            self.blue
        };
        [cluster(name, 5), endpoints(name, at)]
    }

    fn apply(&mut self, parts: &[One]) {
        self.revision += 1;
        self.proxy
            .sender()
            .send_replace(Some(state(self.revision, parts)));
    }

    /// Waits for a status of the proxy.
    async fn status(&self, wanted: impl Fn(&ProxyStatus) -> bool) -> ProxyStatus {
        let mut changes = self.reports.changes();
        let wait = async {
            loop {
                changes.borrow_and_update();
                if let Some(status) = self.reports.get(&key()).filter(&wanted) {
                    return status;
                }
                changes.changed().await.expect("the reports live");
            }
        };
        timeout(DEADLINE, wait).await.unwrap_or_else(|_| {
            panic!(
                "never so: {:?}\n{}",
                self.reports.get(&key()),
                self.envoy.log()
            )
        })
    }

    async fn acknowledged(&self) -> ProxyStatus {
        let revision = Revision(self.revision);
        self.status(|status| status.acknowledged == revision && !status.pending)
            .await
    }

    /// Waits until the gateway at `at` answers so.
    async fn answers(&self, at: SocketAddr, wanted: impl Fn(&Answer) -> bool) {
        let until = Instant::now() + DEADLINE;
        let mut last = None;
        while Instant::now() < until {
            if let Some(mut client) = Client::connect(at).await
                && let Ok(answer) = client.get().await
            {
                if wanted(&answer) {
                    return;
                }
                last = Some(answer);
            }
            tokio::task::yield_now().await;
        }
        panic!("never answered so, last {last:?}");
    }
}

/// Requests on one connection, one a millisecond.
struct Load {
    count: Arc<AtomicUsize>,
    stop: CancellationToken,
    answers: tokio::task::JoinHandle<Vec<Answer>>,
}

impl Load {
    fn start(at: SocketAddr) -> Self {
        let (count, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (counter, stopped) = (Arc::clone(&count), stop.clone());
        let answers = tokio::spawn(async move {
            let mut client = Client::connect(at).await.expect("the gateway listens");
            let mut answers = Vec::new();
            let mut pace = tokio::time::interval(Duration::from_millis(1));
            while !stopped.is_cancelled() {
                pace.tick().await;
                answers.push(client.get().await.expect("every request is answered"));
                counter.fetch_add(1, Ordering::Relaxed);
            }
            answers
        });
        Self {
            count,
            stop,
            answers,
        }
    }

    /// Waits for that many further answers.
    async fn more(&self, number: usize) {
        let until = Instant::now() + DEADLINE;
        let wanted = self.count.load(Ordering::Relaxed) + number;
        while self.count.load(Ordering::Relaxed) < wanted {
            assert!(
                Instant::now() < until && !self.answers.is_finished(),
                "the load stopped"
            );
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) -> Vec<Answer> {
        self.stop.cancel();
        self.answers.await.expect("the load ends")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_gateway_starts_and_a_header_change_arrives() {
    let Some(mut world) = World::start(Ipv4Addr::new(127, 0, 0, 61), "DELTA_GRPC").await else {
        return;
    };
    world
        .answers(world.gateway, |answer| {
            answer.status == 200 && answer.body == "blue" && answer.version == "0"
        })
        .await;
    let status = world.reports.get(&key()).expect("it is known");
    assert!(status.connected);
    assert!(
        status.envoy_version.starts_with("1."),
        "{:?}",
        status.envoy_version
    );
    world.apply(&world.two_routes("blue", "1", "blue"));
    let status = world.acknowledged().await;
    assert_eq!(status.rejections, []);
    let mut client = Client::connect(world.gateway).await.expect("it listens");
    let answer = client.get().await.expect("it answers");
    assert_eq!(
        (answer.status, answer.version.as_str()),
        (200, "1"),
        "acknowledged means served"
    );
}

/// All answers are good, and the header and the body belong together and never go back.
fn check(answers: &[Answer]) {
    let wrong: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != 200)
        .collect();
    assert_eq!(wrong, Vec::<&Answer>::new());
    let mut last = 0;
    for answer in answers {
        let change: u32 = answer.version.parse().expect("a number");
        assert_eq!(answer.body, backend_of(change), "change {change}");
        assert!(change >= last, "back from {last} to {change}");
        last = change;
    }
}

/// Where change number `change` sends: another backend each time, which no other route uses.
fn backend_of(change: u32) -> &'static str {
    if change.is_multiple_of(2) {
        "blue"
    } else {
        "green"
    }
}

impl World {
    fn change(&self, change: u32) -> Vec<One> {
        let name = backend_of(change);
        let mut parts = self.listeners();
        parts.extend([
            route("first", &change.to_string(), name),
            route("second", "0", name),
        ]);
        parts.extend(self.backend(name));
        parts
    }
}

async fn backend_changes_under_load(address: Ipv4Addr, api: &str) {
    let Some(mut world) = World::start(address, api).await else {
        return;
    };
    world
        .answers(world.gateway, |answer| answer.body == "blue")
        .await;
    let load = Load::start(world.gateway);
    let mut took = Vec::new();
    for change in 1..=40 {
        let since = Instant::now();
        world.apply(&world.change(change));
        world
            .status(|status| status.sent == Revision(world.revision))
            .await;
        took.push(since.elapsed());
        load.more(if change % 4 == 0 { 25 } else { 3 }).await;
    }
    world.acknowledged().await;
    load.more(25).await;
    let answers = load.end().await;
    took.sort();
    println!(
        "{api}: {} answers during 40 changes; applied to all sent: median {:?}, longest {:?}",
        answers.len(),
        took[20],
        took[39]
    );
    check(&answers);
    assert_eq!(
        answers.last().map(|answer| answer.version.as_str()),
        Some("40")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_backend_changes_under_load_give_old_or_new_answers_only() {
    backend_changes_under_load(Ipv4Addr::new(127, 0, 0, 62), "DELTA_GRPC").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_the_same_in_the_state_of_the_world_protocol() {
    backend_changes_under_load(Ipv4Addr::new(127, 0, 0, 68), "GRPC").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_change_while_the_stream_is_gone_arrives_with_the_next_one() {
    let Some(mut world) = World::start(Ipv4Addr::new(127, 0, 0, 69), "DELTA_GRPC").await else {
        return;
    };
    let load = Load::start(world.gateway);
    for change in 1..=3 {
        // The old sender is dropped, which ends the stream; the next one begins with another state.
        *world.proxy.sender() = watch::Sender::new(None);
        world
            .status(|status| !status.connected || status.acknowledged == Revision::ZERO)
            .await;
        world.apply(&world.change(change));
        world.acknowledged().await;
        load.more(20).await;
    }
    let answers = load.end().await;
    check(&answers);
    assert_eq!(
        answers.last().map(|answer| answer.version.as_str()),
        Some("3")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_rejected_route_is_reported_with_envoys_words_and_the_rest_moves() {
    let Some(mut world) = World::start(Ipv4Addr::new(127, 0, 0, 63), "DELTA_GRPC").await else {
        return;
    };
    let mut parts = world.listeners();
    parts.extend([bad_route("first"), route("second", "moved", "blue")]);
    parts.extend(world.backend("blue"));
    world.apply(&parts);
    let status = world
        .status(|status| !status.pending && !status.rejections.is_empty())
        .await;
    println!("Envoy says: {}", status.rejections[0].message);
    assert_eq!(status.rejections.len(), 1);
    assert_eq!(
        (
            status.rejections[0].of,
            status.rejections[0].resource.as_str()
        ),
        (TypeUrl::Route, "first")
    );
    assert!(
        status.rejections[0]
            .message
            .to_lowercase()
            .contains("status"),
        "{}",
        status.rejections[0].message
    );
    assert_eq!(
        (status.sent, status.acknowledged),
        (Revision(2), Revision(1))
    );
    world
        .answers(world.second, |answer| answer.version == "moved")
        .await;
    world
        .answers(world.gateway, |answer| {
            answer.version == "0" && answer.body == "blue"
        })
        .await;
    world.apply(&world.two_routes("blue", "mended", "blue"));
    assert_eq!(world.acknowledged().await.rejections, []);
    world
        .answers(world.gateway, |answer| answer.version == "mended")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_refused_clusters_cost_their_own_backend_only() {
    let Some(mut world) = World::start(Ipv4Addr::new(127, 0, 0, 64), "DELTA_GRPC").await else {
        return;
    };
    // One that Envoy cannot even read (so that it takes nothing of the response), one that it refuses by name.
    let mut parts = world.two_routes("green", "1", "unreadable");
    parts.extend(world.backend("green"));
    parts.extend([cluster("unreadable", 0), cluster_without_source("nameless")]);
    world.apply(&parts);
    let status = world
        .status(|status| !status.pending && !status.rejections.is_empty())
        .await;
    let refused: Vec<_> = status
        .rejections
        .iter()
        .map(|one| (one.of, one.resource.as_str()))
        .collect();
    println!(
        "Envoy says: {:?}",
        status
            .rejections
            .iter()
            .map(|one| &one.message)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        refused,
        [
            (TypeUrl::Cluster, "nameless"),
            (TypeUrl::Cluster, "unreadable")
        ]
    );
    world
        .answers(world.gateway, |answer| {
            answer.body == "green" && answer.version == "1"
        })
        .await;
    world
        .answers(world.second, |answer| answer.status == 503)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_cluster_that_waits_for_a_name_does_not_delay_another() {
    let Some(mut world) = World::start(Ipv4Addr::new(127, 0, 0, 65), "DELTA_GRPC").await else {
        return;
    };
    let mut parts = world.two_routes("green", "1", "slow");
    parts.extend(world.backend("green"));
    parts.push(dns_cluster("slow", "no-such-host.invalid"));
    world.apply(&parts);
    world
        .answers(world.gateway, |answer| {
            answer.body == "green" && answer.version == "1"
        })
        .await;
    world
        .answers(world.second, |answer| answer.status == 503)
        .await;
    world.acknowledged().await;
}
