//! The site that is measured: the demo's, and in each zone a second application that no other route uses.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tokio::runtime::Runtime;
use torii_cli::playground::{Options, Site, Watcher};

/// The two services that the measured route moves between.
pub(crate) const SERVICES: [&str; 2] = ["blue", "green"];
const PORTS: [u16; 2] = [5101, 5102];
/// Third byte of the addresses: beside a demo that may run.
const NET: u8 = 70;
/// Where the floor's server and Envoy listen.
pub(crate) const FLOOR: Ipv4Addr = Ipv4Addr::new(127, 0, NET, 41);

/// The running site.
pub(crate) struct Bench<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) site: Site,
    pub(crate) envoy: PathBuf,
    apps: Vec<Child>,
}

impl<'a> Bench<'a> {
    /// Starts everything and waits until both gateways answer.
    pub(crate) fn start(runtime: &'a Runtime) -> Result<Self, Box<dyn Error>> {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_torii"));
        let named = std::env::var_os("TORII_ENVOY").map(PathBuf::from);
        let envoy = torii_cli::dataplane::find_envoy(named.as_deref())?;
        let mut options = Options::new(&binary)
            .envoy(&envoy)
            .watcher(Watcher::new(|step| eprintln!("{step}")));
        options.net = Some(NET);
        let site = runtime.block_on(Site::start(options))?;
        let mut bench = Self {
            runtime,
            site,
            envoy,
            apps: Vec::new(),
        };
        bench.applications(&binary)?;
        bench.put(&route(0, SERVICES[0]))?;
        Ok(bench)
    }

    fn applications(&mut self, binary: &std::path::Path) -> Result<(), Box<dyn Error>> {
        let places: Vec<(Option<String>, Ipv4Addr)> = self
            .site
            .zones()
            .iter()
            .map(|zone| {
                let address = self.site.layout().zone_address(zone.index);
                (Some(zone.control_plane.name().to_owned()), address)
            })
            .chain([(None, FLOOR)])
            .collect();
        for (zone, address) in places {
            for (service, port) in SERVICES.iter().zip(PORTS) {
                let app = Command::new(binary)
                    .args([
                        "demo-app",
                        "--say",
                        service,
                        "--address",
                        &format!("{address}:{port}"),
                    ])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()?;
                self.apps.push(app);
                if let Some(zone) = &zone {
                    let document = dataplane(service, address, port);
                    self.runtime.block_on(self.site.torii_in(
                        zone,
                        &["apply", "-f", "-"],
                        &document,
                    ))?;
                }
            }
        }
        Ok(())
    }

    /// Writes documents at the global.
    pub(crate) fn put(&self, yaml: &str) -> Result<(), Box<dyn Error>> {
        self.runtime.block_on(self.site.apply_and_wait(yaml))?;
        Ok(())
    }

    /// Makes this many other routes, and waits until they are served.
    pub(crate) fn others(&self, count: usize) -> Result<(), Box<dyn Error>> {
        if count == 0 {
            return Ok(());
        }
        let documents: Vec<String> = (0..count).map(other_route).collect();
        self.put(&documents.join("---\n"))
    }

    /// Gateways: name of the zone and address of the listener.
    pub(crate) fn gateways(&self) -> Vec<SocketAddr> {
        self.site
            .zones()
            .iter()
            .map(|zone| SocketAddr::from((self.site.layout().zone_address(zone.index), 8080)))
            .collect()
    }

    /// Process ids of the global's nodes and of the zones.
    pub(crate) fn process_ids(&self) -> Result<(Vec<u32>, Vec<u32>), Box<dyn Error>> {
        self.runtime.block_on(async {
            let mut globals = Vec::new();
            for server in self.site.globals() {
                globals.push(server.id().await.ok_or("a global node does not run")?);
            }
            let mut zones = Vec::new();
            for zone in self.site.zones() {
                zones.push(zone.control_plane.id().await.ok_or("a zone does not run")?);
            }
            Ok((globals, zones))
        })
    }

    /// Stops everything.
    pub(crate) fn stop(mut self) {
        for app in &mut self.apps {
            let _ = app.kill();
            let _ = app.wait();
        }
        self.runtime.block_on(self.site.stop());
    }
}

/// The measured route: a response header that says the change, and the backend.
pub(crate) fn route(change: usize, service: &str) -> String {
    format!(
        "\
type: MeshGatewayRoute
mesh: default
name: edge-gateway-route
selectors:
  - match:
      kuma.io/service: edge-gateway
      port: http-8080
conf:
  http:
    rules:
      - matches:
          - path:
              match: PREFIX
              value: /
        filters:
          - responseHeader:
              set:
                - name: x-torii-change
                  value: \"{change}\"
        backends:
          - destination:
              kuma.io/service: {service}
"
    )
}

/// A route that nobody asks for, to the demo's application.
pub(crate) fn other_route(index: usize) -> String {
    format!(
        "\
type: MeshGatewayRoute
mesh: default
name: other-{index}
selectors:
  - match:
      kuma.io/service: edge-gateway
      port: http-8080
conf:
  http:
    rules:
      - matches:
          - path:
              match: PREFIX
              value: /other/{index}
        backends:
          - destination:
              kuma.io/service: demo-app_kuma-demo_svc_5000
"
    )
}

/// An application's Dataplane.
pub(crate) fn dataplane(service: &str, address: Ipv4Addr, port: u16) -> String {
    format!(
        "\
type: Dataplane
mesh: default
name: app-{port}
networking:
  address: {address}
  inbound:
    - port: {port}
      tags:
        kuma.io/service: {service}
        kuma.io/protocol: http
"
    )
}

/// Ports of the two services.
pub(crate) fn ports() -> impl Iterator<Item = (&'static str, u16)> {
    SERVICES.into_iter().zip(PORTS)
}
