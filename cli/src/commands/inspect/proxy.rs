//! `torii inspect proxy`.

use clap::Args;
use torii_mesh::ProxyId;

use crate::client::ClientError;
use crate::commands::{connect, proxy};
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{DataFormat, Terminal, print_document};

const EXAMPLES: &str = "\
Examples:
  torii inspect proxy default/edge-gateway-1 --config --context east
  torii inspect proxy default/edge-gateway-1 --config -o json | jq '.listeners | keys'

Ask the zone that the proxy is connected to: only it generates configuration. It is printed in the form of
`torii translate`, with private keys masked: what Envoy is to have, whether it has taken it yet or not (`torii status`
says that).";

/// Show what a connected proxy's Envoy is to have
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Proxy {
    /// Dataplane of the proxy
    #[arg(value_name = "MESH/NAME", value_parser = proxy::parse)]
    proxy: ProxyId,

    /// Show its Envoy configuration
    #[arg(long, required = true)]
    config: bool,

    /// How to print it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: DataFormat,

    #[command(flatten)]
    connection: ConnectionFlags,
}

impl Proxy {
    pub(super) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let client = connect(&self.connection, terminal)?;
        match client
            .proxy_config(&self.proxy.mesh, &self.proxy.name)
            .await
        {
            Ok(document) => print_document(&document, self.output.into())?,
            Err(ClientError::Refused(problem)) if problem.status == 404 => {
                return Err(Failure::Other(format!(
                    "{problem}; ask the zone that {} is connected to, with --context ZONE",
                    self.proxy
                )));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Exit::Success)
    }
}
