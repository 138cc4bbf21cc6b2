//! Asking the zone for a bootstrap until it gives one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Uri};
use http_body_util::{BodyExt as _, Limited};

use crate::client::{Call, Wire};

use super::DataplaneError;
use super::bootstrap::{ProxyRequest, Verdict, judge};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 16 << 20;

/// Where to ask, and how long.
#[derive(Debug)]
pub(crate) struct Fetch<'a> {
    /// Connection to the zone.
    pub(crate) wire: &'a Wire,
    /// The zone's port for proxies.
    pub(crate) zone: &'a Uri,
    /// Give up after this.
    pub(crate) patience: Duration,
}

/// Asks until there is a bootstrap. `waiting` is told why, each time that the reason changes.
///
/// # Errors
/// When the zone refuses the proxy, or the time is over.
pub(crate) async fn fetch(
    fetch: &Fetch<'_>,
    request: &ProxyRequest,
    mut waiting: impl FnMut(&str),
) -> Result<Vec<u8>, DataplaneError> {
    let address = fetch.zone.to_string().trim_end_matches('/').to_owned();
    let body = serde_json::to_vec(request).map_err(|error| DataplaneError::Flag {
        flag: "--dataplane-file",
        reason: error.to_string(),
    })?;
    let call = Call {
        body: Bytes::from(body),
        timeout: ATTEMPT,
        ..Call::new(Method::POST, "/bootstrap")
    };
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut last = String::new();
    loop {
        let reason = match ask(fetch, &call).await {
            (_, Verdict::Start(bootstrap)) => return Ok(bootstrap),
            (status, Verdict::GiveUp(reason)) => {
                return Err(DataplaneError::Refused {
                    address,
                    status,
                    reason,
                });
            }
            (_, Verdict::Retry(reason)) => reason,
        };
        if reason != last {
            waiting(&reason);
        }
        last = reason;
        if started.elapsed() + pause > fetch.patience {
            return Err(DataplaneError::NoBootstrap {
                address,
                waited: started.elapsed(),
                reason: last,
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

async fn ask(fetch: &Fetch<'_>, call: &Call) -> (u16, Verdict) {
    let response = match fetch.wire.send(fetch.zone, call, None).await {
        Ok(response) => response,
        Err(broken) => return (0, Verdict::Retry(broken.reason().to_owned())),
    };
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect();
    match tokio::time::timeout(ATTEMPT, body).await {
        Ok(Ok(body)) => (status, judge(status, &body.to_bytes())),
        Ok(Err(error)) => (status, Verdict::Retry(error.to_string())),
        Err(_) => (status, Verdict::Retry("the answer did not end".to_owned())),
    }
}
