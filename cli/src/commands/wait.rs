//! `--wait`: from a revision to the word of every Envoy (decisions.md, "`torii apply --wait[=30s]`").

use torii_api::status::{ProxyState, Receipt, Zone};

use crate::client::Client;
use crate::error::{Exit, Failure};
use crate::output::error::tell;
use crate::output::progress::Progress;
use crate::output::status::{proxy_complaints, proxy_state};
use crate::output::terminal::Tone;
use crate::output::{Terminal, print};
use crate::span::Span;

/// How the waiting ended.
#[derive(Debug)]
pub(super) struct Waited {
    revision: u64,
    span: Span,
    paint: bool,
    pub(super) receipt: Option<Receipt>,
}

/// Follows a revision until every Envoy has spoken, or the time is over.
pub(super) async fn wait(
    client: &Client,
    revision: u64,
    span: Span,
    terminal: Terminal,
) -> Result<Waited, Failure> {
    let mut progress = terminal.progress.then(|| Progress::new(terminal));
    let seen = |receipt: &Receipt| {
        if let Some(progress) = &mut progress {
            progress.text(&waiting_for(receipt));
        }
        is_settled(receipt)
    };
    let receipt = client.follow(revision, span.0, seen).await;
    if let Some(progress) = &mut progress {
        progress.done();
    }
    Ok(Waited {
        revision,
        span,
        paint: terminal.paint_err,
        receipt: receipt?,
    })
}

impl Waited {
    /// Prints what came out, and turns it into the command's end. `print_success`: on standard output, for people.
    pub(super) fn finish(self, print_success: bool) -> Result<Exit, Failure> {
        let Some(receipt) = &self.receipt else {
            tell(&format!(
                "{} nothing was heard of revision {} within {}",
                Tone::Bad.on("not served:", self.paint),
                self.revision,
                self.span
            ));
            return Err(Failure::NotServed);
        };
        for line in not_waited_for(receipt) {
            tell(&format!(
                "{} {line}",
                Tone::Doubt.on("unknown:", self.paint)
            ));
        }
        if receipt.done && !receipt.rejected {
            if print_success {
                print(&served(receipt))?;
            }
            return Ok(Exit::Success);
        }
        for line in failures(receipt, self.span, self.paint) {
            tell(&line);
        }
        Err(Failure::NotServed)
    }
}

fn is_connected(zone: &&Zone) -> bool {
    zone.connected == Some(true)
}

/// Whether every Envoy that is waited for has said yes or no.
fn is_settled(receipt: &Receipt) -> bool {
    let spoken = |state| matches!(state, ProxyState::Acknowledged | ProxyState::Rejected);
    receipt.done
        || (receipt.rejected
            && receipt.zones.iter().filter(is_connected).all(|zone| {
                zone.revision >= receipt.revision
                    && zone.proxies.iter().all(|proxy| spoken(proxy.state))
            }))
}

fn waiting_for(receipt: &Receipt) -> String {
    let proxies = || {
        receipt
            .zones
            .iter()
            .filter(is_connected)
            .flat_map(|zone| &zone.proxies)
    };
    let ready = proxies()
        .filter(|proxy| proxy.state == ProxyState::Acknowledged)
        .count();
    format!(
        "revision {}: {ready} of {} gateways serve it",
        receipt.revision,
        proxies().count()
    )
}

fn served(receipt: &Receipt) -> String {
    let zones: Vec<_> = receipt.zones.iter().filter(is_connected).collect();
    let gateways: Vec<String> = zones
        .iter()
        .flat_map(|zone| {
            zone.proxies
                .iter()
                .map(|proxy| format!("{} {}", zone.name, proxy.id))
        })
        .collect();
    if gateways.is_empty() {
        return format!(
            "no gateway is connected that could serve revision {}\n",
            receipt.revision
        );
    }
    format!(
        "revision {} is served by: {}\n",
        receipt.revision,
        gateways.join(", ")
    )
}

fn not_waited_for(receipt: &Receipt) -> Vec<String> {
    let away = receipt.zones.iter().filter(|zone| !is_connected(zone));
    away.map(|zone| format!("zone {} is not connected: not waited for", zone.name))
        .collect()
}

