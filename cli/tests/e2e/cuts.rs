//! The connection between zone and global is cut at random points: a zone never removes what was not removed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;

use torii_chaos::{Fault, FaultProxy};
use torii_cli::playground::{Site, wait_until};
use torii_resource::registry;

use crate::{DEADLINE, binary, without_envoy};

const ROUTES: usize = 40;
const CUTS: u64 = 16;

fn route(index: usize, version: u64) -> String {
    format!(
        "type: MeshGatewayRoute\nmesh: default\nname: r-{index}\nselectors:\n- match:\n    kuma.io/service: x\n    version: v{version}\nconf:\n  \
         tcp:\n    rules:\n    - backends:\n      - destination:\n          kuma.io/service: y\n"
    )
}

fn all(version: u64) -> String {
    (0..ROUTES)
        .map(|index| route(index, version))
        .collect::<Vec<_>>()
        .join("---\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_anywhere_never_removes_what_was_not_removed() {
    let site = Site::start(without_envoy().nodes(1).zones(&[]))
        .await
        .unwrap();
    site.apply(&all(0)).await.unwrap();
    let node = site.layout().node_address(0);
    // The same address as the node's, for its certificate names it.
    let listen = SocketAddr::from((node, 15685));
    let proxy = FaultProxy::start(listen, SocketAddr::from((node, 5685)))
        .await
        .unwrap();

    let folder = tempfile::tempdir().unwrap();
    let token = site
        .torii(&["generate", "zone-token", "--zone", "cut"], "")
        .await
        .unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, token).unwrap();
    let data = folder.path().join("data");
    let context = data.join("context.yaml");
    let mut zone = tokio::process::Command::new(binary())
        .args(["zone", "run", "--name", "cut", "--address"])
        .arg(site.layout().zone_address(0).to_string())
        .args([
            "--global-address",
            &format!("grpcs://{listen}"),
            "--global-ca-file",
        ])
        .arg(site.layout().global_ca())
        .arg("--token-file")
        .arg(&token_file)
        .arg("--data-dir")
        .arg(&data)
        .arg("--context-file")
        .arg(&context)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let expected: BTreeSet<String> = (0..ROUTES).map(|index| format!("r-{index}")).collect();
    wait_until("the zone has everything", DEADLINE, || async {
        has(&context, &expected, 0).await
    })
    .await
    .unwrap();

    for cut in 1..=CUTS {
        // The present connection ends, and so does the next one: somewhere in the handshake or in the first sets.
        proxy.set(Fault::Cut);
        another(&proxy, proxy.accepted()).await;
        proxy.set(Fault::CutAfter(cut * cut * 1_237 % 11_987));
        site.apply(&all(cut)).await.unwrap();
        another(&proxy, proxy.accepted() + 1).await;
        let seen = names(&context).await.unwrap();
        let missing: Vec<_> = expected.difference(&seen).collect();
        assert!(
            missing.is_empty(),
            "after cut {cut} the zone lacks {missing:?}"
        );
        proxy.set(Fault::None);
        wait_until("the zone is where the global is", DEADLINE, || async {
            has(&context, &expected, cut).await
        })
        .await
        .unwrap();
    }
    assert!(
        proxy.accepted() > CUTS,
        "only {} connections: nothing was cut",
        proxy.accepted()
    );
    zone.kill().await.unwrap();
    site.stop().await;
}

/// Waits for another connection than so many.
async fn another(proxy: &FaultProxy, connections: u64) {
    wait_until("the zone has connected again", DEADLINE, || async {
        (proxy.accepted() > connections)
            .then_some(())
            .ok_or_else(String::new)
    })
    .await
    .unwrap();
}

async fn list(context: &std::path::Path) -> Result<Vec<serde_json::Value>, String> {
    let kind = &registry::by_name("MeshGatewayRoute").unwrap().descriptor;
    let flags = torii_cli::context::ConnectionFlags {
        config_file: Some(context.to_owned()),
        ..torii_cli::context::ConnectionFlags::default()
    };
    let target = torii_cli::context::Target::resolve(&flags).map_err(|error| error.to_string())?;
    let client = torii_cli::client::Client::new(&target).map_err(|error| error.to_string())?;
    client
        .list(kind, None)
        .await
        .map_err(|error| error.to_string())
}

async fn names(context: &std::path::Path) -> Result<BTreeSet<String>, String> {
    let items = list(context).await?;
    Ok(items
        .iter()
        .filter_map(|item| item["name"].as_str().map(str::to_owned))
        .collect())
}

async fn has(
    context: &std::path::Path,
    expected: &BTreeSet<String>,
    version: u64,
) -> Result<(), String> {
    let items = list(context).await?;
    let wanted = format!("v{version}");
    let current: BTreeSet<String> = items
        .iter()
        .filter(|item| item["selectors"][0]["match"]["version"] == wanted.as_str())
        .filter_map(|item| item["name"].as_str().map(str::to_owned))
        .collect();
    (current == *expected).then_some(()).ok_or_else(|| {
        format!(
            "{} of {} routes are at {wanted}",
            current.len(),
            expected.len()
        )
    })
}
