//! The dialect, message by message.

use tonic::metadata::MetadataMap;

use torii_resource::Revision;

use super::*;
use crate::scope::Variant;
use crate::version::Mark;

fn node() -> NodeInfo {
    NodeInfo {
        id: "east".to_owned(),
        instance: "vm-1".to_owned(),
        version: "2.13.9".to_owned(),
        config: r#"{"store":{"type":"memory"}}"#.to_owned(),
        mark: "c/1/2".parse().ok(),
    }
}

fn request_of(
    nonce: &str,
    subscribe: &[&str],
    unsubscribe: &[&str],
    error: Option<&str>,
) -> DeltaDiscoveryRequest {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    request(
        receiver::Request {
            type_name: KindName::new("Mesh"),
            nonce: nonce.to_owned(),
            subscribe: names(subscribe),
            unsubscribe: names(unsubscribe),
            error: error.map(str::to_owned),
        },
        &node(),
    )
}

#[test]
fn a_subscription_has_the_full_node_and_everything_else_its_id() {
    let subscription = request_of("", &["*"], &[], None);
    let peer = Peer::of(subscription.node.as_ref().unwrap());
    assert_eq!(
        peer,
        Peer {
            zone: "east".to_owned(),
            instance: "vm-1".to_owned(),
            version: "2.13.9".to_owned(),
            config: node().config,
            torii: true,
            hash_suffix: true,
            mark: Some(Mark {
                cluster_id: "c".to_owned(),
                epoch: 1,
                revision: Revision(2)
            }),
        }
    );
    for other in [
        request_of("7", &[], &[], None),
        request_of("7", &["*"], &[], Some("no")),
    ] {
        let node = other.node.unwrap();
        assert_eq!((node.id.as_str(), node.metadata), ("east", None));
    }
}

#[test]
fn requests_are_what_they_mean() {
    let name = KindName::new("Mesh");
    assert!(
        matches!(sender_event(request_of("", &["*"], &[], None)), sender::Event::Subscribe { type_name } if type_name == name)
    );
    assert!(
        matches!(sender_event(request_of("3", &[], &[], None)), sender::Event::Ack { nonce, .. } if nonce == "3")
    );
    assert!(
        matches!(sender_event(request_of("3", &["*"], &[], Some("no"))), sender::Event::Nack { message, .. } if message == "no")
    );
    let keys = ["a.b.default", "*"];
    assert!(matches!(
        sender_event(request_of("3", &keys, &keys, None)),
        sender::Event::Resend { keys, .. } if keys == [WireKey::new("default", "a.b")]
    ));
}

#[test]
fn headers_are_written_and_read() {
    let mut metadata = MetadataMap::new();
    zone_headers(&mut metadata, "east", "2.13.9", true, Some("secret-token")).unwrap();
    assert_eq!(
        ZoneHeaders::read(&metadata),
        Some(ZoneHeaders {
            zone: "east".to_owned(),
            version: "2.13.9".to_owned(),
            health_checks: true,
            hash_suffix: true,
        })
    );
    assert_eq!(metadata.get("kds-version").unwrap(), "v3");
    assert_eq!(
        metadata.get("authorization").unwrap(),
        "Bearer secret-token"
    );
    assert!(!format!("{metadata:?}").contains("secret-token"));
    assert_eq!(ZoneHeaders::read(&MetadataMap::new()), None);
    assert_eq!(
        zone_headers(&mut MetadataMap::new(), "e\nst", "1", false, None),
        Err(BadHeader("client-id"))
    );
}

#[test]
fn mesh_is_subscribed_first_and_progress_last() {
    let types: Vec<String> = zone_types().iter().map(ToString::to_string).collect();
    assert_eq!(types[..4], ["Mesh", "Secret", "Config", "GlobalSecret"]);
    assert_eq!(types.last().map(String::as_str), Some(PROGRESS));
    assert!(!types.contains(&"Dataplane".to_owned()));
    assert_eq!(
        global_types(),
        ["Dataplane", "MeshGateway"].map(KindName::new)
    );
}

#[test]
fn features_decide_how_names_look() {
    let peer = |torii, hash_suffix| Peer {
        torii,
        hash_suffix,
        ..Peer::default()
    };
    assert_eq!(peer(true, true).variant(), Variant::Torii);
    assert_eq!(peer(false, true).variant(), Variant::Hashed);
    assert_eq!(peer(false, false).variant(), Variant::Plain);
}

#[test]
fn a_body_is_read_refused_with_its_name_or_refused_without() {
    let wrap = |name: &str, type_url: &str, value: Vec<u8>| WireResource {
        name: name.to_owned(),
        resource: Some(Any {
            type_url: type_url.to_owned(),
            value,
        }),
        ..WireResource::default()
    };
    let spec = |type_url: &str, value: &[u8]| prost_types_any(type_url, value);
    let body = |spec| {
        KumaResource {
            meta: Some(torii_proto::kuma::mesh::v1alpha1::kuma_resource::Meta {
                name: "default".to_owned(),
                ..Default::default()
            }),
            spec,
            status: None,
        }
        .encode_to_vec()
    };
    let named = Some(WireKey::new("", "default"));
    let mesh = "type.googleapis.com/kuma.mesh.v1alpha1.Mesh";
    let rows = [
        (wrap("", WRAPPER_TYPE_URL, body(spec(mesh, b""))), Ok(())),
        (wrap("", WRAPPER_TYPE_URL, body(spec("", b"{}"))), Ok(())),
        (
            wrap("", WRAPPER_TYPE_URL, body(spec(mesh, b"\xff"))),
            Err(named.clone()),
        ),
        (
            wrap(
                "",
                WRAPPER_TYPE_URL,
                body(spec("type.googleapis.com/x.Y", b"")),
            ),
            Err(named.clone()),
        ),
        (wrap("", WRAPPER_TYPE_URL, body(None)), Err(named.clone())),
        (
            wrap("default.", "type.googleapis.com/x.Y", body(spec(mesh, b""))),
            Err(named.clone()),
        ),
        (
            wrap("default.", WRAPPER_TYPE_URL, b"\xff\xff".to_vec()),
            Err(named),
        ),
        (wrap("", WRAPPER_TYPE_URL, b"\xff\xff".to_vec()), Err(None)),
        (WireResource::default(), Err(None)),
    ];
    for (number, (wire, wanted)) in rows.into_iter().enumerate() {
        let got = match item(&KindName::new("Mesh"), wire) {
            receiver::Item::Good(key, _) => {
                assert_eq!(key.to_string(), "default.");
                Ok(())
            }
            receiver::Item::Bad { key, .. } => Err(key),
        };
        assert_eq!(got, wanted, "row {number}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the field is optional")]
fn prost_types_any(type_url: &str, value: &[u8]) -> Option<prost_types::Any> {
    Some(prost_types::Any {
        type_url: type_url.to_owned(),
        value: value.to_vec(),
    })
}
