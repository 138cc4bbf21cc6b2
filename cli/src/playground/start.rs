//! Starting a site, process by process, each when what it needs is ready.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::dataplane::find_envoy;
use crate::process::Launcher;

use super::guard::Guard;
use super::layout::text;
use super::site::torii;
use super::{
    Layout, Options, Probe, Server, Site, SiteError, Watcher, ZoneSite, gateway, resources, route,
    wait_until,
};

pub(super) async fn start(options: Options) -> Result<Site, SiteError> {
    let envoy = match options.gateways {
        true => Some(find_envoy(options.envoy.as_deref())?),
        false => None,
    };
    let guard = Guard::take(options.net)?;
    let (dir, folder) = folder(options.dir.as_deref())?;
    let layout = Layout {
        net: guard.net,
        dir,
        nodes: options.nodes,
        zones: options.zones.clone(),
    };
    for path in layout.folders() {
        fs::create_dir_all(&path).map_err(|error| unwritable(&path, &error))?;
    }
    let plan = Plan {
        launcher: Launcher::through(&options.binary),
        options: &options,
        layout: &layout,
        envoy,
    };
    let mut site = Site {
        zones: (0..options.zones.len())
            .map(|index| plan.zone(index))
            .collect(),
        globals: (0..options.nodes).map(|index| plan.global(index)).collect(),
        layout: layout.clone(),
        probe: Probe::new(),
        binary: options.binary.clone(),
        folder,
        _guard: guard,
    };
    // From here on an error drops the site, which stops what has started.
    match bring_up(&site, &options.watcher).await {
        Ok(()) => Ok(site),
        Err(source) => Err(SiteError::NotUp {
            dir: site.keep_files().to_owned(),
            source: Box::new(source),
        }),
    }
}

async fn bring_up(site: &Site, watcher: &Watcher) -> Result<(), SiteError> {
    watcher.step(&format!(
        "making the keys of a global with {} nodes",
        site.globals.len()
    ));
    init(site).await?;
    watcher.step("starting the global");
    for server in &site.globals {
        server.start().await?;
    }
    for index in 0..site.globals.len() {
        site.global_ready(index).await?;
    }
    for zone in &site.zones {
        let name = zone.control_plane.name();
        watcher.step(&format!("starting zone {name}"));
        let token = site
            .torii(&["generate", "zone-token", "--zone", name], "")
            .await?;
        write(&site.layout.file(&format!("{name}.token")), &token)?;
        zone.control_plane.start().await?;
    }
    for zone in &site.zones {
        site.zone_ready(zone.control_plane.name()).await?;
    }
    for zone in &site.zones {
        start_app(site, zone, watcher).await?;
        start_gateway(site, zone, watcher).await?;
    }
    if site.zones.iter().any(|zone| zone.gateway.is_some()) {
        serve(site, watcher).await?;
    }
    Ok(())
}

