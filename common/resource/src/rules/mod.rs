//! Rules that several kinds share (resources §3.2), in Kuma's words where clients test them.
//!
//! Knows no kind.

mod host;
mod scalar;
mod tags;

pub(crate) use host::{
    address, hostname, is_host_port, is_ip, is_local, is_url_path, url_with_port,
};
pub(crate) use scalar::{
    is_header_name, is_simple_duration, port, port_in_range, positive_duration,
};
pub(crate) use tags::{TagRules, check_selectors, check_tags};

/// Reason of a missing value.
pub(crate) const CANNOT_BE_EMPTY: &str = "cannot be empty";
