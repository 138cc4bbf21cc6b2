//! Whether a zone follows what a global says: a global that lost its data must not take the zone's with it. PURE.
//!
//! A Torii global names its cluster and revision; a zone remembers the newest that it stored and refuses others and
//! older ones. A foreign global names nothing: a first set that would remove too much is held until an operator
//! accepts it (decisions "Torii's layer on KDS"; kds §6.3, §10.2 P1, P2).

use serde::{Deserialize, Serialize};

use torii_resource::KindName;

use crate::version::Mark;

/// From how many held resources on "more than half" counts: below, only a removal of all is held.
const HALF_COUNTS_FROM: usize = 3;

/// What a zone remembers about its global; stored in the same transaction as what the global sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The newest mark of which everything is stored; none before the first Torii global.
    pub mark: Option<Mark>,
    /// An operator lets the next global through, whatever it says (`torii zone accept-global`).
    #[serde(default)]
    pub accepted_once: bool,
}

impl Memory {
    /// The mark to tell a global, so that it does not answer from an older state; none when any state is accepted.
    pub fn announced(&self) -> Option<&Mark> {
        self.mark.as_ref().filter(|_| !self.accepted_once)
    }

    /// The memory as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mark = self.mark.as_ref().map(Mark::to_string).unwrap_or_default();
        format!("v1\n{mark}\n{}", self.accepted_once).into_bytes()
    }

    /// Reads [`Memory::to_bytes`].
    ///
    /// # Errors
    /// When the bytes are something else. Do not fall back to an empty memory: it would follow any global.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAMemory> {
        let parse = || {
            let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
            let (version, mark, accepted) = (lines.next()?, lines.next()?, lines.next()?);
            if version != "v1" || lines.next().is_some() {
                return None;
            }
            Some(Self {
                mark: if mark.is_empty() {
                    None
                } else {
                    Some(mark.parse().ok()?)
                },
                accepted_once: accepted.parse().ok()?,
            })
        };
        parse().ok_or(NotAMemory)
    }
}

/// Stored bytes that are not a guard's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored memory of the global is damaged; `torii zone accept-global` resets it")]
pub struct NotAMemory;

/// Why a zone does not follow a global; for status, metrics and the end of the stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another cluster than the one that the zone follows.
    #[error("the global is of cluster {offered}, this zone follows cluster {remembered}; {ADVICE}")]
    OtherCluster {
        /// Cluster id that the global says.
        offered: String,
        /// Cluster id that the zone remembers.
        remembered: String,
    },
    /// The global is older than what the zone already has: it lost data, or it is a replica that lags.
    #[error(
        "the global is at {offered}, this zone already has {remembered}: it lost data or lags behind; {ADVICE}"
    )]
    Older {
        /// Mark that the global says.
        offered: Mark,
        /// Mark that the zone remembers.
        remembered: Mark,
    },
    /// The global says no mark, but the zone follows a Torii global.
    #[error("the global names no cluster and revision, this zone follows {remembered}; {ADVICE}")]
    NoMark {
        /// Mark that the zone remembers.
        remembered: Mark,
    },
}

const ADVICE: &str =
    "the zone keeps serving what it has and asks again; `torii zone accept-global` makes it follow";

impl Refusal {
    /// A short name for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OtherCluster { .. } => "other_cluster",
            Self::Older { .. } => "older",
            Self::NoMark { .. } => "no_mark",
        }
    }
}

/// A first set that is not applied until an operator accepts it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the global's first set of {type_name} would remove {removed} of the {held} that this zone has: held back, not \
     acknowledged; `torii zone accept-global` lets it through"
)]
pub struct Hold {
    /// The type.
    pub type_name: KindName,
    /// How many of the type the zone has from the global.
    pub held: usize,
    /// How many of them the set would remove.
    pub removed: usize,
}

/// The guard of one stream.
#[derive(Clone, Debug)]
pub struct Guard {
    memory: Memory,
    enforced: bool,
    /// An operator accepted what this stream says.
    accepted: bool,
}

impl Guard {
    /// A zone's guard with what it remembers.
    pub fn new(memory: Memory) -> Self {
        Self {
            accepted: memory.accepted_once,
            memory,
            enforced: true,
        }
    }

    /// No guard: a global follows what an authenticated zone says about itself.
    pub fn off() -> Self {
        Self {
            memory: Memory::default(),
            enforced: false,
            accepted: false,
        }
    }

    /// What is remembered now.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Judges the mark of a response (`None`: a foreign global).
    ///
    /// # Errors
    /// When the zone must not follow.
    pub fn judge(&self, offered: Option<&Mark>) -> Result<(), Refusal> {
        let Some(remembered) = self
            .memory
            .mark
            .as_ref()
            .filter(|_| self.enforced && !self.accepted)
        else {
            return Ok(());
        };
        let Some(offered) = offered else {
            return Err(Refusal::NoMark {
                remembered: remembered.clone(),
            });
        };
        if offered.cluster_id != remembered.cluster_id {
            return Err(Refusal::OtherCluster {
                offered: offered.cluster_id.clone(),
                remembered: remembered.cluster_id.clone(),
            });
        }
        if offered.covers(remembered) {
            return Ok(());
        }
        Err(Refusal::Older {
            offered: offered.clone(),
            remembered: remembered.clone(),
        })
    }

