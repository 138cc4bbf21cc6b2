//! Exchanges that a real kumactl 2.13.9 had with its Kuma global, over the wire with a running Torii global.
//!
//! `torii-api` replays nearly all of them in process and compares whole documents; here it is status and shape.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use torii_cli::playground::Site;
use torii_resource::{Access, registry};

use crate::https::{Answer, Https, operator};
use crate::recorded::{lines, text};
use crate::without_envoy;

/// Exchanges that we answer in another way: method, path, why.
const DIFFERENT: [(&str, &str, &str); 1] = [(
    "DELETE",
    "/zones/east",
    "Kuma refuses while the zone is connected; ours comes back with its next stream",
)];

/// A global with one connected zone, and the client of its operator.
async fn global() -> (Site, Https) {
    let site = Site::start(without_envoy().nodes(1).zones(&["east"]))
        .await
        .unwrap();
    let client = operator(&site).await;
    (site, client)
}

/// Whether the exchange was with the global and about something that we have.
fn served(exchange: &Value) -> bool {
    let path = text(exchange, "path");
    let path = path.split('?').next().unwrap_or(path);
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    let kind = match segments.as_slice() {
        [""] | ["tokens", ..] => "",
        ["meshes", _, kind, ..] | [kind, ..] => kind,
        [] => return false,
    };
    let known =
        || registry::by_plural(kind).is_some_and(|kind| kind.descriptor.access != Access::Internal);
    let different = DIFFERENT
        .iter()
        .any(|(method, of, _)| (text(exchange, "method"), path) == (*method, *of));
    exchange["to"] == "global" && !different && (kind.is_empty() || known())
}

/// Sends a recorded request with its headers, and checks the status.
async fn replay(client: &Https, exchange: &Value, place: &str) -> Answer {
    let headers: Vec<(&str, &str)> = exchange["request_headers"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| {
            !name.eq_ignore_ascii_case("content-length")
                && !name.eq_ignore_ascii_case("authorization")
        })
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let body = exchange["request_body"].as_str();
    let (method, path) = (text(exchange, "method"), text(exchange, "path"));
    let answer = client.send(method, path, &headers, body).await;
    let what = format!("{place}: {method} {path}");
    assert_eq!(
        u64::from(answer.status),
        exchange["status"].as_u64().unwrap(),
        "{what}: {}",
        answer.body
    );
    let expected = text(&exchange["response_headers"], "Content-Type");
    assert_eq!(answer.header("content-type"), expected, "{what}");
    // It offers gzip, and would undo it; the recorded server never took it.
    assert_eq!(answer.header("content-encoding"), "", "{what}");
    answer
}

fn keys(document: &Value) -> BTreeSet<&str> {
    let fields = document.as_object().into_iter().flatten();
    fields.map(|(key, _)| key.as_str()).collect()
}

