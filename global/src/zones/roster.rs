//! Who is connected: one place per zone and direction. A newer stream of the same zone takes the place of the older one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Which of a zone's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// Global to zone.
    Down,
    /// Zone to global.
    Up,
    /// Status reports.
    Status,
}

type Seats = BTreeMap<(String, Direction), (u64, CancellationToken)>;

/// All places. Cheap to clone: all clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster(Arc<Mutex<(u64, Seats)>>);

/// A stream's place; given up when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    roster: Roster,
    key: (String, Direction),
    number: u64,
    superseded: CancellationToken,
}

impl Roster {
    /// Takes the place; whoever had it is told to end.
    pub(crate) fn enter(&self, zone: &str, direction: Direction) -> Seat {
        let superseded = CancellationToken::new();
        let key = (zone.to_owned(), direction);
        let mut state = self.lock();
        state.0 += 1;
        let number = state.0;
        if let Some((_, older)) = state.1.insert(key.clone(), (number, superseded.clone())) {
            older.cancel();
        }
        Seat {
            roster: self.clone(),
            key,
            number,
            superseded,
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Seats)> {
        // Whole after every statement, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Returns when a newer stream has taken the place.
    pub(crate) async fn superseded(&self) {
        self.superseded.cancelled().await;
    }

    /// Tells this stream from every other one of this node; a newer stream has a higher number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.roster.lock();
        if state
            .1
            .get(&self.key)
            .is_some_and(|(number, _)| *number == self.number)
        {
            state.1.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Roster};

    #[test]
    fn a_newer_stream_takes_the_place_and_leaves_others_alone() {
        let roster = Roster::default();
        let first = roster.enter("east", Direction::Down);
        let up = roster.enter("east", Direction::Up);
        let west = roster.enter("west", Direction::Down);
        let second = roster.enter("east", Direction::Down);
        assert!(first.superseded.is_cancelled());
        for seat in [&up, &west, &second] {
            assert!(!seat.superseded.is_cancelled());
        }
        assert!(first.number() < second.number());
        drop(first);
        let key = ("east".to_owned(), Direction::Down);
        assert!(
            roster.lock().1.contains_key(&key),
            "the older one does not take the newer one's place with it"
        );
        drop(second);
        assert!(!roster.lock().1.contains_key(&key));
    }
}
