//! A zone of ours, as a process, whose global is not.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use torii_api::status::Status;
use torii_cli::client::Client;
use torii_cli::context::{ConnectionFlags, Target};
use torii_cli::playground::{Site, wait_until};
use torii_resource::registry;

use super::ZONE;
use super::scripted::Global;
use crate::{DEADLINE, binary};

/// A running zone. It is killed when this is dropped.
pub(crate) struct Zone {
    child: Child,
    context: PathBuf,
    log: PathBuf,
}

fn command(context: &PathBuf) -> Command {
    let mut command = Command::new(binary());
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy().into_owned();
        if name.starts_with("TORII_") && name != "TORII_LOG" {
            command.env_remove(key);
        }
    }
    command
        .env("TORII_CONFIG", context)
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Zone {
    /// Starts one at the address of the site's first zone, in the site's folder.
    pub(crate) async fn start(site: &Site, global: &Global) -> Self {
        let layout = site.layout();
        let (data, log) = (layout.data_dir(ZONE), layout.log(ZONE));
        let context = data.join("context.yaml");
        let address = layout.zone_address(0);
        let out = std::fs::File::create(&log).unwrap();
        let mut zone = command(&layout.file("zone-context.yaml"));
        zone.args(["zone", "run", "--name", ZONE])
            .args(["--address", &address.to_string()])
            .args(["--global-address", &format!("grpcs://{}", global.address)])
            .arg("--global-ca-file")
            .arg(&global.ca)
            .arg("--data-dir")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out);
        let started = Self {
            child: zone.spawn().unwrap(),
            context,
            log,
        };
        wait_until("the zone can be asked", DEADLINE, || async {
            started.client().map(drop)?;
            started.status().await.map(drop)
        })
        .await
        .unwrap();
        started
    }

    fn client(&self) -> Result<Client, String> {
        let flags = ConnectionFlags {
            config_file: Some(self.context.clone()),
            ..ConnectionFlags::default()
        };
        let target = Target::resolve(&flags).map_err(|error| error.to_string())?;
        Client::new(&target).map_err(|error| error.to_string())
    }

    /// What it says of itself.
    pub(crate) async fn status(&self) -> Result<Status, String> {
        let status = self.client()?.status().await;
        status.map_err(|error| error.to_string())
    }

    /// `GET /meshes/default/<plural>`
    pub(crate) async fn list(&self, plural: &str) -> Result<Vec<Value>, String> {
        let kind = &registry::by_plural(plural).unwrap().descriptor;
        let listed = self.client()?.list(kind, Some("default")).await;
        listed.map_err(|error| error.to_string())
    }

    /// Waits until the zone has exactly these of a kind.
    pub(crate) async fn has(&self, plural: &str, names: &[&str]) {
        let what = format!("the zone has the {plural} {names:?}");
        wait_until(&what, DEADLINE, || async {
            let items = self.list(plural).await?;
            let found: Vec<_> = items
                .iter()
                .map(|item| item["name"].as_str().unwrap())
                .collect();
            (found == names)
                .then_some(())
                .ok_or_else(|| format!("{found:?}"))
        })
        .await
        .unwrap();
    }

    /// Runs a `torii` command as the zone's operator.
    pub(crate) async fn torii(&self, arguments: &[&str], input: &str) -> String {
        let mut child = command(&self.context)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input has closed it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let Output {
            status,
            stdout,
            stderr,
        } = child.wait_with_output().await.unwrap();
        assert!(
            status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&stderr)
        );
        String::from_utf8(stdout).unwrap()
    }
}

impl Drop for Zone {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("the zone's log:\n{log}");
        }
    }
}