/// Every key of the recorded document is in ours, and in an item of a list what its namesake has.
fn same_keys(recorded: &Value, ours: &Value, what: &str) {
    let (expected, found) = (keys(recorded), keys(ours));
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{what}: lacks {missing:?} in {ours}");
    // What kumactl did not ask of its Kuma either would be news to it; only the index says more.
    let more: Vec<_> = found.difference(&expected).collect();
    assert!(
        more.is_empty() || recorded.get("product").is_some(),
        "{what}: has {more:?} more"
    );
    for item in recorded["items"].as_array().into_iter().flatten() {
        let namesake = ours["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|own| own["name"] == item["name"] && own["mesh"] == item["mesh"]);
        if let Some(own) = namesake {
            same_keys(item, own, &format!("{what}: {}", item["name"]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_kumactl_gets_the_statuses_and_fields_that_its_kuma_gave() {
    let mut commands = Vec::new();
    for file in ["config", "apply", "get", "delete", "generate"] {
        let Some(recorded) = lines(&format!("kumactl/{file}.jsonl")) else {
            return;
        };
        commands.extend(recorded.into_iter().map(|command| (file, command)));
    }
    let (site, client) = global().await;
    // What the recorded global had before: its own gateways and routes.
    for (_, command) in &commands {
        for exchange in command["http"].as_array().unwrap() {
            seed(&client, exchange).await;
        }
    }
    let mut replayed = 0;
    for (number, (file, command)) in commands.iter().enumerate() {
        // From here on the recorded caller has tokens that its own machine does not need: ours does.
        if command["argv"].to_string().contains("\"tok\"") {
            break;
        }
        for exchange in command["http"].as_array().unwrap() {
            if !served(exchange) {
                continue;
            }
            let place = format!("{file} {number}");
            let answer = replay(&client, exchange, &place).await;
            if let Ok(recorded) = serde_json::from_str::<Value>(text(exchange, "response_body")) {
                same_keys(&recorded, &answer.json(), &place);
            }
            replayed += 1;
        }
    }
    assert!(replayed > 150, "only {replayed} exchanges were replayed");
    site.stop().await;
}

/// Writes the items of a recorded list that no recorded command wrote.
async fn seed(client: &Https, exchange: &Value) {
    let kinds = ["meshgateways", "meshgatewayroutes"];
    let Some(kind) = kinds
        .into_iter()
        .find(|kind| text(exchange, "path") == format!("/meshes/default/{kind}"))
    else {
        return;
    };
    let list: Value = serde_json::from_str(text(exchange, "response_body")).unwrap();
    for item in list["items"].as_array().into_iter().flatten() {
        let name = text(item, "name");
        if exchange["to"] != "global" || name.starts_with("rec-") {
            continue;
        }
        let path = format!("/meshes/default/{kind}/{name}");
        let json = [("content-type", "application/json")];
        let answer = client
            .send("PUT", &path, &json, Some(&item.to_string()))
            .await;
        assert!(
            [200, 201].contains(&answer.status),
            "{path}: {}",
            answer.body
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_of_kumactl_finds_a_kuma() {
    let Some(commands) = lines("kumactl/config.jsonl") else {
        return;
    };
    let (site, client) = global().await;
    let exchange = commands
        .iter()
        .flat_map(|command| command["http"].as_array().unwrap())
        .find(|exchange| exchange["to"] == "global")
        .unwrap();
    let answer = replay(&client, exchange, "handshake").await;
    let index = answer.json();
    // What 2.13 reads, what 2.4 reads, and what it prints (control-plane-api §16.2).
    assert_eq!(
        (&index["product"], &index["tagline"]),
        (&"Kuma".into(), &"Kuma".into())
    );
    for field in ["version", "instanceId", "clusterId", "hostname"] {
        assert!(!text(&index, field).is_empty(), "{field}: {index}");
    }
    assert!(index["gui"].is_string());
    // `control-planes add` sends its token with this too; without one there is no handshake, and kumactl says why.
    let address = (site.layout().node_address(0), 5682);
    let nobody = Https::new(address, &site.layout().global_ca());
    let refused = nobody.send("GET", "/", &[], None).await;
    assert_eq!(refused.status, 401);
    assert!(text(&refused.json(), "detail").contains("torii generate user-token"));
    site.stop().await;
}

/// Header and claims of a token.
fn claims(token: &str) -> (Value, Value) {
    let part = |index: usize| {
        let part = token.trim().split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_for_kumactl_have_the_claims_of_kumas() {
    let Some(commands) = lines("kumactl/generate.jsonl") else {
        return;
    };
    let (site, client) = global().await;
    let mut made = 0;
    for command in &commands {
        for exchange in command["http"].as_array().unwrap() {
            let path = text(exchange, "path");
            if !path.starts_with("/tokens/") || exchange["to"] != "global" {
                continue;
            }
            let answer = replay(&client, exchange, path).await;
            if answer.status != 200 {
                same_keys(
                    &serde_json::from_str(text(exchange, "response_body")).unwrap(),
                    &answer.json(),
                    path,
                );
                continue;
            }
            let (kuma, ours) = (
                claims(text(exchange, "response_body")),
                claims(&answer.body),
            );
            assert_eq!(keys(&kuma.0), keys(&ours.0), "{path}");
            for (name, value) in kuma.1.as_object().unwrap() {
                // Times and the token's own id are of the run.
                if !["exp", "nbf", "iat", "jti"].contains(&name.as_str()) {
                    assert_eq!(Some(value), ours.1.get(name), "{path}: {name}");
                }
            }
            assert_eq!(keys(&kuma.1), keys(&ours.1), "{path}");
            made += 1;
        }
    }
    assert!(made > 5, "only {made} tokens");
    site.stop().await;
}
