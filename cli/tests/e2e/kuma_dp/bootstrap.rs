//! The bootstrap exchange: the answer that kuma-dp reads, the document that Envoy takes.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{RECORDING, ZONE, exchange, fetch, request, site, token, zone};
use crate::recorded::{lines, text};
use crate::with_envoy;

/// Where our document differs from the recorded one on purpose: prefixes of paths.
const DIFFERENT: [(&str, &str); 5] = [
    ("hdsConfig", "health of application ports is not served yet"),
    ("statsConfig", "they cost a gateway's Envoy 25 ms a cluster"),
    ("node.metadata.spireAgent", "there is no SPIRE"),
    ("node.metadata.features", "in the order of the request"),
    (
        "node.metadata.version.envoy.kumaDpCompatible",
        "passed on as it came; Kuma leaves false out",
    ),
];
/// What is this site's, not the recording's.
const OF_THE_SITE: [&str; 11] = [
    "admin.address.socketAddress.portValue",
    "dynamicResources.adsConfig.grpcServices.0.initialMetadata.0.value",
    "node.metadata.dataplane.admin.port",
    "node.metadata.dataplane.resource",
    "node.metadata.workdir",
    "staticResources.clusters.0.loadAssignment.endpoints.0.lbEndpoints.0.endpoint.address.pipe.path",
    "staticResources.clusters.1.loadAssignment.endpoints.0.lbEndpoints.0.endpoint.address.socketAddress",
    "staticResources.clusters.1.transportSocket.typedConfig.sni",
    "staticResources.secrets.0.validationContext.matchTypedSubjectAltNames.0.matcher.exact",
    "staticResources.secrets.0.validationContext.matchTypedSubjectAltNames.1.matcher.exact",
    "staticResources.secrets.0.validationContext.trustedCa.inlineBytes",
];

/// Path and value of every leaf.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
        let below = |key: &str| match path {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    walk(value, &below(key), into);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    walk(value, &below(&index.to_string()), into);
                }
            }
            other => {
                into.insert(path.to_owned(), other.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(value, "", &mut found);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_kuma_dp_gets_the_answer_that_its_kuma_gave_and_envoy_accepts_it() {
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let Some(envoy) = with_envoy().and_then(|options| options.envoy) else {
        return;
    };
    let site = site().await;
    let token = token(&site).await;
    let (answer, document) = fetch(&recording, &site, &token).await;
    let recorded: Value =
        serde_json::from_str(text(exchange(&recording), "response_body_raw")).unwrap();
    let sidecar = "kumaSidecarConfiguration";
    let mut expected = recorded[sidecar].clone();
    expected["networking"]["address"] = site.layout().zone_address(0).to_string().into();
    for (key, value) in leaves(&expected) {
        assert_eq!(leaves(&answer[sidecar]).get(&key), Some(&value), "{key}");
    }

    let kumas = STANDARD.decode(text(&recorded, "bootstrap")).unwrap();
    let kumas: Value = serde_saphyr::from_str(std::str::from_utf8(&kumas).unwrap()).unwrap();
    let (kumas, ours) = (leaves(&kumas), leaves(&document));
    let excused = |path: &String| DIFFERENT.iter().any(|(prefix, _)| path.starts_with(prefix));
    for (path, value) in &kumas {
        let found = ours.get(path);
        assert!(
            found.is_some() || excused(path),
            "the document lacks {path}"
        );
        if !excused(path) && !OF_THE_SITE.iter().any(|own| path.starts_with(own)) {
            assert_eq!(found, Some(value), "{path}");
        }
    }
    let more: Vec<_> = ours
        .keys()
        .filter(|path| !kumas.contains_key(*path) && !excused(path))
        .collect();
    assert!(more.is_empty(), "fields that Kuma does not send: {more:?}");
    assert_eq!(
        ours["dynamicResources.adsConfig.apiType"], "\"GRPC\"",
        "this kuma-dp does not announce delta"
    );
    validate(&envoy, &site.layout().dir, &document).await;
    site.stop().await;
}

/// The Envoy itself says whether it would start with the document.
async fn validate(envoy: &Path, folder: &Path, document: &Value) {
    let file = folder.join("validated.yaml");
    std::fs::write(&file, document.to_string()).unwrap();
    let output = tokio::process::Command::new(envoy)
        .args(["--mode", "validate", "-c"])
        .arg(&file)
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_bootstrap_are_those_that_kuma_dp_knows() {
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let site = site().await;
    let token = token(&site).await;
    let zone = zone(&site);
    let json = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
    ];
    let ask = async |change: fn(&mut Value)| {
        let mut body = request(&recording, &site, &token);
        change(&mut body);
        zone.send("POST", "/bootstrap", &json, Some(&body.to_string()))
            .await
    };
    let malformed = zone.send("POST", "/bootstrap", &json, Some("{")).await;
    assert_eq!((malformed.status, malformed.body.as_str()), (400, ""));
    let no_token = ask(|body| body["dataplaneToken"] = "".into()).await;
    assert_eq!(no_token.status, 422, "{}", no_token.body);
    // Whole text: kuma-dp prints it and ends.
    let no_mesh = ask(|body| {
        body["mesh"] = "nomesh".into();
        body["dataplaneResource"] = "".into();
    })
    .await;
    assert_eq!(
        (no_mesh.status, no_mesh.body.as_str()),
        (422, "mesh: mesh \"nomesh\" does not exist")
    );
    // A Dataplane that nobody wrote yet: kuma-dp asks again only when the body is empty.
    let not_yet = ask(|body| body["dataplaneResource"] = "".into()).await;
    assert_eq!((not_yet.status, not_yet.body.as_str()), (404, ""));
    let strange = ask(|body| body["dataplaneResource"] = r#"{"type":"Dataplane"}"#.into()).await;
    assert_eq!(strange.status, 422, "{}", strange.body);
    // Very old proxies do not say what they accept, and get the document itself.
    let body = request(&recording, &site, &token).to_string();
    let old = zone.send("POST", "/bootstrap", &[], Some(&body)).await;
    assert_eq!(
        (old.status, old.header("content-type")),
        (200, "text/x-yaml")
    );
    assert_eq!(site.zone(ZONE).unwrap().index, 0);
    site.stop().await;
}
