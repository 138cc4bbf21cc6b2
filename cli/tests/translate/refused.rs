//! Input that is refused: exit code 1, nothing on standard output, and the reason on standard error.

use crate::{PROXY, SITE, stderr, translate};

fn refused(arguments: &[&str], input: &str, reason: &str) {
    let output = translate(arguments, input);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(output.stdout.is_empty(), "{told}");
    assert!(
        told.starts_with("error: ") && told.contains(reason),
        "{told}"
    );
}

#[test]
fn a_document_that_a_server_refuses() {
    let site = SITE.replace("protocol: HTTP\n", "protocol: UDP\n");
    refused(
        &["-f", "-", "--proxy", PROXY],
        &site,
        "MeshGateway default/edge",
    );
    let site = SITE.replace(
        "port: 8080\n      protocol: HTTP",
        "port: 99999\n      protocol: HTTP",
    );
    refused(
        &["-f", "-", "--proxy", PROXY],
        &site,
        "conf.listeners[0].port",
    );
}

#[test]
fn a_document_of_an_unknown_kind_or_with_an_unknown_field() {
    let site = format!("{SITE}---\ntype: Nothing\nname: a\n");
    refused(&["-f", "-", "--proxy", PROXY], &site, "Nothing");
    let site = SITE.replace("address: 10.0.0.2", "adress: 10.0.0.2");
    refused(&["-f", "-", "--proxy", PROXY], &site, "adress");
}

#[test]
fn what_is_no_yaml_no_file_or_no_document() {
    refused(&["-f", "-", "--proxy", PROXY], "a: [", "standard input");
    refused(&["-f", "-", "--proxy", PROXY], "# nothing\n", "no document");
    refused(
        &["-f", "/nowhere/a.yaml", "--proxy", PROXY],
        "",
        "/nowhere/a.yaml",
    );
}

#[test]
fn a_proxy_that_is_no_gateway_of_the_documents() {
    refused(
        &["-f", "-", "--proxy", "default/nobody"],
        SITE,
        "Dataplane default/nobody",
    );
    refused(
        &["-f", "-", "--proxy", "default/app-1"],
        SITE,
        "not a builtin gateway",
    );
}

#[test]
fn the_zone_of_a_dataplane_that_is_another_zones() {
    let site = SITE.replace(
        "name: app-1\n",
        "name: app-1\nlabels: {kuma.io/zone: west}\n",
    );
    refused(
        &["-f", "-", "--proxy", PROXY, "--zone", "east"],
        &site,
        "kuma.io/zone",
    );
}
