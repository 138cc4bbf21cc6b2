//! How long a gateway takes to generate: `cargo bench -p torii-render`. Prints medians in milliseconds.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    reason = "a benchmark measures time"
)]

use std::sync::Arc;
use std::time::Instant;

use torii_mesh::{Index, ProxyId};
use torii_render::{Renderer, TypeUrl, render_gateway};
use torii_resource::format::universal;
use torii_resource::{Resource, ResourceKey};

const ROUNDS: usize = 51;

fn resource(yaml: &str) -> Arc<Resource> {
    let parsed = universal::parse(yaml, "bench").unwrap().remove(0).resource;
    Arc::new(Resource {
        key: parsed.key,
        labels: parsed.labels,
        spec: parsed.spec,
        created: torii_resource::Stamp::default(),
        modified: torii_resource::Stamp::default(),
    })
}

/// A prefix route with a response header; `services` different backends.
fn route(i: usize, services: usize, value: &str) -> Arc<Resource> {
    let service = i % services;
    resource(&format!(
        "{{type: MeshGatewayRoute, name: route-{i}, selectors: [{{match: {{kuma.io/service: gw}}}}], conf: {{http: \
         {{rules: [{{matches: [{{path: {{match: PREFIX, value: /service/{i}}}}}], filters: [{{responseHeader: \
         {{set: [{{name: x-value, value: {value}}}]}}}}], backends: [{{destination: {{kuma.io/service: \
         svc-{service}}}}}]}}]}}}}}}"
    ))
}

fn world(routes: usize, services: usize) -> Vec<Arc<Resource>> {
    let mut all = vec![
        resource(
            "{type: Dataplane, name: gw, networking: {address: 127.0.0.1, gateway: {type: BUILTIN, tags: \
             {kuma.io/service: gw}}}}",
        ),
        resource(
            "{type: MeshGateway, name: gw, selectors: [{match: {kuma.io/service: gw}}], conf: {listeners: [{port: \
             8080, protocol: HTTP}]}}",
        ),
    ];
    all.extend((0..services).map(|i| {
        resource(&format!(
            "{{type: Dataplane, name: svc-{i}, networking: {{address: 127.0.1.1, inbound: [{{port: 80, tags: \
             {{kuma.io/service: svc-{i}, kuma.io/protocol: http}}}}]}}}}"
        ))
    }));
    all.extend((0..routes).map(|i| route(i, services, "old")));
    all
}

fn changes(
    all: &[Arc<Resource>],
) -> impl Iterator<Item = (ResourceKey, Option<Arc<Resource>>)> + use<'_> {
    all.iter().map(|one| (one.key.clone(), Some(one.clone())))
}

fn median(mut round: impl FnMut(usize)) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|i| {
            let start = Instant::now();
            round(i);
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn main() {
    let id = ProxyId {
        mesh: "default".to_owned(),
        name: "gw".to_owned(),
    };
    for services in [1, 500] {
        let all = world(1000, services);
        let scratch = median(|_| {
            let mut index = Index::new("");
            index.apply(changes(&all));
            assert!(render_gateway(&index.view(&id).unwrap()).errors.is_empty());
        });
        println!(
            "{scratch:8.3} ms  1,000 routes to {services} services from scratch: index, view, render"
        );

        let mut index = Index::new("");
        index.apply(changes(&world(500, services)));
        let mut before = render_gateway(&index.view(&id).unwrap()).parts;
        let variants = [route(250, services, "new"), route(250, services, "old")];
        let changed = median(|i| {
            let touched = index.apply(changes(&variants[i % 2..=i % 2]));
            assert_eq!(touched.proxies.len(), 1);
            let after = render_gateway(&index.view(&id).unwrap()).parts;
            assert!(
                after.get(TypeUrl::Route, "gw:HTTP:8080:*")
                    != before.get(TypeUrl::Route, "gw:HTTP:8080:*")
            );
            before = after;
        });
        println!(
            "{changed:8.3} ms  1 of 500 routes to {services} services changed: index, view, render without a memory"
        );

        let mut renderer = Renderer::default();
        let mut before = renderer.render(index.view(&id).unwrap()).parts;
        let remembered = median(|i| {
            let touched = index.apply(changes(std::slice::from_ref(&variants[(i + 1) % 2])));
            assert_eq!(touched.proxies.len(), 1);
            let after = renderer.render(index.view(&id).unwrap()).parts;
            assert!(
                after.get(TypeUrl::Route, "gw:HTTP:8080:*")
                    != before.get(TypeUrl::Route, "gw:HTTP:8080:*")
            );
            before = after;
        });
        println!("{remembered:8.3} ms  the same with a memory");
        let view = median(|_| drop(index.view(&id).unwrap()));
        println!("{view:8.3} ms  of it the view");
    }
}
