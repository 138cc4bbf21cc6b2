//! A global that lost its data, or is another one, changes nothing in a zone until an operator says so.

use std::path::Path;

use torii_cli::playground::{Site, gateway, route, route_with_header, wait_until};

use crate::{DEADLINE, answers_with, with_envoy};

#[tokio::test(flavor = "multi_thread")]
async fn a_global_that_comes_back_empty_changes_nothing_until_it_is_accepted() {
    let Some(options) = with_envoy() else { return };
    let site = Site::start(options.nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let node = site.global(0).unwrap();
    // The store's revision must be past what an empty global starts with, or the two could not be told apart by it.
    for _ in 0..3 {
        site.apply_and_wait(&route_with_header("x-change", "one"))
            .await
            .unwrap();
        site.apply_and_wait(&route()).await.unwrap();
    }
    // What the tokens of proxies are signed with: the operator has a copy.
    let key = [
        "get",
        "secret",
        "dataplane-token-signing-key-default-1",
        "-o",
        "yaml",
    ];
    let key = site.torii(&key, "").await.unwrap();
    node.stop().await;
    forget(&site.layout().data_dir("global-1"));
    node.start().await.unwrap();
    site.global_ready(0).await.unwrap();
    // With its data the global lost the key that the zone's token was signed with: it gets a new one.
    let token = site
        .torii(&["generate", "zone-token", "--zone", "east"], "")
        .await
        .unwrap();
    std::fs::write(site.layout().file("east.token"), token).unwrap();

    wait_until("the zone says why it refuses", DEADLINE, || async {
        let status = site
            .zone_client("east")
            .unwrap()
            .status()
            .await
            .map_err(|error| error.to_string())?;
        let guard = status.zones[0].guard.clone();
        guard.contains("accept-global").then_some(()).ok_or(guard)
    })
    .await
    .unwrap();
    for _ in 0..20 {
        let answer = site.ask("east", "/").await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (200, "east")
        );
    }
    // A restart of the zone does not make it forget.
    site.zone("east")
        .unwrap()
        .control_plane
        .restart()
        .await
        .unwrap();
    site.zone_ready("east").await.unwrap();
    assert_eq!(site.ask("east", "/").await.unwrap().status.as_u16(), 200);

    // The operator applies everything again, then says that this global is the one.
    let everything = [key, gateway(), route()].join("\n---\n");
    site.apply(&everything).await.unwrap();
    site.torii_in("east", &["zone", "accept-global"], "")
        .await
        .unwrap();
    wait_until("the zone follows again", DEADLINE, || async {
        let status = site
            .zone_client("east")
            .unwrap()
            .status()
            .await
            .map_err(|error| error.to_string())?;
        let zone = &status.zones[0];
        (zone.connected == Some(true) && zone.guard.is_empty())
            .then_some(())
            .ok_or_else(|| format!("{zone:?}"))
    })
    .await
    .unwrap();
    assert_eq!(site.ask("east", "/").await.unwrap().status.as_u16(), 200);
    // The new global's revisions are lower than those that the Envoy has acknowledged: it connects again for them.
    site.apply(&route_with_header("x-change", "after"))
        .await
        .unwrap();
    answers_with(&site, "a change of the new global is served", "after").await;
    site.apply_and_wait(&route_with_header("x-change", "last"))
        .await
        .unwrap();
    let answer = site.ask("east", "/").await.unwrap();
    assert_eq!(answer.header("x-change"), "last", "--wait can be trusted");
    site.stop().await;
}

/// The disk of a node is lost.
fn forget(data: &Path) {
    std::fs::remove_dir_all(data.join("store")).unwrap();
}
