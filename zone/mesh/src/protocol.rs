//! Protocols of services, and what several of them have in common (gateway-xds §4.5).

/// A protocol as the tag `kuma.io/protocol` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 without TLS.
    Http2,
    /// gRPC, which is HTTP/2 with more known about it.
    Grpc,
    /// Kafka, treated as TCP.
    Kafka,
    /// Bytes.
    Tcp,
}

impl Protocol {
    /// The protocol of this name; none when it is not known.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "http" => Some(Self::Http),
            "http2" => Some(Self::Http2),
            "grpc" => Some(Self::Grpc),
            "kafka" => Some(Self::Kafka),
            "tcp" => Some(Self::Tcp),
            _ => None,
        }
    }

    /// What it can be treated as, most specific first.
    const fn stack(self) -> &'static [Self] {
        match self {
            Self::Grpc => &[Self::Grpc, Self::Http2, Self::Tcp],
            Self::Http2 => &[Self::Http2, Self::Tcp],
            Self::Http => &[Self::Http, Self::Tcp],
            Self::Kafka => &[Self::Kafka, Self::Tcp],
            Self::Tcp => &[Self::Tcp],
        }
    }

    /// The most specific protocol that all have in common: `http` and `http2` give `tcp`. None when there is none, or
    /// when one is not known.
    pub fn common(all: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let mut all = all.into_iter();
        let mut common = all.next()??;
        for other in all {
            let other = other?;
            common = *common
                .stack()
                .iter()
                .find(|one| other.stack().contains(one))?;
        }
        Some(common)
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn common_protocol_of_http_and_http2_is_tcp() {
        assert_eq!(
            Protocol::common([Some(Protocol::Http), Some(Protocol::Http2)]),
            Some(Protocol::Tcp)
        );
    }

    #[test]
    fn common_protocol_of_grpc_and_http2_is_http2_in_any_order() {
        let both = [Some(Protocol::Grpc), Some(Protocol::Http2)];
        assert_eq!(Protocol::common(both), Some(Protocol::Http2));
        assert_eq!(
            Protocol::common(both.into_iter().rev()),
            Some(Protocol::Http2)
        );
    }

    #[test]
    fn one_unknown_protocol_makes_the_whole_unknown() {
        assert_eq!(Protocol::common([Some(Protocol::Http), None]), None);
        assert_eq!(Protocol::common([]), None);
    }
}
