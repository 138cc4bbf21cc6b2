//! Several nodes, some of them dead or slow of wit.

use std::time::Duration;

use http::Method;
use serde_json::json;
use torii_resource::registry;

use crate::context::{Secret, Target};
use crate::testing::{Fake, Reply, nobody};

use super::*;

fn client(addresses: &[String]) -> Client {
    let target = Target {
        addresses: addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
        ca: String::new(),
        token: Some(Secret::new("the-token\n")),
        warnings: Vec::new(),
    };
    Client::new(&target)
        .unwrap()
        .with_patience(Duration::from_secs(20))
}

fn applied(revision: u64) -> Reply {
    let document = json!({"document": 0, "type": "Mesh", "name": "a", "outcome": "Created"});
    Reply::Say(
        200,
        json!({"revision": revision, "documents": [document]}).to_string(),
    )
}

fn mesh() -> &'static torii_resource::Descriptor {
    &registry::by_name("Mesh").unwrap().descriptor
}

#[tokio::test]
async fn a_dead_node_is_passed_over_and_the_token_goes_to_the_living_one() {
    let node = Fake::http(&[applied(7)]).await;
    let client = client(&[nobody().await, node.url()]);
    let answer = client
        .apply("type: Mesh\nname: a\n".to_owned(), |_| String::new())
        .await
        .unwrap();
    assert_eq!(answer.revision, 7);
    assert_eq!(answer.outcomes[0].to_string(), "Mesh a created");
    let seen = node.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path.as_str()),
        ("PUT", "/torii/resources")
    );
    assert_eq!(seen[0].headers["authorization"], "Bearer the-token");
    assert_eq!(seen[0].headers["content-type"], "application/yaml");
    assert_eq!(seen[0].body, "type: Mesh\nname: a\n");
}

#[tokio::test]
async fn an_election_is_waited_for() {
    let busy = Reply::say(
        503,
        r#"{"title":"Service unavailable","detail":"no leader"}"#,
    );
    let node = Fake::http(&[busy.clone(), busy, applied(8)]).await;
    let answer = client(&[node.url()])
        .apply("x".to_owned(), |_| String::new())
        .await
        .unwrap();
    assert_eq!((answer.revision, node.seen().len()), (8, 3));
}

#[tokio::test]
async fn when_nobody_is_there_every_address_is_named_at_once() {
    let addresses = [nobody().await, nobody().await];
    let error = client(&addresses).status().await.unwrap_err().to_string();
    for address in addresses {
        assert!(error.contains(&address), "{error}");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again_unless_it_is_idempotent() {
    let (first, second) = (
        Fake::http(&[Reply::Cut]).await,
        Fake::http(&[applied(9)]).await,
    );
    let client = client(&[first.url(), second.url()]);
    let call = Call::new(Method::POST, "/once");
    let error = client.call(&call).await.unwrap_err();
    assert!(matches!(error, ClientError::Unsure { .. }), "{error}");
    assert_eq!(second.seen().len(), 0);
    assert_eq!(
        client
            .apply("x".to_owned(), |_| String::new())
            .await
            .unwrap()
            .revision,
        9
    );
}

#[tokio::test]
async fn a_deletion_that_was_repeated_and_finds_nothing_has_been_done() {
    let gone = Reply::say(
        404,
        r#"{"title":"Could not delete a resource","detail":"Not found"}"#,
    );
    let (first, second) = (Fake::http(&[Reply::Cut]).await, Fake::http(&[gone]).await);
    client(&[first.url(), second.url()])
        .delete(mesh(), "", "a")
        .await
        .unwrap();
    let error = client(&[second.url()])
        .delete(mesh(), "", "a")
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Refused(problem) if problem.status == 404));
}

