//! `torii demo`.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use crate::dataplane::Signals;
use crate::error::{Exit, Failure};
use crate::output::error::tell;
use crate::output::progress::Progress;
use crate::output::{Terminal, print, status};
use crate::playground::{Options, Site, SiteError, Watcher};

mod check;
mod guide;

const EXAMPLES: &str = "\
Starts a global of three nodes, zones east and west, and in each zone an application and a gateway (an Envoy), all as
processes of their own on loopback addresses of their own. Ctrl-C stops all of them and removes their files.

Examples:
  torii demo
  torii demo --check            break things and see that the gateways go on; exit 0 when they do
  torii demo --dir my-site      keep files and logs in a folder";

/// Run a whole site on this machine: a replicated global, two zones, two gateways
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// Do not stay: break things one after the other, see that the gateways go on, and end
    #[arg(long)]
    check: bool,

    /// Envoy to run [default: envoy on PATH, else .envoy/bin/envoy here or above]
    #[arg(long, value_name = "PATH", env = "TORII_ENVOY")]
    envoy: Option<PathBuf>,

    /// Folder for files and logs, which stay [default: a temporary one, which goes]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// Third byte of the addresses, 127.0.NET.x: lets several demos run side by side
    #[arg(long, value_name = "NET", default_value_t = 0)]
    net: u8,
}

/// Progress that is told by the site and by the check.
#[derive(Clone)]
struct Story(Arc<Mutex<Progress>>);

impl Story {
    fn with<T>(&self, tell: impl FnOnce(&mut Progress) -> T) -> T {
        tell(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn step(&self, what: &str) {
        self.with(|progress| progress.step(what));
    }
}

impl Demo {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let mut signals = Signals::listen()?;
        let story = Story(Arc::new(Mutex::new(Progress::new(terminal))));
        // Dropping the future in its middle drops the site, and with it every process.
        let outcome = tokio::select! {
            outcome = self.play(&story, terminal) => outcome,
            name = signals.next() => {
                story.with(Progress::failed);
                tell(&format!("{name}: stopped"));
                return Ok(Exit::Of(130));
            }
        };
        let Some(mut site) = outcome? else {
            return Ok(Exit::Success);
        };
        let ended = tokio::select! {
            error = watch(&site) => Some(error),
            name = signals.next() => {
                tell(&format!("{name}: stopping everything"));
                None
            }
        };
        if ended.is_some() {
            leave_files(&mut site);
        }
        site.stop().await;
        ended.map_or(Ok(Exit::Success), |error| Err(error.into()))
    }

    /// Starts the site; checks and stops it when that is asked for.
    async fn play(&self, story: &Story, terminal: Terminal) -> Result<Option<Site>, Failure> {
        let told = story.clone();
        let options = Options {
            envoy: self.envoy.clone(),
            dir: self.dir.clone(),
            net: Some(self.net),
            watcher: Watcher::new(move |what| told.step(what)),
            ..Options::new(&binary()?)
        };
        let started = Site::start(options).await;
        let mut site = started.inspect_err(|_| story.with(Progress::failed))?;
        let served = self.show(&site, story, terminal).await;
        let checked = match served {
            Ok(()) if self.check => check::check(&site, story).await.map_err(Failure::from),
            other => other,
        };
        if let Err(failure) = checked {
            story.with(Progress::failed);
            leave_files(&mut site);
            return Err(failure);
        }
        if !self.check {
            print(&guide::text(&site))?;
            return Ok(Some(site));
        }
        site.stop().await;
        story.with(Progress::done);
        print("everything held")?;
        Ok(None)
    }

    async fn show(&self, site: &Site, story: &Story, terminal: Terminal) -> Result<(), Failure> {
        story.step("asking the global for its status");
        let document = check::settled(site).await?;
        story.with(Progress::done);
        print(&format!(
            "\n{}",
            status::render(&document, terminal.paint_out)
        ))
    }
}

/// This binary, by a path that children can be started from.
fn binary() -> Result<PathBuf, Failure> {
    env::current_exe()
        .map_err(|error| Failure::Other(format!("cannot find this program's file: {error}")))
}

/// What went wrong can be read there.
fn leave_files(site: &mut Site) {
    let place = site.keep_files().display().to_string();
    tell(&format!("files and logs are left in {place}"));
}

/// Ends when a process ends that should not.
async fn watch(site: &Site) -> SiteError {
    loop {
        if let Err(error) = site.check().await {
            return error;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
