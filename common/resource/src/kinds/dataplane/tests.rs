//! Rules of resources §3.5, defaults of §3.14.

use torii_proto::kuma::mesh::v1alpha1::Dataplane as Spec;

use super::Dataplane;
use crate::format::universal;
use crate::kind::{Context, Kind as _, Mode};
use crate::kinds::checks::{kuma, kuma_fields, strict_fields};

const NONE: [&str; 0] = [];

fn networking(networking: &str) -> String {
    format!("type: Dataplane\nname: d\nnetworking: {{address: 10.0.0.1, {networking}}}")
}

#[test]
fn sidecars_and_both_gateways_are_valid() {
    for good in [
        "inbound: [{port: 80, servicePort: 8080, serviceAddress: 127.0.0.1, tags: {kuma.io/service: web, kuma.io/protocol: HTTP}}]",
        "inbound: [{port: 80, tags: {kuma.io/service: 8080}, serviceProbe: {interval: 1s, unhealthyThreshold: 3, tcp: {}}}]",
        "outbound: [{port: 33033, tags: {kuma.io/service: backend}}], gateway: {tags: {kuma.io/service: kong, kuma.io/protocol: tcp}}",
        "gateway: {type: BUILTIN, tags: {kuma.io/service: edge-gateway}}, admin: {port: 9901}",
    ] {
        assert_eq!(kuma(&networking(good)), NONE, "{good}");
        assert_eq!(strict_fields(&networking(good)), NONE, "{good}");
    }
}

#[test]
fn the_recorded_answer_of_kuma_is_ours() {
    assert_eq!(
        kuma("type: Dataplane\nname: d"),
        ["networking: cannot be empty"]
    );
    assert_eq!(
        kuma("type: Dataplane\nname: d\nnetworking: {inbound: [{port: 0, tags: {}}]}"),
        [
            "networking.address: address can't be empty",
            "networking.inbound[0].port: port must be in the range [1, 65535]",
            "networking.inbound[0].tags[\"kuma.io/service\"]: tag has to exist",
        ]
    );
}

#[test]
fn inbounds_are_checked_field_by_field() {
    let cases: [(&str, &[&str]); 8] = [
        ("servicePort: 65536", &["servicePort"]),
        ("serviceAddress: x", &["serviceAddress"]),
        ("serviceAddress: 10.0.0.1", &["serviceAddress"]),
        (
            "serviceAddress: 10.0.0.2, address: 10.0.0.2, servicePort: 80",
            &["serviceAddress"],
        ),
        ("address: host", &["address"]),
        (
            "serviceProbe: {interval: 0s, timeout: 0s}",
            &["serviceProbe.interval", "serviceProbe.timeout"],
        ),
        (
            "serviceProbe: {unhealthyThreshold: 0, healthyThreshold: 0}",
            &[
                "serviceProbe.unhealthyThreshold",
                "serviceProbe.healthyThreshold",
            ],
        ),
        ("serviceAddress: 10.0.0.1, servicePort: 81", &[]),
    ];
    for (fields, expected) in cases {
        let yaml = networking(&format!(
            "inbound: [{{port: 80, tags: {{kuma.io/service: a}}, {fields}}}]"
        ));
        let expected: Vec<_> = expected
            .iter()
            .map(|field| format!("networking.inbound[0].{field}"))
            .collect();
        assert_eq!(kuma_fields(&yaml), expected, "{fields}");
    }
    assert_eq!(
        kuma_fields(&networking(
            "inbound: [{port: 80, tags: {kuma.io/service: a/b, kuma.io/protocol: x}}]"
        )),
        [
            "networking.inbound[0].tags[\"kuma.io/service\"]",
            "networking.inbound[0].tags[\"kuma.io/protocol\"]",
        ]
    );
}