    /// Judges the first set of a type on a stream: what it would do to what the zone has of that type.
    ///
    /// With a remembered mark there is nothing to judge: [`Guard::judge`] knows the global as the one that may remove.
    ///
    /// # Errors
    /// When the set is to be held.
    pub fn judge_set(&self, type_name: &KindName, held: usize, removed: usize) -> Result<(), Hold> {
        if !self.enforced || self.accepted || self.memory.mark.is_some() || removed == 0 {
            return Ok(());
        }
        if removed < held && !(held >= HALF_COUNTS_FROM && removed * 2 > held) {
            return Ok(());
        }
        Err(Hold {
            type_name: type_name.clone(),
            held,
            removed,
        })
    }

    /// An operator accepts what this stream says.
    pub fn accept(&mut self) {
        self.accepted = true;
    }

    /// What to store with a transaction that brings the zone to `mark`.
    pub fn remember(&self, mark: Option<&Mark>) -> Memory {
        Memory {
            mark: mark
                .cloned()
                .or_else(|| self.memory.mark.clone().filter(|_| !self.accepted)),
            accepted_once: false,
        }
    }

    /// The memory is stored.
    pub fn committed(&mut self, memory: Memory) {
        if memory.mark.is_some() {
            // From here on the new global is the one that the zone follows.
            self.accepted = false;
        }
        self.memory = memory;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        text.parse().unwrap()
    }

    fn follows(text: &str) -> Guard {
        Guard::new(Memory {
            mark: Some(mark(text)),
            accepted_once: false,
        })
    }

    fn kind() -> KindName {
        KindName::new("MeshGateway")
    }

    #[test]
    fn the_first_torii_global_is_followed() {
        assert_eq!(
            Guard::new(Memory::default()).judge(Some(&mark("a/1/1"))),
            Ok(())
        );
    }

    #[test]
    fn another_cluster_an_older_state_and_a_nameless_global_are_refused() {
        let guard = follows("a/2/10");
        for (offered, name) in [
            (Some("b/9/99"), Some("other_cluster")),
            (Some("a/2/9"), Some("older")),
            (Some("a/1/500"), Some("older")),
            (None, Some("no_mark")),
            (Some("a/2/10"), None),
            (Some("a/3/1"), None),
        ] {
            let offered = offered.map(mark);
            assert_eq!(
                guard
                    .judge(offered.as_ref())
                    .err()
                    .map(|refusal| refusal.name()),
                name,
                "{offered:?}"
            );
        }
    }

    #[test]
    fn a_removal_by_the_followed_cluster_is_not_held() {
        assert_eq!(follows("a/1/1").judge_set(&kind(), 10, 10), Ok(()));
    }

    #[test]
    fn a_foreign_set_that_removes_all_or_most_is_held() {
        let guard = Guard::new(Memory::default());
        for (held, removed, ok) in [
            (0, 0, true),
            (1, 1, false),
            (2, 1, true),
            (2, 2, false),
            (3, 1, true),
            (3, 2, false),
            (4, 2, true),
            (10, 6, false),
        ] {
            assert_eq!(
                guard.judge_set(&kind(), held, removed).is_ok(),
                ok,
                "{removed} of {held}"
            );
        }
        assert_eq!(Guard::off().judge_set(&kind(), 5, 5), Ok(()));
    }

    #[test]
    fn an_operator_lets_one_global_through_and_then_the_guard_is_back() {
        let mut guard = Guard::new(Memory {
            mark: Some(mark("a/1/100")),
            accepted_once: true,
        });
        assert_eq!(guard.judge(Some(&mark("b/1/3"))), Ok(()));
        let memory = guard.remember(Some(&mark("b/1/3")));
        guard.committed(memory.clone());
        assert_eq!(memory.mark, Some(mark("b/1/3")));
        assert!(!memory.accepted_once);
        assert!(guard.judge(Some(&mark("a/1/101"))).is_err());
    }

    #[test]
    fn an_accepted_foreign_global_replaces_the_remembered_one() {
        let guard = Guard::new(Memory {
            mark: Some(mark("a/1/100")),
            accepted_once: true,
        });
        assert_eq!(guard.judge(None), Ok(()));
        assert_eq!(guard.remember(None), Memory::default());
    }

    #[test]
    fn a_memory_survives_its_bytes_and_damage_is_an_error() {
        for memory in [
            Memory::default(),
            Memory {
                mark: Some(mark("a/1/2")),
                accepted_once: true,
            },
        ] {
            assert_eq!(Memory::from_bytes(&memory.to_bytes()), Ok(memory));
        }
        for bytes in [
            &b""[..],
            b"v1",
            b"v2\n\nfalse",
            b"v1\nxx\nfalse",
            b"v1\n\nmaybe",
            b"v1\n\nfalse\n",
            b"\xff",
        ] {
            assert_eq!(Memory::from_bytes(bytes), Err(NotAMemory));
        }
    }
}
