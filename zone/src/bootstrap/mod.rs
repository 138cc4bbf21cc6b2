//! `POST /bootstrap` on the data plane port: how an Envoy gets to know its zone (control-plane-api §11).

mod document;
mod handler;
mod request;

pub(crate) use handler::{Bootstrap, router};
