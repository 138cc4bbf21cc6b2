//! What is done with a matched request, as Envoy's message: forward or redirect (gateway-xds §3.6, §3.7).

use std::collections::BTreeMap;
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

use crate::gateway::cluster::UNRESOLVED;
use crate::gateway::entry::{Entry, Forward, HostRewrite, PathRewrite, Redirect};
use crate::gateway::{criteria, format, name, route};
use crate::report::{Place, Report};
use crate::wire;

/// The header that tells sidecars who the gateway is.
const TAGS_HEADER: &str = "x-kuma-tags";
/// Idle time of a forwarded request; not from the Timeout policy (gateway-xds §3.5).
const ROUTE_IDLE_MILLIS: u32 = 5_000;

/// What writing the routes of one route configuration needs, and the destinations that it comes across.
#[derive(Debug)]
pub(crate) struct Forwarding<'a> {
    /// Value of the tags header.
    tags: String,
    /// Port of the listener.
    port: u32,
    /// Every destination of what was written, in order, some more than once; whoever writes takes them.
    pub(crate) uses: Vec<Use<'a>>,
}

/// A destination that a written route sends to, and where the route names it.
#[derive(Debug)]
pub(crate) struct Use<'a> {
    /// The cluster that the written route names.
    pub(crate) cluster: Arc<str>,
    pub(crate) destination: &'a Tags,
    pub(crate) spot: Spot,
}

/// Where a route names a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// Rule and backend.
    Backend(usize, usize),
    /// Rule and filter.
    Mirror(usize, usize),
}

impl Spot {
    /// Reports that nobody serves this destination; `place` is the route configuration and the route.
    pub(crate) fn note(self, place: Place<'_>, service: &str, nobody: &str, report: &mut Report) {
        let field = match self {
            Self::Backend(rule, n) => {
                format!("conf.http.rules[{rule}].backends[{n}].destination")
            }
            Self::Mirror(rule, filter) => {
                format!("conf.http.rules[{rule}].filters[{filter}].mirror.backend.destination")
            }
        };
        let reason =
            format!("service '{service}': {nobody}; its share of requests is answered with 503");
        report.note(place, field, reason);
    }
}

impl<'a> Forwarding<'a> {
    /// For the routes of a listener on this port of a proxy with these tags.
    pub(crate) fn new(proxy: &Tags, port: u32) -> Self {
        Self {
            tags: serialised(proxy),
            port,
            uses: Vec::new(),
        }
    }

    /// The action that forwards, for a host of a listener with these merged tags.
    pub(crate) fn forward(
        &mut self,
        entry: &Entry<'a>,
        forward: &Forward<'a>,
        host: &Tags,
    ) -> RouteAction {
        let rule = entry.origin.rule;
        // By cluster: two backends that are one cluster have one weight, the sum (decisions.md).
        let mut weights: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        for (n, backend) in forward.backends.iter().enumerate() {
            let cluster = match backend.destination {
                None => Arc::from(UNRESOLVED),
                Some(destination) => self.cluster(destination, host, Spot::Backend(rule, n)),
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
            let cluster = self.cluster(mirror.destination, host, Spot::Mirror(rule, mirror.index));
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

    /// Name of the cluster of a destination; its use is noted.
    fn cluster(&mut self, destination: &'a Tags, host: &Tags, spot: Spot) -> Arc<str> {
        let service = match name::service(destination) {
            Some(service) if service != UNRESOLVED => service,
            _ => return Arc::from(UNRESOLVED),
        };
        let cluster: Arc<str> = Arc::from(name::cluster(service, destination, host));
        self.uses.push(Use {
            cluster: cluster.clone(),
            destination,
            spot,
        });
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
fn serialised(tags: &Tags) -> String {
    let mut text = String::new();
    for (key, value) in tags {
        // Writing to a string cannot fail.
        let _ = write!(text, "&{key}={value}&");
    }
    format::literal(&text)
}
