//! Two pumps back to back, and peers that do not do their part. Time is tokio's paused clock.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use torii_resource::{KindName, Resource, ResourceKey, Stamp};

use super::*;
use crate::guard::{Guard, Memory};
use crate::scope::{Scope, Variant};
use crate::sender::{Changed, Loaded};
use crate::version::PROGRESS;

fn scope() -> Scope {
    Scope::ToZone {
        variant: Variant::Torii,
        public_key: |_| None,
    }
}

fn mesh(name: &str) -> Resource {
    Resource {
        key: ResourceKey::new("Mesh", "", name),
        labels: BTreeMap::new(),
        spec: bytes::Bytes::new(),
        created: Stamp::default(),
        modified: Stamp::default(),
    }
}

fn loaded(revision: u64, resources: &[Resource]) -> sender::Event {
    sender::Event::Loaded(Loaded {
        mark: format!("c/1/{revision}").parse().unwrap(),
        types: scope().sets(resources),
    })
}

fn node() -> NodeInfo {
    NodeInfo {
        id: "east".to_owned(),
        instance: "i".to_owned(),
        version: "2.13.9".to_owned(),
        config: String::new(),
        mark: None,
    }
}

fn subscribe(type_name: &str) -> DeltaDiscoveryRequest {
    let request = receiver::Request {
        type_name: KindName::new(type_name),
        nonce: String::new(),
        subscribe: vec!["*".to_owned()],
        unsubscribe: Vec::new(),
        error: None,
    };
    kuma::request(request, &node())
}

fn sender(torii: bool, mesh_first: bool) -> Sender {
    Sender::new(sender::Config {
        torii,
        mesh_first,
        ..sender::Config::default()
    })
}