#[tokio::test]
async fn a_refusal_names_file_resource_field_and_reason() {
    let body = json!({
        "type": "/std-errors", "status": 400, "title": "Could not process the resources",
        "detail": "1 of 2 documents are refused; nothing was stored",
        "invalid_parameters": [
            {"field": "conf.listeners[0].port", "reason": "must be between 1 and 65535", "document": 1,
             "resource": "MeshGateway default/edge"},
        ],
    });
    let node = Fake::http(&[Reply::Say(400, body.to_string())]).await;
    let place = |number: usize| format!("file-{number}.yaml");
    let error = client(&[node.url()])
        .apply("x".to_owned(), place)
        .await
        .unwrap_err();
    let ClientError::Refused(problem) = error else {
        panic!("{error}");
    };
    assert_eq!(
        problem.lines(),
        [
            "file-1.yaml: MeshGateway default/edge: conf.listeners[0].port: must be between 1 and 65535"
        ]
    );
    assert_eq!(
        problem.to_string(),
        "Could not process the resources: 1 of 2 documents are refused; nothing was stored"
    );
}

#[tokio::test]
async fn plain_text_refusals_keep_their_words() {
    let node = Fake::http(&[Reply::say(404, "404: Page Not Found")]).await;
    let error = client(&[node.url()])
        .status()
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "404 Not Found: 404: Page Not Found");
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let first = json!({"total": 2, "items": [{"name": "a"}], "next": "https://elsewhere/meshes?offset=1&size=1"});
    let second = json!({"total": 2, "items": [{"name": "b"}], "next": null});
    let node = Fake::http(&[
        Reply::Say(200, first.to_string()),
        Reply::Say(200, second.to_string()),
    ])
    .await;
    let items = client(&[node.url()]).list(mesh(), None).await.unwrap();
    assert_eq!(items, [json!({"name": "a"}), json!({"name": "b"})]);
    let paths: Vec<_> = node.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/meshes?size=1000", "/meshes?size=1000&offset=1"]);
}

#[tokio::test]
async fn a_stream_of_receipts_that_ends_early_is_taken_up_until_it_is_done() {
    let line = |done: bool| {
        json!({"revision": 5, "done": done, "rejected": false, "zones": []}).to_string()
    };
    let broken = Reply::Say(200, format!("{}\n", line(false)));
    let whole = Reply::Say(200, format!("{}\n{}\n", line(false), line(true)));
    let node = Fake::http(&[broken, whole]).await;
    let mut seen = 0;
    let last = client(&[node.url()])
        .follow(5, Duration::from_secs(60), |_| {
            seen += 1;
            false
        })
        .await
        .unwrap();
    assert_eq!((seen, last.map(|receipt| receipt.done)), (3, Some(true)));
    assert!(
        node.seen()[0]
            .path
            .starts_with("/torii/receipts/5?timeout="),
        "{:?}",
        node.seen()
    );
}

#[tokio::test]
async fn a_token_must_look_like_one() {
    let node = Fake::http(&[Reply::say(200, "aa.bb.cc\n"), Reply::say(200, "<html>")]).await;
    let client = client(&[node.url()]);
    assert_eq!(
        client
            .token("zone", &json!({"zone": "east"}))
            .await
            .unwrap(),
        "aa.bb.cc"
    );
    assert!(matches!(
        client.token("zone", &json!({})).await,
        Err(ClientError::Strange { .. })
    ));
}

#[tokio::test]
async fn only_the_given_ca_is_trusted() {
    let node = Fake::https(&[applied(1)]).await;
    let stranger = Fake::https(&[applied(1)]).await;
    let ask = async |ca: &str| {
        let target = Target {
            addresses: vec![node.url().parse().unwrap()],
            ca: ca.to_owned(),
            token: None,
            warnings: Vec::new(),
        };
        Client::new(&target)
            .unwrap()
            .apply("x".to_owned(), |_| String::new())
            .await
    };
    assert_eq!(ask(&node.ca).await.unwrap().revision, 1);
    let error = ask(&stranger.ca).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}
