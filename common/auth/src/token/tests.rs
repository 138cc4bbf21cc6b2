//! The matrix of tokens: what opens, and all that does not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use proptest::prelude::{any, proptest};
use serde_json::json;

use torii_resource::Resource;
use torii_resource::kinds::GlobalSecret;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Making keys takes a second each: one for all.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

fn now() -> Timestamp {
    "2026-11-24T16:34:16Z".parse().unwrap()
}

fn default_mesh() -> Family {
    Family::Dataplane {
        mesh: "default".to_owned(),
    }
}

fn secret(key: torii_resource::ResourceKey, data: Vec<u8>) -> Resource {
    let spec = torii_proto::kuma::system::v1alpha1::Secret { data: Some(data) };
    let mut resource = Resource::new::<GlobalSecret>("", "any", &spec);
    resource.key = key;
    resource
}

fn ring_with(revoked: &str) -> KeyRing {
    let pem = KEY.to_pem().unwrap().into_bytes();
    let mut resources = Vec::new();
    for family in [Family::User, Family::Zone, default_mesh()] {
        resources.push(secret(family.signing_key(1), pem.clone()));
        resources.push(secret(family.revocations(), revoked.as_bytes().to_vec()));
    }
    KeyRing::from_resources(&resources)
}

fn ring() -> KeyRing {
    ring_with("")
}

fn zone_token() -> String {
    ring()
        .issue(&ZoneClaims::control_plane("east"), now(), HOUR)
        .unwrap()
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("1".to_owned());
    header
}

fn zone_claims() -> Value {
    json!({ "Zone": "east", "Scope": ["cp"], "jti": "an-id", "exp": now().as_second() + 60 })
}

/// Verifies, and makes sure that the error has nothing of the token.
fn refused(token: &str, ring: &KeyRing, now: Timestamp) -> TokenError {
    let error = verify_zone(token, ring, now).unwrap_err();
    for part in token.split('.').filter(|part| part.len() > 3) {
        assert!(!error.to_string().contains(part), "{error}");
    }
    assert!(!error.is_forbidden());
    error
}

#[test]
fn an_issued_token_is_verified_until_it_expires() {
    let ring = ring();
    let token = zone_token();
    let claims = verify_zone(&token, &ring, now()).unwrap();
    assert_eq!(claims, ZoneClaims::control_plane("east"));
    assert_eq!(claims.check("east", ZoneScope::ControlPlane), Ok(()));
    // Clocks may differ by the slack.
    assert!(verify_zone(&token, &ring, now() - SLACK).is_ok());
    assert!(matches!(
        refused(&token, &ring, now() - 2 * SLACK),
        TokenError::NotYetValid { .. }
    ));
    assert!(verify_zone(&token, &ring, now() + HOUR - Duration::from_secs(1)).is_ok());
    let error = refused(&token, &ring, now() + HOUR);
    assert_eq!(
        error.to_string(),
        "the zone token expired at 2026-11-24T17:34:16Z: make a new one with `torii generate zone-token`"
    );
}

#[test]
fn a_missing_or_malformed_token_is_refused() {
    let ring = ring();
    assert_eq!(
        refused("", &ring, now()),
        TokenError::Missing {
            kind: TokenKind::Zone
        }
    );
    let long = "a".repeat(MAX_BYTES + 1);
    for token in ["abc", "a.b.c", "..", "e30.e30.", &long] {
        assert!(
            matches!(refused(token, &ring, now()), TokenError::Malformed { .. }),
            "{token:.20}"
        );
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    let ring = ring();
    let claims = ZoneClaims::control_plane("east");
    let forged = issue(&claims, &OTHER, 1, now(), HOUR).unwrap();
    assert!(matches!(
        refused(&forged, &ring, now()),
        TokenError::BadSignature { .. }
    ));
    let unknown = issue(&claims, &KEY, 2, now(), HOUR).unwrap();
    let error = refused(&unknown, &ring, now()).to_string();
    assert!(error.contains("zone-token-signing-key-2"), "{error}");
}

#[test]
fn changed_claims_break_the_signature() {
    let token = zone_token();
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let mut claims = part(&token, 1);
    claims["Zone"] = json!("west");
    parts[1] = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    assert!(matches!(
        refused(&parts.join("."), &ring(), now()),
        TokenError::BadSignature { .. }
    ));
}

#[test]
fn no_other_algorithm_is_accepted() {
    let ring = ring();
    let claims = zone_claims();
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "None", "NONE"] {
        let unsigned = format!(
            "{}.{}.",
            encode(&json!({ "alg": alg, "typ": "JWT", "kid": "1" })),
            encode(&claims)
        );
        assert!(matches!(
            refused(&unsigned, &ring, now()),
            TokenError::Malformed { .. }
        ));
    }
    // HS256 with the public key as the shared secret: the classic confusion.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("1".to_owned());
    let public = KEY.public_pem().unwrap();
    let confused = signed(
        &header,
        &claims,
        &EncodingKey::from_secret(public.as_bytes()),
    );
    assert!(matches!(
        refused(&confused, &ring, now()),
        TokenError::Malformed { .. }
    ));
    let mut header = Header::new(Algorithm::RS512);
    header.kid = Some("1".to_owned());
    let other = signed(&header, &claims, KEY.encoding());
    assert!(matches!(
        refused(&other, &ring, now()),
        TokenError::Malformed { .. }
    ));
}

