//! `torii demo --check`: what must hold when things break.

use std::time::Duration;

use torii_api::status::{ProxyState, Status};

use crate::playground::{Answer, Site, SiteError, route_with_header, wait_until};

use super::Story;

const HEADER: &str = "x-torii-demo";
const DEADLINE: Duration = Duration::from_secs(60);
/// How many answers in a row prove that a gateway goes on.
const ROWS: usize = 20;

/// Breaks one thing after the other.
pub(super) async fn check(site: &Site, story: &Story) -> Result<(), SiteError> {
    story.step("sending requests through both gateways");
    all_answer(site, None).await?;

    story.step("changing the route: a response header");
    change(site, "one").await?;

    let leader = site.leader().await?;
    story.step(&format!(
        "killing the leader, {}, with SIGKILL",
        site.global(leader)?.name()
    ));
    site.global(leader)?.kill9().await;
    all_answer(site, Some("one")).await?;

    story.step("changing the route again, with two of three nodes");
    change(site, "two").await?;

    story.step("stopping the whole global");
    for server in site.globals() {
        server.stop().await;
    }
    all_answer(site, Some("two")).await?;

    let [restarted, _] = two_zones(site)?;
    story.step(&format!("restarting zone {restarted} without a global"));
    site.zone(restarted)?.control_plane.restart().await?;
    site.zone_ready(restarted).await?;
    all_answer(site, Some("two")).await?;

    let [_, other] = two_zones(site)?;
    for zone in [restarted, other] {
        story.step(&format!(
            "restarting the Envoy of zone {zone} without a global"
        ));
        let gateway = site.gateway(zone)?;
        gateway.kill9().await;
        gateway.start().await?;
        answers(site, zone, Some("two")).await?;
    }
    all_answer(site, Some("two")).await?;

    story.step("starting the global again: nothing may change, and a change must arrive");
    for server in site.globals() {
        server.start().await?;
    }
    for index in 0..site.globals().len() {
        site.global_ready(index).await?;
    }
    all_answer(site, Some("two")).await?;
    // `--wait` does not wait for zones that are not connected (yet).
    settled(site).await?;
    change(site, "three").await?;
    settled(site).await?;
    site.check().await
}

fn two_zones(site: &Site) -> Result<[&str; 2], SiteError> {
    match site.zones() {
        [first, second, ..] => Ok([first.control_plane.name(), second.control_plane.name()]),
        _ => Err(SiteError::Broken("the check needs two zones".to_owned())),
    }
}

/// Writes the route with another header value, and sees it in every zone.
async fn change(site: &Site, value: &str) -> Result<(), SiteError> {
    site.apply_and_wait(&route_with_header(HEADER, value))
        .await?;
    for zone in site.zones() {
        let name = zone.control_plane.name();
        // `--wait` has said that it is served: the first answer must have it.
        let answer = site.ask(name, "/").await.map_err(SiteError::Broken)?;
        expect(name, &answer, Some(value)).map_err(SiteError::Broken)?;
    }
    Ok(())
}

/// Every answer of every gateway is right, many times.
async fn all_answer(site: &Site, value: Option<&str>) -> Result<(), SiteError> {
    for _ in 0..ROWS {
        for zone in site.zones() {
            let name = zone.control_plane.name();
            let answer = site.ask(name, "/").await.map_err(SiteError::Broken)?;
            expect(name, &answer, value).map_err(SiteError::Broken)?;
        }
    }
    Ok(())
}

/// A gateway that was restarted comes to the right answer.
async fn answers(site: &Site, zone: &str, value: Option<&str>) -> Result<(), SiteError> {
    let what = format!("the gateway of zone {zone} answers again");
    wait_until(&what, DEADLINE, || async {
        let answer = site.ask(zone, "/").await?;
        expect(zone, &answer, value)
    })
    .await
}

fn expect(zone: &str, answer: &Answer, value: Option<&str>) -> Result<(), String> {
    let found = answer.header(HEADER);
    if answer.status.is_success() && answer.body == zone && found == value.unwrap_or_default() {
        return Ok(());
    }
    Err(format!(
        "the gateway of zone {zone} answered {} {:?} with {HEADER} {found:?}, expected {zone:?} with {:?}",
        answer.status,
        answer.body,
        value.unwrap_or_default()
    ))
}

/// The status when every zone is connected and every gateway has acknowledged everything.
pub(super) async fn settled(site: &Site) -> Result<Status, SiteError> {
    wait_until(
        "every gateway is shown as acknowledged",
        DEADLINE,
        || async {
            let status = site.status().await.map_err(|error| error.to_string())?;
            for zone in site.zones() {
                let name = zone.control_plane.name();
                let shown = status
                    .zones
                    .iter()
                    .find(|shown| shown.name == name && shown.connected == Some(true));
                let shown =
                    shown.ok_or_else(|| format!("zone {name} is not shown as connected"))?;
                let ready = shown
                    .proxies
                    .iter()
                    .filter(|proxy| proxy.state == ProxyState::Acknowledged);
                if ready.count() < usize::from(zone.gateway.is_some()) {
                    return Err(format!(
                        "the gateway of zone {name} is not shown as acknowledged"
                    ));
                }
            }
            Ok(status)
        },
    )
    .await
}
