//! The rows: a number of changes, one after the other, each timed from the write to the first changed answer.

use std::error::Error;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use torii_mesh::{Index, ProxyId};
use torii_render::{Parts, render_gateway};
use torii_resource::admission::admit;
use torii_resource::format::universal;
use torii_resource::{Mode, Resource, Revision, Stamp};

use crate::floor::Floor;
use crate::probe::{Answer, Probe};
use crate::setup::{self, Bench, FLOOR, SERVICES};

const HOST: &str = "foo.example.com";
/// A change that is not seen for this long is lost.
const LOST: Duration = Duration::from_secs(20);

/// What a change changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A response header of the route: one route configuration.
    Header,
    /// The backend, to a service that no other route uses: a cluster comes and one goes.
    Backend,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// Write to the answer of the write.
    pub(crate) commits: Vec<Duration>,
    /// Write (or push) to the first changed answer, each gateway by itself.
    pub(crate) seen: Vec<Duration>,
    /// Requests of the probes.
    pub(crate) asked: u64,
    /// Answers that were neither the old nor the new one.
    pub(crate) wrong: u64,
    /// The last wrong one.
    pub(crate) example: Option<Answer>,
}

/// Where the measured route stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    header: usize,
    service: usize,
}

impl State {
    fn answer(self) -> Answer {
        Answer::ok(
            &self.header.to_string(),
            SERVICES.get(self.service).copied().unwrap_or_default(),
        )
    }

    fn document(self) -> String {
        setup::route(
            self.header,
            SERVICES.get(self.service).copied().unwrap_or_default(),
        )
    }

    fn after(self, change: Change) -> Self {
        match change {
            Change::Header => Self {
                header: self.header + 1,
                ..self
            },
            Change::Backend => Self {
                service: 1 - self.service,
                ..self
            },
        }
    }
}

/// Pauses between changes differ, so that they do not fall into step with anything.
fn pause(index: usize) -> Duration {
    Duration::from_millis(20 + (index as u64 * 37) % 41)
}

/// Changes at the global, seen at the gateways of both zones.
pub(crate) fn run(bench: &Bench<'_>, change: Change, count: usize) -> Result<Row, Box<dyn Error>> {
    let client = bench.site.client()?;
    let mut state = State {
        header: 0,
        service: 0,
    };
    bench.put(&state.document())?;
    let probes: Vec<Probe> = bench
        .gateways()
        .into_iter()
        .map(|address| Probe::start(address, HOST))
        .collect();
    let mut row = Row::default();
    for index in 0..count {
        std::thread::sleep(pause(index));
        let next = state.after(change);
        for probe in &probes {
            probe.expect(state.answer(), next.answer());
        }
        let document = next.document();
        let started = Instant::now();
        bench
            .runtime
            .block_on(client.apply(document, |number| number.to_string()))?;
        row.commits.push(started.elapsed());
        for probe in &probes {
            let at = probe
                .wait(LOST)
                .ok_or("a change was not seen at a gateway within 20 s")?;
            row.seen.push(at.saturating_duration_since(started));
        }
        state = next;
    }
    for probe in &probes {
        row.count(probe);
    }
    Ok(row)
}

impl Row {
    fn count(&mut self, probe: &Probe) {
        let (asked, wrong) = probe.counts();
        self.asked += asked;
        self.wrong += wrong;
        self.example = self.example.take().or_else(|| probe.last_wrong());
    }
}