#[test]
fn kid_expiry_and_id_are_needed() {
    let ring = ring();
    assert!(
        verify_zone(
            &signed(&header(), &zone_claims(), KEY.encoding()),
            &ring,
            now()
        )
        .is_ok()
    );
    let no_kid = signed(
        &Header::new(Algorithm::RS256),
        &zone_claims(),
        KEY.encoding(),
    );
    assert!(matches!(
        refused(&no_kid, &ring, now()),
        TokenError::Malformed { .. }
    ));
    for claim in ["exp", "jti"] {
        let mut claims = zone_claims();
        claims.as_object_mut().unwrap().remove(claim);
        let token = signed(&header(), &claims, KEY.encoding());
        let error = refused(&token, &ring, now()).to_string();
        assert!(error.contains(claim), "{error}");
    }
    for (claim, value) in [
        ("Zone", json!(7)),
        ("Scope", json!("cp")),
        ("exp", json!("soon")),
        ("nbf", json!("now")),
    ] {
        let mut claims = zone_claims();
        claims[claim] = value;
        let token = signed(&header(), &claims, KEY.encoding());
        assert!(
            matches!(refused(&token, &ring, now()), TokenError::Malformed { .. }),
            "{claim}"
        );
    }
}

#[test]
fn claims_are_read_in_any_case_and_null_is_nothing() {
    let claims = json!({ "zone": "east", "SCOPE": null, "JTI": "an-id", "Exp": now().as_second() + 60, "nbf": null });
    let token = signed(&header(), &claims, KEY.encoding());
    let claims = verify_zone(&token, &ring(), now()).unwrap();
    assert_eq!((claims.zone.as_str(), claims.scope.len()), ("east", 0));
}

#[test]
fn a_revoked_token_is_refused_by_its_id() {
    let token = zone_token();
    let id = part(&token, 1)["jti"].as_str().unwrap().to_owned();
    let error = verify_zone(&token, &ring_with(&format!("x,{id}\n")), now()).unwrap_err();
    assert_eq!(
        error,
        TokenError::Revoked {
            kind: TokenKind::Zone,
            id
        }
    );
}

#[test]
fn a_token_of_one_family_opens_no_other() {
    // Same key, same serial: then the claims must not fit by accident. With keys of their own, the signature fails.
    let pem = OTHER.to_pem().unwrap().into_bytes();
    let mut resources = vec![secret(Family::User.signing_key(1), pem)];
    resources.push(secret(
        Family::Zone.signing_key(1),
        KEY.to_pem().unwrap().into_bytes(),
    ));
    let ring = KeyRing::from_resources(&resources);
    let user = ring.issue(&UserClaims::admin(), now(), HOUR).unwrap();
    assert!(
        verify_user(&user, &ring, now())
            .unwrap()
            .identity()
            .is_admin()
    );
    assert!(matches!(
        verify_zone(&user, &ring, now()),
        Err(TokenError::BadSignature { .. })
    ));
    assert!(matches!(
        verify_dataplane(&user, "default", &ring, now()),
        Err(TokenError::UnknownKey { .. })
    ));
}

