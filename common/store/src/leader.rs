//! What a node does for others, and for itself, when it may be the leader. Never forwards: one hop at most.

use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::error::{ClientWriteError, RaftError};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::command::Committed;
use crate::error::Error;
use crate::raft::types::{Payload, Raft};

/// What became of a command that a node was asked to propose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Proposed {
    /// Committed at this log index, with what the state machine said.
    Done {
        index: u64,
        answer: Result<Committed, Error>,
    },
    /// Certainly not proposed: the node does not lead, or was not reached.
    NotLeader(String),
    /// The node's store has stopped before it proposed anything.
    Stopped(String),
    /// It may or may not be committed, now or later.
    Unknown(String),
}

/// How many entries a state must have applied to be linearizable, or why the node cannot say.
pub(crate) type ReadIndex = Result<u64, String>;

/// Proposes a command if this node leads.
pub(crate) async fn propose(raft: &Raft, payload: Payload, patience: Duration) -> Proposed {
    let (payload, logged) = payload.observed();
    let Ok(result) = timeout(patience, Box::pin(raft.client_write(payload))).await else {
        return Proposed::Unknown(format!(
            "not committed within {patience:?}; a majority may be missing"
        ));
    };
    // "Not the leader" can also mean: was the leader, the entry is in logs, another leader takes over. Only an entry
    // that never reached this node's log is certainly gone.
    let logged = logged.load(Ordering::Acquire);
    match result {
        Ok(response) => match response.data.0 {
            Some(answer) => Proposed::Done {
                index: response.log_id.index,
                answer,
            },
            None => Proposed::Unknown("the state machine gave no answer".into()),
        },
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) if !logged => {
            Proposed::NotLeader("the node that was asked does not lead".into())
        }
        Err(RaftError::Fatal(fatal)) if !logged => Proposed::Stopped(fatal.to_string()),
        Err(error) => Proposed::Unknown(error.to_string()),
    }
}

/// Confirms that this node leads, and says up to where a reader has to wait.
pub(crate) async fn read_index(raft: &Raft) -> ReadIndex {
    match Box::pin(raft.get_read_log_id()).await {
        Ok((log_id, _)) => Ok(log_id.map_or(0, |id| id.index + 1)),
        Err(error) => Err(error.to_string()),
    }
}
