//! Rules of policies §4.2.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

fn service(networking: &str, tags: &str) -> String {
    format!("type: ExternalService\nname: e\nnetworking: {networking}\ntags: {tags}")
}

const TAGS: &str = "{kuma.io/service: ext}";

#[test]
fn whole_services_are_valid() {
    for networking in [
        "{address: 'httpbin.example.com:443'}",
        "{address: '10.0.0.1:80', disableHostDNSEntry: true}",
        "{address: '[fd00::1]:80', tls: {enabled: true, caCert: {inline: AAAA}, clientCert: {secret: c}, \
         clientKey: {inlineString: k}, allowRenegotiation: false, serverName: a.com}}",
    ] {
        let yaml = service(
            networking,
            "{kuma.io/service: ext, kuma.io/protocol: HTTP2, kuma.io/zone: east}",
        );
        assert!(kuma(&yaml).is_empty(), "{networking}: {:?}", kuma(&yaml));
        assert!(strict(&yaml).is_empty(), "{networking}");
    }
}

#[test]
fn an_address_is_host_and_port() {
    let path = "networking.address";
    let cases: [(&str, &[&str]); 7] = [
        ("", &["address can't be empty"]),
        (
            "example.com",
            &[
                "unable to parse address: write HOST:PORT",
                "address has to be valid IP address or domain name",
                "port must be in the range [1, 65535]",
            ],
        ),
        (
            "a b:80",
            &["address has to be valid IP address or domain name"],
        ),
        ("a.com:0", &["port must be in the range [1, 65535]"]),
        ("a.com:65536", &["port must be in the range [1, 65535]"]),
        (
            "a.com:http",
            &[
                "unable to parse port in address",
                "port must be in the range [1, 65535]",
            ],
        ),
        (
            "fd00::1:80",
            &[
                "unable to parse address: write HOST:PORT",
                "address has to be valid IP address or domain name",
                "port must be in the range [1, 65535]",
            ],
        ),
    ];
    for (address, reasons) in cases {
        let found = kuma(&service(&format!("{{address: '{address}'}}"), TAGS));
        for reason in reasons {
            assert!(
                found.contains(&format!("{path}: {reason}")),
                "{address}: {found:?}"
            );
        }
        assert!(found.iter().all(|text| text.starts_with(path)), "{address}");
    }
}

#[test]
fn missing_and_wrong_parts_are_named() {
    assert_eq!(
        kuma("type: ExternalService\nname: e"),
        [
            "networking: should have networking",
            "tags: must have at least one tag",
            "tags: mandatory tag \"kuma.io/service\" is missing",
        ]
    );
    assert_eq!(
        kuma_fields(&service(
            "{address: 'a:1', tls: {serverName: '', caCert: {}, clientCert: {secret: ''}, clientKey: {inline: ''}}}",
            "{kuma.io/service: '*', kuma.io/protocol: nope, a: b/c}"
        )),
        [
            "networking.tls.serverName",
            "networking.tls.caCert",
            "networking.tls.clientCert.secret",
            "networking.tls.clientKey.inline",
            "tags[\"a\"]",
            "tags[\"kuma.io/service\"]",
            "tags[\"kuma.io/protocol\"]",
        ]
    );
}

#[test]
fn what_is_never_used_is_refused_at_the_door_only() {
    for (tls, field) in [
        ("{clientCert: {secret: c}}", "networking.tls.clientKey"),
        ("{clientKey: {secret: c}}", "networking.tls.clientCert"),
        ("{caCert: {file: ca.pem}}", "networking.tls.caCert.file"),
    ] {
        let yaml = service(&format!("{{address: 'a:1', tls: {tls}}}"), TAGS);
        assert!(kuma(&yaml).is_empty(), "{tls}");
        assert_eq!(strict_fields(&yaml), [field], "{tls}");
    }
}
