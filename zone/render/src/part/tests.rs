use std::sync::Arc;

use bytes::Bytes;

use torii_proto::envoy::config::cluster::v3::Cluster;

use super::{Part, Parts, TypeUrl, Version};

fn cluster(name: &str) -> Part {
    Part::new(
        name,
        &Cluster {
            name: name.to_owned(),
            ..Cluster::default()
        },
    )
}

#[test]
fn version_is_sixteen_hex_digits_of_the_body() {
    let part = cluster("echo");
    assert_eq!(part.version.as_str().len(), 16);
    assert_eq!(part.version, Version::of(&part.body));
    assert_ne!(part.version, cluster("other").version);
}

#[test]
fn every_type_url_parses_to_itself() {
    for of in TypeUrl::ALL {
        assert_eq!(TypeUrl::parse(of.as_str()), Some(of));
    }
    assert_eq!(
        TypeUrl::parse("type.googleapis.com/envoy.api.v2.Cluster"),
        None
    );
}

#[test]
fn parts_of_one_name_and_another_type_do_not_meet() {
    let mut parts = Parts::new();
    assert!(parts.insert(TypeUrl::Cluster, cluster("echo")).is_none());
    assert!(parts.insert(TypeUrl::Endpoint, cluster("echo")).is_none());
    assert!(parts.insert(TypeUrl::Cluster, cluster("echo")).is_some());
    assert_eq!(parts.len(), 2);
    assert!(parts.get(TypeUrl::Route, "echo").is_none());
}

#[test]
fn dependencies_are_sorted_and_unique() {
    let part = cluster("x").with_clusters(["b", "a", "b"].map(Arc::from));
    assert_eq!(part.clusters, ["a", "b"].map(Arc::from));
}

#[test]
fn parts_are_equal_by_names_and_versions() {
    let mut one = Parts::new();
    one.insert(TypeUrl::Cluster, cluster("echo"));
    let mut other = one.clone();
    assert_eq!(one, other);
    other.insert(TypeUrl::Cluster, cluster("more"));
    assert_ne!(one, other);
}

#[test]
fn debug_output_does_not_show_the_body() {
    let part = Part::from_body("secret", Bytes::from_static(b"PRIVATE"));
    assert!(!format!("{part:?}").contains("PRIVATE"));
}
