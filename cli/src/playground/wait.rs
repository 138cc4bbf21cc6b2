//! Waiting for conditions: never for time.

use std::future::Future;
use std::time::{Duration, Instant};

use super::SiteError;

const PAUSE: Duration = Duration::from_millis(25);

/// Asks until the answer is `Ok`. The last `Err` says what was seen instead, for the error after the deadline.
///
/// # Errors
/// When the deadline passes.
pub async fn wait_until<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> F,
) -> Result<T, SiteError> {
    let started = Instant::now();
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        // A question that hangs is an answer too.
        let last = match tokio::time::timeout(left.max(PAUSE), ask()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(last)) => last,
            Err(_) => "no answer".to_owned(),
        };
        if started.elapsed() >= deadline {
            return Err(SiteError::Late {
                what: what.to_owned(),
                waited: deadline,
                last,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_condition_that_comes_true_gives_its_value() {
        let asked = Cell::new(0);
        let value = wait_until("three", Duration::from_secs(60), || {
            asked.set(asked.get() + 1);
            let count = asked.get();
            async move {
                if count < 3 {
                    Err(format!("{count}"))
                } else {
                    Ok(count)
                }
            }
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }

    #[tokio::test]
    async fn the_error_says_what_was_seen_last_even_when_the_question_hangs() {
        let error = wait_until::<(), _>("peace", Duration::from_millis(60), || async {
            Err("war".to_owned())
        })
        .await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("peace") && error.contains("war"), "{error}");
        let hung =
            wait_until::<(), _>("word", Duration::from_millis(60), std::future::pending).await;
        assert!(hung.unwrap_err().to_string().contains("no answer"));
    }
}
