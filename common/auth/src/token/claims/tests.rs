//! Which zone and which proxy may use a token.

use std::collections::{BTreeMap, BTreeSet};

use torii_proto::kuma::mesh::v1alpha1::Dataplane;
use torii_proto::kuma::mesh::v1alpha1::dataplane::Networking;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::{Gateway, Inbound};

use super::*;

#[test]
fn a_zone_token_opens_its_zone_and_its_scopes_only() {
    let east = ZoneClaims::control_plane("east");
    let wrong = east.check("west", ZoneScope::ControlPlane).unwrap_err();
    assert!(matches!(wrong, TokenError::WrongZone { .. }) && wrong.is_forbidden());
    let wrong = east.check("east", ZoneScope::Ingress).unwrap_err();
    assert!(matches!(wrong, TokenError::WrongScope { .. }) && wrong.is_forbidden());
    assert!(wrong.to_string().contains("--scope ingress"), "{wrong}");
    let anywhere = ZoneClaims {
        zone: String::new(),
        scope: vec!["ingress".to_owned(), "cp".to_owned()],
    };
    assert_eq!(anywhere.check("east", ZoneScope::Ingress), Ok(()));
    assert!(anywhere.check("east", ZoneScope::ControlPlane).is_err());
}

fn tags<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn dataplane() -> Dataplane {
    let inbound = |value| Inbound {
        tags: tags([("kuma.io/service", value), ("version", "1")]),
        ..Inbound::default()
    };
    Dataplane {
        networking: Some(Networking {
            inbound: vec![inbound("web"), inbound("api")],
            ..Networking::default()
        }),
        ..Dataplane::default()
    }
}

fn with_tag(tag: &str, values: &[&str]) -> DataplaneClaims {
    let values: BTreeSet<String> = values.iter().map(|value| (*value).to_owned()).collect();
    DataplaneClaims {
        tags: BTreeMap::from([(tag.to_owned(), values)]),
        ..DataplaneClaims::default()
    }
}

#[test]
fn every_value_of_the_proxy_must_be_allowed_by_the_token() {
    let check =
        |claims: &DataplaneClaims| claims.check("default", "web-1", &BTreeMap::new(), &dataplane());
    assert_eq!(check(&DataplaneClaims::default()), Ok(()));
    assert_eq!(
        check(&with_tag("kuma.io/service", &["web", "api", "more"])),
        Ok(())
    );
    assert_eq!(
        check(&with_tag("kuma.io/service", &["web"])),
        Err(TokenError::WrongTags {
            tag: "kuma.io/service".to_owned(),
            allowed: vec!["web".to_owned()],
            found: vec!["api".to_owned(), "web".to_owned()],
        })
    );
    assert!(matches!(
        check(&with_tag("team", &["a"])),
        Err(TokenError::WrongTags { .. })
    ));
}

#[test]
fn a_gateways_tags_are_checked_too() {
    let gateway = Dataplane {
        networking: Some(Networking {
            gateway: Some(Gateway {
                tags: tags([("kuma.io/service", "edge")]),
                ..Gateway::default()
            }),
            ..Networking::default()
        }),
        ..Dataplane::default()
    };
    let check = |claims: DataplaneClaims| claims.check("default", "gw", &BTreeMap::new(), &gateway);
    assert_eq!(check(with_tag("kuma.io/service", &["edge"])), Ok(()));
    assert!(check(with_tag("kuma.io/service", &["web"])).is_err());
}

#[test]
fn name_mesh_type_and_workload_must_fit_where_the_token_has_them() {
    let base = DataplaneClaims::default();
    let labels = tags([("kuma.io/workload", "shop")]);
    let check = |claims: &DataplaneClaims| {
        claims
            .check("default", "web-1", &labels, &dataplane())
            .unwrap_err()
    };
    let name = DataplaneClaims {
        name: "web-2".to_owned(),
        ..base.clone()
    };
    assert!(matches!(check(&name), TokenError::WrongName { .. }));
    let mesh = DataplaneClaims {
        mesh: "other".to_owned(),
        ..base.clone()
    };
    assert!(matches!(check(&mesh), TokenError::WrongMesh { .. }));
    let kind = DataplaneClaims {
        proxy_type: "ingress".to_owned(),
        ..base.clone()
    };
    assert!(matches!(check(&kind), TokenError::WrongType { .. }));
    let workload = DataplaneClaims {
        workload: "bank".to_owned(),
        ..base.clone()
    };
    assert!(matches!(check(&workload), TokenError::WrongWorkload { .. }));
    let fits = DataplaneClaims {
        name: "web-1".to_owned(),
        mesh: "default".to_owned(),
        proxy_type: "dataplane".to_owned(),
        workload: "shop".to_owned(),
        ..base
    };
    assert_eq!(
        fits.check("default", "web-1", &labels, &dataplane()),
        Ok(())
    );
}
