//! Tag sets and selectors: how they match, and how matches rank (gateway-xds §1.3).
//!
//! Knows no kinds.

use std::collections::BTreeMap;
use std::ops::Add;

/// Tags of a proxy, a listener or a destination.
pub type Tags = BTreeMap<String, String>;

/// The tag that names a service.
pub const SERVICE: &str = "kuma.io/service";
/// The tag that names a protocol.
pub const PROTOCOL: &str = "kuma.io/protocol";
/// The tag that names a zone.
pub const ZONE: &str = "kuma.io/zone";
/// The tag that names another mesh.
pub const MESH: &str = "kuma.io/mesh";
/// The tag that marks an external service.
pub const EXTERNAL_SERVICE: &str = "kuma.io/external-service-name";
/// The value that matches every value.
pub const ANY: &str = "*";

/// How specific a match was: more tags first, then more exact values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Number of tags in the selector.
    pub tags: usize,
    /// Number of those with a value other than `*`.
    pub exact: usize,
}

impl Add for Rank {
    type Output = Self;

    /// The rank of a source and a destination together.
    fn add(self, other: Self) -> Self {
        Self {
            tags: self.tags + other.tags,
            exact: self.exact + other.exact,
        }
    }
}

/// Whether `selector` matches `tags`, and how specifically. An empty selector matches everything with rank zero.
pub fn match_rank(selector: &Tags, tags: &Tags) -> Option<Rank> {
    let mut rank = Rank::default();
    for (key, wanted) in selector {
        let value = tags.get(key)?;
        rank.tags += 1;
        if wanted != ANY {
            if wanted != value {
                return None;
            }
            rank.exact += 1;
        }
    }
    Some(rank)
}
