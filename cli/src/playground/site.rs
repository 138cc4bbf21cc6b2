//! A site that stands.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use torii_api::status::Status;

use crate::client::Client;
use crate::context::{ConnectionFlags, Target};

use super::guard::Guard;
use super::resources::HOST;
use super::server::clean;
use super::{Answer, Layout, Options, Probe, Server, SiteError, start, wait_until};

/// How long a `torii` command may take.
const COMMAND: Duration = Duration::from_secs(120);

/// A whole site. Dropping it kills every process and removes its files, unless it was given a folder.
#[derive(Debug)]
pub struct Site {
    // In the order of their end: gateways first, so that nobody sees a zone leave.
    pub(super) zones: Vec<ZoneSite>,
    pub(super) globals: Vec<Server>,
    pub(super) layout: Layout,
    pub(super) probe: Probe,
    pub(super) binary: PathBuf,
    pub(super) folder: Option<TempDir>,
    pub(super) _guard: Guard,
}

/// The processes of one zone.
#[derive(Debug)]
pub struct ZoneSite {
    /// The gateway: `torii dp run` and its Envoy.
    pub gateway: Option<Server>,
    /// The demo application.
    pub app: Option<Server>,
    /// The zone's control plane.
    pub control_plane: Server,
    /// Its number, from 0.
    pub index: usize,
}

impl Site {
    /// Starts everything, in order, each as soon as what it needs is ready.
    ///
    /// # Errors
    /// When a process does not start or ends again: with the end of its log. What has started is stopped.
    pub async fn start(options: Options) -> Result<Self, SiteError> {
        start::start(options).await
    }

