//! A KDS response, with every resource in it.
#![no_main]

use libfuzzer_sys::fuzz_target;

use prost::Message as _;

use torii_proto::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use torii_sync::kuma::incoming;

fuzz_target!(|data: &[u8]| {
    let Ok(response) = DeltaDiscoveryResponse::decode(data) else {
        return;
    };
    let resources = response.resources.len();
    assert_eq!(incoming(response).items.len(), resources);
});
