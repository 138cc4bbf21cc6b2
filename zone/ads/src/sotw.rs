//! How the state-of-the-world protocol is written, and what its requests mean: lists of names instead of changes to them.
//!
//! Order, warming and quarantine are the session's; here is only what this protocol says differently.

use std::collections::{BTreeMap, BTreeSet};

use torii_proto::envoy::config::core::v3::{ControlPlane, Node};
use torii_proto::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use torii_render::{TypeUrl, Version};
use torii_sync::held::WILDCARD;

use crate::delta::answer;
use crate::message::{Request, Response};
use crate::session::Dialect;
use crate::stream::Wire;

/// What is known of one type.
#[derive(Debug, Default)]
struct Asked {
    names: BTreeSet<String>,
    sent: u64,
    answered: u64,
}

/// `StreamAggregatedResources`.
#[derive(Debug, Default)]
pub(crate) struct Sotw {
    types: BTreeMap<TypeUrl, Asked>,
}

impl Wire for Sotw {
    type In = DiscoveryRequest;
    type Out = DiscoveryResponse;
    const DIALECT: Dialect = Dialect::Sotw;

    fn type_url(message: &Self::In) -> &str {
        &message.type_url
    }

    fn take_node(message: &mut Self::In) -> Option<Node> {
        message.node.take()
    }

    fn request(&mut self, of: TypeUrl, message: Self::In) -> Request {
        let first = !self.types.contains_key(&of);
        let asked = self.types.entry(of).or_default();
        let answer = answer(
            &message.response_nonce,
            message.error_detail.map(|detail| detail.message),
        );
        let names: BTreeSet<String> = message.resource_names.into_iter().collect();
        let mut request = Request::new(of);
        request.unsubscribe = asked.names.difference(&names).cloned().collect();
        request.subscribe = names.difference(&asked.names).cloned().collect();
        let news = !request.subscribe.is_empty() || !request.unsubscribe.is_empty();
        // Asked again: without a nonce in the middle of a stream, or the same question once more after it was answered
        // (Envoy does that for the endpoints of a cluster that was replaced; gateway-xds §0.3).
        let again = match &answer {
            None => !first,
            Some(answer) => {
                !news
                    && answer.error.is_none()
                    && answer.nonce == asked.sent
                    && asked.answered == asked.sent
            }
        };
        if again {
            request.subscribe = names.iter().cloned().collect();
            if names.is_empty() && matches!(of, TypeUrl::Cluster | TypeUrl::Listener) {
                request.subscribe.push(WILDCARD.to_owned());
            }
        }
        if let Some(answer) = &answer {
            asked.answered = asked.answered.max(answer.nonce);
        }
        asked.names = names;
        request.answer = answer;
        request
    }

    fn response(&mut self, response: Response, identifier: &str) -> Self::Out {
        self.types.entry(response.of).or_default().sent = response.nonce;
        let set = response.set.unwrap_or_default();
        let mut content = Vec::new();
        for part in &set {
            content.extend_from_slice(part.name.as_bytes());
            content.push(0);
            content.extend_from_slice(part.version.as_str().as_bytes());
        }
        let full = matches!(response.of, TypeUrl::Cluster | TypeUrl::Listener);
        let shown = if full { &set } else { &response.upserts };
        DiscoveryResponse {
            version_info: Version::of(&content).to_string(),
            resources: shown.iter().map(|part| part.to_any(response.of)).collect(),
            type_url: response.of.as_str().to_owned(),
            nonce: response.nonce.to_string(),
            control_plane: Some(ControlPlane {
                identifier: identifier.to_owned(),
            }),
            ..DiscoveryResponse::default()
        }
    }
}

#[cfg(test)]
mod tests;
