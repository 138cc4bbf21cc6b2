//! The first request of a KDS stream: who the peer says it is, and what it wants.
#![no_main]

use libfuzzer_sys::fuzz_target;

use prost::Message as _;

use torii_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use torii_sync::kuma::{Peer, sender_event};

fuzz_target!(|data: &[u8]| {
    let Ok(request) = DeltaDiscoveryRequest::decode(data) else {
        return;
    };
    let _ = request.node.as_ref().map(Peer::of);
    let _ = sender_event(request);
});