/// What is wrong, and who is missing.
fn failures(receipt: &Receipt, span: Span, paint: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let late = Tone::Bad.on("not served:", paint);
    for zone in receipt.zones.iter().filter(is_connected) {
        if zone.revision < receipt.revision {
            let guard = if zone.guard.is_empty() {
                String::new()
            } else {
                format!(": {}", zone.guard)
            };
            lines.push(format!(
                "{late} zone {} has revision {} after {span}{guard}",
                zone.name, zone.revision
            ));
        }
        for proxy in &zone.proxies {
            lines.extend(proxy_complaints(&zone.name, proxy, paint));
            if !matches!(proxy.state, ProxyState::Acknowledged | ProxyState::Rejected) {
                lines.push(format!(
                    "{late} zone {}, {} is {} after {span} (sent {}, acknowledged {})",
                    zone.name,
                    proxy.id,
                    proxy_state(zone, proxy).0,
                    proxy.sent,
                    proxy.acknowledged
                ));
            }
        }
    }
    if lines.is_empty() {
        lines.push(format!("{late} revision {} after {span}", receipt.revision));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use torii_api::status::{Proxy, Rejection};

    use super::*;

    fn proxy(id: &str, state: ProxyState) -> Proxy {
        Proxy {
            id: id.to_owned(),
            state,
            sent: 42,
            acknowledged: 41,
            ..Proxy::default()
        }
    }

    fn zone(name: &str, connected: bool, revision: u64, proxies: Vec<Proxy>) -> Zone {
        Zone {
            name: name.to_owned(),
            connected: Some(connected),
            revision,
            proxies,
            ..Zone::default()
        }
    }

    fn receipt(done: bool, rejected: bool, zones: Vec<Zone>) -> Receipt {
        Receipt {
            revision: 42,
            done,
            rejected,
            zones,
        }
    }

    fn waited(receipt: Option<Receipt>) -> Waited {
        Waited {
            revision: 42,
            span: Span(Duration::from_secs(30)),
            paint: false,
            receipt,
        }
    }

    #[test]
    fn done_is_success_and_everything_else_is_code_3() {
        assert_eq!(
            waited(Some(receipt(true, false, Vec::new())))
                .finish(false)
                .unwrap(),
            Exit::Success
        );
        for other in [
            None,
            Some(receipt(true, true, Vec::new())),
            Some(receipt(false, false, Vec::new())),
        ] {
            assert_eq!(waited(other).finish(false).unwrap_err().exit().code(), 3);
        }
    }

    #[test]
    fn a_rejection_ends_the_waiting_only_when_the_others_have_spoken() {
        let one = |state| {
            vec![
                proxy("default/a", ProxyState::Rejected),
                proxy("default/b", state),
            ]
        };
        let with =
            |revision, state| receipt(false, true, vec![zone("east", true, revision, one(state))]);
        assert!(is_settled(&with(42, ProxyState::Acknowledged)));
        assert!(!is_settled(&with(42, ProxyState::Pending)));
        assert!(!is_settled(&with(42, ProxyState::Unknown)));
        assert!(!is_settled(&with(41, ProxyState::Acknowledged)));
        let mut away = with(42, ProxyState::Acknowledged);
        away.zones.push(zone(
            "west",
            false,
            7,
            vec![proxy("default/c", ProxyState::Unknown)],
        ));
        assert!(
            is_settled(&away),
            "a zone that is not connected is not waited for"
        );
    }

    #[test]
    fn what_is_missing_and_what_was_rejected_is_said() {
        let mut rejected = proxy("default/a", ProxyState::Rejected);
        rejected.rejections.push(Rejection {
            type_url: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration".to_owned(),
            resources: vec!["edge-gateway:HTTP:8080".to_owned()],
            message: "no such cluster".to_owned(),
            revision: 42,
        });
        let receipt = receipt(
            false,
            true,
            vec![
                zone(
                    "east",
                    true,
                    42,
                    vec![rejected, proxy("default/b", ProxyState::Pending)],
                ),
                zone("north", true, 41, Vec::new()),
                zone(
                    "west",
                    false,
                    7,
                    vec![proxy("default/c", ProxyState::Unknown)],
                ),
            ],
        );
        let lines = failures(&receipt, Span(Duration::from_secs(30)), false);
        insta::assert_snapshot!(lines.join("\n"), @r"
        rejected: zone east, default/a: its Envoy rejected RouteConfiguration edge-gateway:HTTP:8080 of revision 42: no such cluster
        not served: zone east, default/b is pending after 30s (sent 42, acknowledged 41)
        not served: zone north has revision 41 after 30s
        ");
        assert_eq!(
            not_waited_for(&receipt),
            ["zone west is not connected: not waited for"]
        );
    }
}
