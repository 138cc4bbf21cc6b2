//! `POST /bootstrap` on the data plane port: how an Envoy gets to know its zone (control-plane-api §11).

mod document;
mod handler;
mod request;

pub(crate) use handler::{Bootstrap, router};

/// Reads a body and makes the document, for whoever may be asking.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(body: &[u8]) {
    let Ok(request) = request::Request::parse(body) else {
        return;
    };
    let settings = document::Settings {
        xds_host: "127.0.0.1",
        xds_port: 5678,
        service: "edge",
        gateway: true,
        admin_port: 9901,
        trusted_ca_base64: "",
    };
    let document = document::document(&request, &settings);
    assert!(document.is_object());
}
