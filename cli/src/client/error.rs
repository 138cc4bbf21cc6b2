//! Why a call to the control plane failed.

use super::Problem;

/// Why a call to the control plane failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It answered no.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// No node could be reached; nothing was done.
    #[error("cannot reach the control plane: {}; is it running, and is the context right (torii context show)?", .0.join("; "))]
    Unreachable(Vec<String>),
    /// The connection broke in the middle of something that must not be done twice.
    #[error(
        "{address} broke off before it answered ({reason}): unknown whether it was done; look before trying again"
    )]
    Unsure {
        /// Node that was asked.
        address: String,
        /// What happened.
        reason: String,
    },
    /// An answer that no Torii and no Kuma gives.
    #[error(
        "{address} gave an answer that cannot be understood: {reason}; is this a control plane's REST API?"
    )]
    Strange {
        /// Node that was asked.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The trust anchors of the connection.
    #[error(
        "the CA certificate cannot be used: {0}; it must be PEM, as the control plane writes it"
    )]
    Ca(String),
    /// Something in the request cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Request(String),
}
