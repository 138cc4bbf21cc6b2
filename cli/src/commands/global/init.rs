//! `torii global init`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use torii_global::folder::Member;
use torii_global::init;

use crate::commands::way_in;
use crate::context::{ConnectionFlags, ContextFile};
use crate::error::{Exit, Failure};
use crate::output::{Terminal, error, print};

const EXAMPLES: &str = "\
Examples:
  torii global init --out cluster --node a=10.0.0.1 --node b=10.0.0.2 --node c=10.0.0.3

Every node then starts from its folder, on its own machine:
  torii global run --dir cluster/a

The folder OUT/ca has the cluster's CA key: no node needs it, keep it safe. The way in for the operator (addresses, CA,
admin token) is added to the context file, so that `torii status` works at once. A cluster of one node needs no init.";

/// Write a folder for each node of a new cluster
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {
    /// Folder for the nodes' folders
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,

    /// A node: its name, and the IP address that all its ports listen on (repeatable)
    #[arg(long = "node", value_name = "NAME=ADDRESS", required = true, value_parser = member)]
    nodes: Vec<Member>,

    /// Name of the new context
    #[arg(long, value_name = "NAME", default_value = "global")]
    context: String,

    /// Context file to add it to. Default: $XDG_CONFIG_HOME/torii/context.yaml, else ~/.config/torii/context.yaml
    #[arg(long, value_name = "FILE", env = "TORII_CONFIG")]
    config_file: Option<PathBuf>,
}

impl Init {
    pub(super) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let path = self.context_file();
        let mut file = if path.exists() {
            ContextFile::load(&path)?
        } else {
            ContextFile::default()
        };
        // Before any key is made: somebody may still need the old one's token.
        if file.contexts.contains_key(&self.context) {
            return Err(Failure::Usage(format!(
                "--context: {} has a context {:?} already; choose another name",
                path.display(),
                self.context
            )));
        }
        let (out, nodes) = (self.out.clone(), self.nodes.clone());
        let made = tokio::task::spawn_blocking(move || init(&out, &nodes, Timestamp::now()));
        let operator = made
            .await
            .map_err(|error| Failure::Other(error.to_string()))?
            .map_err(|error| Failure::Other(error.to_string()))?;
        let port = torii_global::config::API_PORT;
        let context = way_in::context(&operator.addresses, port, &operator.ca_pem, &operator.token);
        file.contexts.insert(self.context.clone(), context);
        file.current = Some(self.context.clone());
        file.save(&path)?;
        for node in &self.nodes {
            print(&self.out.join(&node.name).display().to_string())?;
        }
        let note = format!("context {} in {} is current", self.context, path.display());
        error::note(&note, terminal);
        Ok(Exit::Success)
    }

    fn context_file(&self) -> PathBuf {
        let flags = ConnectionFlags {
            config_file: self.config_file.clone(),
            ..ConnectionFlags::default()
        };
        flags.path()
    }
}

pub(super) fn member(text: &str) -> Result<Member, String> {
    let (name, address) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("{text:?} is not of the form NAME=ADDRESS, e.g. a=10.0.0.1"))?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(fits) {
        return Err(format!(
            "{name:?}: a node's name has lower-case letters, digits and '-' only"
        ));
    }
    Ok(Member {
        name: name.to_owned(),
        address: address.parse().map_err(|_| {
            format!("{address:?} is not an IP address; a host name may change its meaning")
        })?,
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn a_node_is_a_name_and_an_ip_address() {
        let node = member("a=10.0.0.1").unwrap();
        assert_eq!(
            (node.name.as_str(), node.address),
            ("a", IpAddr::from([10, 0, 0, 1]))
        );
        for wrong in [
            "a",
            "=10.0.0.1",
            "a=localhost",
            "../a=10.0.0.1",
            "A=10.0.0.1",
        ] {
            assert!(member(wrong).is_err(), "{wrong}");
        }
    }
}
