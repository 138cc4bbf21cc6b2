//! `torii translate`.

use std::path::PathBuf;

use clap::Args;
use torii_mesh::ProxyId;
use torii_render::{ConfigDocument, PrivateKeys};
use torii_resource::kinds::Zone;
use torii_resource::{Kind as _, Mode, ResourceKey, name};

use crate::error::{Exit, Failure};
use crate::offline;
use crate::output::{DataFormat, Terminal, error, print_document};

use super::proxy;
use super::sources::Sources;

const EXAMPLES: &str = "\
Examples:
  torii translate -f gateway.yaml -f dataplanes.yaml --proxy default/edge-gateway-1
  torii translate -f deploy/ --proxy default/edge-gateway-1 --zone east -o json | jq .routes
  kustomize build . | torii translate -f - --proxy default/edge-gateway-1

No control plane is asked: the documents are all that there is, beside what a control plane creates by itself. They
count as written in their order; a later one of the same kind, mesh and name is an update. Without --zone there are no
zones. What a gateway cannot serve is left out and told on standard error, as `torii status` would.

Exit codes: 0 done, 1 the documents are refused, and nothing is printed.";

/// Print what a gateway's Envoy would get for files of resources, without a control plane
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Translate {
    /// File, folder of files, or - for standard input; YAML or JSON, any number of documents
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Dataplane of the gateway; one of the documents
    #[arg(long, value_name = "MESH/NAME", value_parser = proxy::parse)]
    proxy: ProxyId,

    /// Zone that the Dataplanes are in
    #[arg(long, value_name = "NAME", value_parser = zone)]
    zone: Option<String>,

    /// How to print it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: DataFormat,

    /// Print private keys as they are
    #[arg(long)]
    show_secrets: bool,
}

impl Translate {
    pub(crate) fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let sources = Sources::read(&self.files).map_err(refused)?;
        let translated =
            offline::translate(sources.documents(), &self.proxy, self.zone.as_deref())?;
        let keys = if self.show_secrets {
            PrivateKeys::Shown
        } else {
            PrivateKeys::Masked
        };
        let document = ConfigDocument::of(&translated.parts, keys)
            .map_err(|error| Failure::Other(format!("cannot write the answer down: {error}")))?;
        for warning in &translated.warnings {
            error::warn(&warning.to_string(), terminal);
        }
        print_document(&document, self.output.into())?;
        Ok(Exit::Success)
    }
}

/// Files without a document are input, not usage, here: scripts tell 1 from 2.
fn refused(failure: Failure) -> Failure {
    match failure {
        Failure::Usage(text) => Failure::Other(text),
        other => other,
    }
}

/// A name that a zone may have.
fn zone(text: &str) -> Result<String, String> {
    let key = ResourceKey::of::<Zone>("", text);
    let violations = name::check(&Zone::DESCRIPTOR, &key, &Mode::Global, true);
    match violations.iter().next() {
        Some(violation) => Err(violation.reason.clone()),
        None => Ok(text.to_owned()),
    }
}