#[test]
fn gateways_have_no_inbounds_and_builtin_ones_no_outbounds_or_probes() {
    let inbound = "inbound: [{port: 80, tags: {kuma.io/service: a}}]";
    assert_eq!(
        kuma_fields(&networking(&format!(
            "gateway: {{tags: {{kuma.io/service: a}}}}, {inbound}"
        ))),
        ["networking.inbound"]
    );
    let yaml = networking(&format!(
        "gateway: {{type: BUILTIN, tags: {{}}}}, {inbound}, outbound: [{{port: 1, tags: {{kuma.io/service: b}}}}]"
    ));
    assert_eq!(
        kuma_fields(&format!("{yaml}\nprobes: {{port: 1}}")),
        [
            "networking.inbound",
            "networking.outbound",
            "networking.probes",
            "networking.gateway.tags",
            "networking.gateway.tags",
        ]
    );
    assert_eq!(
        kuma_fields(&networking(
            "gateway: {tags: {kuma.io/service: a, kuma.io/protocol: TCP}}"
        )),
        ["networking.gateway.tags[\"kuma.io/protocol\"]"]
    );
}

#[test]
fn outbounds_probes_metrics_and_the_admin_port_are_checked() {
    assert_eq!(
        kuma_fields(&networking("outbound: [{address: x, tags: {}}]")),
        [
            "networking.outbound[0].port",
            "networking.outbound[0].address",
            "networking.outbound[0].tags",
        ]
    );
    let yaml = format!(
        "{}\nprobes: {{endpoints: [{{path: x}}]}}\nmetrics: {{type: y}}",
        networking("")
    );
    assert_eq!(
        kuma_fields(&yaml),
        [
            "probes.port",
            "probes.endpoints[0].inboundPort",
            "probes.endpoints[0].inboundPath",
            "probes.endpoints[0].path",
            "metrics.type",
        ]
    );
    for taken in [
        "inbound: [{port: 9, address: 127.0.0.1, tags: {kuma.io/service: a}}]",
        "inbound: [{port: 8, servicePort: 9, serviceAddress: 127.0.0.1, tags: {kuma.io/service: a}}]",
        "outbound: [{port: 9, tags: {kuma.io/service: a}}]",
    ] {
        assert_eq!(
            kuma_fields(&networking(&format!("admin: {{port: 9}}, {taken}"))),
            ["networking.admin.port"],
            "{taken}"
        );
    }
}

#[test]
fn an_unusable_advertised_address_is_refused_at_the_door_only() {
    let yaml =
        networking("advertisedAddress: 'a b', gateway: {type: 7, tags: {kuma.io/service: a}}");
    assert_eq!(kuma(&yaml), NONE);
    assert_eq!(
        strict_fields(&yaml),
        ["networking.advertisedAddress", "networking.gateway.type"]
    );
}

#[test]
fn a_zone_writes_its_tag_and_an_unprobed_inbound_is_not_ready() {
    let yaml = networking(
        "inbound: [{port: 1, tags: {kuma.io/service: a, kuma.io/zone: other}, serviceProbe: {}}, {port: 2, serviceProbe: {}, health: {ready: true}}], \
         gateway: {tags: {kuma.io/service: g}}",
    );
    let documents = universal::parse(&yaml, "test.yaml").unwrap();
    let spec: Spec = prost::Message::decode(documents[0].resource.spec.clone()).unwrap();
    let after = |mode: &Mode, create: bool| {
        let mut spec = spec.clone();
        let context = Context {
            mode,
            mesh: "default",
            name: "d",
            create,
        };
        Dataplane::set_defaults(&mut spec, &context);
        spec.networking.unwrap()
    };
    let zone = Mode::Zone("east".to_owned());
    let created = after(&zone, true);
    assert!(
        created
            .inbound
            .iter()
            .all(|inbound| inbound.tags["kuma.io/zone"] == "east")
    );
    assert_eq!(created.gateway.unwrap().tags["kuma.io/zone"], "east");
    let ready: Vec<_> = created
        .inbound
        .iter()
        .map(|inbound| inbound.health.map(|h| h.ready))
        .collect();
    assert_eq!(ready, [Some(false), Some(true)]);
    let updated = after(&zone, false);
    assert_eq!(updated.inbound[0].health, None);
    assert_eq!(after(&Mode::Global, false), spec.networking.unwrap());
}
