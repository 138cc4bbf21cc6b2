//! What the API needs from the plane that serves it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use torii_auth::KeyRing;
use torii_resource::{Mode, Resource, ResourceKey};
use torii_store::{Change, Store, View};

use crate::problem::Problem;

/// What the index says about the process that answers.
#[derive(Clone, Debug)]
pub struct About {
    /// Version as clients of Kuma compare it. With `preview` in it no `kumactl` warns (control-plane-api §16.2).
    pub version: String,
    /// Host name.
    pub hostname: String,
    /// Changes at each start.
    pub instance_id: String,
}

impl About {
    /// The version of Kuma whose API this is.
    pub const KUMA: &str = "2.13.9";

    /// Of a process that starts now on the host of this name.
    pub fn this_process(hostname: &str) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let suffix = id.get(..4).unwrap_or_default();
        Self {
            version: format!("{}-preview.torii-{}", Self::KUMA, env!("CARGO_PKG_VERSION")),
            hostname: hostname.to_owned(),
            instance_id: format!("{hostname}-{suffix}"),
        }
    }
}

/// What one plane adds to writes: decisions that need more than the store, or that the other plane does not make.
///
/// Called while a write is planned, possibly several times for one write; must not block and must not remember.
pub trait Companions: Send + Sync {
    /// Changes that are committed together with a resource that is being created, e.g. the signing key and the
    /// default policies of a new Mesh. `created` is as it will be stored. Keys that exist already must be left out.
    ///
    /// # Errors
    /// A [`Problem`] refuses the write.
    fn companions(&self, created: &Resource, view: &View) -> Result<Vec<Change>, Problem>;

    /// A last word before a resource is removed, e.g. "the zone is still connected".
    ///
    /// # Errors
    /// A [`Problem`] refuses the removal.
    fn before_delete(&self, _key: &ResourceKey, _view: &View) -> Result<(), Problem> {
        Ok(())
    }
}

/// Adds nothing and refuses nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCompanions;

impl Companions for NoCompanions {
    fn companions(&self, _created: &Resource, _view: &View) -> Result<Vec<Change>, Problem> {
        Ok(Vec::new())
    }
}

/// The API's parts; cheap to clone. Handlers of a plane's own routes get it as their state.
#[derive(Clone)]
pub struct Api {
    /// Where everything is read and written.
    pub store: Store,
    /// Global or zone.
    pub mode: Arc<Mode>,
    /// Keys that tokens are verified and signed with; the plane replaces them when they change.
    pub keys: Arc<ArcSwap<KeyRing>>,
    /// What the plane adds.
    pub companions: Arc<dyn Companions>,
    /// What the index says.
    pub about: Arc<About>,
    /// `https` or `http`: how links in answers start.
    pub scheme: &'static str,
    /// Time after which a request is given up.
    pub timeout: Duration,
    /// Ends answers that have no end of their own, such as the change feed.
    pub stop: CancellationToken,
}

impl Api {
    /// Largest body that is taken, in bytes.
    pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

    /// An API over HTTPS without companions, that gives a request up after 30 s.
    pub fn new(store: Store, mode: Mode, keys: Arc<ArcSwap<KeyRing>>, about: About) -> Self {
        Self {
            store,
            mode: Arc::new(mode),
            keys,
            companions: Arc::new(NoCompanions),
            about: Arc::new(about),
            scheme: "https",
            timeout: Duration::from_secs(30),
            stop: CancellationToken::new(),
        }
    }

    /// With the token that is cancelled when the process is asked to stop.
    #[must_use]
    pub fn with_stop(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// With what the plane adds.
    #[must_use]
    pub fn with_companions(mut self, companions: Arc<dyn Companions>) -> Self {
        self.companions = companions;
        self
    }

    /// For a listener without TLS.
    #[must_use]
    pub fn over_plain_http(mut self) -> Self {
        self.scheme = "http";
        self
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No keys.
        f.debug_struct("Api")
            .field("mode", &self.mode)
            .field("about", &self.about)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
