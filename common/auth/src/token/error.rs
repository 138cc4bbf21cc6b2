//! What can be wrong with a token, and what to do about it. Never any of the token, apart from its id.

use std::fmt;

use jiff::Timestamp;

use crate::keyring::NoSigningKey;

/// Whose token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenKind {
    /// A user of REST.
    User,
    /// A zone's control plane, ingress or egress.
    Zone,
    /// A data plane proxy.
    Dataplane,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Zone => "zone",
            Self::Dataplane => "dataplane",
        })
    }
}

/// Why a caller's token does not let it in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// None was sent.
    #[error(
        "a {kind} token is missing: make one with `torii generate {kind}-token` and send it as `authorization`"
    )]
    Missing {
        /// Whose.
        kind: TokenKind,
    },
    /// Not such a token.
    #[error("the {kind} token is not valid: {reason}; make one with `torii generate {kind}-token`")]
    Malformed {
        /// Whose.
        kind: TokenKind,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Signed with a key that is not here.
    #[error("the {kind} token was signed with an unknown key: {key}")]
    UnknownKey {
        /// Whose.
        kind: TokenKind,
        /// The key that is missing.
        key: NoSigningKey,
    },
    /// Not signed with the key that it names.
    #[error(
        "the {kind} token's signature is wrong: it was made by another control plane or changed on the way; make one \
         here with `torii generate {kind}-token`"
    )]
    BadSignature {
        /// Whose.
        kind: TokenKind,
    },
    /// Too old.
    #[error("the {kind} token expired at {at}: make a new one with `torii generate {kind}-token`")]
    Expired {
        /// Whose.
        kind: TokenKind,
        /// When.
        at: Timestamp,
    },
    /// Too new.
    #[error(
        "the {kind} token is valid from {from} on: compare the clocks of the machine that made it and of this one"
    )]
    NotYetValid {
        /// Whose.
        kind: TokenKind,
        /// When.
        from: Timestamp,
    },
    /// On the revocation list.
    #[error("the {kind} token {id} is revoked: make a new one with `torii generate {kind}-token`")]
    Revoked {
        /// Whose.
        kind: TokenKind,
        /// The token's id (`jti`).
        id: String,
    },
    /// A zone with the token of another.
    #[error(
        "the token is of zone `{token}`, not of `{zone}`: use `torii generate zone-token --zone {zone}`"
    )]
    WrongZone {
        /// In the token.
        token: String,
        /// Who sent it.
        zone: String,
    },
    /// A zone token for other uses.
    #[error(
        "the zone token has the scopes {scopes:?}, not `{needed}`: make one with `--scope {needed}`"
    )]
    WrongScope {
        /// What it needs.
        needed: &'static str,
        /// What it has.
        scopes: Vec<String>,
    },
    /// A data plane token for a proxy of another mesh.
    #[error(
        "the dataplane token is for mesh `{token}`, the proxy is in mesh `{mesh}`: make one for that mesh"
    )]
    WrongMesh {
        /// In the token.
        token: String,
        /// Of the proxy.
        mesh: String,
    },
    /// A data plane token for a proxy of another name.
    #[error(
        "the dataplane token is for the proxy `{token}`, not for `{name}`: make one with `--name {name}`"
    )]
    WrongName {
        /// In the token.
        token: String,
        /// Of the proxy.
        name: String,
    },
    /// A data plane token for another type of proxy.
    #[error("the dataplane token is for a proxy of type `{token}`, this one is a dataplane")]
    WrongType {
        /// In the token.
        token: String,
    },
    /// A data plane token that asks for a tag that the proxy does not have, or allows other values.
    #[error(
        "the dataplane token allows {allowed:?} for the tag `{tag}`, the Dataplane has {found:?}"
    )]
    WrongTags {
        /// The tag.
        tag: String,
        /// The values in the token.
        allowed: Vec<String>,
        /// The values of the proxy, over all its inbounds.
        found: Vec<String>,
    },
    /// A data plane token for another workload.
    #[error(
        "the dataplane token is for the workload `{token}`, the Dataplane's label `kuma.io/workload` is `{label}`"
    )]
    WrongWorkload {
        /// In the token.
        token: String,
        /// Of the proxy; empty without the label.
        label: String,
    },
}

impl TokenError {
    /// Whether the token is genuine but does not allow this (HTTP 403, gRPC `PERMISSION_DENIED`); otherwise the caller
    /// is nobody (HTTP 401, gRPC `UNAUTHENTICATED`), as kds §3.4 has it.
    pub fn is_forbidden(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Malformed { .. }
            | Self::UnknownKey { .. }
            | Self::BadSignature { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Revoked { .. } => false,
            Self::WrongZone { .. }
            | Self::WrongScope { .. }
            | Self::WrongMesh { .. }
            | Self::WrongName { .. }
            | Self::WrongType { .. }
            | Self::WrongTags { .. }
            | Self::WrongWorkload { .. } => true,
        }
    }
}