async fn init(site: &Site) -> Result<(), SiteError> {
    let out = text(&site.layout.cluster_dir());
    let mut arguments = vec![
        "global".to_owned(),
        "init".to_owned(),
        "--out".to_owned(),
        out,
    ];
    for index in 0..site.globals.len() {
        let (name, address) = (
            site.layout.node_name(index),
            site.layout.node_address(index),
        );
        arguments.extend(["--node".to_owned(), format!("{name}={address}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    site.torii(&arguments, "").await.map(drop)
}

async fn start_app(site: &Site, zone: &ZoneSite, watcher: &Watcher) -> Result<(), SiteError> {
    let Some(app) = &zone.app else { return Ok(()) };
    watcher.step(&format!("starting {}", app.name()));
    app.start().await?;
    let (address, port) = site.layout.app(zone.index);
    site.ready(app, &format!("http://{address}:{port}/"))
        .await?;
    let document = resources::app_dataplane(app.name(), address, port);
    let zone = zone.control_plane.name();
    site.torii_in(zone, &["apply", "-f", "-"], &document)
        .await
        .map(drop)
}

async fn start_gateway(site: &Site, zone: &ZoneSite, watcher: &Watcher) -> Result<(), SiteError> {
    let Some(server) = &zone.gateway else {
        return Ok(());
    };
    let name = server.name();
    watcher.step(&format!("starting {name}"));
    let address = site.layout.zone_address(zone.index);
    let document = resources::gateway_dataplane(name, address, site.layout.admin_port(zone.index));
    write(&site.layout.file(&format!("{name}.yaml")), &document)?;
    let asked = ["generate", "dataplane-token", "--name", name];
    let token = torii(
        &site.binary,
        &site.layout.zone_context(zone.control_plane.name()),
        &asked,
        "",
    )
    .await?;
    write(&site.layout.file(&format!("{name}.token")), &token)?;
    server.start().await
}

/// The gateway and its route, at the global; then an answer through every gateway.
async fn serve(site: &Site, watcher: &Watcher) -> Result<(), SiteError> {
    watcher.step("applying MeshGateway and MeshGatewayRoute at the global");
    let file = site.layout.file("gateway.yaml");
    write(&file, &format!("{}---\n{}", gateway(), route()))?;
    site.torii(&["apply", "-f", &text(&file), "--wait=60s"], "")
        .await?;
    for zone in site
        .zones
        .iter()
        .filter(|zone| zone.gateway.is_some() && zone.app.is_some())
    {
        let name = zone.control_plane.name();
        watcher.step(&format!("asking through the gateway of zone {name}"));
        let what = format!("the gateway of zone {name} answers with its zone's name");
        wait_until(&what, Duration::from_secs(60), || async {
            let answer = site.ask(name, "/").await?;
            if answer.status.is_success() && answer.body == name {
                Ok(())
            } else {
                Err(format!("{} {:?}", answer.status, answer.body))
            }
        })
        .await?;
    }
    Ok(())
}

/// Which process is started how.
struct Plan<'a> {
    launcher: Launcher,
    options: &'a Options,
    layout: &'a Layout,
    envoy: Option<PathBuf>,
}

impl Plan<'_> {
    fn global(&self, index: usize) -> Server {
        let name = self.layout.node_name(index);
        let mut arguments = words(["global", "run"]);
        add(
            &mut arguments,
            "--dir",
            text(&self.layout.cluster_dir().join(&name)),
        );
        add(
            &mut arguments,
            "--address",
            self.layout.node_address(index).to_string(),
        );
        add(
            &mut arguments,
            "--data-dir",
            text(&self.layout.data_dir(&name)),
        );
        arguments.extend(self.options.global_arguments.iter().cloned());
        self.server(&name, arguments)
    }

    fn zone(&self, index: usize) -> ZoneSite {
        let name = self.options.zones.get(index).cloned().unwrap_or_default();
        let globals = (0..self.options.nodes)
            .map(|node| format!("grpcs://{}:5685", self.layout.node_address(node)));
        let mut arguments = words(["zone", "run"]);
        add(&mut arguments, "--name", name.clone());
        add(
            &mut arguments,
            "--address",
            self.layout.zone_address(index).to_string(),
        );
        add(
            &mut arguments,
            "--global-address",
            globals.collect::<Vec<_>>().join(","),
        );
        add(
            &mut arguments,
            "--global-ca-file",
            text(&self.layout.global_ca()),
        );
        add(
            &mut arguments,
            "--token-file",
            text(&self.layout.file(&format!("{name}.token"))),
        );
        add(
            &mut arguments,
            "--data-dir",
            text(&self.layout.data_dir(&name)),
        );
        arguments.extend(self.options.zone_arguments.iter().cloned());
        ZoneSite {
            gateway: self.gateway(index, &name),
            app: self.options.apps.then(|| self.app(index, &name)),
            control_plane: self.server(&name, arguments),
            index,
        }
    }

    fn app(&self, index: usize, zone: &str) -> Server {
        let (address, port) = self.layout.app(index);
        let mut arguments = words(["demo-app", "--say", zone]);
        add(&mut arguments, "--address", format!("{address}:{port}"));
        self.server(&format!("app-{zone}"), arguments)
    }

    fn gateway(&self, index: usize, zone: &str) -> Option<Server> {
        let envoy = self.envoy.as_deref()?;
        let name = format!("gateway-{zone}");
        let mut arguments = words(["dp", "run", "--dns-enabled=false", "--concurrency", "1"]);
        let address = format!("https://{}:5678", self.layout.zone_address(index));
        add(&mut arguments, "--cp-address", address);
        add(
            &mut arguments,
            "--ca-cert-file",
            text(&self.layout.zone_ca(zone)),
        );
        add(
            &mut arguments,
            "--dataplane-file",
            text(&self.layout.file(&format!("{name}.yaml"))),
        );
        add(
            &mut arguments,
            "--dataplane-token-file",
            text(&self.layout.file(&format!("{name}.token"))),
        );
        add(&mut arguments, "--envoy", text(envoy));
        // A gateway that is killed leaves its bootstrap file: where the site's other files are.
        add(
            &mut arguments,
            "--work-dir",
            text(&self.layout.data_dir(&name)),
        );
        Some(self.server(&name, arguments))
    }

    fn server(&self, name: &str, arguments: Vec<String>) -> Server {
        let (log, context) = (self.layout.log(name), self.layout.global_context());
        Server::new(
            name,
            self.launcher.clone(),
            &self.options.binary,
            arguments,
            log,
            context,
        )
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

fn add(arguments: &mut Vec<String>, flag: &str, value: String) {
    arguments.extend([flag.to_owned(), value]);
}

/// The folder asked for, absolute and new; or a temporary one.
fn folder(given: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), SiteError> {
    let Some(given) = given else {
        let parent = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o700))
            .prefix("torii-site-")
            .tempdir();
        let folder = folder.map_err(|error| unwritable(&parent, &error))?;
        return Ok((folder.path().to_owned(), Some(folder)));
    };
    let dir = std::path::absolute(given).map_err(|error| unwritable(given, &error))?;
    if dir.join("global").exists() {
        return Err(SiteError::File {
            path: dir,
            reason: "a site was here before; remove the folder or choose another".to_owned(),
        });
    }
    Ok((dir, None))
}

/// Writes a file that only its owner can read: tokens are among them.
fn write(path: &Path, text: &str) -> Result<(), SiteError> {
    use std::io::Write as _;

    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> SiteError {
    SiteError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
