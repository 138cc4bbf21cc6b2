use torii_proto::kuma::mesh::v1alpha1::{self as proto, dataplane};
use torii_resource::kinds::{Mesh, MeshGateway};

use super::*;

fn query(text: &[(&str, &str)]) -> Vec<(String, String)> {
    text.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn select(text: &[(&str, &str)]) -> Result<Selection, Problem> {
    Selection::parse(
        &query(text),
        &Dataplane::DESCRIPTOR,
        "/meshes/{mesh}/dataplanes",
    )
}

fn proxy(name: &str, service: &str, gateway: Option<GatewayType>) -> Resource {
    let tags = [("kuma.io/service".to_owned(), service.to_owned())].into();
    let networking = match gateway {
        Some(kind) => dataplane::Networking {
            gateway: Some(dataplane::networking::Gateway {
                tags,
                r#type: kind.into(),
            }),
            ..Default::default()
        },
        None => dataplane::Networking {
            inbound: vec![dataplane::networking::Inbound {
                tags,
                ..Default::default()
            }],
            ..Default::default()
        },
    };
    let spec = proto::Dataplane {
        networking: Some(networking),
        ..Default::default()
    };
    Resource::new::<Dataplane>("default", name, &spec)
}

fn proxies() -> Vec<Resource> {
    vec![
        proxy("blue-1", "blue", None),
        proxy("blue-2", "blue", None),
        proxy("gw", "edge", Some(GatewayType::Builtin)),
        proxy("kong", "edge", Some(GatewayType::Delegated)),
    ]
}

fn names(text: &[(&str, &str)]) -> Vec<String> {
    let all = proxies();
    let selection = select(text).unwrap();
    let page = selection.page(all.iter());
    page.items
        .iter()
        .map(|resource| resource.key.name.clone())
        .collect()
}

#[test]
fn filters_choose_by_name_tag_and_gateway() {
    assert_eq!(names(&[]), ["blue-1", "blue-2", "gw", "kong"]);
    assert_eq!(names(&[("name", "ue-2")]), ["blue-2"]);
    assert_eq!(
        names(&[("tag", "kuma.io/service:bl")]),
        ["blue-1", "blue-2"]
    );
    assert_eq!(
        names(&[("tag", "kuma.io/service:bl"), ("tag", "x:y")]),
        [""; 0]
    );
    assert_eq!(names(&[("gateway", "true")]), ["gw", "kong"]);
    assert_eq!(names(&[("gateway", "false")]), ["blue-1", "blue-2"]);
    assert_eq!(names(&[("gateway", "builtin")]), ["gw"]);
    assert_eq!(names(&[("gateway", "delegated")]), ["kong"]);
    assert_eq!(names(&[("filter[labels.team]", "a")]), [""; 0]);
    assert_eq!(names(&[("ingress", "false")]).len(), 4);
}

#[test]
fn pages_follow_each_other_until_none_is_left() {
    let all = proxies();
    let first = select(&[("size", "3")]).unwrap();
    let page = first.page(all.iter());
    assert_eq!((page.items.len(), page.total, page.next), (3, 4, Some(3)));
    let last = select(&[("size", "3"), ("offset", "3")]).unwrap();
    let page = last.page(all.iter());
    assert_eq!((page.items.len(), page.total, page.next), (1, 4, None));
    let beyond = select(&[("offset", "9")]).unwrap();
    let page = beyond.page(all.iter());
    assert_eq!((page.items.len(), page.total, page.next), (0, 4, None));
}

#[test]
fn a_bad_page_or_filter_names_the_field() {
    let cases = [
        (("size", "1001"), "Invalid page size", "size"),
        (("size", "a"), "Invalid page size", "size"),
        (("size", "0"), "Invalid page size", "size"),
        (
            ("gateway", "xx"),
            "Resource is not valid",
            "/meshes/{mesh}/dataplanes.gateway",
        ),
        (
            ("filter[x]", "y"),
            "Resource is not valid",
            "/meshes/{mesh}/dataplanes.filter[x]",
        ),
    ];
    for (pair, detail, field) in cases {
        let problem = select(&[pair]).unwrap_err();
        assert_eq!(problem.detail, detail);
        assert_eq!(problem.parameters[0].field, field);
    }
    let problem = select(&[("offset", "a")]).unwrap_err();
    assert!(problem.parameters.is_empty());
    assert_eq!(problem.title, title::LIST);
}

#[test]
fn only_dataplanes_have_gateway_and_tag_filters() {
    for kind in [&MeshGateway::DESCRIPTOR, &Mesh::DESCRIPTOR] {
        assert!(Selection::parse(&query(&[("gateway", "xx")]), kind, "/x").is_ok());
    }
}

#[test]
fn the_next_query_is_sorted_and_escaped() {
    let given = query(&[
        ("size", "2"),
        ("offset", "2"),
        ("filter[labels.a/b]", "x y"),
    ]);
    assert_eq!(
        next_query(&given, 4),
        "filter%5Blabels.a%2Fb%5D=x+y&offset=4&size=2"
    );
}
