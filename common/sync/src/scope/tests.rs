//! Who gets what, and how it looks: one row a rule (kds §4.3-4.9, §11.3 G5).

use torii_proto::kuma::mesh::v1alpha1::dataplane::{Networking, networking};
use torii_proto::kuma::mesh::v1alpha1::{Dataplane, KumaResource};
use torii_resource::meta::label::{DISPLAY_NAME, ENV, KDS_SYNC, MESH, ORIGIN, ZONE as ZONE_LABEL};
use torii_resource::{Stamp, tags};

use super::*;

const TORII: Scope = to_zone(Variant::Torii);
const KUMA: Scope = to_zone(Variant::Hashed);
const OLD: Scope = to_zone(Variant::Plain);

/// Kind, mesh, name and labels of a resource, and what becomes of it.
type Row<'a, T> = (
    &'a str,
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    Option<T>,
);

const fn to_zone(variant: Variant) -> Scope {
    Scope::ToZone {
        variant,
        public_key: |private| (private == b"private").then(|| b"public".to_vec()),
    }
}

fn to_global(variant: Variant) -> Scope {
    Scope::ToGlobal {
        zone: Arc::from("east"),
        variant,
    }
}

fn resource(kind: &str, mesh: &str, name: &str, labels: &[(&str, &str)]) -> Resource {
    let secret = Secret {
        data: Some(b"private".to_vec()),
    };
    let spec = if kind.ends_with("Secret") {
        secret.encode_to_vec()
    } else {
        Vec::new()
    };
    Resource {
        key: ResourceKey::new(kind, mesh, name),
        labels: labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        spec: spec.into(),
        created: Stamp::default(),
        modified: Stamp::default(),
    }
}

fn body(entry: &Entry) -> KumaResource {
    KumaResource::decode(entry.body.clone()).unwrap()
}

