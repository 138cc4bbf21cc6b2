//! Header edits that Envoy refuses, one of which costs the whole route table (gateway-xds §3.5, §11.2).

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::{
    HeaderFilter, header_filter,
};

use crate::rules::{CANNOT_BE_EMPTY, is_header_name};
use crate::violation::Violations;

/// Which way the headers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Response,
}

pub(super) fn check(
    path: &str,
    headers: &HeaderFilter,
    direction: Direction,
    violations: &mut Violations,
) {
    let request = direction == Direction::Request;
    check_edits(
        &format!("{path}.set"),
        &headers.set,
        direction,
        request,
        violations,
    );
    check_edits(
        &format!("{path}.add"),
        &headers.add,
        direction,
        false,
        violations,
    );
    for (index, name) in headers.remove.iter().enumerate() {
        check_name(
            format!("{path}.remove[{index}]"),
            name,
            direction,
            violations,
        );
    }
}

fn check_edits(
    path: &str,
    headers: &[header_filter::Header],
    direction: Direction,
    host_allowed: bool,
    violations: &mut Violations,
) {
    for (index, header) in headers.iter().enumerate() {
        // These three set the host that the backend sees; in another spelling Envoy refuses them.
        let host = host_allowed && [":authority", "Host", "host"].contains(&header.name.as_str());
        if !host {
            check_name(
                format!("{path}[{index}].name"),
                &header.name,
                direction,
                violations,
            );
        }
        if header.value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            violations.add(
                format!("{path}[{index}].value"),
                "must not have line breaks or zero bytes",
            );
        }
    }
}

/// Empty names of a request are refused by Kuma's own rules already.
fn check_name(field: String, name: &str, direction: Direction, violations: &mut Violations) {
    if name.is_empty() {
        if direction == Direction::Response {
            violations.add(field, CANNOT_BE_EMPTY);
        }
    } else if name.starts_with(':') || name.eq_ignore_ascii_case("host") {
        violations.add(
            field,
            format!("{name:?} cannot be edited here: use request_header.set with the name host"),
        );
    } else if !is_header_name(name) {
        violations.add(
            field,
            "must be an HTTP header name: letters, digits and !#$%&'*+-.^_`|~",
        );
    }
}
