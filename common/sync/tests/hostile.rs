//! What a peer sends before anything is known of it, and what one sends that means harm: read or refused, never a panic.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use torii_proto::envoy::google::protobuf::Any;
use torii_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource,
};
use torii_sync::Mark;
use torii_sync::guard::Memory;
use torii_sync::kuma::{Peer, incoming, sender_event};

fn wire() -> impl Strategy<Value = Resource> {
    let kind = prop_oneof![
        Just("type.googleapis.com/kuma.mesh.v1alpha1.KumaResource".to_owned()),
        ".{0,30}"
    ];
    (".{0,20}", kind, vec(any::<u8>(), 0..80)).prop_map(|(name, type_url, value)| Resource {
        name,
        resource: Some(Any { type_url, value }),
        ..Resource::default()
    })
}

fn response() -> impl Strategy<Value = DeltaDiscoveryResponse> {
    let type_url = prop_oneof![
        Just("Mesh".to_owned()),
        Just("Secret".to_owned()),
        ".{0,20}"
    ];
    (type_url, ".{0,20}", vec(wire(), 0..4), vec(".{0,20}", 0..4)).prop_map(
        |(type_url, version, resources, removed_resources)| DeltaDiscoveryResponse {
            type_url,
            system_version_info: version,
            resources,
            removed_resources,
            ..DeltaDiscoveryResponse::default()
        },
    )
}

proptest! {
    #[test]
    fn bytes_are_a_request_or_not(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(request) = DeltaDiscoveryRequest::decode(bytes.as_slice()) {
            let _ = request.node.as_ref().map(Peer::of);
            let _ = sender_event(request);
        }
    }

    #[test]
    fn a_response_has_as_many_items_as_it_has_resources(response in response()) {
        let resources = response.resources.len();
        prop_assert_eq!(incoming(response).items.len(), resources);
    }

    #[test]
    fn a_text_is_a_mark_only_if_it_is_written_like_one(text in ".{0,40}") {
        if let Ok(mark) = text.parse::<Mark>() {
            prop_assert_eq!(mark.to_string().parse::<Mark>(), Ok(mark));
        }
    }

    #[test]
    fn stored_bytes_are_a_memory_or_an_error(bytes in vec(any::<u8>(), 0..60)) {
        if let Ok(memory) = Memory::from_bytes(&bytes) {
            prop_assert_eq!(Memory::from_bytes(&memory.to_bytes()), Ok(memory));
        }
    }
}
