//! Bad input through the CLI: refused with resource, field and reason, and nothing of it is stored.

use torii_cli::playground::Site;

use crate::without_envoy;

fn gateway_with(listener: &str) -> String {
    format!(
        "type: MeshGateway\nmesh: default\nname: bad\nselectors:\n- match:\n    kuma.io/service: x\nconf:\n  listeners:\n  - {listener}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_bad_input_is_refused_whole_and_says_where() {
    let site = Site::start(without_envoy().nodes(1).zones(&[]))
        .await
        .unwrap();
    let before = site.status().await.unwrap().revision;
    let long = "n".repeat(254);
    let rows = [
        ("malformed YAML", "type: Mesh\nname: [\n".to_owned(), vec!["line"]),
        ("unknown kind", "type: MeshGatewey\nmesh: default\nname: a\n".to_owned(), vec!["MeshGatewey"]),
        (
            "unknown field",
            gateway_with("{port: 8080, protocol: HTTP, hostnam: a.b}"),
            vec!["conf.listeners[0].hostnam"],
        ),
        (
            "missing service tag",
            "type: MeshGateway\nmesh: default\nname: bad\nselectors:\n- match:\n    a: b\nconf:\n  listeners:\n  - {port: 1, protocol: HTTP}\n"
                .to_owned(),
            vec!["selectors[0].match", "kuma.io/service"],
        ),
        ("wrong port", gateway_with("{port: 70000, protocol: HTTP}"), vec!["conf.listeners[0].port"]),
        (
            "too long name",
            format!("type: MeshGateway\nmesh: default\nname: {long}\nselectors:\n- match:\n    kuma.io/service: x\nconf:\n  listeners:\n  - {{port: 1, protocol: HTTP}}\n"),
            vec!["name"],
        ),
        (
            "one bad document among good ones",
            format!("{}---\n{}", gateway_with("{port: 1, protocol: HTTP}"), gateway_with("{port: 0, protocol: HTTP}").replace("name: bad", "name: worse")),
            vec!["worse", "conf.listeners[0].port"],
        ),
    ];
    for (what, document, words) in rows {
        let error = site.apply(&document).await.unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{what}: {word:?} is not in\n{error}");
        }
    }
    assert_eq!(
        site.status().await.unwrap().revision,
        before,
        "nothing of it is stored"
    );
    site.stop().await;
}
