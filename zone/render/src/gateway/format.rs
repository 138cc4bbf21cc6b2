//! Header values are format strings to Envoy: a `%` that is meant as a percent sign must be doubled, or Envoy refuses
//! the whole route table (gateway-xds §3.5). Users may rely on operators, so those are left alone.

/// Operators of Envoy 1.40 that take no argument.
const PLAIN: &[&str] = &[
    "BYTES_RECEIVED",
    "BYTES_SENT",
    "CONNECTION_ID",
    "CONNECTION_TERMINATION_DETAILS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_LOCAL_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DURATION",
    "HOSTNAME",
    "PROTOCOL",
    "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE",
    "RESPONSE_CODE_DETAILS",
    "RESPONSE_FLAGS",
    "ROUTE_NAME",
    "START_TIME",
    "STREAM_ID",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_HOST",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_PROTOCOL",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "VIRTUAL_CLUSTER_NAME",
];

/// Operators that take an argument in brackets, and after it optionally `:` and a greatest length.
const WITH_ARGUMENT: &[&str] = &[
    "DYNAMIC_METADATA",
    "ENVIRONMENT",
    "FILTER_STATE",
    "QUERY_PARAM",
    "REQ",
    "RESP",
    "TRAILER",
];

/// The value as Envoy should read it: operators and doubled percent signs as they are, every other `%` doubled.
pub(crate) fn value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with("%%") {
            2
        } else {
            operator(rest).unwrap_or(0)
        };
        if taken == 0 {
            out.push_str("%%");
            rest = &rest[1..];
        } else {
            out.push_str(&rest[..taken]);
            rest = &rest[taken..];
        }
    }
    out.push_str(rest);
    out
}

/// The value with every `%` meant literally.
pub(crate) fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

/// Length of the operator at the start of `text`, which begins with `%`.
fn operator(text: &str) -> Option<usize> {
    let name_end = 1 + text[1..]
        .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))?;
    let name = &text[1..name_end];
    let rest = &text[name_end..];
    if rest.starts_with('%') {
        return PLAIN.contains(&name).then_some(name_end + 1);
    }
    let argument = rest.strip_prefix('(')?;
    let close = argument.find(')')?;
    if close == 0 || !WITH_ARGUMENT.contains(&name) || argument[..close].contains(['%', '?']) {
        return None;
    }
    let after = &argument[close + 1..];
    let length = after.strip_prefix(':').map_or(0, |digits| {
        1 + digits.bytes().take_while(u8::is_ascii_digit).count().min(4)
    });
    if length == 1 || !after[length..].starts_with('%') {
        return None;
    }
    Some(name_end + 1 + close + 1 + length + 1)
}

#[cfg(test)]
mod tests {
    use super::{PLAIN, WITH_ARGUMENT, value};

    #[test]
    fn a_percent_sign_that_is_no_operator_is_doubled() {
        for (given, wanted) in [
            ("100%", "100%%"),
            ("50% of 3%", "50%% of 3%%"),
            ("%NOT_AN_OPERATOR%", "%%NOT_AN_OPERATOR%%"),
            ("%req(x)%", "%%req(x)%%"),
            ("%REQ()%", "%%REQ()%%"),
            ("%REQ(x)", "%%REQ(x)"),
            ("ä%ö", "ä%%ö"),
            ("", ""),
        ] {
            assert_eq!(value(given), wanted);
        }
    }

    #[test]
    fn operators_and_doubled_signs_are_left_alone() {
        for text in [
            "%DOWNSTREAM_REMOTE_ADDRESS%",
            "a %REQ(:path)% b",
            "%REQ(x-one):12%",
            "100%%",
            "%START_TIME%-%PROTOCOL%",
        ] {
            assert_eq!(value(text), text);
        }
    }

    #[test]
    fn an_operator_after_a_lone_sign_is_still_found() {
        assert_eq!(value("5% %PROTOCOL%"), "5%% %PROTOCOL%");
    }

    #[test]
    fn the_lists_are_sorted_and_their_names_unique() {
        assert!(PLAIN.is_sorted());
        assert!(WITH_ARGUMENT.is_sorted());
        assert!(PLAIN.iter().all(|name| !WITH_ARGUMENT.contains(name)));
    }

    #[test]
    fn every_listed_operator_is_recognised() {
        let plain = PLAIN.iter().map(|name| format!("%{name}%"));
        let with = WITH_ARGUMENT.iter().map(|name| format!("%{name}(a)%"));
        let all: String = plain.chain(with).collect();
        assert_eq!(value(&all), all);
    }
}
