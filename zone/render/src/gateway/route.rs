//! Route configurations, virtual hosts and routes as Envoy's messages (gateway-xds §3.1, §3.2, §3.5-§3.7).
//!
//! Each route is encoded once and appended to its virtual host. What matches and in which order was decided before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use torii_mesh::GatewayView;
use torii_proto::envoy::config::core::v3::data_source::Specifier;
use torii_proto::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use torii_proto::envoy::config::core::v3::{DataSource, HeaderValue, HeaderValueOption};
use torii_proto::envoy::config::route::v3::route::Action as EnvoyAction;
use torii_proto::envoy::config::route::v3::route_match::PathSpecifier;
use torii_proto::envoy::config::route::v3::{
    DirectResponseAction, Route, RouteConfiguration, RouteMatch, VirtualHost,
};
use torii_proto::envoy::google::protobuf::BoolValue;

use crate::gateway::action::{self, Forwarding};
use crate::gateway::cluster::Clusters;
use crate::gateway::entry::{self, Action, Entry};
use crate::gateway::filter::Edits;
use crate::gateway::hosts::Host;
use crate::gateway::listener::Port;
use crate::gateway::{criteria, sort};
use crate::part::Part;
use crate::report::{Place, Report};
use crate::wire;

/// `RouteConfiguration.virtual_hosts`
const VIRTUAL_HOSTS: u32 = 2;
/// `VirtualHost.routes`
const ROUTES: u32 = 3;

/// What a host without any route answers, with status 404.
const NO_ROUTES: &str = "This is a Kuma MeshGateway. No routes match this MeshGateway!\n";

/// The route configuration of a port.
pub(crate) fn part<'a>(
    view: &'a GatewayView,
    port: &Port<'_>,
    hosts: &[Host<'a>],
    clusters: &mut Clusters<'a>,
    report: &mut Report,
) -> Part {
    let name = port.routes();
    let mut entries: BTreeMap<&str, Vec<Entry<'a>>> = BTreeMap::new();
    for route in hosts.iter().flat_map(|host| &host.routes) {
        entries.entry(&route.name).or_insert_with(|| {
            let place = Place {
                part: &name,
                resource: &route.key,
            };
            entry::entries(route, place, report)
        });
    }
    let mut forwarding = Forwarding {
        part: &name,
        tags: action::serialised(&view.proxy.tags),
        port: port.number,
        clusters,
        used: BTreeSet::new(),
        report,
    };
    let mut body = RouteConfiguration {
        name: name.clone(),
        ignore_port_in_host_matching: true,
        // Routes may name a cluster that does not exist: 500 for its share, not a refused table.
        validate_clusters: Some(BoolValue { value: false }),
        ..RouteConfiguration::default()
    }
    .encode_to_vec();
    for host in hosts {
        let mut of_host: Vec<&Entry<'a>> = host
            .routes
            .iter()
            .filter_map(|route| entries.get(&*route.name))
            .flatten()
            .collect();
        of_host.sort_unstable_by(|one, other| sort::compare(one, other));
        wire::append(
            &mut body,
            VIRTUAL_HOSTS,
            &virtual_host(host, &of_host, &mut forwarding),
        );
    }
    let used: BTreeSet<Arc<str>> = forwarding.used;
    Part::from_body(name, Bytes::from(body)).with_clusters(used)
}

fn virtual_host<'a>(
    host: &Host<'a>,
    entries: &[&Entry<'a>],
    forwarding: &mut Forwarding<'_, 'a>,
) -> Vec<u8> {
    let mut body = VirtualHost {
        name: host.hostname.clone(),
        domains: vec![host.hostname.clone()],
        ..VirtualHost::default()
    }
    .encode_to_vec();
    for entry in entries {
        wire::append(
            &mut body,
            ROUTES,
            &route(entry, host, forwarding).encode_to_vec(),
        );
    }
    if entries.is_empty() {
        wire::append(&mut body, ROUTES, &no_routes().encode_to_vec());
    }
    body
}

fn no_routes() -> Route {
    Route {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
            ..RouteMatch::default()
        }),
        action: Some(EnvoyAction::DirectResponse(DirectResponseAction {
            status: 404,
            body: Some(DataSource {
                specifier: Some(Specifier::InlineString(NO_ROUTES.to_owned())),
                ..DataSource::default()
            }),
            ..DirectResponseAction::default()
        })),
        ..Route::default()
    }
}

fn route<'a>(entry: &Entry<'a>, host: &Host<'a>, forwarding: &mut Forwarding<'_, 'a>) -> Route {
    let action = match &entry.rule.action {
        Action::Forward(forward) => EnvoyAction::Route(forwarding.forward(entry, forward, host)),
        Action::Redirect(redirect) => EnvoyAction::Redirect(forwarding.redirect(entry, redirect)),
    };
    Route {
        r#match: Some(criteria::route_match(entry)),
        request_headers_to_add: edits(&entry.rule.request),
        request_headers_to_remove: entry.rule.request.remove.clone(),
        response_headers_to_add: edits(&entry.rule.response),
        response_headers_to_remove: entry.rule.response.remove.clone(),
        action: Some(action),
        ..Route::default()
    }
}

fn edits(edits: &Edits) -> Vec<HeaderValueOption> {
    let values = edits
        .values()
        .map(|edit| header(&edit.name, &edit.value, edit.action));
    values.collect()
}

/// A header to set or add.
pub(crate) fn header(key: &str, value: &str, action: HeaderAppendAction) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: key.to_owned(),
            value: value.to_owned(),
            ..HeaderValue::default()
        }),
        append_action: action as i32,
        ..HeaderValueOption::default()
    }
}
