use std::sync::Arc;

use torii_api::change::{create, create_secret};
use torii_auth::{Family, SigningKey};
use torii_resource::kinds::Mesh;
use torii_resource::{Kind, Resource, Revision};
use torii_store::{Config, Event, Proposal, Store};
use torii_sync::scope::Variant;

use super::Encoder;

fn mesh(name: &str) -> Resource {
    Resource::new::<Mesh>("", name, &<Mesh as Kind>::Spec::default())
}

#[tokio::test]
async fn zones_share_one_form_of_a_state_and_of_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config::single("test", folder.path()), None)
        .await
        .unwrap();
    let mut watch = store.watch(Revision::ZERO);
    let changes = vec![create(mesh("default"))];
    let proposal = Proposal {
        changes,
        ..Proposal::default()
    };
    store.propose(proposal).await.unwrap();
    let encoder = Encoder::default();
    let first = |variant| {
        let loaded = encoder.loaded(variant, "c", &store.view());
        loaded.types.into_values().next().unwrap().remove(0)
    };
    assert!(Arc::ptr_eq(&first(Variant::Torii), &first(Variant::Torii)));
    assert!(!Arc::ptr_eq(&first(Variant::Torii), &first(Variant::Plain)));

    let Some(Event::Batch(batch)) = watch.next().await else {
        panic!()
    };
    let changed = || {
        let changed = encoder.changed(Variant::Torii, "c", &batch);
        assert_eq!(changed.mark.to_string(), "c/1/1");
        changed
            .types
            .into_values()
            .next()
            .unwrap()
            .upserts
            .remove(0)
    };
    assert!(Arc::ptr_eq(&changed(), &changed()));
    store.shutdown().await;
}

#[tokio::test]
async fn a_private_key_of_zone_tokens_stays_here_and_a_key_of_users_is_not_sent_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Config::single("test", folder.path()), None)
        .await
        .unwrap();
    let key = SigningKey::generate().unwrap().to_pem().unwrap();
    let changes = vec![
        create_secret(Family::Zone.signing_key(1), &key),
        create_secret(Family::Zone.signing_key(2), "not a key"),
        create_secret(Family::User.signing_key(1), &key),
    ];
    let proposal = Proposal {
        changes,
        ..Proposal::default()
    };
    store.propose(proposal).await.unwrap();
    let loaded = Encoder::default().loaded(Variant::Torii, "c", &store.view());
    let entries: Vec<_> = loaded.types.into_values().flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(&*entries[0].key.name, "zone-token-signing-public-key-1");
    let body = String::from_utf8_lossy(&entries[0].body);
    assert!(
        body.contains("PUBLIC KEY") && !body.contains("PRIVATE"),
        "{body}"
    );
    store.shutdown().await;
}