fn labels(entry: &Entry) -> String {
    let labels = body(entry).meta.unwrap().labels;
    labels
        .iter()
        .map(|(key, value)| format!("{}={value}", key.trim_start_matches("kuma.io/")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// (kind, mesh, name, labels) → the wire key at a Kuma zone and the labels there.
#[test]
fn what_a_zone_gets() {
    let rows: &[Row<'_, (&str, &str)>] = &[
        (
            "Mesh",
            "",
            "default",
            &[],
            Some(("default.", "origin=global")),
        ),
        (
            "MeshGateway",
            "default",
            "edge",
            &[(DISPLAY_NAME, "edge"), (MESH, "default")],
            Some((
                "edge-HASH.default",
                "display-name=edge mesh=default origin=global",
            )),
        ),
        (
            "MeshGatewayRoute",
            "m",
            "r",
            &[],
            Some(("r-HASH.m", "display-name=r origin=global")),
        ),
        (
            "MeshGateway",
            "m",
            "g",
            &[(ORIGIN, "global")],
            Some(("g-HASH.m", "display-name=g origin=global")),
        ),
        (
            "MeshGateway",
            "m",
            "g",
            &[(ORIGIN, "zone"), (ZONE_LABEL, "east")],
            None,
        ),
        ("MeshGateway", "m", "g", &[(KDS_SYNC, "disabled")], None),
        (
            "MeshGateway",
            "m",
            "g",
            &[(KDS_SYNC, "enabled"), ("team", "a")],
            Some((
                "g-HASH.m",
                "display-name=g kds-sync=enabled origin=global team=a",
            )),
        ),
        (
            "Secret",
            "default",
            "cert",
            &[],
            Some(("cert.default", "origin=global")),
        ),
        (
            "Secret",
            "default",
            "dataplane-token-signing-key-default-1",
            &[],
            Some((
                "dataplane-token-signing-key-default-1.default",
                "origin=global",
            )),
        ),
        ("Secret", "default", "cert", &[(KDS_SYNC, "disabled")], None),
        (
            "Config",
            "",
            "kuma-cluster-id",
            &[],
            Some(("kuma-cluster-id.", "origin=global")),
        ),
        ("Config", "", "cp-catalog", &[], None),
        (
            "GlobalSecret",
            "",
            "zone-token-signing-key-1",
            &[],
            Some((
                "zone-token-signing-public-key-1.",
                "display-name=zone-token-signing-key-1 origin=global",
            )),
        ),
        (
            "GlobalSecret",
            "",
            "zone-token-signing-key",
            &[],
            Some((
                "zone-token-signing-public-key.",
                "display-name=zone-token-signing-key origin=global",
            )),
        ),
        ("GlobalSecret", "", "zone-token-signing-key-", &[], None),
        (
            "GlobalSecret",
            "",
            "zone-token-signing-key-1-old",
            &[],
            None,
        ),
        ("GlobalSecret", "", "user-token-signing-key-1", &[], None),
        ("GlobalSecret", "", "user-token-revocations", &[], None),
        ("GlobalSecret", "", "admin-user-token", &[], None),
        ("GlobalSecret", "", "envoy-admin-ca", &[], None),
        ("GlobalSecret", "", "inter-cp-ca", &[], None),
        ("GlobalSecret", "", "something-else", &[], None),
        (
            "Dataplane",
            "default",
            "dp",
            &[(ORIGIN, "zone"), (ZONE_LABEL, "west")],
            None,
        ),
        ("Dataplane", "default", "dp", &[], None),
        ("Zone", "", "east", &[], None),
        ("NoSuchKind", "default", "x", &[], None),
    ];
    for (kind, mesh, name, given, wanted) in rows {
        let resource = resource(kind, mesh, name, given);
        let entry = KUMA.entry(&resource);
        let wanted = wanted.map(|(key, labels)| {
            let hash = hashed(mesh, resource.display_name(), &[]);
            let hash = hash.rsplit('-').next().unwrap();
            (key.replace("HASH", hash), labels.to_owned())
        });
        let got = entry
            .as_ref()
            .map(|entry| (entry.key.to_string(), labels(entry)));
        assert_eq!(got, wanted, "{kind} {mesh}/{name} {given:?}");
        assert_eq!(KUMA.key(&resource), entry.map(|entry| entry.key));
    }
}

#[test]
fn private_zone_keys_leave_as_public_ones_or_not_at_all() {
    let mut key = resource("GlobalSecret", "", "zone-token-signing-key-3", &[]);
    for scope in [TORII, KUMA, OLD] {
        let entry = scope.entry(&key).unwrap();
        let spec = body(&entry).spec.unwrap();
        assert_eq!(
            spec.type_url,
            "type.googleapis.com/kuma.system.v1alpha1.Secret"
        );
        assert_eq!(
            Secret::decode(spec.value.as_slice())
                .unwrap()
                .data
                .as_deref(),
            Some(&b"public"[..])
        );
    }
    key.spec = Secret { data: None }.encode_to_vec().into();
    assert_eq!(
        TORII.entry(&key),
        None,
        "a key that cannot be converted stays"
    );
}

#[test]
fn names_are_plain_for_torii_and_old_zones_and_creation_travels_to_torii_only() {
    let mut gateway = resource("MeshGateway", "default", "edge", &[]);
    gateway.created = Stamp {
        revision: torii_resource::Revision(7),
        time: "2024-05-01T10:00:00Z".parse().unwrap(),
    };
    let version = |scope: &Scope| {
        let entry = scope.entry(&gateway).unwrap();
        (
            entry.key.name.to_string(),
            body(&entry).meta.unwrap().version,
        )
    };
    assert_eq!(
        version(&TORII),
        ("edge".to_owned(), "7@2024-05-01T10:00:00Z".to_owned())
    );
    assert_eq!(version(&OLD), ("edge".to_owned(), String::new()));
    assert_eq!(version(&KUMA).1, "");
}

#[test]
fn what_a_global_gets_from_a_zone() {
    let all = "display-name=dp env=universal mesh=default origin=zone zone=east";
    let rows: &[Row<'_, &str>] = &[
        ("Dataplane", "default", "dp", &[], Some(all)),
        (
            "Dataplane",
            "default",
            "dp",
            &[(ORIGIN, "zone"), (ZONE_LABEL, "lies")],
            Some(all),
        ),
        ("Dataplane", "default", "dp", &[(ORIGIN, "global")], None),
        (
            "Dataplane",
            "default",
            "dp",
            &[(KDS_SYNC, "disabled")],
            None,
        ),
        (
            "Dataplane",
            "default",
            "dp",
            &[(ENV, "kubernetes")],
            Some("display-name=dp env=kubernetes mesh=default origin=zone zone=east"),
        ),
        (
            "MeshGateway",
            "default",
            "dp",
            &[(ORIGIN, "zone")],
            Some(all),
        ),
        ("MeshGateway", "default", "dp", &[(ORIGIN, "global")], None),
        (
            "MeshGatewayRoute",
            "default",
            "r",
            &[(ORIGIN, "zone")],
            None,
        ),
        ("Secret", "default", "s", &[], None),
        ("GlobalSecret", "", "envoy-admin-ca", &[], None),
        ("Mesh", "", "default", &[], None),
    ];
    for (kind, mesh, name, given, wanted) in rows {
        let resource = resource(kind, mesh, name, given);
        let plain = to_global(Variant::Torii).entry(&resource);
        assert_eq!(
            plain.as_ref().map(labels).as_deref(),
            *wanted,
            "{kind} {given:?}"
        );
        for variant in [Variant::Hashed, Variant::Plain] {
            let entry = to_global(variant).entry(&resource);
            assert_eq!(
                entry.map(|entry| entry.key.name.to_string()),
                wanted.map(|_| hashed(mesh, name, &["east"])),
                "a Kuma global always gets hashed names"
            );
        }
    }
}

#[test]
fn a_change_is_an_upsert_a_removal_or_nothing() {
    let here = resource("MeshGateway", "m", "g", &[]);
    let disabled = resource("MeshGateway", "m", "g", &[(KDS_SYNC, "disabled")]);
    let key = vec![WireKey::new("m", "g")];
    assert_eq!(TORII.change(None, Some(&here)).upserts.len(), 1);
    assert_eq!(TORII.change(Some(&here), None).removals, key);
    let leaves = TORII.change(Some(&here), Some(&disabled));
    assert_eq!((leaves.upserts.len(), leaves.removals), (0, key));
    let update = TORII.change(Some(&here), Some(&here));
    assert_eq!((update.upserts.len(), update.removals.len()), (1, 0));
    assert_eq!(TORII.change(Some(&disabled), None), Changes::default());
}

#[test]
fn the_global_files_a_zones_resources_under_the_authenticated_name() {
    let origin = Origin::Zone {
        zone: Arc::from("east"),
        prefix: false,
    };
    let tags = || [(tags::ZONE.to_owned(), "west".to_owned())].into();
    let dataplane = Dataplane {
        networking: Some(Networking {
            inbound: vec![networking::Inbound {
                tags: tags(),
                ..networking::Inbound::default()
            }],
            gateway: Some(networking::Gateway {
                tags: tags(),
                ..networking::Gateway::default()
            }),
            ..Networking::default()
        }),
        ..Dataplane::default()
    };
    let mut sent = resource(
        "Dataplane",
        "m",
        "dp",
        &[(ORIGIN, "global"), (ZONE_LABEL, "west")],
    );
    sent.spec = dataplane.encode_to_vec().into();
    let stored = origin.adopt(sent).unwrap();
    assert_eq!(stored.label(ORIGIN), Some("zone"));
    assert_eq!(stored.label(ZONE_LABEL), Some("east"));
    let networking = Dataplane::decode(stored.spec.clone())
        .unwrap()
        .networking
        .unwrap();
    assert_eq!(networking.inbound[0].tags[tags::ZONE], "east");
    assert_eq!(networking.gateway.unwrap().tags[tags::ZONE], "east");
    assert!(origin.owns(&stored));
    let other = Origin::Zone {
        zone: Arc::from("west"),
        prefix: false,
    };
    assert!(!other.owns(&stored));
}

#[test]
fn kinds_that_do_not_travel_that_way_are_refused() {
    let zone = Origin::Zone {
        zone: Arc::from("east"),
        prefix: false,
    };
    for (kind, mesh) in [
        ("Mesh", ""),
        ("Secret", "m"),
        ("GlobalSecret", ""),
        ("Zone", ""),
        ("Nope", "m"),
    ] {
        assert!(
            zone.adopt(resource(kind, mesh, "x", &[])).is_err(),
            "{kind} from a zone"
        );
    }
    for (kind, mesh) in [
        ("Dataplane", "m"),
        ("Zone", ""),
        ("MeshGateway", ""),
        ("Mesh", "m"),
    ] {
        assert!(
            Origin::Global
                .adopt(resource(kind, mesh, "x", &[]))
                .is_err(),
            "{kind} from the global"
        );
    }
    assert!(Origin::Global.adopt(resource("Mesh", "", "", &[])).is_err());
    let adopted = Origin::Global
        .adopt(resource("Secret", "m", "s", &[]))
        .unwrap();
    assert!(
        Origin::Global.owns(&adopted),
        "a missing label does not make it local"
    );
}

#[test]
fn names_of_old_zones_get_a_prefix_and_lose_it_again() {
    let old = Origin::Zone {
        zone: Arc::from("east"),
        prefix: true,
    };
    let stored = old.adopt(resource("Dataplane", "m", "dp.x", &[])).unwrap();
    assert_eq!(stored.key.name, "east.dp.x");
    assert_eq!(old.wire_key(&stored.key), WireKey::new("m", "dp.x"));
    let held = held(&old, [&stored, &resource("Dataplane", "m", "other", &[])]);
    assert_eq!(
        held[&KindName::new("Dataplane")],
        BTreeSet::from([WireKey::new("m", "dp.x")])
    );
}

/// kds §11.3 G3, §10.2 P16.
#[test]
fn the_same_resource_has_the_same_bytes() {
    let gateway = resource(
        "MeshGateway",
        "m",
        "g",
        &[("b", "1"), ("a", "2"), ("c", "3")],
    );
    assert_eq!(KUMA.entry(&gateway), KUMA.entry(&gateway.clone()));
}

/// kds §1.5, byte vectors.
#[test]
fn bytes_and_version_are_kumas() {
    let mesh = resource("Mesh", "", "default", &[(DISPLAY_NAME, "default")]);
    assert_eq!(
        KUMA.entry(&mesh).unwrap().version.to_string(),
        "7b07f4eac030072ddad3b01e8e9ba164a89105e38cb9dfffacb710459d47ec90"
    );
}
