//! When a call may be made again, as a function of what happened.

use super::Broken;

/// What became of one attempt, as far as another one is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Nobody there: nothing was done.
    NotSent,
    /// The request may have been done.
    Cut,
    /// 503: nothing was done, the node says to try again.
    Unavailable,
    /// 504: the node does not know whether it was done.
    Unknown,
    /// An answer to be reported.
    Answered,
}

impl Attempt {
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            503 => Self::Unavailable,
            504 => Self::Unknown,
            _ => Self::Answered,
        }
    }

    pub(super) fn of_broken(broken: &Broken) -> Self {
        match broken {
            Broken::NotSent(_) => Self::NotSent,
            Broken::Cut(_) => Self::Cut,
        }
    }

    /// Whether another node may be asked the same.
    pub(super) fn may_repeat(self, idempotent: bool) -> bool {
        match self {
            Self::NotSent | Self::Unavailable => true,
            Self::Cut | Self::Unknown => idempotent,
            Self::Answered => false,
        }
    }

    /// Whether asking all nodes again after a pause has a chance: somebody is there, but no leader yet.
    pub(super) fn gives_hope(self) -> bool {
        matches!(self, Self::Unavailable | Self::Unknown | Self::Cut)
    }

    /// Whether the call may have been done although there was no good answer.
    pub(super) fn may_be_done(self) -> bool {
        matches!(self, Self::Cut | Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_done_is_repeated_only_when_idempotent() {
        for attempt in [Attempt::Cut, Attempt::Unknown] {
            assert!(attempt.may_repeat(true));
            assert!(!attempt.may_repeat(false));
            assert!(attempt.may_be_done());
        }
    }

    #[test]
    fn what_was_certainly_not_done_is_always_repeated() {
        for attempt in [Attempt::NotSent, Attempt::Unavailable] {
            assert!(attempt.may_repeat(false));
            assert!(!attempt.may_be_done());
        }
    }

    #[test]
    fn a_dead_control_plane_is_not_waited_for_but_an_election_is() {
        assert!(!Attempt::NotSent.gives_hope());
        assert!(Attempt::Unavailable.gives_hope());
    }

    #[test]
    fn answers_are_final() {
        for status in [200, 400, 401, 404, 409, 500] {
            assert!(!Attempt::of_status(status).may_repeat(true), "{status}");
        }
    }
}
