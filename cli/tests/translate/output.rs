//! What is printed, and where.

use serde_json::{Value, json};

use crate::{PROXY, SITE, done, json, stderr, stdout, translate};

/// The keys of the document, in their order.
const KEYS: [&str; 6] = [
    "listeners",
    "routes",
    "clusters",
    "endpoints",
    "secrets",
    "runtimes",
];

#[test]
fn one_document_with_six_maps_from_name_to_resource() {
    let document = json(&["-f", "-", "--proxy", PROXY], SITE);
    let maps = document.as_object().unwrap();
    assert_eq!(maps.len(), KEYS.len());
    for key in KEYS {
        for (name, resource) in maps[key].as_object().unwrap() {
            let own = if key == "endpoints" {
                "clusterName"
            } else {
                "name"
            };
            assert_eq!(resource[own], json!(name), "{key}");
        }
    }
    let listener = &document["listeners"]["edge:HTTP:8080"];
    assert_eq!(
        listener["address"]["socketAddress"]["portValue"],
        json!(8080)
    );
    let manager = &listener["filterChains"][0]["filters"][0]["typedConfig"];
    assert_eq!(
        manager["@type"],
        json!(
            "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
        )
    );
}

#[test]
fn yaml_is_the_default_and_means_the_same_as_json() {
    let arguments = ["-f", "-", "--proxy", PROXY];
    let text = done(&arguments, SITE);
    assert_eq!(
        text,
        done(&[&arguments[..], &["-o", "yaml"]].concat(), SITE)
    );
    let value: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(value, json(&arguments, SITE));
    let order: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, _)| key)
        .collect();
    assert_eq!(order, KEYS);
}

#[test]
fn texts_that_look_like_something_else_are_quoted_for_old_yaml_readers_too() {
    let text = done(&["-f", "-", "--proxy", PROXY], SITE);
    for wrong in [": no\n", ": 1.0\n", ": 12:30:45\n", ": null\n"] {
        assert!(!text.contains(wrong), "{wrong}{text}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let arguments = ["-f", "-", "--proxy", PROXY, "--zone", "east"];
    let first = done(&arguments, SITE);
    for _ in 0..3 {
        assert_eq!(done(&arguments, SITE), first);
    }
}

#[test]
fn files_and_standard_input_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (gateway, rest) = SITE.split_once("---\n").unwrap();
    let paths = ["1.yaml", "2.yaml"].map(|name| folder.path().join(name).display().to_string());
    std::fs::write(&paths[0], gateway).unwrap();
    std::fs::write(&paths[1], rest).unwrap();
    let input = done(&["-f", "-", "--proxy", PROXY], SITE);
    let files = ["-f", &paths[0], "-f", &paths[1], "--proxy", PROXY];
    assert_eq!(done(&files, ""), input);
    let folder = folder.path().display().to_string();
    assert_eq!(done(&["-f", &folder, "--proxy", PROXY], ""), input);
}

#[test]
fn warnings_go_to_standard_error_with_resource_and_field() {
    let output = translate(&["-f", "-", "--proxy", PROXY], SITE);
    assert_eq!(output.status.code(), Some(0));
    let told = stderr(&output);
    let expected = "MeshGatewayRoute default/all: conf.http.rules[0].backends[1]";
    assert!(
        told.contains("warning: ") && told.contains(expected),
        "{told}"
    );
    assert!(!stdout(&output).contains("warning"));
}

#[test]
fn the_zone_is_in_tags_and_localities_only_when_it_is_named() {
    let arguments = ["-f", "-", "--proxy", PROXY];
    let without = json(&arguments, SITE)["endpoints"].to_string();
    assert!(!without.contains("zone"), "{without}");
    let with = json(&[&arguments[..], &["--zone", "east"]].concat(), SITE)["endpoints"].to_string();
    assert!(with.contains(r#""locality":{"zone":"east"}"#), "{with}");
}
