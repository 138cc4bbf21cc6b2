//! `torii delete`.

use std::path::PathBuf;

use clap::Args;
use torii_resource::ResourceKey;

use crate::client::{Client, ClientError};
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Terminal, print};
use crate::span::Span;

use super::sources::Sources;
use super::{connect, kind, wait};

const EXAMPLES: &str = "\
Examples:
  torii delete meshgatewayroute edge-gateway-route
  torii delete -f gateway.yaml                everything that the file has, last document first
  torii delete meshgateway edge-gateway --wait";

/// Delete resources
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Delete {
    /// Kind, e.g. meshgateways or MeshGateway
    #[arg(
        value_name = "KIND",
        required_unless_present = "files",
        conflicts_with = "files"
    )]
    kind: Option<String>,

    /// Name
    #[arg(
        value_name = "NAME",
        required_unless_present = "files",
        conflicts_with = "files"
    )]
    name: Option<String>,

    /// Delete what is in this file (folder, or - for standard input)
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Mesh of the resource
    #[arg(
        short,
        long,
        value_name = "MESH",
        default_value = "default",
        env = "TORII_MESH"
    )]
    mesh: String,

    /// What does not exist is no error
    #[arg(long)]
    ignore_not_found: bool,

    /// Return when no gateway serves it any more, or after this time
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s")]
    wait: Option<Span>,

    #[command(flatten)]
    connection: ConnectionFlags,
}

impl Delete {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let keys = self.keys()?;
        let client = connect(&self.connection, terminal)?;
        let mut revision = None;
        for key in &keys {
            revision = revision.max(self.delete(&client, key).await?);
        }
        match (self.wait, revision) {
            (Some(span), Some(revision)) => wait::wait(&client, revision, span, terminal)
                .await?
                .finish(true),
            _ => Ok(Exit::Success),
        }
    }

    fn keys(&self) -> Result<Vec<ResourceKey>, Failure> {
        if let (Some(kind), Some(name)) = (&self.kind, &self.name) {
            let kind = kind::find(kind)?;
            return Ok(vec![ResourceKey::new(kind.name, &self.mesh, name)]);
        }
        // What refers to something comes after it in a file, so it goes first.
        Ok(Sources::read(&self.files)?.keys().rev().cloned().collect())
    }

    async fn delete(&self, client: &Client, key: &ResourceKey) -> Result<Option<u64>, Failure> {
        let kind = kind::find(key.kind.as_str())?;
        let title = kind::title(kind, &key.mesh, &key.name);
        match client.delete(kind, &key.mesh, &key.name).await {
            Ok(revision) => {
                print(&format!("{title} deleted"))?;
                Ok(revision)
            }
            Err(ClientError::Refused(problem)) if problem.status == 404 => {
                if self.ignore_not_found {
                    print(&format!("{title} not found"))?;
                    return Ok(None);
                }
                Err(Failure::Other(format!("there is no {title}")))
            }
            Err(error) => Err(error.into()),
        }
    }
}
