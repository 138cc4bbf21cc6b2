//! `torii generate dataplane-token`.

use clap::Args;
use serde_json::json;

use crate::commands::connect;
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Terminal, print};
use crate::span::Span;

use super::{grouped, tag};

const EXAMPLES: &str = "\
Examples:
  torii generate dataplane-token --name gateway-1 > gateway-1.token
  torii generate dataplane-token --tag kuma.io/service=edge-gateway --valid-for 24h

Without --name and --tag the token is good for every proxy of the mesh. A zone issues it as well as the global.";

/// Issue a token with which a data plane proxy runs
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct DataplaneToken {
    /// Name of the Dataplane; any without it
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    name: String,

    /// Mesh of the Dataplane
    #[arg(
        short,
        long,
        value_name = "MESH",
        default_value = "default",
        env = "TORII_MESH"
    )]
    mesh: String,

    /// Tag that the Dataplane must have; the same key again allows another value
    #[arg(long = "tag", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = tag)]
    tags: Vec<(String, String)>,

    /// How long, e.g. 720h or 30d
    #[arg(long, value_name = "TIME", default_value = "720h")]
    valid_for: Span,

    #[command(flatten)]
    connection: ConnectionFlags,
}

impl DataplaneToken {
    pub(super) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let claims = json!({
            "name": self.name,
            "mesh": self.mesh,
            "tags": grouped(&self.tags),
            "type": "dataplane",
            "validFor": self.valid_for.to_go(),
        });
        let client = connect(&self.connection, terminal)?;
        print(&client.token("dataplane", &claims).await?)?;
        Ok(Exit::Success)
    }
}
