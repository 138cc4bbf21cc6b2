use torii_resource::kinds::Mesh;
use torii_resource::{Kind, Resource};

use super::{MEMORY, followed, mark, memory};
use crate::testing::TestZone;

#[tokio::test]
async fn a_zone_has_followed_a_global_when_it_has_a_mark_or_a_copied_mesh() {
    let zone = TestZone::new().await;
    assert!(!followed(&zone.store.view()));
    let own = Resource::new::<Mesh>("", "own", &<Mesh as Kind>::Spec::default());
    zone.commit(vec![torii_api::change::create(own.clone())], None)
        .await;
    assert!(
        !followed(&zone.store.view()),
        "a mesh of its own says nothing"
    );
    let mut copy = own;
    copy.key.name = "copy".to_owned();
    copy.labels
        .insert("kuma.io/origin".to_owned(), "global".to_owned());
    zone.commit(vec![torii_api::change::create(copy)], None)
        .await;
    assert!(
        followed(&zone.store.view()),
        "a foreign global says no marks"
    );
    zone.end().await;

    let zone = TestZone::new().await;
    zone.commit(Vec::new(), Some("a/1/3")).await;
    assert!(followed(&zone.store.view()));
    assert_eq!(mark(&zone.store.view()).unwrap().to_string(), "a/1/3");
    zone.end().await;
}

#[tokio::test]
async fn a_damaged_memory_is_an_error_and_not_an_empty_one() {
    let zone = TestZone::new().await;
    assert!(memory(&zone.store.view()).unwrap().mark.is_none());
    let proposal = torii_store::Proposal {
        marks: [(MEMORY.to_owned(), Some("nonsense".into()))].into(),
        ..torii_store::Proposal::default()
    };
    zone.store.propose(proposal).await.unwrap();
    assert!(memory(&zone.store.view()).is_err());
    zone.end().await;
}
