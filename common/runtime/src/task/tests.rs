//! The rules of tasks.

use std::convert::Infallible;

use super::*;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_failing_essential_task_stops_the_process_and_is_named() {
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("store", Rule::ESSENTIAL, async { Err("disk full") });
    let reason = tasks.shutdown().stopping().await;
    assert_eq!(reason.to_string(), "task store failed: disk full");
    assert!(reason.is_failure());
    assert!(tasks.join(LONG).await.is_empty());
}

#[tokio::test]
async fn a_failing_optional_task_stops_nothing() {
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("extra", Rule::OPTIONAL, async { Err("no matter") });
    assert!(tasks.join(LONG).await.is_empty());
    assert!(!tasks.shutdown().is_stopping());
}

#[tokio::test]
async fn a_panic_counts_as_an_error() {
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn("buggy", Rule::LOOP, async {
        if tasks_exist() {
            panic!("index out of range");
        }
        Ok::<(), Infallible>(())
    });
    let reason = tasks.shutdown().stopping().await.to_string();
    assert!(
        reason.contains("buggy") && reason.contains("index out of range"),
        "{reason}"
    );
}

fn tasks_exist() -> bool {
    true
}

#[tokio::test]
async fn at_the_end_an_abort_task_is_dropped_and_a_wait_task_finishes() {
    let tasks = Tasks::new(Shutdown::new());
    let (sent, received) = tokio::sync::oneshot::channel();
    tasks.spawn(
        "endless",
        Rule::LOOP,
        std::future::pending::<Result<(), Infallible>>(),
    );
    let stopping = tasks.shutdown().token();
    tasks.spawn("orderly", Rule::ESSENTIAL, async move {
        stopping.cancelled().await;
        sent.send("finished").map_err(|_| "nobody listens")
    });
    assert_eq!(tasks.running(), ["endless", "orderly"]);
    tasks.shutdown().stop(Reason::Asked("a test".to_owned()));
    assert!(tasks.join(LONG).await.is_empty());
    assert_eq!(received.await, Ok("finished"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ignores_the_end_is_named_and_dropped_at_the_deadline() {
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn(
        "deaf",
        Rule::ESSENTIAL,
        std::future::pending::<Result<(), Infallible>>(),
    );
    tasks.shutdown().stop(Reason::Asked("a test".to_owned()));
    assert_eq!(tasks.join(Duration::from_secs(5)).await, ["deaf"]);
    assert!(tasks.join(LONG).await.is_empty());
}

#[tokio::test]
async fn forcing_does_not_wait_for_the_deadline() {
    let tasks = Tasks::new(Shutdown::new());
    tasks.spawn(
        "deaf",
        Rule::ESSENTIAL,
        std::future::pending::<Result<(), Infallible>>(),
    );
    tasks.shutdown().force();
    assert_eq!(tasks.join(Duration::MAX).await, ["deaf"]);
}
