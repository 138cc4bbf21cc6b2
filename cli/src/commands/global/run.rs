//! `torii global run`.

use clap::Args;
use torii_global::Operator;
use torii_global::config::Flags;

use crate::commands::serving::{ServingFlags, ended};
use crate::commands::way_in;
use crate::error::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  torii global run                            a global of one node, with a CA, keys and a context of its own
  torii global run --dir cluster/a            a node of a cluster that `torii global init` has prepared

The first start of a global of one node writes a context for `torii` to the context file. SIGTERM and SIGINT stop the
node in good order.";

/// Run a node of the global control plane
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
        let (data_dir, port) = (config.data_dir.clone(), config.api_port);
        let first_start = |operator: &Operator| {
            let context =
                way_in::context(&operator.addresses, port, &operator.ca_pem, &operator.token);
            way_in::leave(&data_dir, self.serving.context_file, "global", &context);
        };
        torii_global::run(config, shutdown.clone(), first_start)
            .await
            .map_err(|error| Failure::Other(error.to_string()))?;
        ended(&shutdown)
    }
}
