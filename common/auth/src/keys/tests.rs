//! Keys and their names.

use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};

use super::*;

fn dataplane(mesh: &str) -> Family {
    Family::Dataplane {
        mesh: mesh.to_owned(),
    }
}

#[test]
fn a_key_goes_through_each_of_its_forms() {
    let key = SigningKey::generate().unwrap();
    let pem = key.to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let pkcs_8 = key.private.to_pkcs8_pem(LineEnding::LF).unwrap();
    let der = key.private.to_pkcs1_der().unwrap();
    for form in [
        pem.as_bytes(),
        format!("\n{pem}\n\n").as_bytes(),
        pkcs_8.as_bytes(),
        der.as_bytes(),
    ] {
        assert_eq!(SigningKey::from_bytes(form).unwrap().to_pem().unwrap(), pem);
    }
    let public = key.public_pem().unwrap();
    assert!(public.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    let spki = key
        .private
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .unwrap();
    for form in [public.as_bytes(), spki.as_bytes()] {
        assert_eq!(
            PublicKey::from_bytes(form).unwrap().to_pem().unwrap(),
            public
        );
    }
    assert_eq!(
        format!("{key:?} {:?}", key.public().unwrap()),
        "SigningKey(…) PublicKey(…)"
    );
}

#[test]
fn other_bytes_are_refused_without_showing_them() {
    for bytes in [
        &b""[..],
        b"secret",
        b"-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----",
    ] {
        let error = SigningKey::from_bytes(bytes).unwrap_err().to_string();
        assert!(
            !error.contains("secret") && !error.contains("c2Vj"),
            "{error}"
        );
        assert!(PublicKey::from_bytes(bytes).is_err());
    }
}

#[test]
fn a_short_key_is_refused() {
    let short = RsaPrivateKey::new(&mut OsRng, 1024).unwrap();
    let pem = short.to_pkcs1_pem(LineEnding::LF).unwrap();
    assert!(matches!(
        SigningKey::from_bytes(pem.as_bytes()),
        Err(KeyError::TooShort(1024))
    ));
}

#[test]
fn secrets_have_kumas_names() {
    assert_eq!(
        Family::User.signing_key(1).to_string(),
        "GlobalSecret user-token-signing-key-1"
    );
    assert_eq!(
        Family::Zone.signing_key(2).to_string(),
        "GlobalSecret zone-token-signing-key-2"
    );
    assert_eq!(
        Family::Zone.public_key(2).unwrap().to_string(),
        "GlobalSecret zone-token-signing-public-key-2"
    );
    assert_eq!(
        dataplane("default").signing_key(1).to_string(),
        "Secret default/dataplane-token-signing-key-default-1"
    );
    assert_eq!(
        Family::User.revocations().to_string(),
        "GlobalSecret user-token-revocations"
    );
    assert_eq!(
        dataplane("demo").revocations().to_string(),
        "Secret demo/dataplane-token-revocations-demo"
    );
    assert_eq!(Family::User.public_key(1), None);
}

#[test]
fn a_resource_is_known_by_its_name_and_serials_by_their_value() {
    let global = |name| Family::of_resource(&ResourceKey::of::<GlobalSecret>("", name));
    let secret = |name| Family::of_resource(&ResourceKey::of::<Secret>("default", name));
    assert_eq!(
        global("user-token-signing-key-0002"),
        Some((Family::User, Role::Signing(2)))
    );
    assert_eq!(
        global("zone-token-signing-key"),
        Some((Family::Zone, Role::Signing(0)))
    );
    assert_eq!(
        global("zone-token-signing-key-new"),
        Some((Family::Zone, Role::Signing(0)))
    );
    assert_eq!(
        global("zone-token-signing-public-key-3"),
        Some((Family::Zone, Role::Public(3)))
    );
    assert_eq!(
        global("zone-token-revocations"),
        Some((Family::Zone, Role::Revocations))
    );
    assert_eq!(
        secret("dataplane-token-signing-key-default-1"),
        Some((dataplane("default"), Role::Signing(1)))
    );
    for name in [
        "admin-user-token",
        "zone-token-signing-keys",
        "envoy-admin-ca",
        "dataplane-token-signing-key-default-1",
    ] {
        assert_eq!(global(name), None, "{name}");
    }
    for name in [
        "dataplane-token-signing-key-other-1",
        "user-token-signing-key-1",
        "dataplane-token-signing-key-default2-1",
    ] {
        assert_eq!(secret(name), None, "{name}");
    }
    assert_eq!(
        Family::of_resource(&ResourceKey::new("Mesh", "", "user-token-signing-key-1")),
        None
    );
}
