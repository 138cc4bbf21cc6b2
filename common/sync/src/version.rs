//! Content versions, nonces, and the mark that says how far a global has got. Knows no kinds.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use torii_resource::Revision;

/// Type name of the empty response that closes a revision: "everything up to this mark was sent before".
///
/// A Torii zone subscribes it last; a foreign peer answers it empty or not at all.
pub const PROGRESS: &str = "torii.Progress";

/// Content version of an entry: SHA-256 of the encoded body, shown as lowercase hex, as Kuma does (kds §7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceVersion([u8; 32]);

impl ResourceVersion {
    /// The version of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Nonces of one stream: a decimal counter from "1", shared by all types (kds §1.6).
#[derive(Clone, Debug, Default)]
pub struct Nonces(u64);

impl Nonces {
    /// The next nonce.
    pub fn next_nonce(&mut self) -> String {
        self.0 += 1;
        self.0.to_string()
    }
}

/// How far a Torii global has got: `<cluster id>/<epoch>/<revision>` in `system_version_info`.
///
/// The epoch grows with every restore from a backup. Marks of different clusters have no order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mark {
    /// Value of Config `kuma-cluster-id`.
    pub cluster_id: String,
    /// Epoch of the store, from 1.
    pub epoch: u64,
    /// Revision of the store.
    pub revision: Revision,
}

impl Mark {
    /// Whether everything of `other` is within this mark: same cluster, and (epoch, revision) not lower.
    pub fn covers(&self, other: &Self) -> bool {
        matches!(
            self.partial_cmp(other),
            Some(Ordering::Equal | Ordering::Greater)
        )
    }
}

impl PartialOrd for Mark {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.cluster_id == other.cluster_id)
            .then(|| (self.epoch, self.revision).cmp(&(other.epoch, other.revision)))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster_id, self.epoch, self.revision)
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.to_string()
    }
}

/// A text that is not `<cluster id>/<epoch>/<revision>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a mark: <cluster id>/<epoch>/<revision> is expected")]
pub struct NotAMark(pub String);

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let parse = || {
            let mut parts = text.rsplitn(3, '/');
            let revision = parts.next()?.parse().ok()?;
            let epoch = parts.next()?.parse().ok()?;
            let cluster_id = parts.next().filter(|id| !id.is_empty())?;
            Some(Self {
                cluster_id: cluster_id.to_owned(),
                epoch,
                revision: Revision(revision),
            })
        };
        parse().ok_or_else(|| NotAMark(text.to_owned()))
    }
}

impl TryFrom<String> for Mark {
    type Error = NotAMark;

    fn try_from(text: String) -> Result<Self, NotAMark> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        text.parse().unwrap()
    }

    #[test]
    fn a_mark_survives_its_text() {
        for text in ["71b5494c-bef9/1/0", "a/b/2/17"] {
            assert_eq!(mark(text).to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_no_marks() {
        for text in ["", "7", "a/1", "/1/2", "a/1/x", "a/-1/2", "17-uuid"] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }

    #[test]
    fn epoch_goes_before_revision_and_clusters_have_no_order() {
        assert!(mark("a/2/1") > mark("a/1/900"));
        assert!(mark("a/1/3").covers(&mark("a/1/3")));
        assert!(!mark("a/1/2").covers(&mark("a/1/3")));
        assert_eq!(mark("a/1/2").partial_cmp(&mark("b/1/2")), None);
        assert!(!mark("a/9/9").covers(&mark("b/1/1")));
    }

    #[test]
    fn a_version_is_the_lowercase_sha256() {
        assert_eq!(
            ResourceVersion::of(b"").to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
