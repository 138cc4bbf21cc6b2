//! Why there is nothing to show.

use std::fmt;

use torii_mesh::ProxyId;

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfflineError {
    /// Documents that a server would refuse too.
    #[error("{}", list(.0))]
    Refused(Vec<Refused>),
    /// The proxy is not among the documents.
    #[error(
        "there is no Dataplane {0} in the documents: add it with -f, or name another one with --proxy MESH/NAME"
    )]
    NoDataplane(ProxyId),
    /// The proxy is of a kind that nothing is generated for.
    #[error(
        "Dataplane {0} is not a builtin gateway, and only those are served: it needs networking.gateway with type BUILTIN"
    )]
    NotAGateway(ProxyId),
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// File, document and resource.
    pub place: String,
    /// Path of the field; empty: the whole document.
    pub field: String,
    /// Why, and what to do.
    pub reason: String,
}

impl fmt::Display for Refused {
    /// `a.yaml, document 2, line 9: MeshGateway default/edge: conf.listeners[0].port: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.reason)
    }
}

/// A single field on the line of the error, several beneath it.
fn list(refused: &[Refused]) -> String {
    match refused {
        [one] => one.to_string(),
        several => several
            .iter()
            .fold("the documents are refused:".to_owned(), |text, one| {
                format!("{text}\n  {one}")
            }),
    }
}
