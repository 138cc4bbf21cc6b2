//! What a control plane's first start leaves for its operator: a context.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::context::{ConnectionFlags, Context, ContextFile, Secret};

/// Writes the context of a new control plane into `context.yaml` of its data folder, and adds it to `file`, else to the
/// file that the CLI reads by default. A file that cannot be written is told in the log: the control plane runs without it.
pub(super) fn leave(data_dir: &Path, file: Option<PathBuf>, name: &str, context: &Context) {
    let own = data_dir.join("context.yaml");
    let alone = ContextFile {
        current: Some(name.to_owned()),
        contexts: [(name.to_owned(), context.clone())].into(),
    };
    match alone.save(&own) {
        Ok(()) => tracing::info!(file = %own.display(), "the way in for the operator is written"),
        Err(error) => tracing::warn!(%error, "the operator has no context file"),
    }
    let flags = ConnectionFlags {
        config_file: file,
        ..ConnectionFlags::default()
    };
    let default = flags.path();
    match ContextFile::remember(&default, name, context) {
        Ok(true) => {
            tracing::info!(file = %default.display(), context = name, "the CLI knows this control plane now")
        }
        Ok(false) => tracing::warn!(
            file = %default.display(),
            context = name,
            "the CLI's context file has another control plane of this name: use --config-file {}",
            own.display()
        ),
        Err(error) => {
            tracing::warn!(%error, "the CLI does not know this control plane: use --config-file {}", own.display())
        }
    }
}

/// A context for nodes at these addresses.
pub(super) fn context(addresses: &[IpAddr], port: u16, ca_pem: &str, token: &str) -> Context {
    let mut urls = addresses.iter().map(|address| match address {
        IpAddr::V4(address) => format!("https://{address}:{port}"),
        IpAddr::V6(address) => format!("https://[{address}]:{port}"),
    });
    Context {
        address: urls.next(),
        addresses: urls.collect(),
        ca: Some(ca_pem.to_owned()),
        token: Some(Secret::new(token)),
        ..Context::default()
    }
}
