//! How the delta protocol is written.

use torii_proto::envoy::config::core::v3::{ControlPlane, Node};
use torii_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource,
};
use torii_render::TypeUrl;

use crate::message::{Answer, Request, Response};
use crate::session::Dialect;
use crate::stream::Wire;

/// `DeltaAggregatedResources`. It has no state of its own.
#[derive(Debug, Default)]
pub(crate) struct Delta;

impl Wire for Delta {
    type In = DeltaDiscoveryRequest;
    type Out = DeltaDiscoveryResponse;
    const DIALECT: Dialect = Dialect::Delta;

    fn type_url(message: &Self::In) -> &str {
        &message.type_url
    }

    fn take_node(message: &mut Self::In) -> Option<Node> {
        message.node.take()
    }

    fn request(&mut self, of: TypeUrl, message: Self::In) -> Request {
        Request {
            of,
            subscribe: message.resource_names_subscribe,
            unsubscribe: message.resource_names_unsubscribe,
            initial: message.initial_resource_versions.into_iter().collect(),
            answer: answer(
                &message.response_nonce,
                message.error_detail.map(|detail| detail.message),
            ),
        }
    }

    fn response(&mut self, response: Response, identifier: &str) -> Self::Out {
        let resource = |part: &std::sync::Arc<torii_render::Part>| Resource {
            name: part.name.clone(),
            version: part.version.to_string(),
            resource: Some(part.to_any(response.of)),
            ..Resource::default()
        };
        DeltaDiscoveryResponse {
            resources: response.upserts.iter().map(resource).collect(),
            removed_resources: response.removals.iter().map(ToString::to_string).collect(),
            type_url: response.of.as_str().to_owned(),
            nonce: response.nonce.to_string(),
            control_plane: Some(ControlPlane {
                identifier: identifier.to_owned(),
            }),
            ..DeltaDiscoveryResponse::default()
        }
    }
}

/// The answer in a request; none when it answers nothing. A nonce that is not ours is treated as stale.
pub(crate) fn answer(nonce: &str, error: Option<String>) -> Option<Answer> {
    if nonce.is_empty() {
        return None;
    }
    Some(Answer {
        nonce: nonce.parse().unwrap_or(0),
        error,
    })
}
