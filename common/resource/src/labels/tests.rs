//! Labels of 2.13 (kds §4.8), with the recorded answers.

use super::{Labels, check, check_immutable, compute};
use crate::format::universal;
use crate::kind::{Kind as _, Mode};
use crate::kinds::{Dataplane, MeshGateway};
use crate::meta::ResourceKey;
use crate::registry;

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn computed(yaml: &str, mode: &Mode) -> Labels {
    let resource = &universal::parse(yaml, "test.yaml").unwrap()[0].resource;
    compute(
        resource.kind,
        &resource.key,
        &resource.labels,
        &resource.spec,
        mode,
    )
    .unwrap()
}

fn wrong<const N: usize>(given: [(&str, &str); N], mode: &Mode) -> Vec<String> {
    let key = ResourceKey::of::<MeshGateway>("default", "x");
    check(&MeshGateway::DESCRIPTOR, &key, &labels(given), mode)
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

fn east() -> Mode {
    Mode::Zone("east".to_owned())
}

#[test]
fn a_global_adds_the_mesh_alone() {
    let yaml = "{type: MeshGateway, name: x, labels: {team: a}}";
    assert_eq!(
        computed(yaml, &Mode::Global),
        labels([("kuma.io/mesh", "default"), ("team", "a")])
    );
    assert_eq!(computed("{type: Mesh, name: x}", &Mode::Global), labels([]));
    assert_eq!(computed("{type: Zone, name: x}", &east()), labels([]));
}

#[test]
fn a_zone_adds_what_the_recording_shows() {
    let gateway = labels([
        ("kuma.io/env", "universal"),
        ("kuma.io/mesh", "default"),
        ("kuma.io/origin", "zone"),
        ("kuma.io/zone", "east"),
    ]);
    assert_eq!(computed("{type: MeshGateway, name: zx}", &east()), gateway);
    for (networking, proxy_type) in [("gateway: {}", "gateway"), ("inbound: []", "sidecar")] {
        let mut expected = gateway.clone();
        expected.insert("kuma.io/proxy-type".to_owned(), proxy_type.to_owned());
        let yaml = format!("{{type: Dataplane, name: d, networking: {{{networking}}}}}");
        assert_eq!(computed(&yaml, &east()), expected);
    }
}

#[test]
fn given_labels_must_agree_with_the_place() {
    let key = ResourceKey::of::<MeshGateway>("default", "x");
    let violations = check(
        &MeshGateway::DESCRIPTOR,
        &key,
        &labels([("kuma.io/origin", "zone")]),
        &Mode::Global,
    );
    assert_eq!(
        violations.to_string(),
        "labels[\"kuma.io/origin\"]: the origin label must be set to 'global'"
    );
    assert!(wrong([("kuma.io/origin", "global")], &Mode::Global).is_empty());
    assert_eq!(
        wrong([("kuma.io/origin", "global")], &east()),
        ["labels[\"kuma.io/origin\"]"]
    );
    assert_eq!(
        wrong([("kuma.io/zone", "west")], &east()),
        ["labels[\"kuma.io/zone\"]"]
    );
    assert!(
        wrong(
            [("kuma.io/zone", "east"), ("kuma.io/origin", "zone")],
            &east()
        )
        .is_empty()
    );
    assert_eq!(
        wrong([("kuma.io/mesh", "other")], &east()),
        ["labels[\"kuma.io/mesh\"]"]
    );
}

#[test]
fn label_syntax_is_that_of_kubernetes() {
    let long = "a".repeat(63);
    assert!(
        wrong(
            [("a.b/c_d.E-1", "x"), ("a", ""), (&long, &long)],
            &Mode::Global
        )
        .is_empty()
    );
    let too_long = "a".repeat(64);
    for bad in ["", "-a", "a-", "a b", "/a", "A.b/c", "a/b/c", &too_long] {
        assert_eq!(wrong([(bad, "x")], &Mode::Global).len(), 1, "{bad}");
    }
    for bad in ["-a", "a b", "ä", &too_long] {
        assert_eq!(
            wrong([("a", bad)], &Mode::Global),
            ["labels[\"a\"]"],
            "{bad}"
        );
    }
    assert!(wrong([("kuma.io/display-name", &too_long)], &Mode::Global).is_empty());
}

#[test]
fn a_workload_is_a_dns_label() {
    let key = ResourceKey::of::<Dataplane>("default", "d");
    let check = |workload| {
        check(
            &Dataplane::DESCRIPTOR,
            &key,
            &labels([("kuma.io/workload", workload)]),
            &east(),
        )
    };
    assert!(check("web-1").is_empty());
    assert!(!check("1web").is_empty());
    assert!(registry::by_name("Dataplane").is_some());
}

#[test]
fn origin_zone_and_display_name_never_change() {
    let before = labels([
        ("kuma.io/origin", "zone"),
        ("kuma.io/zone", "east"),
        ("team", "a"),
    ]);
    assert!(check_immutable(&before, &before).is_empty());
    assert!(check_immutable(&labels([]), &before).is_empty());
    let after = labels([("kuma.io/origin", "zone"), ("kuma.io/zone", "west")]);
    assert_eq!(
        check_immutable(&before, &after)
            .iter()
            .map(|v| v.field.as_str())
            .collect::<Vec<_>>(),
        ["labels[\"kuma.io/zone\"]"]
    );
    assert_eq!(check_immutable(&before, &labels([])).iter().count(), 2);
}
