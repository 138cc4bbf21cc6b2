//! What has arrived and is not stored yet, with the acknowledgements that storing it allows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use torii_resource::KindName;

use crate::receiver::{Refused, Request, TypeChange};
use crate::version::Mark;

/// A response that will be acknowledged, or refused with `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) type_name: KindName,
    pub(super) nonce: String,
    pub(super) error: Option<String>,
}

impl From<Ack> for Request {
    fn from(ack: Ack) -> Self {
        // A refusal repeats the subscription, as Kuma's does (kds §1.6).
        let subscribe = if ack.error.is_some() {
            vec!["*".to_owned()]
        } else {
            Vec::new()
        };
        Self {
            type_name: ack.type_name,
            nonce: ack.nonce,
            subscribe,
            unsubscribe: Vec::new(),
            error: ack.error,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) types: BTreeMap<KindName, TypeChange>,
    pub(super) acks: Vec<Ack>,
    pub(super) refused: Vec<Refused>,
    pub(super) mark: Option<Mark>,
}

impl Batch {
    /// Nothing arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.mark.is_none()
    }

    /// Nothing to write.
    pub(super) fn writes_nothing(&self) -> bool {
        self.types.values().all(TypeChange::is_empty)
    }

    /// Adds a change after what is there already.
    pub(super) fn add(&mut self, type_name: &KindName, change: TypeChange) {
        match self.types.entry(type_name.clone()) {
            Place::Vacant(place) => {
                place.insert(change);
            }
            Place::Occupied(mut place) => {
                let earlier = place.get_mut();
                earlier.full |= change.full;
                for key in change.removals {
                    earlier.upserts.remove(&key);
                    earlier.removals.insert(key);
                }
                for (key, resource) in change.upserts {
                    earlier.removals.remove(&key);
                    earlier.upserts.insert(key, resource);
                }
            }
        }
    }

    /// Adds a later batch.
    pub(super) fn append(&mut self, later: Self) {
        for (type_name, change) in later.types {
            self.add(&type_name, change);
        }
        self.acks.extend(later.acks);
        self.refused.extend(later.refused);
        if later.mark.is_some() {
            self.mark = later.mark;
        }
    }
}
