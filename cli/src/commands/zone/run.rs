//! `torii zone run`.

use clap::Args;
use torii_zone::Operator;
use torii_zone::config::Flags;

use crate::commands::serving::{ServingFlags, ended};
use crate::commands::way_in;
use crate::error::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  torii generate zone-token --zone east > east.token
  torii zone run --name east --token-file east.token
  torii zone run --name east --token-file east.token --global-ca-file cluster/ca.crt \\
    --global-address grpcs://10.0.0.1:5685,grpcs://10.0.0.2:5685 --address 10.1.0.1 --san zone-east.example.com

A zone that has followed its global once starts and serves without it. Its context is written to the context file and to
context.yaml in its data folder. SIGTERM and SIGINT stop it in good order; its gateways go on.";

/// Run a zone's control plane
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    serving: ServingFlags,
}

impl Run {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        let shutdown = self.serving.begin()?;
        let config = self
            .flags
            .resolve()
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let data_dir = config.data_dir.clone();
        let known = |operator: &Operator| {
            let context = way_in::context(
                &[operator.address],
                operator.port,
                &operator.ca_pem,
                &operator.token,
            );
            way_in::leave(
                &data_dir,
                self.serving.context_file,
                &operator.zone,
                &context,
            );
        };
        torii_zone::run(config, shutdown.clone(), known)
            .await
            .map_err(|error| Failure::Other(error.to_string()))?;
        ended(&shutdown)
    }
}
