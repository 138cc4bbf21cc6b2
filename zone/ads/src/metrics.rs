//! Names of this crate's metrics, and the only places that write them.

use std::collections::VecDeque;
use std::time::Instant;

use torii_render::TypeUrl;
use torii_resource::Revision;

use crate::message::ProxyEvent;

/// Histogram, seconds: a new desired state reached a stream, until everything of it was handed to the proxy.
pub const SEND_SECONDS: &str = "torii_ads_send_seconds";
/// Histogram, seconds: everything of a state was handed to a proxy, until Envoy acknowledged it.
pub const ACKNOWLEDGE_SECONDS: &str = "torii_ads_acknowledge_seconds";
/// Counter by `type` (cds, eds, …): responses sent.
pub const RESPONSES_TOTAL: &str = "torii_ads_responses_total";
/// Counter by `type` (cds, eds, …): responses that Envoy rejected.
pub const REJECTIONS_TOTAL: &str = "torii_ads_rejections_total";
/// Counter: requests for a type that is not served.
pub const UNKNOWN_TYPES_TOTAL: &str = "torii_ads_unknown_types_total";
/// Gauge: open streams of admitted proxies.
pub const STREAMS: &str = "torii_ads_streams";

/// Tells the recorder what the metrics mean. Call it once, after the recorder is installed.
pub fn describe() {
    metrics::describe_histogram!(
        SEND_SECONDS,
        metrics::Unit::Seconds,
        "From a new desired state to everything of it sent to the proxy"
    );
    metrics::describe_histogram!(
        ACKNOWLEDGE_SECONDS,
        metrics::Unit::Seconds,
        "From everything sent to acknowledged by Envoy"
    );
    metrics::describe_counter!(RESPONSES_TOTAL, "xDS responses sent, by type");
    metrics::describe_counter!(
        REJECTIONS_TOTAL,
        "xDS responses that Envoy rejected, by type"
    );
    metrics::describe_counter!(
        UNKNOWN_TYPES_TOTAL,
        "xDS requests for a type that is not served"
    );
    metrics::describe_gauge!(STREAMS, "Open xDS streams of admitted proxies");
}

const fn label(of: TypeUrl) -> &'static str {
    match of {
        TypeUrl::Cluster => "cds",
        TypeUrl::Endpoint => "eds",
        TypeUrl::Listener => "lds",
        TypeUrl::Route => "rds",
        TypeUrl::Secret => "sds",
        TypeUrl::Runtime => "rtds",
    }
}

pub(crate) fn response(of: TypeUrl) {
    metrics::counter!(RESPONSES_TOTAL, "type" => label(of)).increment(1);
}

pub(crate) fn unknown_type() {
    metrics::counter!(UNKNOWN_TYPES_TOTAL).increment(1);
}

/// Counts a stream for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenStream(());

impl OpenStream {
    pub(crate) fn new() -> Self {
        metrics::gauge!(STREAMS).increment(1.0);
        Self(())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!(STREAMS).decrement(1.0);
    }
}

/// States that have not been acknowledged; more are not measured.
const MEASURED_AT_ONCE: usize = 64;

/// Times the stages of the states that one stream receives.
#[derive(Debug, Default)]
pub(crate) struct StageTimes {
    unsent: VecDeque<(Revision, Instant)>,
    unacknowledged: VecDeque<(Revision, Instant)>,
}

impl StageTimes {
    /// The stream got a new desired state.
    pub(crate) fn received(&mut self, revision: Revision) {
        if self.unsent.len() < MEASURED_AT_ONCE {
            self.unsent.push_back((revision, Instant::now()));
        }
    }

    /// The session reported something.
    pub(crate) fn observe(&mut self, event: &ProxyEvent) {
        match event {
            ProxyEvent::Answered {
                of, error: Some(_), ..
            } => {
                metrics::counter!(REJECTIONS_TOTAL, "type" => label(*of)).increment(1);
            }
            ProxyEvent::Answered { .. } => {}
            ProxyEvent::Standing(standing) => {
                let now = Instant::now();
                while let Some((revision, since)) = self
                    .unsent
                    .pop_front_if(|(revision, _)| *revision <= standing.sent)
                {
                    metrics::histogram!(SEND_SECONDS)
                        .record(now.duration_since(since).as_secs_f64());
                    if self.unacknowledged.len() < MEASURED_AT_ONCE {
                        self.unacknowledged.push_back((revision, now));
                    }
                }
                while let Some((_, since)) = self
                    .unacknowledged
                    .pop_front_if(|(revision, _)| *revision <= standing.acknowledged)
                {
                    metrics::histogram!(ACKNOWLEDGE_SECONDS)
                        .record(now.duration_since(since).as_secs_f64());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_end_in_their_unit() {
        let timed = [SEND_SECONDS, ACKNOWLEDGE_SECONDS];
        let counted = [RESPONSES_TOTAL, REJECTIONS_TOTAL, UNKNOWN_TYPES_TOTAL];
        assert!(timed.iter().all(|name| name.ends_with("_seconds")));
        assert!(counted.iter().all(|name| name.ends_with("_total")));
        let all: BTreeSet<_> = timed.into_iter().chain(counted).chain([STREAMS]).collect();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|name| name.starts_with("torii_ads_")));
    }
}
