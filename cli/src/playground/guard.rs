//! Which loopback addresses a site may use: a listening socket on one of them says that they are taken.

use std::net::{Ipv4Addr, TcpListener};

use super::SiteError;

/// Not one of Torii's ports.
const PORT: u16 = 5699;
/// Nets below are for people.
const FIRST: u8 = 16;

/// The addresses 127.0.NET.x, for as long as this lives.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) net: u8,
    _socket: TcpListener,
}

impl Guard {
    /// The net asked for, or one that is free.
    pub(super) fn take(net: Option<u8>) -> Result<Self, SiteError> {
        match net {
            Some(net) => Self::try_take(net).ok_or(SiteError::Taken { net }),
            None => (FIRST..=u8::MAX)
                .find_map(Self::try_take)
                .ok_or(SiteError::Full { first: FIRST }),
        }
    }

    fn try_take(net: u8) -> Option<Self> {
        let socket = TcpListener::bind((Ipv4Addr::new(127, 0, net, 1), PORT)).ok()?;
        Some(Self {
            net,
            _socket: socket,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sites_never_have_the_same_addresses() {
        let first = Guard::take(None).unwrap();
        let second = Guard::take(None).unwrap();
        assert_ne!(first.net, second.net);
        assert!(matches!(
            Guard::take(Some(first.net)),
            Err(SiteError::Taken { .. })
        ));
    }
}