/// From the feed of one end to the store of the other and back, over Kuma's messages.
#[tokio::test]
async fn a_change_goes_from_the_feed_to_the_store_and_its_acknowledgement_back() {
    let (down_in, down_out) = mpsc::channel(QUEUE);
    let (up_in, up_out) = mpsc::channel(QUEUE);
    let (feed, feed_out) = mpsc::channel(8);
    let (_control, control_out) = mpsc::channel(8);
    let (reached, mut marks) = mpsc::unbounded_channel();
    let stored = Arc::new(Mutex::new(BTreeSet::new()));

    let requests = requests(up_out, node()).map(Ok);
    let global = tokio::spawn(async move {
        let (peer, requests) = introduce(Box::pin(requests)).await?;
        let sender = sender(peer.torii, true);
        let notice = move |action| {
            if let sender::Action::Acknowledged { type_name, mark } = action
                && type_name.as_str() == PROGRESS
            {
                reached.send(mark.to_string()).unwrap();
            }
        };
        Err::<(), End>(send(sender, requests, down_in, feed_out, notice).await)
    });
    let receiver = Receiver::new(receiver::Config {
        types: kuma::zone_types(),
        held: BTreeMap::new(),
        guard: Guard::new(Memory::default()),
    });
    let copy = Arc::clone(&stored);
    let store = move |transaction: Transaction| {
        let copy = Arc::clone(&copy);
        async move {
            let mut copy = copy.lock().unwrap();
            for change in transaction.types.into_values() {
                copy.extend(change.upserts.keys().map(ToString::to_string));
                copy.retain(|key| !change.removals.iter().any(|gone| gone.to_string() == *key));
            }
            Ok(())
        }
    };
    let responses = responses(down_out, "global".to_owned()).map(Ok);
    let zone = tokio::spawn(receive(
        receiver,
        Box::pin(responses),
        up_in,
        control_out,
        store,
        |_| {},
    ));

    feed.send(loaded(1, &[mesh("a"), mesh("b")])).await.unwrap();
    assert_eq!(marks.recv().await.unwrap(), "c/1/1");
    assert_eq!(
        *stored.lock().unwrap(),
        BTreeSet::from(["a.".to_owned(), "b.".to_owned()])
    );

    let change = sender::Event::Changed(Changed {
        mark: "c/1/2".parse().unwrap(),
        types: BTreeMap::from([(
            KindName::new("Mesh"),
            scope().change(Some(&mesh("a")), None),
        )]),
    });
    feed.send(change).await.unwrap();
    assert_eq!(marks.recv().await.unwrap(), "c/1/2");
    assert_eq!(*stored.lock().unwrap(), BTreeSet::from(["b.".to_owned()]));

    drop(feed);
    assert!(matches!(global.await.unwrap(), Err(End::Stopped)));
    assert!(matches!(zone.await.unwrap(), End::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_acknowledges_is_named_after_a_minute() {
    let (down, _responses) = mpsc::channel(QUEUE);
    let (feed, feed_out) = mpsc::channel(8);
    feed.send(loaded(1, &[])).await.unwrap();
    let requests = Box::pin(stream::iter([Ok(subscribe("Secret"))]).chain(stream::pending()));
    let before = Instant::now();
    let end = send(sender(false, false), requests, down, feed_out, |_| {}).await;
    assert_eq!(
        end.status().message(),
        "the peer has not acknowledged response 1 of Secret within 60 s"
    );
    assert_eq!(end.status().code(), tonic::Code::Unavailable);
    assert!(before.elapsed() >= ACK_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn types_wait_for_mesh_only_so_long() {
    let (down, mut responses) = mpsc::channel(QUEUE);
    let (feed, feed_out) = mpsc::channel(8);
    feed.send(loaded(1, &[])).await.unwrap();
    let requests = Box::pin(stream::iter([Ok(subscribe("Secret"))]).chain(stream::pending()));
    let before = Instant::now();
    let pump = tokio::spawn(send(sender(false, true), requests, down, feed_out, |_| {}));
    assert_eq!(responses.recv().await.unwrap().type_name.as_str(), "Secret");
    assert_eq!(before.elapsed().as_secs(), MESH_WAIT.as_secs());
    drop(feed);
    assert!(matches!(pump.await.unwrap(), End::Stopped));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_given_up() {
    let (down, _responses) = mpsc::channel(1);
    let (feed, feed_out) = mpsc::channel(8);
    feed.send(loaded(1, &[])).await.unwrap();
    let flood = Box::pin(
        stream::iter(["A", "B", "C"])
            .map(|name| Ok(subscribe(name)))
            .chain(stream::pending()),
    );
    let end = send(sender(false, false), flood, down, feed_out, |_| {}).await;
    assert!(matches!(end, End::Full), "{end}");
}

#[tokio::test]
async fn a_served_stream_never_ends_with_ok() {
    for told in [true, false] {
        let (end, end_out) = oneshot::channel();
        let mut items = Box::pin(served(stream::iter([1]), end_out));
        if told {
            end.send(End::Closed.status()).unwrap();
        } else {
            drop(end);
        }
        assert_eq!(items.next().await.unwrap().unwrap(), 1);
        assert_eq!(
            items.next().await.unwrap().unwrap_err().code(),
            tonic::Code::Unavailable
        );
        assert!(items.next().await.is_none());
    }
}

#[tokio::test]
async fn a_store_that_fails_ends_the_stream() {
    let response = kuma::response(
        &sender::Response {
            type_name: KindName::new("Mesh"),
            nonce: "1".to_owned(),
            entries: scope()
                .entry(&mesh("a"))
                .map(Arc::new)
                .into_iter()
                .collect(),
            removed: Vec::new(),
            mark: None,
            full: true,
        },
        "global",
    );
    let receiver = Receiver::new(receiver::Config {
        types: kuma::zone_types(),
        held: BTreeMap::new(),
        guard: Guard::off(),
    });
    let (up, mut requests) = mpsc::channel(QUEUE);
    let (_control, control_out) = mpsc::channel(8);
    let responses = Box::pin(stream::iter([Ok(response)]).chain(stream::pending()));
    let store = |_| async { Err("disk full".to_owned()) };
    let end = receive(receiver, responses, up, control_out, store, |_| {}).await;
    assert_eq!(
        end.to_string(),
        "what the peer sent could not be stored: disk full"
    );
    requests.close();
    let mut sent = 0;
    while let Some(request) = requests.recv().await {
        assert_eq!(request.nonce, "", "nothing is acknowledged");
        sent += 1;
    }
    assert_eq!(sent, kuma::zone_types().len());
}
