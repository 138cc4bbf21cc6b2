//! The REST API that both planes serve: every kind of the registry, tokens, batches and the change feed.
//!
//! [`write`](write::write) is the one door through which users and controllers change the store: authorize, decode,
//! default, validate, propose. This crate does not know which plane it serves beyond a
//! [`Mode`](torii_resource::Mode); what only one plane can know comes in through [`Companions`] and extra routes.

mod api;
mod authenticate;
mod batch;
mod call;
mod cascade;
pub mod change;
mod decode;
mod feed;
mod index;
mod item;
mod json;
pub mod keys;
mod kri;
mod negotiate;
mod ownership;
mod page;
mod plan;
mod precondition;
mod problem;
mod read;
mod rights;
mod router;
mod show;
mod sign;
pub mod status;
mod tokens;
pub mod write;

pub use api::{About, Api, Companions, NoCompanions};
pub use call::Call;
pub use json::response as json_response;
pub use precondition::Precondition;
pub use problem::{Parameter, Problem};
pub use router::{router, router_with};
