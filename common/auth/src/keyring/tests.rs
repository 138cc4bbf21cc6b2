//! Key rings from secrets.

use torii_resource::kinds::GlobalSecret;

use super::*;

fn resource(key: &ResourceKey, data: &[u8]) -> Resource {
    let spec = torii_proto::kuma::system::v1alpha1::Secret {
        data: Some(data.to_vec()),
    };
    let mut resource = Resource::new::<GlobalSecret>("", "any", &spec);
    resource.key = key.clone();
    resource
}

fn named(name: &str, key: &SigningKey) -> Resource {
    resource(
        &ResourceKey::of::<GlobalSecret>("", name),
        key.to_pem().unwrap().as_bytes(),
    )
}

fn same(left: &PublicKey, right: &SigningKey) -> bool {
    left.to_pem().unwrap() == right.public_pem().unwrap()
}

#[test]
fn the_highest_serial_signs_and_all_verify() {
    let (old, new) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    // 10 is more than 9, though its name comes first.
    let resources = [
        named("user-token-signing-key-10", &new),
        named("user-token-signing-key-9", &old),
    ];
    let ring = KeyRing::from_resources(&resources);
    let (serial, key) = ring.signing_key(&Family::User).unwrap();
    assert_eq!(serial, 10);
    assert_eq!(key.to_pem().unwrap(), new.to_pem().unwrap());
    assert!(same(ring.public_key(&Family::User, 9).unwrap(), &old));
    assert!(ring.problems().is_empty());
}

#[test]
fn of_two_names_with_one_serial_the_canonical_wins_in_any_order() {
    let (padded, plain) = (
        SigningKey::generate().unwrap(),
        SigningKey::generate().unwrap(),
    );
    let mut resources = [
        named("user-token-signing-key-0002", &padded),
        named("user-token-signing-key-2", &plain),
    ];
    for _ in 0..2 {
        let ring = KeyRing::from_resources(&resources);
        assert!(same(ring.public_key(&Family::User, 2).unwrap(), &plain));
        resources.reverse();
    }
}

#[test]
fn a_zone_verifies_with_public_keys_and_cannot_sign() {
    let key = SigningKey::generate().unwrap();
    let public = Family::Zone.public_key(1).unwrap();
    let resources = [resource(&public, key.public_pem().unwrap().as_bytes())];
    let ring = KeyRing::from_resources(&resources);
    assert!(same(ring.public_key(&Family::Zone, 1).unwrap(), &key));
    let error = ring.signing_key(&Family::Zone).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no signing key with KID 1. GlobalSecret of name \"zone-token-signing-key-1\" is not found. \
         If signing key was rotated, regenerate the token"
    );
}

#[test]
fn the_words_about_a_missing_mesh_key_are_kumas() {
    let family = Family::Dataplane {
        mesh: "nomesh".to_owned(),
    };
    // recordings/kumactl/generate.jsonl
    assert_eq!(
        KeyRing::default()
            .signing_key(&family)
            .unwrap_err()
            .to_string(),
        "there is no signing key with KID 1. Secret of name \"dataplane-token-signing-key-nomesh-1\" in mesh \"nomesh\" \
         is not found. If signing key was rotated, regenerate the token"
    );
}

#[test]
fn a_bad_secret_is_a_problem_and_the_others_work() {
    let key = SigningKey::generate().unwrap();
    let bad = Family::User.signing_key(2);
    let resources = [
        resource(&bad, b"hush"),
        named("user-token-signing-key-1", &key),
    ];
    let ring = KeyRing::from_resources(&resources);
    assert_eq!(ring.signing_key(&Family::User).unwrap().0, 1);
    let problem = ring.problems()[0].to_string();
    assert!(
        problem.contains("user-token-signing-key-2") && !problem.contains("hush"),
        "{problem}"
    );
}

#[test]
fn revocation_lists_are_read_with_blanks_and_newlines() {
    let resources = [resource(
        &Family::Zone.revocations(),
        b"one, two\n,three\n\n",
    )];
    let ring = KeyRing::from_resources(&resources);
    for id in ["one", "two", "three"] {
        assert!(ring.is_revoked(&Family::Zone, id), "{id}");
        assert!(!ring.is_revoked(&Family::User, id), "{id}");
    }
    assert!(!ring.is_revoked(&Family::Zone, ""));
}
