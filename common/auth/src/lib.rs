//! Who is who, and who may what: signing keys, tokens, revocation, TLS, and the one table of rights.
//!
//! Serves nothing and stores nothing; the time is an argument. No key and no token is ever in a log line, an error or a
//! `Debug` output. Loopback is not an identity.

pub mod authority;
pub mod duration;
pub mod keyring;
pub mod keys;
pub mod rights;
pub mod tls;
pub mod token;

pub use keyring::{KeyRing, NoSigningKey};
pub use keys::{Family, KeyError, PublicKey, SigningKey};
pub use rights::{Action, Denied, Identity, check};
pub use token::{
    Claims, DataplaneClaims, IssueError, TokenError, TokenKind, UserClaims, ZoneClaims, bearer,
    bearer_or_raw,
};
