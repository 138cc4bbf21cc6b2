//! MeshGatewayRoutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::listener::Protocol as ListenerProtocol;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::conf::Route as RouteConf;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::Match;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::Filter;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::header::MatchType as HeaderType;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::path::MatchType as PathType;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::r#match::query::MatchType as QueryType;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::{Backend, HttpRoute, TcpRoute};
use torii_resource::tags::{SERVICE, Tags};
use torii_resource::{Resource, ResourceKey, Stamp, Violation, kinds, re2};

/// A MeshGatewayRoute, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Its key.
    pub key: ResourceKey,
    /// Its name, as in the key.
    pub name: Arc<str>,
    /// Creation: the older of two equal rules wins.
    pub created: Stamp,
    /// Selectors over listener tags.
    pub selectors: Vec<Tags>,
    /// The route itself; none when the kind of route is not known.
    pub conf: Option<RouteConf>,
    /// Services that its backends and mirrors name.
    pub services: BTreeSet<Arc<str>>,
    /// Regular expressions that Envoy would refuse, by rule and match: checked here because it is slow, and because a
    /// route that came over KDS was not refused for it at the door (decisions.md).
    pub refused_patterns: BTreeMap<(usize, usize), Violation>,
}

impl Route {
    /// # Errors
    /// When the bytes are not a MeshGatewayRoute.
    pub(crate) fn decode(resource: &Resource) -> Result<Self, prost::DecodeError> {
        let spec = resource.decode::<kinds::MeshGatewayRoute>()?;
        let conf = spec.conf.and_then(|conf| conf.route);
        Ok(Self {
            key: resource.key.clone(),
            name: Arc::from(resource.key.name.as_str()),
            created: resource.created,
            selectors: spec
                .selectors
                .into_iter()
                .map(|selector| selector.r#match)
                .collect(),
            services: conf.as_ref().map(services).unwrap_or_default(),
            refused_patterns: match &conf {
                Some(RouteConf::Http(http)) => refused_patterns(http),
                _ => BTreeMap::new(),
            },
            conf,
        })
    }

    /// The HTTP route, when it is one.
    pub fn http(&self) -> Option<&HttpRoute> {
        match &self.conf {
            Some(RouteConf::Http(http)) => Some(http),
            _ => None,
        }
    }

    /// The TCP route, when it is one.
    pub fn tcp(&self) -> Option<&TcpRoute> {
        match &self.conf {
            Some(RouteConf::Tcp(tcp)) => Some(tcp),
            _ => None,
        }
    }

    /// Whether listeners of this protocol take this kind of route (gateway-xds §1.5); others ignore it.
    pub fn fits(&self, protocol: ListenerProtocol) -> bool {
        match protocol {
            ListenerProtocol::Http | ListenerProtocol::Https => self.http().is_some(),
            ListenerProtocol::Tcp | ListenerProtocol::Tls => self.tcp().is_some(),
            ListenerProtocol::None => false,
        }
    }
}

fn services(conf: &RouteConf) -> BTreeSet<Arc<str>> {
    let mut services = BTreeSet::new();
    let mut add = |backend: &Backend| {
        if let Some(service) = backend.destination.get(SERVICE) {
            services.insert(Arc::from(service.as_str()));
        }
    };
    match conf {
        RouteConf::Tcp(tcp) => tcp
            .rules
            .iter()
            .flat_map(|rule| &rule.backends)
            .for_each(&mut add),
        RouteConf::Http(http) => {
            for rule in &http.rules {
                rule.backends.iter().for_each(&mut add);
                for filter in &rule.filters {
                    if let Some(Filter::Mirror(mirror)) = &filter.filter {
                        mirror.backend.iter().for_each(&mut add);
                    }
                }
            }
        }
    }
    services
}

fn refused_patterns(http: &HttpRoute) -> BTreeMap<(usize, usize), Violation> {
    let mut refused = BTreeMap::new();
    for (i, rule) in http.rules.iter().enumerate() {
        for (j, one) in rule.matches.iter().enumerate() {
            if let Some((field, reason)) = refused_pattern(one) {
                let violation = Violation {
                    field: format!("conf.http.rules[{i}].matches[{j}].{field}"),
                    reason: format!(
                        "must be a regular expression of RE2, Envoy's engine: {reason}"
                    ),
                };
                refused.insert((i, j), violation);
            }
        }
    }
    refused
}

/// The first pattern of a match that RE2 would refuse: field and reason.
fn refused_pattern(one: &Match) -> Option<(String, String)> {
    let path = one
        .path
        .iter()
        .filter(|path| path.r#match() == PathType::Regex);
    let paths = path.map(|path| ("path.value".to_owned(), &path.value));
    let headers = one.headers.iter().enumerate();
    let headers = headers
        .filter(|(_, header)| header.r#match() == HeaderType::Regex)
        .map(|(k, header)| (format!("headers[{k}].value"), &header.value));
    let queries = one.query_parameters.iter().enumerate();
    let queries = queries
        .filter(|(_, query)| query.r#match() == QueryType::Regex)
        .map(|(k, query)| (format!("query_parameters[{k}].value"), &query.value));
    let mut patterns = paths.chain(headers).chain(queries);
    patterns.find_map(|(field, pattern)| Some((field, re2::check(pattern).err()?)))
}
