//! The generator with a memory: what it shares, and that it is never wrong. That it gives what the one without gives is
//! a property, see `properties`.

use std::sync::Arc;

use torii_mesh::{Index, ProxyId};
use torii_render::{Parts, Rendered, Renderer, TypeUrl, render_gateway};
use torii_resource::{Resource, ResourceKey};

use crate::support::{changes, resources};

const WORLD: &str = "type: Dataplane
name: gw
networking: {address: 127.0.0.1, gateway: {type: BUILTIN, tags: {kuma.io/service: gw}}}
---
type: MeshGateway
name: gw
selectors: [{match: {kuma.io/service: gw}}]
conf: {listeners: [{port: 80, protocol: HTTP}, {port: 81, protocol: HTTP, tags: {other: 'yes'}}]}
---
type: Dataplane
name: a
networking: {address: 127.0.1.1, inbound: [{port: 1, tags: {kuma.io/service: a}}]}
---
type: MeshGatewayRoute
name: first
selectors: [{match: {kuma.io/service: gw}}]
conf: {http: {rules: [{matches: [{path: {match: PREFIX, value: /a}}], backends: [{destination: {kuma.io/service: a}}]}]}}
---
type: MeshGatewayRoute
name: second
selectors: [{match: {other: 'yes'}}]
conf: {http: {rules: [{matches: [{path: {match: EXACT, value: /b}}], backends: [{destination: {kuma.io/service: b}}]}]}}";

const ROUTE: TypeUrl = TypeUrl::Route;

struct World {
    index: Index,
    id: ProxyId,
    renderer: Renderer,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            index: Index::new(""),
            id: ProxyId {
                mesh: "default".to_owned(),
                name: "gw".to_owned(),
            },
            renderer: Renderer::default(),
        };
        world.put(WORLD);
        world
    }

    fn put(&mut self, yaml: &str) {
        self.index.apply(changes(&resources(yaml).0));
    }

    /// With a memory, and it has to be what it is without.
    fn render(&mut self) -> Rendered {
        let view = self.index.view(&self.id).unwrap();
        let expected = render_gateway(&view);
        let rendered = self.renderer.render(view);
        assert!(rendered.parts.iter().eq(expected.parts.iter()));
        assert_eq!(rendered.errors, expected.errors);
        assert_eq!(rendered.notes, expected.notes);
        rendered
    }
}

#[test]
fn what_a_change_does_not_reach_stays_the_same_part() {
    let mut world = World::new();
    let before = world.render().parts;
    world.put(
        "type: MeshGatewayRoute
name: second
selectors: [{match: {other: 'yes'}}]
conf: {http: {rules: [{matches: [{path: {match: EXACT, value: /c}}], backends: [{destination: {kuma.io/service: b}}]}]}}",
    );
    let after = world.render().parts;
    let differing: Vec<_> = before
        .iter()
        .zip(after.iter())
        .filter(|((_, one), (_, other))| !Arc::ptr_eq(one, other))
        .map(|((_, one), _)| one.name.as_str())
        .collect();
    assert_eq!(differing, ["gw:HTTP:81:*"]);
}

#[test]
fn a_service_that_comes_and_goes_changes_its_endpoints_and_its_note() {
    let mut world = World::new();
    assert_eq!(world.render().notes.len(), 1);
    let b = "type: Dataplane
name: b
networking: {address: 127.0.1.2, inbound: [{port: 1, tags: {kuma.io/service: b}}]}";
    world.put(b);
    let with = world.render();
    assert!(with.notes.is_empty());
    let table = with.parts.get(ROUTE, "gw:HTTP:81:*").unwrap().clone();
    let key = ResourceKey::new("Dataplane", "default", "b");
    world.index.apply([(key, None::<Arc<Resource>>)]);
    let without = world.render();
    assert_eq!(without.notes.len(), 1);
    assert!(Arc::ptr_eq(
        &table,
        without.parts.get(ROUTE, "gw:HTTP:81:*").unwrap()
    ));
}

#[test]
fn other_tags_of_a_listener_rename_the_clusters_of_routes_that_stay() {
    let mut world = World::new();
    let before = world.render().parts;
    world.put(
        "type: MeshGateway
name: gw
selectors: [{match: {kuma.io/service: gw}}]
conf: {listeners: [{port: 80, protocol: HTTP, tags: {new: 'yes'}}, {port: 81, protocol: HTTP, tags: {other: 'yes'}}]}",
    );
    let after = world.render().parts;
    let table = |parts: &Parts| parts.get(ROUTE, "gw:HTTP:80:*").unwrap().clone();
    assert_ne!(table(&before).clusters, table(&after).clusters);
}

#[test]
fn a_listener_that_goes_takes_its_host_and_its_clusters_along() {
    let mut world = World::new();
    let listeners = |more: &str| {
        format!(
            "type: MeshGateway
name: gw
selectors: [{{match: {{kuma.io/service: gw}}}}]
conf: {{listeners: [{{port: 80, protocol: HTTP}}{more}]}}"
        )
    };
    world.put(&listeners(""));
    let before = world.render().parts;
    for more in [
        ", {port: 80, protocol: HTTP, hostname: a.com, tags: {x: y}}",
        ", {port: 90, protocol: HTTP, tags: {x: y}}",
    ] {
        world.put(&listeners(more));
        assert_ne!(world.render().parts, before);
        world.put(&listeners(""));
        assert_eq!(world.render().parts, before);
    }
}

#[test]
fn destinations_with_one_cluster_name_are_told_apart_by_the_order_of_the_routes() {
    // The name of a cluster is a hash of the tags one after the other: `a: bc` and `ab: c` are one.
    let route = |name: &str, path: &str, tag: &str| {
        format!(
            "type: MeshGatewayRoute
name: {name}
selectors: [{{match: {{kuma.io/service: gw}}}}]
conf: {{http: {{rules: [{{matches: [{{path: {{match: EXACT, value: {path}}}}}], backends: [{{destination: {{{tag}, kuma.io/service: \
             a}}}}]}}]}}}}"
        )
    };
    let mut world = World::new();
    world.put(
        "type: Dataplane
name: a
networking: {address: 127.0.1.1, inbound: [{port: 1, tags: {kuma.io/service: a, a: bc}}]}",
    );
    world.render();
    for (path, nobody) in [("/long", true), ("/s", false)] {
        world.put(&route("x", "/mid", "a: bc"));
        world.render();
        world.put(&route("y", path, "ab: c"));
        let notes = world.render().notes;
        assert_eq!(
            notes.iter().any(|note| note.resource.name == "y"),
            nobody,
            "{notes:?}"
        );
    }
}
