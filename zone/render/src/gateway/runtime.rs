//! The one RTDS resource of a gateway: connection limits of its listeners (gateway-xds §2.1).
//!
//! It is always there, if need be empty: Envoy's start waits for it (§0.4).

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use torii_proto::envoy::google::protobuf::value::Kind;
use torii_proto::envoy::service::runtime::v3::Runtime;

use crate::gateway::listener::Port;
use crate::part::Part;
use crate::wire;

const NAME: &str = "gateway.listeners";
/// `Runtime.layer`
const LAYER: u32 = 2;

/// The limits of all ports, in one layer.
pub(crate) fn part(ports: &[Port<'_>]) -> Part {
    let limits: BTreeMap<String, u32> = ports
        .iter()
        .filter(|port| port.connection_limit > 0)
        .map(|port| {
            let key = format!(
                "envoy.resource_limits.listener.{}.connection_limit",
                port.name
            );
            (key, port.connection_limit)
        })
        .collect();
    let layer = limits
        .iter()
        .map(|(key, limit)| (key.as_str(), Kind::NumberValue(f64::from(*limit))))
        .collect();
    let mut body = Runtime {
        name: NAME.to_owned(),
        ..Runtime::default()
    }
    .encode_to_vec();
    wire::append(&mut body, LAYER, &wire::structure(&layer));
    Part::from_body(NAME, Bytes::from(body))
}
