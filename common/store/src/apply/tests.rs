use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, option, prop_assert, prop_assert_eq, proptest};

use super::*;

fn key(name: &str) -> ResourceKey {
    ResourceKey::new("MeshGateway", "default", name)
}

fn put(name: &str, spec: &'static [u8], expect: Expect) -> Change {
    Change {
        key: key(name),
        expect,
        op: Op::Put {
            labels: BTreeMap::new(),
            spec: Bytes::from_static(spec),
            created: None,
        },
    }
}

fn delete(name: &str, expect: Expect) -> Change {
    Change {
        key: key(name),
        expect,
        op: Op::Delete,
    }
}

fn command(second: i64, changes: Vec<Change>) -> Command {
    Command {
        time: Timestamp::from_second(second).unwrap(),
        node: 1,
        proposal: Proposal {
            changes,
            marks: BTreeMap::new(),
        },
    }
}

fn mark(name: &str, value: Option<&'static [u8]>) -> BTreeMap<String, Option<Bytes>> {
    BTreeMap::from([(name.to_owned(), value.map(Bytes::from_static))])
}

#[test]
fn a_batch_is_one_revision_with_stamps_of_the_proposer() {
    let state = State::default();
    let first = apply(
        &state,
        &command(
            10,
            vec![put("a", b"1", Expect::Absent), put("b", b"1", Expect::Any)],
        ),
    )
    .unwrap();
    assert_eq!(first.committed.revision, Revision(1));
    assert_eq!(
        first.committed.outcomes,
        [Outcome::Created, Outcome::Created]
    );
    let second = apply(
        &first.state,
        &command(20, vec![put("a", b"2", Expect::Modified(Revision(1)))]),
    )
    .unwrap();
    let resource = &second.state.resources[&key("a")];
    assert_eq!(resource.created.revision, Revision(1));
    assert_eq!(resource.created.time, Timestamp::from_second(10).unwrap());
    assert_eq!(resource.modified.revision, Revision(2));
    assert_eq!(resource.modified.time, Timestamp::from_second(20).unwrap());
    let batch = second.batch.unwrap();
    assert_eq!(batch.revision, Revision(2));
    assert_eq!(batch.changes.len(), 1);
    assert_eq!(
        batch.changes[0].before.as_ref(),
        first.state.resources.get(&key("a"))
    );
    assert_eq!(batch.changes[0].after.as_ref(), Some(resource));
}

#[test]
fn equal_content_and_absent_deletes_are_no_revision() {
    let state = apply(
        &State::default(),
        &command(1, vec![put("a", b"1", Expect::Any)]),
    )
    .unwrap()
    .state;
    let again = apply(
        &state,
        &command(
            2,
            vec![put("a", b"1", Expect::Any), delete("z", Expect::Any)],
        ),
    )
    .unwrap();
    assert_eq!(
        again.committed.outcomes,
        [Outcome::Unchanged, Outcome::Unchanged]
    );
    assert_eq!(again.committed.revision, Revision(1));
    assert_eq!(again.batch, None);
    assert_eq!(again.state, state);
}

#[test]
fn one_failed_condition_refuses_the_whole_batch() {
    let state = apply(
        &State::default(),
        &command(1, vec![put("a", b"1", Expect::Any)]),
    )
    .unwrap()
    .state;
    let refused = |changes| apply(&state, &command(2, changes)).unwrap_err();
    let conflict = |name: &str, found| Error::Conflict {
        key: key(name),
        found: Revision(found),
    };
    assert_eq!(
        refused(vec![
            put("b", b"1", Expect::Any),
            put("a", b"2", Expect::Absent)
        ]),
        conflict("a", 1)
    );
    assert_eq!(
        refused(vec![put("a", b"1", Expect::Modified(Revision(7)))]),
        conflict("a", 1)
    );
    assert_eq!(
        refused(vec![delete("z", Expect::Modified(Revision(1)))]),
        conflict("z", 0)
    );
    let twice = refused(vec![put("a", b"1", Expect::Any), delete("a", Expect::Any)]);
    assert_eq!(
        twice,
        Error::Refused("MeshGateway default/a is changed twice in one write".into())
    );
}

