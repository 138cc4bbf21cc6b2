use std::net::IpAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use torii_proto::torii::status::v1::ZoneReport;
use torii_runtime::{ServeOptions, bind, serve_tls};
use torii_store::Member as Peer;

use super::{Dialer, StatusPeerServer, members, server_tls};
use crate::folder::{Folder, Member};
use crate::init::init;
use crate::status::share::Shared;
use crate::status::soft::Connection;

fn cluster(addresses: &[&str]) -> Vec<Folder> {
    let out = tempfile::tempdir().unwrap();
    let members: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(index, address)| Member {
            name: format!("n{}", index + 1),
            address: address.parse::<IpAddr>().unwrap(),
        })
        .collect();
    init(out.path(), &members, torii_runtime::clock::now()).unwrap();
    let folders = members
        .iter()
        .map(|member| Folder::read(&out.path().join(&member.name)));
    folders.map(Result::unwrap).collect()
}

#[test]
fn peers_are_at_the_peer_port_of_each_members_address() {
    let folders = cluster(&["127.0.0.1", "::1"]);
    let addresses: Vec<_> = members(&folders[0])
        .into_iter()
        .map(|member| member.address)
        .collect();
    assert_eq!(addresses, ["127.0.0.1:5686", "[::1]:5686"]);
}

/// A node that tells of its zones, and where.
async fn serve(folder: &Folder, shared: &Shared, stop: &CancellationToken) -> Peer {
    let listener = bind("127.0.0.1:0".parse().unwrap(), "tests", "--none")
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let router = Routes::new(StatusPeerServer::new(shared.clone()))
        .prepare()
        .into_axum_router();
    let tls = server_tls(folder).unwrap();
    let serving = serve_tls(
        listener,
        tls,
        router,
        stop.clone(),
        ServeOptions::new("test"),
    );
    tokio::spawn(serving);
    Peer::new(&folder.cluster.name, &address.to_string())
}

async fn until(shared: &Shared, mut holds: impl FnMut(&Shared) -> bool) {
    let mut changes = shared.changes();
    let waiting = async {
        while !holds(shared) {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .expect("in time");
}

#[tokio::test]
async fn a_node_hears_of_the_zones_of_another_over_mutual_tls_until_that_one_stops() {
    torii_auth::tls::install_provider();
    let folders = cluster(&["127.0.0.1", "127.0.0.2"]);
    let stop = CancellationToken::new();
    let teller = Shared::new("n1", stop.clone());
    let hearer = Shared::new("n2", CancellationToken::new());
    let peer = serve(&folders[0], &teller, &stop).await;
    let following = tokio::spawn(hearer.clone().follow(peer, Dialer::new(&folders[1])));

    let connection = Connection {
        number: 1,
        kind: "torii",
        ..Connection::default()
    };
    teller.connected("east", connection);
    let revision = |shared: &Shared| shared.zones(["east"].into_iter())[0].revision;
    for wanted in [3, 4] {
        let report = ZoneReport {
            revision: wanted,
            ..ZoneReport::default()
        };
        teller.report("east", report);
        until(&hearer, |hearer| revision(hearer) == wanted).await;
    }
    assert_eq!(hearer.hears("n1"), Some(true));
    stop.cancel();
    until(&hearer, |hearer| hearer.hears("n1") == Some(false)).await;
    assert_eq!(
        hearer.zones(["east"].into_iter())[0].connected,
        None,
        "unknown, not fine"
    );
    following.abort();
}

#[tokio::test]
async fn a_node_of_another_cluster_is_told_nothing() {
    torii_auth::tls::install_provider();
    let ours = cluster(&["127.0.0.1"]);
    let theirs = cluster(&["127.0.0.1"]);
    let stop = CancellationToken::new();
    let teller = Shared::new("n1", stop.clone());
    let peer = serve(&ours[0], &teller, &stop).await;
    let hearer = Shared::new("n2", CancellationToken::new());
    let following = tokio::spawn(hearer.clone().follow(peer, Dialer::new(&theirs[0])));
    until(&hearer, |hearer| hearer.hears("n1") == Some(false)).await;
    following.abort();
    stop.cancel();
}
