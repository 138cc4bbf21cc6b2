//! Route configurations, virtual hosts and routes as Envoy's messages (gateway-xds §3.1, §3.2, §3.5-§3.7).
//!
//! Each route is encoded once and appended to its virtual host. What matches and in which order was decided before.

use std::collections::{BTreeMap, BTreeSet};

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
use torii_resource::tags::Tags;

use crate::gateway::action::Forwarding;
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
pub(crate) const VIRTUAL_HOSTS: u32 = 2;
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
    let mut forwarding = Forwarding::new(&view.proxy.tags, port.number);
    let mut used = BTreeSet::new();
    let mut body = head(&name);
    for host in hosts {
        let mut of_host: Vec<&Entry<'a>> = host
            .routes
            .iter()
            .filter_map(|route| entries.get(&*route.name))
            .flatten()
            .collect();
        of_host.sort_unstable_by(|one, other| sort::compare(one, other));
        let mut virtual_host = host_head(&host.hostname);
        for entry in &of_host {
            write(entry, host.tags, &mut forwarding, &mut virtual_host);
            let place = Place {
                part: &name,
                resource: &entry.origin.route.key,
            };
            for one in forwarding.uses.drain(..) {
                let target = clusters.resolve(&one.cluster, one.destination, report);
                if let Some(nobody) = target.nobody {
                    one.spot.note(place, target.service, nobody, report);
                }
                used.insert(one.cluster);
            }
        }
        if of_host.is_empty() {
            write_no_routes(&mut virtual_host);
        }
        wire::append(&mut body, VIRTUAL_HOSTS, &virtual_host);
    }
    Part::from_body(name, Bytes::from(body)).with_clusters(used)
}

/// A route configuration without its virtual hosts.
pub(crate) fn head(name: &str) -> Vec<u8> {
    RouteConfiguration {
        name: name.to_owned(),
        ignore_port_in_host_matching: true,
        // Routes may name a cluster that does not exist: 500 for its share, not a refused table.
        validate_clusters: Some(BoolValue { value: false }),
        ..RouteConfiguration::default()
    }
    .encode_to_vec()
}

/// A virtual host without its routes.
pub(crate) fn host_head(hostname: &str) -> Vec<u8> {
    VirtualHost {
        name: hostname.to_owned(),
        domains: vec![hostname.to_owned()],
        ..VirtualHost::default()
    }
    .encode_to_vec()
}

/// Appends an entry to the virtual host of a listener with these merged tags. What is written depends on the entry,
/// those tags and what `forwarding` was made of, and on nothing else: it can be kept.
pub(crate) fn write<'a>(
    entry: &Entry<'a>,
    host: &Tags,
    forwarding: &mut Forwarding<'a>,
    virtual_host: &mut Vec<u8>,
) {
    let route = route(entry, host, forwarding).encode_to_vec();
    wire::append(virtual_host, ROUTES, &route);
}

/// Appends what a host without routes has instead of them.
pub(crate) fn write_no_routes(virtual_host: &mut Vec<u8>) {
    wire::append(virtual_host, ROUTES, &no_routes().encode_to_vec());
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

fn route<'a>(entry: &Entry<'a>, host: &Tags, forwarding: &mut Forwarding<'a>) -> Route {
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
