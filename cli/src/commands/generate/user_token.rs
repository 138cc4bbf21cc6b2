//! `torii generate user-token`.

use clap::Args;
use serde_json::json;

use crate::commands::connect;
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Terminal, print};
use crate::span::Span;

const EXAMPLES: &str = "\
Examples:
  torii generate user-token --name jo --group mesh-system:admin --valid-for 24h
  torii generate user-token --name ci --group team-a --valid-for 720h > ci.token";

/// Issue a token with which a user or a program calls the REST API
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct UserToken {
    /// Name of the user
    #[arg(long, value_name = "NAME")]
    name: String,

    /// Group of the user (repeatable); mesh-system:admin may do everything
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<String>,

    /// How long, e.g. 720h or 30d
    #[arg(long, value_name = "TIME", default_value = "24h")]
    valid_for: Span,

    #[command(flatten)]
    connection: ConnectionFlags,
}

impl UserToken {
    pub(super) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let claims =
            json!({"name": self.name, "groups": self.groups, "validFor": self.valid_for.to_go()});
        let client = connect(&self.connection, terminal)?;
        print(&client.token("user", &claims).await?)?;
        Ok(Exit::Success)
    }
}
