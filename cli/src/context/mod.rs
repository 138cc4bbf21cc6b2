//! How the CLI knows where the control plane is: the context file, and the flags that override it.
//!
//! Never shows a token, not even in an error.

mod file;
mod flags;
mod remember;
mod secret;
mod target;

#[cfg(test)]
mod tests;

pub use file::{Context, ContextError, ContextFile};
pub use flags::ConnectionFlags;
pub use secret::Secret;
pub use target::Target;
