//! The resource model that both control planes share: kinds, formats, validation and defaults.
//!
//! PURE: no I/O, no clock, no randomness, no unordered maps. A kind is one file in `kinds/` and one line in
//! [`registry`]; store, sync, API and CLI take everything else from its [`Descriptor`].

pub mod admission;
pub mod defaults;
pub mod format;
pub mod kind;
pub mod kinds;
pub mod labels;
pub mod meta;
pub mod name;
pub mod policy;
pub mod re2;
pub mod registry;
mod rules;
pub mod tags;
pub mod violation;

pub use admission::{Admitted, admit};
pub use format::{Document, Format, FormatError, ParsedResource};
pub use kind::{
    Access, ComputedLabels, Context, Descriptor, Kind, KindEntry, Mode, Scope, SyncFlags,
};
pub use meta::{KindName, Resource, ResourceKey, Revision, Stamp};
pub use violation::{Violation, Violations};