#[test]
fn a_dataplane_token_is_verified_with_its_meshs_key() {
    let ring = ring();
    let claims = DataplaneClaims {
        name: "gw-east".to_owned(),
        mesh: "default".to_owned(),
        ..DataplaneClaims::default()
    };
    let token = ring.issue(&claims, now(), HOUR).unwrap();
    assert_eq!(
        verify_dataplane(&token, "default", &ring, now()),
        Ok(claims)
    );
    assert!(matches!(
        verify_dataplane(&token, "other", &ring, now()),
        Err(TokenError::UnknownKey { .. })
    ));
}

#[test]
fn credentials_are_read_from_headers_as_clients_send_them() {
    assert_eq!(bearer("Bearer abc"), Some("abc"));
    assert_eq!(bearer("bearer abc"), None);
    assert_eq!(bearer("Basic abc"), None);
    for value in ["abc", "Bearer abc", "bearer abc", " abc\n"] {
        assert_eq!(bearer_or_raw(value), "abc");
    }
}

/// The folder with recordings: a sibling of the repository, or where `TORII_SHARED` says.
fn shared() -> Option<PathBuf> {
    let found = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            let up = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
            up.map(|folder| folder.join("shared"))
                .find(|folder| folder.join("recordings").is_dir())
        });
    let required = std::env::var("TORII_REQUIRE").is_ok_and(|list| list.contains("shared"));
    assert!(
        found.is_some() || !required,
        "shared/ is required and not there"
    );
    found
}

#[test]
fn issued_tokens_have_the_layout_of_kumas() {
    let Some(shared) = shared() else {
        println!("skipped: no shared/ folder");
        return;
    };
    let text = std::fs::read_to_string(shared.join("recordings/kumactl/generate.jsonl")).unwrap();
    let mut compared = BTreeSet::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let (Some(token), Some(noun)) = (record["stdout"].as_str(), record["argv"][2].as_str())
        else {
            continue;
        };
        if !token.starts_with("eyJ") {
            continue;
        }
        let theirs = part(token, 1);
        let start = Timestamp::from_second(theirs["nbf"].as_i64().unwrap()).unwrap() + SLACK;
        let valid = theirs["exp"].as_i64().unwrap() - start.as_second();
        let valid = Duration::from_secs(u64::try_from(valid).unwrap());
        let lower = |claims: &Value| {
            let claims = claims.as_object().unwrap().iter();
            Value::Object(
                claims
                    .map(|(name, value)| (name.to_lowercase(), value.clone()))
                    .collect(),
            )
        };
        let ours = match noun {
            "user-token" => issue(
                &UserClaims::from_claims(lower(&theirs)).unwrap(),
                &KEY,
                1,
                start,
                valid,
            ),
            "zone-token" => issue(
                &ZoneClaims::from_claims(lower(&theirs)).unwrap(),
                &KEY,
                1,
                start,
                valid,
            ),
            _ => issue(
                &DataplaneClaims::from_claims(lower(&theirs)).unwrap(),
                &KEY,
                1,
                start,
                valid,
            ),
        }
        .unwrap();
        let mut expected = part(token, 0);
        if record["note"] == "offline" {
            expected["kid"] = json!("1");
        }
        assert_eq!(part(&ours, 0), expected);
        let (mut ours, mut theirs) = (part(&ours, 1), theirs);
        assert_eq!(
            ours["jti"].as_str().unwrap().len(),
            theirs["jti"].as_str().unwrap().len()
        );
        ours["jti"] = Value::Null;
        theirs["jti"] = Value::Null;
        assert_eq!(ours, theirs);
        compared.insert(noun.to_owned());
    }
    assert_eq!(compared.len(), 3, "{compared:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_verification_panic(bytes in any::<Vec<u8>>()) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = verify_zone(&text, &ring(), now());
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
        let head = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"1"}"#);
        let _ = verify_zone(&format!("{encoded}.{encoded}.{encoded}"), &ring(), now());
        let _ = verify_user(&format!("{head}.{encoded}.{encoded}"), &ring(), now());
        let _ = bearer_or_raw(&text);
    }

    #[test]
    fn no_signed_claims_make_verification_panic(exp in any::<f64>(), nbf in any::<f64>(), name in any::<String>()) {
        let claims = json!({ "Name": name, "exp": exp, "nbf": nbf, "jti": name });
        let token = signed(&header(), &claims, KEY.encoding());
        let _ = verify_dataplane(&token, "default", &ring(), now());
    }
}
