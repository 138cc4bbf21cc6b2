//! Keeps the keys that tokens are verified with in step with the store's secrets.

use std::sync::Arc;

use arc_swap::ArcSwap;

use torii_auth::KeyRing;
use torii_store::{Event, Store, View};

/// The key ring of a state.
pub fn of_view(view: &View) -> KeyRing {
    let secrets = ["GlobalSecret", "Secret"]
        .into_iter()
        .flat_map(|kind| view.list(kind));
    let ring = KeyRing::from_resources(secrets.map(|resource| &**resource));
    for problem in ring.problems() {
        tracing::warn!(%problem, "a secret should be a key and is not");
    }
    ring
}

/// Replaces `keys` whenever a secret that concerns them changes; ends when the store stops.
pub async fn follow(store: Store, keys: Arc<ArcSwap<KeyRing>>) {
    let view = store.view();
    keys.store(Arc::new(of_view(&view)));
    let mut feed = store.watch(view.revision());
    while let Some(event) = feed.next().await {
        let relevant = match &event {
            Event::Batch(batch) => batch
                .changes
                .iter()
                .any(|change| KeyRing::is_relevant(&change.key)),
            Event::Snapshot(_) => true,
        };
        if relevant {
            keys.store(Arc::new(of_view(&store.view())));
        }
    }
}
