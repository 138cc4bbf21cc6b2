//! `torii generate zone-token`.

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::commands::connect;
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Terminal, print};
use crate::span::Span;

const EXAMPLES: &str = "\
Examples:
  torii generate zone-token --zone east > east.token
  torii zone run --name east --token-file east.token";

/// Issue a token with which a zone joins the global
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ZoneToken {
    /// Name of the zone; the token is good for no other
    #[arg(long, value_name = "ZONE")]
    zone: String,

    /// What the token is good for
    #[arg(
        long,
        value_name = "SCOPE",
        value_delimiter = ',',
        value_enum,
        default_value = "cp"
    )]
    scope: Vec<Scope>,

    /// How long, e.g. 720h or 30d
    #[arg(long, value_name = "TIME", default_value = "720h")]
    valid_for: Span,

    #[command(flatten)]
    connection: ConnectionFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// The zone's control plane
    Cp,
    /// Its zone ingresses
    Ingress,
    /// Its zone egresses
    Egress,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cp => "cp",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl ZoneToken {
    pub(super) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let scope: Vec<&str> = self.scope.iter().map(|scope| scope.as_str()).collect();
        let claims = json!({"zone": self.zone, "scope": scope, "validFor": self.valid_for.to_go()});
        let client = connect(&self.connection, terminal)?;
        print(&client.token("zone", &claims).await?)?;
        Ok(Exit::Success)
    }
}
