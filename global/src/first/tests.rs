use std::net::IpAddr;

use torii_api::Companions as _;
use torii_auth::{Family, KeyRing};
use torii_resource::kinds::Mesh;
use torii_resource::{Kind, Resource, ResourceKey, Revision};
use torii_store::{Config, Store};

use super::{MeshCompanions, cluster_id, run};
use crate::init::single;

fn mesh(name: &str) -> Resource {
    Resource::new::<Mesh>("", name, &<Mesh as Kind>::Spec::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_happens_once_as_one_revision_with_keys_that_work() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config::single("n1", folder.path().join("store")), None)
        .await
        .unwrap();
    let address = IpAddr::from([127, 0, 0, 1]);
    let now = torii_runtime::clock::now();
    let (node, operator) = single(&folder.path().join("node"), address, &[], now).unwrap();
    assert_eq!(cluster_id(&store.view()), None);
    run(store.clone(), node.clone()).await.unwrap();
    run(store.clone(), node.clone()).await.unwrap();

    let view = store.view();
    assert_eq!(view.revision(), Revision(1));
    assert_eq!(cluster_id(&view), Some(node.cluster.cluster_id));
    assert!(view.get(&ResourceKey::of::<Mesh>("", "default")).is_some());
    let keys = KeyRing::from_resources(view.iter().map(|resource| &**resource));
    assert!(keys.problems().is_empty(), "{:?}", keys.problems());
    let mesh = Family::Dataplane {
        mesh: "default".to_owned(),
    };
    for family in [Family::Zone, Family::User, mesh] {
        assert!(keys.signing_key(&family).is_ok(), "{family:?}");
    }
    let token = operator.unwrap().token;
    assert!(torii_auth::token::verify_user(&token, &keys, now).is_ok());
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mesh_gets_a_key_for_its_proxies_unless_it_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config::single("n1", folder.path()), None)
        .await
        .unwrap();
    let changes = MeshCompanions
        .companions(&mesh("a"), &store.view())
        .unwrap();
    assert_eq!(changes.len(), 1);
    let family = Family::Dataplane {
        mesh: "a".to_owned(),
    };
    assert_eq!(changes[0].key, family.signing_key(1));
    let proposal = torii_store::Proposal {
        changes,
        ..torii_store::Proposal::default()
    };
    store.propose(proposal).await.unwrap();
    assert!(
        MeshCompanions
            .companions(&mesh("a"), &store.view())
            .unwrap()
            .is_empty()
    );
    let mut other = mesh("a");
    other.key = ResourceKey::new("MeshGateway", "a", "b");
    assert!(
        MeshCompanions
            .companions(&other, &store.view())
            .unwrap()
            .is_empty()
    );
    store.shutdown().await;
}
