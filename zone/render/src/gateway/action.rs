//! What is done with a matched request, as Envoy's message: forward or redirect (gateway-xds §3.6, §3.7).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use torii_proto::envoy::config::core::v3::RuntimeFractionalPercent;
use torii_proto::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use torii_proto::envoy::config::route::v3::redirect_action::{
    PathRewriteSpecifier, SchemeRewriteSpecifier,
};
use torii_proto::envoy::config::route::v3::route_action::{
    ClusterNotFoundResponseCode, ClusterSpecifier, HostRewriteSpecifier, RequestMirrorPolicy,
};
use torii_proto::envoy::config::route::v3::weighted_cluster::ClusterWeight;
use torii_proto::envoy::config::route::v3::{RedirectAction, RouteAction, WeightedCluster};
use torii_proto::envoy::google::protobuf::BoolValue;
use torii_proto::envoy::r#type::matcher::v3::RegexMatchAndSubstitute;
use torii_resource::tags::Tags;

use crate::gateway::cluster::{Clusters, UNRESOLVED};
use crate::gateway::entry::{Entry, Forward, HostRewrite, PathRewrite, Redirect};
use crate::gateway::hosts::Host;
use crate::gateway::{criteria, format, route};
use crate::report::{Place, Report};
use crate::wire;

/// The header that tells sidecars who the gateway is.
const TAGS_HEADER: &str = "x-kuma-tags";
/// Idle time of a forwarded request; not from the Timeout policy (gateway-xds §3.5).
const ROUTE_IDLE_MILLIS: u32 = 5_000;

/// What writing the actions of one route configuration needs and collects.
#[derive(Debug)]
pub(crate) struct Forwarding<'c, 'a> {
    /// Name of the route configuration.
    pub(crate) part: &'c str,
    /// Value of the tags header.
    pub(crate) tags: String,
    /// Port of the listener.
    pub(crate) port: u32,
    pub(crate) clusters: &'c mut Clusters<'a>,
    /// Clusters that routes send to, the unresolved one apart: there is no such cluster.
    pub(crate) used: BTreeSet<Arc<str>>,
    pub(crate) report: &'c mut Report,
}

impl<'a> Forwarding<'_, 'a> {
    /// The action that forwards.
    pub(crate) fn forward(
        &mut self,
        entry: &Entry<'a>,
        forward: &Forward<'a>,
        host: &Host<'a>,
    ) -> RouteAction {
        let rule = entry.origin.rule;
        // By cluster: two backends that are one cluster have one weight, the sum (decisions.md).
        let mut weights: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        for (n, backend) in forward.backends.iter().enumerate() {
            let cluster = match backend.destination {
                None => Arc::from(UNRESOLVED),
                Some(destination) => self.cluster(entry, destination, host, || {
                    format!("conf.http.rules[{rule}].backends[{n}].destination")
                }),
            };
            let weight = weights.entry(cluster).or_default();
            *weight = weight.saturating_add(backend.weight);
        }
        let mut action = RouteAction {
            cluster_not_found_response_code: ClusterNotFoundResponseCode::InternalServerError
                as i32,
            idle_timeout: wire::millis(ROUTE_IDLE_MILLIS),
            host_rewrite_specifier: match &forward.host {
                HostRewrite::Keep => None,
                HostRewrite::Literal(host) => {
                    Some(HostRewriteSpecifier::HostRewriteLiteral(host.clone()))
                }
                HostRewrite::Backend => Some(HostRewriteSpecifier::AutoHostRewrite(BoolValue {
                    value: true,
                })),
            },
            cluster_specifier: Some(ClusterSpecifier::WeightedClusters(WeightedCluster {
                clusters: weights
                    .iter()
                    .map(|(name, weight)| self.weighted(name, *weight))
                    .collect(),
                ..WeightedCluster::default()
            })),
            ..RouteAction::default()
        };
        if let Some(mirror) = &forward.mirror {
            let filter = mirror.index;
            let cluster = self.cluster(entry, mirror.destination, host, || {
                format!("conf.http.rules[{rule}].filters[{filter}].mirror.backend.destination")
            });
            action.request_mirror_policies.push(RequestMirrorPolicy {
                cluster: cluster.to_string(),
                runtime_fraction: Some(RuntimeFractionalPercent {
                    default_value: Some(mirror.share),
                    ..RuntimeFractionalPercent::default()
                }),
                ..RequestMirrorPolicy::default()
            });
        }
        match &entry.rewrite {
            Some(PathRewrite::Full(path)) => action.regex_rewrite = Some(whole_path(path)),
            Some(PathRewrite::Prefix(path)) => action.prefix_rewrite.clone_from(path),
            None => {}
        }
        action
    }

    /// The action that redirects.
    pub(crate) fn redirect(&self, entry: &Entry<'_>, redirect: &Redirect<'_>) -> RedirectAction {
        let spec = redirect.spec;
        RedirectAction {
            scheme_rewrite_specifier: (!spec.scheme.is_empty())
                .then(|| SchemeRewriteSpecifier::SchemeRedirect(spec.scheme.clone())),
            host_redirect: spec.hostname.clone(),
            port_redirect: if spec.port == 0 { self.port } else { spec.port },
            response_code: redirect.code as i32,
            strip_query: true,
            path_rewrite_specifier: entry.rewrite.as_ref().map(|rewrite| match rewrite {
                PathRewrite::Full(path) => PathRewriteSpecifier::RegexRewrite(whole_path(path)),
                PathRewrite::Prefix(path) => PathRewriteSpecifier::PrefixRewrite(path.clone()),
            }),
        }
    }

    fn weighted(&self, cluster: &str, weight: u32) -> ClusterWeight {
        ClusterWeight {
            name: cluster.to_owned(),
            weight: wire::number(weight),
            // Removed and added at one level, in this order: a client's value never reaches a service, and no outer
            // level takes ours away (gateway-xds §3.1, variant b).
            request_headers_to_remove: vec![TAGS_HEADER.to_owned()],
            request_headers_to_add: vec![route::header(
                TAGS_HEADER,
                &self.tags,
                HeaderAppendAction::AppendIfExistsOrAdd,
            )],
            ..ClusterWeight::default()
        }
    }

    fn cluster(
        &mut self,
        entry: &Entry<'a>,
        destination: &'a Tags,
        host: &Host<'a>,
        field: impl FnOnce() -> String,
    ) -> Arc<str> {
        let (cluster, nobody) = self.clusters.resolve(host.tags, destination, self.report);
        if let Some(nobody) = nobody {
            let service = destination
                .get(torii_resource::tags::SERVICE)
                .map_or("", String::as_str);
            let place = Place {
                part: self.part,
                resource: &entry.origin.route.key,
            };
            let reason = format!(
                "service '{service}': {nobody}; its share of requests is answered with 503"
            );
            self.report.note(place, field(), reason);
        }
        if &*cluster != UNRESOLVED {
            self.used.insert(cluster.clone());
        }
        cluster
    }
}

/// Replaces the path and keeps the query. A backslash would be a reference to a group.
fn whole_path(path: &str) -> RegexMatchAndSubstitute {
    RegexMatchAndSubstitute {
        pattern: Some(criteria::regex(".*")),
        substitution: path.replace('\\', "\\\\"),
    }
}

/// A proxy's tags as sidecars read them: `&key=value&` one after the other, keys ascending.
pub(crate) fn serialised(tags: &Tags) -> String {
    let mut text = String::new();
    for (key, value) in tags {
        // Writing to a string cannot fail.
        let _ = write!(text, "&{key}={value}&");
    }
    format::literal(&text)
}
