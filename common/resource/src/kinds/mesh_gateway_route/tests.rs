//! Rules of resources §3.9 and §3.12.

use crate::kinds::checks::{kuma, strict, strict_fields};

const HEAD: &str =
    "type: MeshGatewayRoute\nname: r\nselectors: [{match: {kuma.io/service: edge}}]\n";
const NONE: [&str; 0] = [];

/// One rule with these filters and a usual match and backend.
fn filters(filters: &str) -> String {
    rule(&format!(
        "matches: [{{path: {{value: /a}}}}], backends: [{{destination: {{kuma.io/service: b}}}}], filters: [{filters}]"
    ))
}

fn matches(matches: &str) -> String {
    rule(&format!(
        "matches: [{matches}], backends: [{{destination: {{kuma.io/service: b}}}}]"
    ))
}

fn rule(rule: &str) -> String {
    format!("{HEAD}conf: {{http: {{rules: [{{{rule}}}]}}}}")
}

#[test]
fn a_route_with_everything_is_valid() {
    let yaml = format!(
        "{HEAD}conf:
  http:
    hostnames: [foo.example.com, '*.example.com', '*']
    rules:
    - matches:
      - {{path: {{match: PREFIX, value: /api}}, method: GET}}
      - {{path: {{match: REGEX, value: '/v[0-9]+'}}, headers: [{{match: REGEX, name: x-v, value: 1|2}}, {{match: ABSENT, name: x}}]}}
      - {{query_parameters: [{{name: q, value: a}}]}}
      filters:
      - requestHeader: {{set: [{{name: Host, value: a.com}}, {{name: x-a, value: '%DOWNSTREAM_REMOTE_ADDRESS% 5%'}}], remove: [x-c]}}
      - responseHeader: {{add: [{{name: x-b, value: ''}}]}}
      - mirror: {{percentage: 0.5, backend: {{destination: {{kuma.io/service: m}}}}}}
      - rewrite: {{replacePrefixMatch: /}}
      backends:
      - {{weight: 90, destination: {{kuma.io/service: b, version: '*'}}}}
      - {{weight: 0, destination: {{kuma.io/service: c}}}}
    - matches: [{{path: {{value: /old}}}}]
      filters: [{{redirect: {{statusCode: 301, hostname: a.com, scheme: https, port: 443}}}}]"
    );
    assert_eq!(kuma(&yaml), NONE);
    assert_eq!(strict(&yaml), NONE);
}

#[test]
fn missing_parts_are_named() {
    assert_eq!(
        kuma("type: MeshGatewayRoute\nname: r"),
        [
            "selectors: must have at least one element",
            "conf: cannot be empty"
        ]
    );
    assert_eq!(
        kuma(&format!("{HEAD}conf: {{}}")),
        ["conf: cannot be empty"]
    );
    assert_eq!(
        kuma(&format!("{HEAD}conf: {{http: {{}}}}")),
        ["conf.http.rules: cannot be empty"]
    );
    assert_eq!(
        kuma(&rule("")),
        ["conf.http.rules[0].matches: cannot be empty"]
    );
    assert_eq!(
        kuma(&rule("matches: [{}]")),
        [
            "conf.http.rules[0].matches[0]: cannot be empty",
            "conf.http.rules[0].backends: cannot be empty",
        ]
    );
    assert_eq!(
        kuma(&rule(
            "matches: [{method: GET}], backends: [{destination: {a: b}}]"
        )),
        ["conf.http.rules[0].backends[0]: mandatory tag \"kuma.io/service\" is missing"]
    );
}

#[test]
fn matches_are_checked_by_kind() {
    let cases: [(&str, &[&str]); 8] = [
        ("{path: {value: api}}", &["value: must be an absolute path"]),
        (
            "{path: {match: PREFIX}}",
            &["value: must be an absolute path"],
        ),
        ("{path: {match: REGEX}}", &["value: cannot be empty"]),
        (
            "{headers: [{}]}",
            &[
                "headers[0].name: cannot be empty",
                "headers[0].value: cannot be empty",
            ],
        ),
        (
            "{headers: [{match: REGEX, name: a}]}",
            &["headers[0].value: cannot be empty"],
        ),
        (
            "{headers: [{match: PRESENT, name: a, value: b}]}",
            &["headers[0].value: cannot be set"],
        ),
        ("{headers: [{match: ABSENT, name: a}]}", &[]),
        (
            "{queryParameters: [{}]}",
            &[
                "query_parameters[0].name: cannot be empty",
                "query_parameters[0].value: cannot be empty",
            ],
        ),
    ];
    for (entry, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|text| format!("conf.http.rules[0].matches[0].{text}"))
            .collect();
        assert_eq!(kuma(&matches(entry)), expected, "{entry}");
    }
}

