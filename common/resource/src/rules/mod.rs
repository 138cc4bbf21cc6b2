//! Rules that several kinds share (resources §3.2), in Kuma's words where clients test them.
//!
//! Knows no kind.

mod host;
mod scalar;
mod tags;

pub(crate) use host::{
    address, hostname, is_host, is_host_port, is_ip, is_local, is_url_path, split_host_port,
    url_with_port,
};
pub(crate) use scalar::{
    envoy_duration, envoy_header, is_header_name, is_simple_duration, is_zero, percentage, port,
    port_in_range, positive_duration, required_duration,
};
pub(crate) use tags::{
    TagRules, check_connection, check_each_selector, check_protocol, check_selector_list,
    check_selectors, check_tags, is_tag_name,
};

/// Reason of a missing value.
pub(crate) const CANNOT_BE_EMPTY: &str = "cannot be empty";
