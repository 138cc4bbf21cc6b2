//! Host names, addresses and URLs (resources §3.2).

use std::net::IpAddr;

use super::CANNOT_BE_EMPTY;
use crate::name::is_subdomain;

/// Longest host name that 2.13 takes.
const MAX_HOSTNAME: usize = 253;
/// Longest DNS name, dots not counted.
const MAX_DNS_NAME: usize = 255;
const MAX_LABEL: usize = 63;

/// Why this is not `*`, `*.` and a domain, or a domain. Lower case only: Envoy compares without case and refuses
/// duplicates (gateway-xds §11.2).
pub(crate) fn hostname(text: &str) -> Option<String> {
    if text == "*" {
        return None;
    }
    let (domain, reason) = text
        .strip_prefix("*.")
        .map_or((text, "invalid hostname"), |domain| {
            (domain, "invalid wildcard domain")
        });
    if !is_subdomain(domain) {
        let reason = if text.starts_with('*') {
            "invalid wildcard domain"
        } else {
            reason
        };
        return Some(reason.to_owned());
    }
    (text.len() > MAX_HOSTNAME).then(|| format!("must be at most {MAX_HOSTNAME} characters"))
}

/// Why this is not an address that a proxy can be reached at.
pub(crate) fn address(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("address can't be empty")
    } else if text == "0.0.0.0" || text == "::" {
        Some("must not be 0.0.0.0 or ::")
    } else if is_ip(text) || is_dns_name(text) {
        None
    } else {
        Some("address has to be valid IP address or domain name")
    }
}

/// An IP literal as Go's `net.ParseIP` takes it.
pub(crate) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// 127.0.0.1 or an unspecified address: where the admin port listens.
pub(crate) fn is_local(text: &str) -> bool {
    text.parse::<IpAddr>()
        .is_ok_and(|ip| ip.is_unspecified() || text == "127.0.0.1")
}

/// An IP literal or a DNS name.
pub(crate) fn is_host(text: &str) -> bool {
    is_ip(text) || is_dns_name(text)
}

/// Go's `net.SplitHostPort`: host and port, either may be empty, IPv6 in brackets.
pub(crate) fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => inner
            .strip_suffix(']')
            .filter(|inner| !inner.contains(['[', ']']))
            .map(|inner| (inner, port)),
        None => (!host.contains([':', '[', ']'])).then_some((host, port)),
    }
}

/// Kuma's `dns_name`: labels of letters, digits, `-` and `_`, a trailing dot or underscore allowed.
fn is_dns_name(text: &str) -> bool {
    let body = text.strip_suffix(['.', '_']).unwrap_or(text);
    let length = text.bytes().filter(|b| *b != b'.').count();
    !body.is_empty()
        && length <= MAX_DNS_NAME
        && body.split('.').all(|label| {
            let bytes = label.as_bytes();
            label.len() <= MAX_LABEL
                && bytes
                    .first()
                    .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
                && bytes
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        })
}

/// Go's `url.ParseRequestURI`: an absolute path or an absolute URL.
pub(crate) fn is_url_path(text: &str) -> bool {
    !text.bytes().any(|b| b.is_ascii_control() || b == b' ')
        && (text.starts_with('/')
            || scheme_and_rest(text).is_some_and(|(_, rest)| !rest.is_empty()))
        && valid_escapes(text)
}

/// `HOST:PORT`, both not empty, IPv6 in brackets.
pub(crate) fn is_host_port(text: &str) -> bool {
    split_host_port(text).is_some_and(|(host, port)| !host.is_empty() && !port.is_empty())
}

/// Why this is not a URL with an explicit port.
pub(crate) fn url_with_port(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some(CANNOT_BE_EMPTY);
    }
    let Some((_, rest)) = scheme_and_rest(text) else {
        return Some("invalid URL");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port_good = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if text.bytes().any(|b| b.is_ascii_control() || b == b' ') || !valid_escapes(text) {
        Some("invalid URL")
    } else if port_good {
        None
    } else {
        Some("port has to be explicitly specified")
    }
}

fn scheme_and_rest(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let bytes = scheme.as_bytes();
    (bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))
    .then_some((scheme, rest))
}

/// Every `%` is followed by two hex digits.
fn valid_escapes(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::{address, hostname, is_host_port, is_url_path, url_with_port};

    #[test]
    fn hostnames_are_star_wildcard_or_lower_case_domain() {
        for good in [
            "*",
            "*.example.com",
            "example.com",
            "localhost",
            "10.0.0.1",
            "a-b.c1",
        ] {
            assert_eq!(hostname(good), None, "{good}");
        }
        for bad in ["*foo.com", "*.", "**", "*.*.com"] {
            assert_eq!(
                hostname(bad).as_deref(),
                Some("invalid wildcard domain"),
                "{bad}"
            );
        }
        for bad in [
            "FOO.com", "a_b", "foo.com.", "foo:80", "::1", "a.*.com", "-a", "",
        ] {
            assert_eq!(hostname(bad).as_deref(), Some("invalid hostname"), "{bad}");
        }
        assert!(hostname(&["abcdefg"; 40].join(".")).is_some());
    }

    #[test]
    fn addresses_are_ip_or_dns_name() {
        for good in ["10.0.0.1", "fd00::1", "web.example.com", "A_b.c", "host."] {
            assert_eq!(address(good), None, "{good}");
        }
        for bad in ["", "0.0.0.0", "::", "a b", "..", "http://x", "-a"] {
            assert!(address(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn host_and_port_need_both_parts() {
        for good in ["a:1", "[::1]:80", "10.0.0.1:5000"] {
            assert!(is_host_port(good), "{good}");
        }
        for bad in ["a", ":1", "a:", "::1:80", "[]:1"] {
            assert!(!is_host_port(bad), "{bad}");
        }
    }

    #[test]
    fn urls_are_absolute() {
        assert!(is_url_path("/8080/healthz") && is_url_path("http://x/y"));
        assert!(!is_url_path("healthz") && !is_url_path("") && !is_url_path("/%zz"));
        assert_eq!(url_with_port("http://zipkin:9411/api/v2/spans"), None);
        assert!(
            url_with_port("http://zipkin/api").is_some() && url_with_port("zipkin:9411").is_some()
        );
    }
}
