//! Where connections to peers come from. The caller brings TLS; the store brings the tuning.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint, Error};

use crate::members::Member;

type Connect = dyn Fn(&Member) -> Result<Channel, Error> + Send + Sync;

/// Gives a (lazily connecting) channel to a member's peer service.
#[derive(Clone)]
pub struct Transport(Arc<Connect>);

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    /// From a function that makes a channel without waiting for the connection ([`Endpoint::connect_lazy`]); it is
    /// called again when a member's address changes. Pass endpoints through [`tuned`].
    pub fn new(
        connect: impl Fn(&Member) -> Result<Channel, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(connect))
    }

    /// Without TLS: tests and simulation only.
    pub fn plaintext() -> Self {
        Self::new(|member| {
            let endpoint = Endpoint::from_shared(format!("http://{}", member.address))?;
            Ok(tuned(endpoint).connect_lazy())
        })
    }

    pub(crate) fn channel(&self, member: &Member) -> Result<Channel, Error> {
        (self.0)(member)
    }
}

/// Settings that Raft needs of a connection: no delay, dead peers noticed in seconds, room for large entries.
pub fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(1))
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(3))
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(16 << 20)
}