#[test]
fn marks_change_with_the_batch_and_alone_make_no_revision() {
    let mut with = command(1, vec![put("a", b"1", Expect::Any)]);
    with.proposal.marks = mark("cursor", Some(b"7"));
    let first = apply(&State::default(), &with).unwrap();
    assert_eq!(first.batch.unwrap().marks, mark("cursor", Some(b"7")));
    let mut alone = command(2, vec![]);
    alone.proposal.marks = mark("cursor", Some(b"8"));
    let second = apply(&first.state, &alone).unwrap();
    assert_eq!(second.batch, None);
    assert_eq!(second.committed.revision, Revision(1));
    assert_eq!(second.state.marks.get("cursor").unwrap().as_ref(), b"8");
    // A refused batch leaves its marks out too.
    let mut refused = command(3, vec![put("a", b"1", Expect::Absent)]);
    refused.proposal.marks = mark("cursor", None);
    assert!(apply(&second.state, &refused).is_err());
    alone.proposal.marks = mark("cursor", None);
    assert!(apply(&second.state, &alone).unwrap().state.marks.is_empty());
}

#[test]
fn the_creation_of_a_synced_resource_is_that_of_its_origin() {
    let origin = Stamp {
        revision: Revision(99),
        time: Timestamp::from_second(5).unwrap(),
    };
    let mut change = put("a", b"1", Expect::Any);
    let Op::Put { created, .. } = &mut change.op else {
        unreachable!()
    };
    *created = Some(origin);
    let first = apply(&State::default(), &command(10, vec![change.clone()])).unwrap();
    assert_eq!(first.state.resources[&key("a")].created, origin);
    assert_eq!(
        apply(&first.state, &command(11, vec![change]))
            .unwrap()
            .batch,
        None
    );
    // Without a creation of its own the resource keeps the one it has.
    assert_eq!(
        apply(
            &first.state,
            &command(12, vec![put("a", b"1", Expect::Any)])
        )
        .unwrap()
        .batch,
        None
    );
}

fn any_change() -> impl Strategy<Value = Change> {
    let expect = prop_oneof![
        4 => Just(Expect::Any),
        1 => Just(Expect::Absent),
        1 => (0_u64..6).prop_map(|revision| Expect::Modified(Revision(revision))),
    ];
    let op = option::weighted(0.7, 0_u8..3);
    (0_u8..4, expect, op).prop_map(|(name, expect, spec)| Change {
        key: key(&name.to_string()),
        expect,
        op: spec.map_or(Op::Delete, |spec| Op::Put {
            labels: BTreeMap::new(),
            spec: Bytes::from(vec![spec]),
            created: None,
        }),
    })
}

proptest! {
    #[test]
    fn revisions_have_no_gap_and_batches_rebuild_the_state(
        commands in collection::vec((collection::vec(any_change(), 0..4), any::<u32>()), 0..30)
    ) {
        let mut state = State::default();
        let mut model: BTreeMap<ResourceKey, Arc<Resource>> = BTreeMap::new();
        for (changes, second) in commands {
            let command = command(second.into(), changes);
            let Ok(applied) = apply(&state, &command) else { continue };
            prop_assert_eq!(&applied, &apply(&state, &command).unwrap());
            match &applied.batch {
                None => prop_assert_eq!(&applied.state, &state),
                Some(batch) => {
                    prop_assert_eq!(batch.revision, state.revision.next());
                    for change in &batch.changes {
                        prop_assert_eq!(change.before.as_ref(), model.get(&change.key));
                        prop_assert!(change.before != change.after);
                        match &change.after {
                            Some(after) => model.insert(change.key.clone(), Arc::clone(after)),
                            None => model.remove(&change.key),
                        };
                    }
                }
            }
            prop_assert_eq!(applied.committed.revision, applied.state.revision);
            state = applied.state;
            prop_assert!(state.resources.iter().eq(model.iter()));
        }
    }
}
