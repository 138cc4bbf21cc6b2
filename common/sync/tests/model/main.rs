//! A store, a sending and a receiving machine, and a link that is cut and restarted at any point: both ends are equal
//! at the end, nothing is removed that the source did not delete, and a mark never claims too much.
//!
//! Everything passes through Kuma's messages. The source answers from a lagging replica now and then, and an impostor
//! without data takes its place: the receiver has to notice.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test, its functions included"
)]

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

mod world;

use world::{KINDS, World};

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Put(usize, u8),
    Delete(usize, u8),
    /// The sender hears of the next change.
    Feed,
    /// The sender's feed was overrun.
    Overrun,
    ToReceiver,
    /// As above, and one resource of the response cannot be read.
    Spoil,
    Idle,
    Store,
    ToSender,
    Release,
    Cut,
    /// Stored, and cut before the acknowledgement.
    StoreAndCut,
    /// A new stream, answered from a replica that lags by so many revisions; the peer says its mark or not.
    Open(u64, bool),
    /// A new stream, answered by a global that has nothing.
    Impostor,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..KINDS.len(), 0..4u8).prop_map(|(kind, name)| Op::Put(kind, name)),
        3 => (0..KINDS.len(), 0..4u8).prop_map(|(kind, name)| Op::Delete(kind, name)),
        6 => Just(Op::Feed),
        1 => Just(Op::Overrun),
        8 => Just(Op::ToReceiver),
        1 => Just(Op::Spoil),
        4 => Just(Op::Idle),
        5 => Just(Op::Store),
        8 => Just(Op::ToSender),
        1 => Just(Op::Release),
        1 => Just(Op::Cut),
        1 => Just(Op::StoreAndCut),
        2 => (0..4u64, any::<bool>()).prop_map(|(lag, announce)| Op::Open(lag, announce)),
        1 => Just(Op::Impostor),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_torii_zone_and_its_global_are_equal_in_the_end(ops in prop::collection::vec(op(), 0..150)) {
        World::run(true, ops);
    }

    #[test]
    fn a_foreign_pair_is_equal_in_the_end(ops in prop::collection::vec(op(), 0..150)) {
        World::run(false, ops);
    }
}
