//! Following a revision to the gateways: a stream of JSON lines that may break and be taken up again.

use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt as _;
use torii_api::status::Receipt;

use super::{Call, Client, ClientError};

/// What the server may be late by, beyond the time that it was given.
const GRACE: Duration = Duration::from_secs(5);
/// Pause before a stream that ended early is taken up again.
const PAUSE: Duration = Duration::from_millis(100);

impl Client {
    /// Follows a revision until `settled` says so, the server is done, or the time is over. Returns the last receipt,
    /// `None` when not even one came. `seen` is told of each.
    ///
    /// # Errors
    /// When the control plane refuses, or cannot be reached any more.
    pub async fn follow(
        &self,
        revision: u64,
        time: Duration,
        mut seen: impl FnMut(&Receipt) -> bool,
    ) -> Result<Option<Receipt>, ClientError> {
        let deadline = Instant::now() + time;
        let mut last = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(last);
            }
            let milliseconds = left.as_millis().max(1);
            let call = Call::new(
                Method::GET,
                format!("/torii/receipts/{revision}?timeout={milliseconds}ms"),
            );
            let (address, response) = self.open(&call).await?;
            let mut body = response.into_body();
            let mut lines = Lines::default();
            loop {
                let limit = deadline.saturating_duration_since(Instant::now()) + GRACE;
                let frame = match tokio::time::timeout(limit, body.frame()).await {
                    Err(_) => return Ok(last),
                    Ok(None | Some(Err(_))) => break,
                    Ok(Some(Ok(frame))) => frame,
                };
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                for line in lines.push(data) {
                    let receipt = read(&line, &address)?;
                    let stop = seen(&receipt) || receipt.done;
                    last = Some(receipt);
                    if stop {
                        return Ok(last);
                    }
                }
            }
            // The node ended the stream before the time was over: it stops, or has died. Another one goes on.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn read(line: &[u8], address: &str) -> Result<Receipt, ClientError> {
    serde_json::from_slice(line).map_err(|error| ClientError::Strange {
        address: address.to_owned(),
        reason: error.to_string(),
    })
}

/// Bytes into lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that are complete now; empty ones are left out.
    fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                lines.push(std::mem::take(&mut self.rest));
            } else {
                self.rest.push(*byte);
            }
        }
        lines.retain(|line| !line.iter().all(u8::is_ascii_whitespace));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_across_frames() {
        let mut lines = Lines::default();
        assert!(lines.push(b"{\"a\"").is_empty());
        assert_eq!(
            lines.push(b":1}\n\n{}\n{"),
            [b"{\"a\":1}".to_vec(), b"{}".to_vec()]
        );
        assert_eq!(lines.push(b"}\n"), [b"{}".to_vec()]);
    }
}
