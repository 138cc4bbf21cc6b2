//! `torii zone accept-global`.

use clap::Args;

use crate::client::ClientError;
use crate::commands::connect;
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Terminal, error};

const EXAMPLES: &str = "\
A zone remembers which global it has followed and up to which revision. It refuses another global, and one that is older
than what it has seen, and keeps serving what it has: a global that lost its data must not wipe a zone. `torii status`
shows when a zone refuses, and why. When the other global is the right one, this command says so.

Examples:
  torii zone accept-global --context east";

/// Tell a zone to follow the global that it refuses
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct AcceptGlobal {
    #[command(flatten)]
    connection: ConnectionFlags,
}

impl AcceptGlobal {
    pub(super) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let client = connect(&self.connection, terminal)?;
        match client.accept_global().await {
            // What a control plane answers that does not have the path.
            Err(ClientError::Refused(problem)) if problem.status == 404 => {
                return Err(Failure::Usage(
                    "this control plane is not a zone's; name the zone's own context with --context"
                        .to_owned(),
                ));
            }
            outcome => outcome?,
        }
        error::note(
            "the zone follows the global that it is connected to",
            terminal,
        );
        Ok(Exit::Success)
    }
}
