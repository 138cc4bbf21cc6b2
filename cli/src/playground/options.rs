//! What a site should have.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Told what happens while a site starts.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(&str) + Send + Sync>);

impl Watcher {
    /// Calls `told` with each step.
    pub fn new(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(super) fn step(&self, what: &str) {
        (self.0)(what);
    }
}

impl Default for Watcher {
    /// Listens to nobody.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// What a site should have.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `torii` binary that all processes run.
    pub binary: PathBuf,
    /// The Envoy of the gateways; looked for as `torii dp run` does when absent.
    pub envoy: Option<PathBuf>,
    /// Third byte of the addresses; one that is free when absent.
    pub net: Option<u8>,
    /// Folder of the site, which stays; a temporary one when absent.
    pub dir: Option<PathBuf>,
    /// How many nodes the global has.
    pub nodes: usize,
    /// Names of the zones.
    pub zones: Vec<String>,
    /// Whether each zone has a demo application.
    pub apps: bool,
    /// Whether each zone has a gateway (`torii dp run`).
    pub gateways: bool,
    /// More arguments of `torii global run`.
    pub global_arguments: Vec<String>,
    /// More arguments of `torii zone run`.
    pub zone_arguments: Vec<String>,
    /// Told what happens.
    pub watcher: Watcher,
}

impl Options {
    /// The site of the demo: three global nodes, zones east and west, each with application and gateway.
    pub fn new(binary: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            envoy: None,
            net: None,
            dir: None,
            nodes: 3,
            zones: vec!["east".to_owned(), "west".to_owned()],
            apps: true,
            gateways: true,
            global_arguments: Vec::new(),
            zone_arguments: Vec::new(),
            watcher: Watcher::default(),
        }
    }

    /// With this many nodes of the global.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// With these zones.
    #[must_use]
    pub fn zones(mut self, zones: &[&str]) -> Self {
        self.zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        self
    }

    /// With this Envoy.
    #[must_use]
    pub fn envoy(mut self, envoy: &Path) -> Self {
        self.envoy = Some(envoy.to_owned());
        self
    }

    /// Without gateways: no Envoy is needed.
    #[must_use]
    pub fn without_gateways(mut self) -> Self {
        self.gateways = false;
        self
    }

    /// Told what happens.
    #[must_use]
    pub fn watcher(mut self, watcher: Watcher) -> Self {
        self.watcher = watcher;
        self
    }
}
