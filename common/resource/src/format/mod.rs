//! The formats of a resource, all from one definition: Universal documents (YAML, JSON), Kubernetes objects, the body
//! of KDS, and the protobuf JSON that the first two are made of.
//!
//! May read and write text and bytes; may not validate a spec, fill in defaults or judge a name.

pub mod any;
mod document;
pub mod envoy;
mod error;
pub mod kubernetes;
mod metadata;
mod node;
pub(crate) mod open;
pub mod proto_json;
pub mod universal;
pub mod yaml;

pub use document::{Document, Format, Options, ParsedResource, from_json, from_text};
pub use error::{FormatError, Place};
pub use proto_json::Strictness;
