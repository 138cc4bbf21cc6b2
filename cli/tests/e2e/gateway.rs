//! A gateway from its first request to its end.

use torii_api::status::ProxyState;
use torii_cli::playground::{Site, gateway, route_with_header, wait_until};

use crate::{DEADLINE, answers_with, with_envoy};

/// Listens where the zone's own REST API listens: Envoy cannot bind it.
const TAKEN: &str = "
    - port: 5682
      protocol: HTTP
      tags:
        port: taken
";

const NOBODY: &str = "
type: MeshGatewayRoute
mesh: default
name: to-nobody
selectors:
  - match:
      kuma.io/service: edge-gateway
conf:
  http:
    rules:
      - matches:
          - path:
              match: EXACT
              value: /nobody
        backends:
          - destination:
              kuma.io/service: nobody-has-this
";

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_served_changed_and_deleted() {
    let Some(options) = with_envoy() else { return };
    let site = Site::start(options.nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let answer = site.ask("east", "/").await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (200, "east")
    );

    site.apply_and_wait(&route_with_header("x-change", "one"))
        .await
        .unwrap();
    let answer = site.ask("east", "/").await.unwrap();
    assert_eq!(
        answer.header("x-change"),
        "one",
        "--wait says that it is served"
    );

    site.torii(&["delete", "meshgatewayroute", "edge-gateway-route"], "")
        .await
        .unwrap();
    wait_until("the route is gone", DEADLINE, || async {
        let answer = site.ask("east", "/").await?;
        (answer.status.as_u16() == 404)
            .then_some(())
            .ok_or_else(|| format!("{}", answer.status))
    })
    .await
    .unwrap();

    site.torii(&["delete", "meshgateway", "edge-gateway"], "")
        .await
        .unwrap();
    wait_until("nobody listens any more", DEADLINE, || async {
        match site.ask("east", "/").await {
            Err(_) => Ok(()),
            Ok(answer) => Err(format!("{}", answer.status)),
        }
    })
    .await
    .unwrap();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_nobody_has_answers_503_and_status_says_why() {
    let Some(options) = with_envoy() else { return };
    let site = Site::start(options.nodes(1).zones(&["east"]))
        .await
        .unwrap();
    site.apply_and_wait(NOBODY).await.unwrap();
    assert_eq!(
        site.ask("east", "/nobody").await.unwrap().status.as_u16(),
        503
    );
    assert_eq!(
        site.ask("east", "/").await.unwrap().status.as_u16(),
        200,
        "other routes are served"
    );
    wait_until(
        "status names the route and the service",
        DEADLINE,
        || async {
            let status = site.status().await.map_err(|error| error.to_string())?;
            let problems: Vec<_> = status
                .zones
                .into_iter()
                .flat_map(|zone| zone.problems)
                .collect();
            problems
                .iter()
                .any(|problem| {
                    problem.resource.contains("to-nobody")
                        && problem.reason.contains("nobody-has-this")
                })
                .then_some(())
                .ok_or_else(|| format!("{problems:?}"))
        },
    )
    .await
    .unwrap();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_envoy_rejects_is_told_in_its_words_and_the_rest_moves_on() {
    let Some(options) = with_envoy() else { return };
    let site = Site::start(options.nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let bad = format!("{}{}", gateway().trim_end(), TAKEN);
    let refused = site
        .torii(&["apply", "-f", "-", "--wait=30s"], &bad)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("Address already in use") || refused.contains("cannot bind"),
        "{refused}"
    );

    assert_eq!(
        site.ask("east", "/").await.unwrap().status.as_u16(),
        200,
        "the good listener goes on"
    );
    site.apply(&route_with_header("x-change", "after"))
        .await
        .unwrap();
    answers_with(&site, "a route change still arrives", "after").await;
    let status = site.status().await.unwrap();
    let proxies: Vec<_> = status.zones.iter().flat_map(|zone| &zone.proxies).collect();
    assert!(
        proxies
            .iter()
            .any(|proxy| proxy.state == ProxyState::Rejected && !proxy.rejections.is_empty()),
        "{proxies:?}"
    );

    site.apply_and_wait(&gateway()).await.unwrap();
    let status = site.status().await.unwrap();
    assert!(
        status
            .zones
            .iter()
            .flat_map(|zone| &zone.proxies)
            .all(|proxy| proxy.state == ProxyState::Acknowledged),
        "{status:?}"
    );
    site.stop().await;
}
