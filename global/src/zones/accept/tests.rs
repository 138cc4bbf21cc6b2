use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use prost::Message as _;
use tonic::Code;
use tonic::metadata::MetadataMap;

use torii_auth::KeyRing;
use torii_auth::keys::{Family, SigningKey};
use torii_auth::token::{ZoneClaims, issue};
use torii_proto::kuma::system::v1alpha1::Secret;
use torii_resource::{Resource, Stamp};

use super::{Accepted, accept};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn ring() -> KeyRing {
    let secret = Secret {
        data: Some(KEY.to_pem().unwrap().into_bytes()),
    };
    KeyRing::from_resources([&Resource {
        key: Family::Zone.signing_key(1),
        labels: std::collections::BTreeMap::new(),
        spec: secret.encode_to_vec().into(),
        created: Stamp::default(),
        modified: Stamp::default(),
    }])
}

fn token(key: &SigningKey, zone: &str, scope: &str, valid: Duration) -> String {
    let claims = ZoneClaims {
        zone: zone.to_owned(),
        scope: vec![scope.to_owned()],
    };
    issue(&claims, key, 1, now(), valid).unwrap()
}

const HOUR: Duration = Duration::from_secs(3600);

fn call(zone: Option<&str>, authorization: &[&str], later: Duration) -> Result<Accepted, Code> {
    let mut metadata = MetadataMap::new();
    if let Some(zone) = zone {
        metadata.insert("client-id", zone.parse().unwrap());
    }
    for value in authorization {
        metadata.append("authorization", value.parse().unwrap());
    }
    let named = BTreeSet::from(["kuma-zone".to_owned()]);
    accept(&metadata, &named, &ring(), now() + later).map_err(|status| status.code())
}

/// kds §3.4, §11.3 G6.
#[test]
fn the_matrix_of_zone_tokens() {
    let good = token(&KEY, "east", "cp", HOUR);
    let raw = good.as_str();
    let bearer = format!("Bearer {good}");
    let lower = format!("bearer {good}");
    let forged = token(&OTHER, "east", "cp", HOUR);
    let west = token(&KEY, "west", "cp", HOUR);
    let ingress = token(&KEY, "east", "ingress", HOUR);
    let none = Duration::ZERO;
    type Row<'a> = (
        &'a str,
        Option<&'a str>,
        &'a [&'a str],
        Duration,
        Option<Code>,
    );
    let rows: [Row<'_>; 11] = [
        ("raw", Some("east"), &[raw], none, None),
        ("bearer", Some("east"), &[&bearer], none, None),
        ("lower-case bearer", Some("east"), &[&lower], none, None),
        (
            "no client-id",
            None,
            &[raw],
            none,
            Some(Code::InvalidArgument),
        ),
        (
            "no token",
            Some("east"),
            &[],
            none,
            Some(Code::Unauthenticated),
        ),
        (
            "two values",
            Some("east"),
            &[raw, raw],
            none,
            Some(Code::Unauthenticated),
        ),
        (
            "another key",
            Some("east"),
            &[&forged],
            none,
            Some(Code::Unauthenticated),
        ),
        (
            "expired",
            Some("east"),
            &[raw],
            2 * HOUR,
            Some(Code::Unauthenticated),
        ),
        (
            "another zone",
            Some("east"),
            &[&west],
            none,
            Some(Code::PermissionDenied),
        ),
        (
            "another scope",
            Some("east"),
            &[&ingress],
            none,
            Some(Code::PermissionDenied),
        ),
        (
            "garbage",
            Some("east"),
            &["x.y.z"],
            none,
            Some(Code::Unauthenticated),
        ),
    ];
    for (what, zone, authorization, later, expected) in rows {
        assert_eq!(call(zone, authorization, later).err(), expected, "{what}");
    }
}

#[test]
fn a_named_zone_comes_in_without_a_token_and_is_not_authenticated() {
    assert!(
        !call(Some("kuma-zone"), &[], Duration::ZERO)
            .unwrap()
            .authenticated()
    );
}

#[test]
fn a_named_zone_with_a_bad_token_is_refused_all_the_same() {
    assert_eq!(
        call(Some("kuma-zone"), &["x"], Duration::ZERO).err(),
        Some(Code::Unauthenticated)
    );
}

#[test]
fn an_accepted_zone_knows_when_its_token_ends() {
    let good = token(&KEY, "east", "cp", HOUR);
    let accepted = call(Some("east"), &[&good], Duration::ZERO).unwrap();
    let left = accepted.expires_in(now()).unwrap();
    assert!(
        left >= HOUR && left < HOUR + Duration::from_secs(10),
        "{left:?}"
    );
    assert!(accepted.still_valid(&ring(), now() + 2 * HOUR).is_err());
}
