//! Names: of clusters, of statistics, of hosts.

use sha2::{Digest, Sha256};

use torii_resource::tags::{SERVICE, Tags};

/// Name of the cluster for a destination of a host with these tags (gateway-xds §4.2).
pub(crate) fn cluster(service: &str, destination: &Tags, host: &Tags) -> String {
    if host.is_empty() && destination.len() == 1 {
        return service.to_owned();
    }
    let mut hash = Sha256::new();
    for (key, value) in destination.iter().chain(host) {
        hash.update(key);
        hash.update(value);
    }
    let digest = hash.finalize();
    let mut name = String::with_capacity(service.len() + 17);
    name.push_str(service);
    name.push('-');
    for byte in &digest[..8] {
        for digit in [byte >> 4, byte & 0xf] {
            name.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
    name
}

/// The service that a destination names.
pub(crate) fn service(destination: &Tags) -> Option<&str> {
    destination
        .get(SERVICE)
        .map(String::as_str)
        .filter(|name| !name.is_empty())
}

/// A name for statistics: what is not a letter, a digit, `_` or `-` becomes `_`.
pub(crate) fn statistics(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// A hostname in the form in which hosts are compared: lower case, and `*` for none. None when Envoy could not take it
/// as a domain: neither a DNS name nor `*.` and a DNS name.
pub(crate) fn host(hostname: &str) -> Option<String> {
    if hostname.is_empty() || hostname == "*" {
        return Some("*".to_owned());
    }
    let name = hostname.to_ascii_lowercase();
    let rest = name.strip_prefix("*.").unwrap_or(&name);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (name.len() <= 253 && rest.split('.').all(label)).then_some(name)
}

/// Whether every name of the pattern `inner` is one of the pattern `outer` (gateway-xds §1.7).
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    outer == "*"
        || outer == inner
        || outer
            .strip_prefix('*')
            .is_some_and(|suffix| inner.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use torii_resource::tags::Tags;

    use super::{cluster, covers, host, service, statistics};

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn named(host: &[(&str, &str)], destination: &[(&str, &str)]) -> String {
        let destination = tags(destination);
        cluster(service(&destination).unwrap(), &destination, &tags(host))
    }

    #[test]
    fn cluster_names_are_those_of_the_reference() {
        let host = [
            ("kuma.io/service", "gateway-default"),
            ("port", "http/8080"),
        ];
        for (service, name) in [
            ("echo-service", "echo-service-9f149ed9e14091ca"),
            ("api-service", "api-service-4508437668c35ed8"),
            ("external-httpbin", "external-httpbin-8490df2e58a77ae0"),
            ("echo-mirror", "echo-mirror-3dd740a2de879d4c"),
            ("exact-service", "exact-service-6c25eaca226749f3"),
            ("prefix-service", "prefix-service-bfa07e23a84b267b"),
        ] {
            assert_eq!(named(&host, &[("kuma.io/service", service)]), name);
        }
        assert_eq!(
            named(
                &host,
                &[
                    ("kuma.io/service", "echo-mirror"),
                    ("kuma.io/zone", "development")
                ]
            ),
            "echo-mirror-90205ae37cc0294e"
        );
    }

    #[test]
    fn cluster_name_without_any_other_tag_is_the_service() {
        assert_eq!(named(&[], &[("kuma.io/service", "echo")]), "echo");
    }

    #[test]
    fn statistics_names_have_no_dots_and_slashes() {
        assert_eq!(statistics("echo_svc-1.default/x"), "echo_svc-1_default_x");
    }

    #[test]
    fn a_wildcard_covers_every_depth_below_it_and_not_itself() {
        assert!(covers("*.com", "a.b.com"));
        assert!(covers("*.com", "*.example.com"));
        assert!(covers("*", "anything"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.com", "foocom"));
        assert!(!covers("foo.com", "foo.bar.com"));
    }

    #[test]
    fn hosts_are_lower_case_and_only_what_envoy_takes() {
        assert_eq!(host("FOO.com").as_deref(), Some("foo.com"));
        assert_eq!(host("").as_deref(), Some("*"));
        assert_eq!(host("localhost").as_deref(), Some("localhost"));
        for bad in [
            "a..b",
            "*foo.com",
            "foo.*",
            "foo.com:80",
            "a b",
            "*.",
            "ä.de",
        ] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }
}