/// The same backend changes, pushed to an Envoy from prepared bytes.
pub(crate) fn floor(bench: &Bench<'_>, others: usize, count: usize) -> Result<Row, Box<dyn Error>> {
    let states = [0, 1].map(|service| State { header: 0, service });
    let parts = states.map(|state| prepare(state, others));
    let [first, second] = parts;
    let prepared = [Arc::new(first?), Arc::new(second?)];
    // A port of its own for each run: the server of the last one may still hold its own.
    let port = if others == 0 { 5779 } else { 5780 };
    let server = SocketAddr::from((FLOOR, port));
    let floor = bench
        .runtime
        .block_on(Floor::start(server, Arc::clone(&prepared[0])))?;
    let _envoy = Envoy::start(bench, server)?;
    let probe = Probe::start(SocketAddr::from((FLOOR, 8080)), HOST);
    // The start of Envoy is not measured.
    probe.expect(Answer::ok("", ""), states[0].answer());
    probe
        .wait(LOST)
        .ok_or("the floor's Envoy does not answer within 20 s")?;
    let before = probe.counts();

    let mut row = Row::default();
    for index in 0..count {
        std::thread::sleep(pause(index));
        let (old, new) = (index % 2, (index + 1) % 2);
        probe.expect(states[old].answer(), states[new].answer());
        let started = Instant::now();
        floor.push(Arc::clone(&prepared[new]));
        let at = probe
            .wait(LOST)
            .ok_or("a pushed change was not seen within 20 s")?;
        row.seen.push(at.saturating_duration_since(started));
    }
    row.count(&probe);
    row.asked -= before.0;
    row.wrong -= before.1;
    if row.wrong == 0 {
        row.example = None;
    }
    Ok(row)
}

/// What a gateway at the floor's address gets, from the very generators that zones run.
fn prepare(state: State, others: usize) -> Result<Parts, Box<dyn Error>> {
    let mut documents = vec![
        "type: Mesh\nname: default\n".to_owned(),
        torii_cli::playground::gateway(),
        state.document(),
        format!(
            "type: Dataplane\nmesh: default\nname: floor\nnetworking:\n  address: {FLOOR}\n  gateway:\n    type: BUILTIN\n    \
             tags:\n      kuma.io/service: edge-gateway\n"
        ),
        setup::dataplane("demo-app_kuma-demo_svc_5000", FLOOR, 5000),
    ];
    documents.extend(setup::ports().map(|(service, port)| setup::dataplane(service, FLOOR, port)));
    documents.extend((0..others).map(setup::other_route));
    let mode = Mode::Zone("floor".to_owned());
    let mut index = Index::new("floor");
    for (number, document) in documents.iter().enumerate() {
        for document in universal::parse(document, "bench")? {
            let parsed = document.resource;
            // Written by nobody: a zone would refuse the kinds of the global, the index does not.
            let admitted =
                admit(&parsed, None, &mode).map_err(|violations| violations.to_string())?;
            let stamp = Stamp {
                revision: Revision(number as u64 + 1),
                ..Stamp::default()
            };
            let resource = Resource {
                key: parsed.key.clone(),
                labels: admitted.labels,
                spec: admitted.spec,
                created: stamp,
                modified: stamp,
            };
            index.apply([(parsed.key, Some(Arc::new(resource)))]);
        }
    }
    let id = ProxyId {
        mesh: "default".to_owned(),
        name: "floor".to_owned(),
    };
    let view = index
        .view(&id)
        .ok_or("the floor's gateway is not in the index")?;
    Ok(render_gateway(&view).parts)
}

/// An Envoy that is told nothing but where its server is.
struct Envoy {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Envoy {
    fn start(bench: &Bench<'_>, server: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bootstrap.json");
        std::fs::write(&file, bootstrap(server).to_string())?;
        let child = Command::new(&bench.envoy)
            .arg("-c")
            .arg(&file)
            .args([
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "--log-level",
                "error",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            _folder: folder,
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bootstrap(server: SocketAddr) -> serde_json::Value {
    let ads =
        serde_json::json!({"ads": {}, "resourceApiVersion": "V3", "initialFetchTimeout": "0s"});
    serde_json::json!({
        "node": {"id": "default.floor", "cluster": "floor"},
        "dynamicResources": {
            "adsConfig": {
                "apiType": "DELTA_GRPC",
                "transportApiVersion": "V3",
                "grpcServices": [{"envoyGrpc": {"clusterName": "ads"}}],
            },
            "cdsConfig": ads,
            "ldsConfig": ads,
        },
        "staticResources": {"clusters": [{
            "name": "ads",
            "type": "STATIC",
            "connectTimeout": "1s",
            "typedExtensionProtocolOptions": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicitHttpConfig": {"http2ProtocolOptions": {}},
                },
            },
            "loadAssignment": {"clusterName": "ads", "endpoints": [{"lbEndpoints": [{"endpoint": {"address":
                {"socketAddress": {"address": server.ip().to_string(), "portValue": server.port()}}}}]}]},
        }]},
    })
}
