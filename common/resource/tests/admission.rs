//! From a document to what may be stored.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use torii_resource::format::universal;
use torii_resource::{
    Admitted, Mode, ParsedResource, Resource, Revision, Stamp, Violations, admit,
};

fn parsed(yaml: &str) -> ParsedResource {
    universal::parse(yaml, "x").unwrap().remove(0).resource
}

fn stored(parsed: &ParsedResource, admitted: &Admitted) -> Resource {
    let stamp = Stamp {
        revision: Revision(1),
        ..Stamp::default()
    };
    Resource {
        key: parsed.key.clone(),
        labels: admitted.labels.clone(),
        spec: admitted.spec.clone(),
        created: stamp,
        modified: stamp,
    }
}

fn fields(violations: &Violations) -> Vec<&str> {
    violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect()
}

#[test]
fn a_dataplane_of_a_zone_gets_labels_and_the_zone_tag() {
    let zone = Mode::Zone("east".to_owned());
    let dataplane = parsed(
        "{type: Dataplane, name: gw, networking: {address: 127.0.0.1, gateway: {type: BUILTIN, tags: {kuma.io/service: edge}}}}",
    );
    let admitted = admit(&dataplane, None, &zone).unwrap();
    let json = universal::to_json(&stored(&dataplane, &admitted)).unwrap();
    assert_eq!(
        json["networking"]["gateway"]["tags"]["kuma.io/zone"],
        "east"
    );
    assert_eq!(
        json["labels"].to_string(),
        r#"{"kuma.io/env":"universal","kuma.io/mesh":"default","kuma.io/origin":"zone","kuma.io/proxy-type":"gateway","kuma.io/zone":"east"}"#
    );
    // Again the same: nothing changes.
    let again = admit(&dataplane, Some(&stored(&dataplane, &admitted)), &zone).unwrap();
    assert_eq!(again, admitted);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let gateway = parsed(
        "{type: MeshGateway, name: X_y, labels: {kuma.io/origin: zone}, selectors: [{match: {kuma.io/service: a}}], \
         conf: {listeners: [{port: 0, protocol: TLS}]}}",
    );
    let violations = admit(&gateway, None, &Mode::Global).unwrap_err();
    assert_eq!(
        fields(&violations),
        [
            "name",
            "labels[\"kuma.io/origin\"]",
            "conf.listeners[0].port",
            "conf.listeners[0].tls"
        ]
    );
}

#[test]
fn labels_that_never_change_are_held_against_the_stored_ones() {
    let gateway = parsed(
        "{type: MeshGateway, name: x, labels: {kuma.io/display-name: y}, selectors: [{match: {kuma.io/service: a}}], conf: {listeners: [{port: 1, protocol: HTTP}]}}",
    );
    let existing = stored(&gateway, &admit(&gateway, None, &Mode::Global).unwrap());
    let mut changed = gateway;
    changed.labels.clear();
    assert_eq!(
        fields(&admit(&changed, Some(&existing), &Mode::Global).unwrap_err()),
        ["labels[\"kuma.io/display-name\"]"]
    );
}

#[test]
fn a_name_that_2_4_took_is_refused_on_update_too() {
    let mut mesh = parsed("{type: Mesh, name: a}");
    let existing = stored(&mesh, &admit(&mesh, None, &Mode::Global).unwrap());
    mesh.key.name = "a_b".to_owned();
    assert_eq!(
        fields(&admit(&mesh, Some(&existing), &Mode::Global).unwrap_err()),
        ["name"]
    );
}