#[test]
fn filters_are_checked_with_kumas_paths() {
    let cases: [(&str, &[&str]); 10] = [
        (
            "{requestHeader: {}}",
            &["filters[0].request_header: cannot be empty"],
        ),
        (
            "{requestHeader: {set: [{}], add: [{name: a}], remove: ['']}}",
            &[
                "filters[0].request_header.set[0].name: cannot be empty",
                "filters[0].request_header.set[0].value: cannot be empty",
                "filters[0].request_header.add[0].value: cannot be empty",
                "filters[0].request_header.remove[0]: cannot be empty",
            ],
        ),
        (
            // The rewrite is taken out before numbering.
            "{rewrite: {hostToBackendHostname: true}}, {requestHeader: {set: [{name: host, value: a}]}}",
            &[
                "filters[0].request_header.set[0]: cannot modify 'host' header, when route has set \
               'rewrite.host_to_backend_hostname' option",
            ],
        ),
        (
            "{mirror: {}}",
            &[
                "filters[0].mirror.percentage: cannot be empty",
                "filters[0].mirror.backend: cannot be empty",
            ],
        ),
        (
            "{mirror: {percentage: 101, backend: {}}}",
            &[
                "filters[0].mirror.percentage: has to be in [0.0 - 100.0] range",
                "filters[0].mirror.backend: must have at least one tag",
                "filters[0].mirror.backend: mandatory tag \"kuma.io/service\" is missing",
            ],
        ),
        (
            "{rewrite: {replacePrefixMatch: /x}}",
            &[
                "filters[0].rewrite.replacePrefixMatch: cannot be used without a match on path prefix",
            ],
        ),
        ("{rewrite: {replaceFull: /x}}", &[]),
        (
            "{redirect: {statusCode: 301}}",
            &["backends: must be empty when using redirect filters"],
        ),
        (
            "{redirect: {port: 65536}}, {mirror: {percentage: 1, backend: {destination: {kuma.io/service: m}}}}",
            &[
                "filters[0].redirect.port: port must be in the range [1, 65535]",
                "filters[0].redirect.status_code: must be in the range [300, 308]",
                "filters: redirects cannot be used with other filters",
            ],
        ),
        ("{responseHeader: {}}", &[]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|text| format!("conf.http.rules[0].{text}"))
            .collect();
        assert_eq!(kuma(&filters(filter)), expected, "{filter}");
    }
}

#[test]
fn what_envoy_refuses_is_refused_at_the_door_only() {
    let cases = [
        (
            "{requestHeader: {add: [{name: Host, value: a}]}}",
            "request_header.add[0].name",
        ),
        (
            "{requestHeader: {set: [{name: HOST, value: a}]}}",
            "request_header.set[0].name",
        ),
        (
            "{requestHeader: {remove: [':path']}}",
            "request_header.remove[0]",
        ),
        (
            "{requestHeader: {set: [{name: 'a b', value: a}]}}",
            "request_header.set[0].name",
        ),
        (
            "{requestHeader: {set: [{name: a, value: \"a\\nb\"}]}}",
            "request_header.set[0].value",
        ),
        (
            "{responseHeader: {set: [{name: host, value: a}]}}",
            "response_header.set[0].name",
        ),
        (
            "{responseHeader: {add: [{value: a}]}}",
            "response_header.add[0].name",
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(kuma(&filters(filter)), NONE, "{filter}");
        assert_eq!(
            strict_fields(&filters(filter)),
            [format!("conf.http.rules[0].filters[0].{expected}")],
            "{filter}"
        );
    }
    assert_eq!(
        strict_fields(&filters("{}")),
        ["conf.http.rules[0].filters[0]"]
    );

    let cases = [
        ("{path: {match: REGEX, value: 'a++'}}", "path.value"),
        ("{path: {match: 7, value: /}}", "path.match"),
        ("{method: 77}", "method"),
        (
            "{headers: [{match: REGEX, name: a, value: '('}]}",
            "headers[0].value",
        ),
        ("{headers: [{name: 'a b', value: a}]}", "headers[0].name"),
        (
            "{queryParameters: [{match: REGEX, name: a, value: '(?=a)'}]}",
            "query_parameters[0].value",
        ),
    ];
    for (entry, expected) in cases {
        assert_eq!(kuma(&matches(entry)), NONE, "{entry}");
        assert_eq!(
            strict_fields(&matches(entry)),
            [format!("conf.http.rules[0].matches[0].{expected}")],
            "{entry}"
        );
    }
}

#[test]
fn redirect_codes_are_the_five_that_envoy_has() {
    for code in 300..=308 {
        let yaml = rule(&format!(
            "matches: [{{method: GET}}], filters: [{{redirect: {{statusCode: {code}}}}}]"
        ));
        assert_eq!(kuma(&yaml), NONE, "{code}");
        assert_eq!(
            strict(&yaml).is_empty(),
            [301, 302, 303, 307, 308].contains(&code),
            "{code}"
        );
    }
}

#[test]
fn hostnames_are_lower_case_domains() {
    let route = |name: &str| {
        format!(
            "{HEAD}conf: {{http: {{hostnames: ['{name}'], rules: [{{matches: [{{method: GET}}], backends: [{{destination: {{kuma.io/service: b}}}}]}}]}}}}"
        )
    };
    assert_eq!(strict(&route("a.com")), NONE);
    assert_eq!(
        strict(&route("FOO.com")),
        ["conf.http.hostnames[0]: invalid hostname: write it in lower case"]
    );
    assert_eq!(
        strict(&route("a.*.com")),
        ["conf.http.hostnames[0]: invalid hostname"]
    );
    assert_eq!(kuma(&route("FOO.com")), NONE);
}

#[test]
fn tcp_routes_need_backends_with_a_service() {
    let tcp = |rules: &str| format!("{HEAD}conf: {{tcp: {{rules: [{rules}]}}}}");
    for (rules, expected) in [
        ("", &["conf.tcp.rules"][..]),
        ("{}", &["conf.tcp.rules[0].backends"]),
        (
            "{backends: [{destination: {a: b}}]}",
            &["conf.tcp.rules[0].backends[0]"],
        ),
        ("{backends: [{destination: {kuma.io/service: b}}]}", &[]),
        (
            "{backends: [{weight: 4294967295, destination: {kuma.io/service: b}}, {weight: 1, destination: {kuma.io/service: c}}]}",
            &["conf.tcp.rules[0].backends"],
        ),
    ] {
        assert_eq!(kuma(&tcp(rules)), NONE, "{rules}");
        assert_eq!(strict_fields(&tcp(rules)), expected, "{rules}");
    }
}
