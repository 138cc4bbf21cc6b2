//! Listening sockets, with errors that say which flag to change.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A port that could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (port {port}) for {what}: {reason}; {advice} {flag}", port = .address.port())]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the port is for, e.g. `the REST API`.
    pub what: &'static str,
    /// The flag that changes it, e.g. `--address`.
    pub flag: &'static str,
    reason: String,
    advice: &'static str,
    #[source]
    source: io::Error,
}

/// Listens on `address`. `what` and `flag` are for the error.
///
/// Never with `SO_REUSEPORT`: two processes on one port would take turns, and nobody would be told.
///
/// # Errors
/// When the port is taken, the address is not one of this machine, or the system refuses it.
pub async fn bind(
    address: SocketAddr,
    what: &'static str,
    flag: &'static str,
) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| {
        let (reason, advice) = match source.kind() {
            io::ErrorKind::AddrInUse => (
                "another process has it".to_owned(),
                "stop that process or choose another address with",
            ),
            io::ErrorKind::AddrNotAvailable => (
                "this machine does not have that address".to_owned(),
                "give one that it has with",
            ),
            io::ErrorKind::PermissionDenied => (
                "not permitted (ports below 1024 need a privilege)".to_owned(),
                "choose another port with",
            ),
            _ => (source.to_string(), "change it with"),
        };
        BindError {
            address,
            what,
            flag,
            reason,
            advice,
            source,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_an_error_that_names_port_address_and_flag() {
        let first = bind("127.0.0.1:0".parse().unwrap(), "tests", "--address")
            .await
            .unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address, "the REST API", "--address")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains(&address.port().to_string()), "{error}");
        assert!(error.contains("the REST API"), "{error}");
        assert!(error.contains("--address"), "{error}");
    }

    #[tokio::test]
    async fn a_foreign_address_is_an_error_that_says_so() {
        let error = bind("192.0.2.1:0".parse().unwrap(), "tests", "--address")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("does not have that address"), "{error}");
    }
}