    /// Addresses and files.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The client for requests through the gateways.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// A node of the global, counted from 0.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn global(&self, index: usize) -> Result<&Server, SiteError> {
        let missing = || SiteError::Broken(format!("the site has no global node {index}"));
        self.globals.get(index).ok_or_else(missing)
    }

    /// All nodes of the global.
    pub fn globals(&self) -> &[Server] {
        &self.globals
    }

    /// The processes of a zone.
    ///
    /// # Errors
    /// When there is no zone of that name.
    pub fn zone(&self, name: &str) -> Result<&ZoneSite, SiteError> {
        let missing = || SiteError::Broken(format!("the site has no zone {name}"));
        self.zones
            .iter()
            .find(|zone| zone.control_plane.name() == name)
            .ok_or_else(missing)
    }

    /// All zones.
    pub fn zones(&self) -> &[ZoneSite] {
        &self.zones
    }

    /// The gateway of a zone.
    ///
    /// # Errors
    /// When there is no zone of that name, or it has no gateway.
    pub fn gateway(&self, zone: &str) -> Result<&Server, SiteError> {
        let missing = || SiteError::Broken(format!("zone {zone} has no gateway"));
        self.zone(zone)?.gateway.as_ref().ok_or_else(missing)
    }

    /// Runs `torii` with arguments and standard input, as the operator of the global. Gives its standard output.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub async fn torii(&self, arguments: &[&str], input: &str) -> Result<String, SiteError> {
        torii(
            &self.binary,
            &self.layout.global_context(),
            arguments,
            input,
        )
        .await
    }

    /// As [`torii`](Self::torii), as the operator of a zone.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub async fn torii_in(
        &self,
        zone: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, SiteError> {
        torii(
            &self.binary,
            &self.layout.zone_context(zone),
            arguments,
            input,
        )
        .await
    }

    /// `torii apply -f -` at the global.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn apply(&self, yaml: &str) -> Result<String, SiteError> {
        self.torii(&["apply", "-f", "-"], yaml).await
    }

    /// `torii apply -f - --wait=60s` at the global.
    ///
    /// # Errors
    /// When it is refused, rejected by an Envoy, or not served in time.
    pub async fn apply_and_wait(&self, yaml: &str) -> Result<String, SiteError> {
        self.torii(&["apply", "-f", "-", "--wait=60s"], yaml).await
    }

    /// A client of the global's REST API.
    ///
    /// # Errors
    /// When its context file cannot be used.
    pub fn client(&self) -> Result<Client, SiteError> {
        client(&self.layout.global_context())
    }

    /// A client of a zone's REST API.
    ///
    /// # Errors
    /// When its context file cannot be used.
    pub fn zone_client(&self, zone: &str) -> Result<Client, SiteError> {
        client(&self.layout.zone_context(zone))
    }

    /// What the global says of itself and of the zones.
    ///
    /// # Errors
    /// When no node answers.
    pub async fn status(&self) -> Result<Status, SiteError> {
        Ok(self.client()?.status().await?)
    }

    /// The leader of the global, as a number from 0, once there is one that answers.
    ///
    /// # Errors
    /// When there is none within a minute.
    pub async fn leader(&self) -> Result<usize, SiteError> {
        wait_until(
            "the global has a leader",
            Duration::from_secs(60),
            || async {
                let status = self.status().await.map_err(|error| error.to_string())?;
                let leader = status.nodes.iter().find(|node| node.leader);
                let name = leader
                    .map(|node| node.name.as_str())
                    .ok_or("no node says that it leads")?;
                let index = self.globals.iter().position(|server| server.name() == name);
                let index =
                    index.ok_or_else(|| format!("{name} leads, which is no node of this site"))?;
                match self.globals.get(index) {
                    Some(server) if server.is_running().await => Ok(index),
                    _ => Err(format!("{name} is said to lead, but does not run")),
                }
            },
        )
        .await
    }

    /// Sends a request through a zone's gateway, as a visitor of the demo's host name.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn ask(&self, zone: &str, path: &str) -> Result<Answer, String> {
        let index = self.zone(zone).map_err(|error| error.to_string())?.index;
        let url = format!("{}{path}", self.layout.gateway_url(index));
        self.probe.get(&url, Some(HOST)).await
    }

    /// Waits until a node of the global says that it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute.
    pub async fn global_ready(&self, index: usize) -> Result<(), SiteError> {
        let url = format!("http://{}:5680/ready", self.layout.node_address(index));
        self.ready(self.global(index)?, &url).await
    }

    /// Waits until a zone's control plane says that it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute.
    pub async fn zone_ready(&self, name: &str) -> Result<(), SiteError> {
        let zone = self.zone(name)?;
        let url = format!("http://{}:5680/ready", self.layout.zone_address(zone.index));
        self.ready(&zone.control_plane, &url).await
    }

    /// Waits until a process answers 200 at a URL.
    pub(super) async fn ready(&self, server: &Server, url: &str) -> Result<(), SiteError> {
        let what = format!("{} is ready", server.name());
        wait_until(&what, Duration::from_secs(60), || async {
            // A process that has ended will not become ready: that error ends the waiting.
            if let Err(ended) = server.check().await {
                return Ok(Err(ended));
            }
            match self.probe.get(url, None).await {
                Ok(answer) if answer.status.is_success() => Ok(Ok(())),
                Ok(answer) => Err(format!("{url}: {} {}", answer.status, answer.body)),
                Err(error) => Err(error),
            }
        })
        .await?
    }

    /// All processes that should run do.
    ///
    /// # Errors
    /// For the first one that has ended by itself.
    pub async fn check(&self) -> Result<(), SiteError> {
        for server in self.servers() {
            server.check().await?;
        }
        Ok(())
    }

    /// Every process.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        let zones = self.zones.iter();
        let zones = zones.flat_map(|zone| {
            zone.gateway
                .iter()
                .chain(&zone.app)
                .chain([&zone.control_plane])
        });
        zones.chain(&self.globals)
    }

    /// Stops everything in good order: gateways, applications, zones, the global. Files in a temporary folder go too.
    pub async fn stop(self) {
        for zone in &self.zones {
            for server in zone.gateway.iter().chain(&zone.app) {
                server.stop().await;
            }
        }
        let zones = self.zones.iter().map(|zone| zone.control_plane.stop());
        all(zones).await;
        all(self.globals.iter().map(Server::stop)).await;
    }

    /// Leaves the files where they are: they explain what went wrong.
    pub fn keep_files(&mut self) -> &Path {
        if let Some(folder) = self.folder.take() {
            let _ = folder.keep();
        }
        &self.layout.dir
    }
}

/// Awaits all at once.
async fn all(futures: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

fn client(context: &Path) -> Result<Client, SiteError> {
    let target = Target::resolve(&ConnectionFlags {
        config_file: Some(context.to_owned()),
        ..ConnectionFlags::default()
    })?;
    Ok(Client::new(&target)?)
}

/// Runs a `torii` command to its end.
pub(super) async fn torii(
    binary: &Path,
    context: &Path,
    arguments: &[&str],
    input: &str,
) -> Result<String, SiteError> {
    let failed = |status: String, stderr: String| SiteError::Command {
        command: arguments.join(" "),
        status,
        stderr,
    };
    let mut command = Command::new(binary);
    clean(&mut command);
    command.args(arguments).env("TORII_CONFIG", context);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut command = tokio::process::Command::from(command);
    let mut child = command
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string(), String::new()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input has closed it: its own error says more.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = tokio::time::timeout(COMMAND, child.wait_with_output())
        .await
        .map_err(|_| {
            failed(
                format!("no end within {} s", COMMAND.as_secs()),
                String::new(),
            )
        })?
        .map_err(|error| failed(error.to_string(), String::new()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(output.status.to_string(), stderr))
}
