//! What travels: a wire key and an encoded body. Bodies are encoded once and shared between peers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::version::ResourceVersion;

/// Identity of an entry within its type, as the wire has it. Ordered by mesh, then name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireKey {
    /// Mesh; empty for global scope.
    pub mesh: Arc<str>,
    /// Name on the wire (with its hash, if the peer gets hashed names).
    pub name: Arc<str>,
}

impl WireKey {
    /// A key from its parts.
    pub fn new(mesh: &str, name: &str) -> Self {
        Self {
            mesh: Arc::from(mesh),
            name: Arc::from(name),
        }
    }

    /// Reads `<name>.<mesh>`: split at the last dot; without any dot it is a name without mesh (kds §1.6).
    pub fn parse(text: &str) -> Self {
        match text.rsplit_once('.') {
            Some((name, mesh)) => Self::new(mesh, name),
            None => Self::new("", text),
        }
    }
}

impl fmt::Display for WireKey {
    /// `<name>.<mesh>`, with a trailing dot for global scope.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.name, self.mesh)
    }
}

/// A resource as one variant of peers gets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Identity on the wire.
    pub key: WireKey,
    /// Hash of `body`.
    pub version: ResourceVersion,
    /// The encoded `KumaResource`: the value of the Any in the response.
    pub body: Bytes,
}

impl Entry {
    /// An entry of these bytes; the version follows from them.
    pub fn new(key: WireKey, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            key,
            version: ResourceVersion::of(&body),
            body,
        }
    }

    /// About the bytes that the entry takes in a response (body, key, hex version, framing).
    pub(crate) fn wire_size(&self) -> usize {
        self.body.len() + self.key.name.len() + self.key.mesh.len() + 160
    }
}

impl fmt::Debug for Entry {
    /// Without the body: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Entry({} {} bytes @{})",
            self.key,
            self.body.len(),
            self.version
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kds §11.3 G4.
    #[test]
    fn removed_names_split_at_the_last_dot() {
        for (text, mesh, name) in [
            ("a.b.mesh", "mesh", "a.b"),
            ("name.", "", "name"),
            ("name", "", "name"),
            ("a.b.", "", "a.b"),
        ] {
            assert_eq!(WireKey::parse(text), WireKey::new(mesh, name), "{text}");
        }
        assert_eq!(WireKey::new("", "default").to_string(), "default.");
    }
}
