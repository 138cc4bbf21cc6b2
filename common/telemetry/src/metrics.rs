//! Metrics: the recorder, its buckets, and the rules for names.
//!
//! Crates record with the `metrics` macros and describe what they record with a `&[Description]`.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::process;

/// Upper bounds of histogram buckets, in seconds: 0.1 ms to 10 s.
pub const BUCKETS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.0125, 0.02, 0.03, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What the servers of `torii-runtime` record.
pub const SERVERS: &[Description] = &[
    Description::new(
        "torii_server_connections",
        Type::Gauge,
        "Open connections, by server.",
    ),
    Description::new(
        "torii_server_handshake_failures_total",
        Type::Counter,
        "TLS handshakes that failed or took too long, by server.",
    ),
];

/// Samples of histograms wait in memory until they are put into buckets: at a scrape, or after this long without one.
const UPKEEP: Duration = Duration::from_secs(60);

/// Kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// A value of now.
    Gauge,
    /// A distribution; its name ends in its unit, `_seconds` or `_bytes`.
    Histogram,
}

/// A metric's name, type and meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Snake case, unit last, e.g. `torii_store_commit_seconds`.
    pub name: &'static str,
    /// Kind of the metric.
    pub kind: Type,
    /// A sentence for `# HELP`.
    pub help: &'static str,
}

impl Description {
    /// A description from its parts.
    pub const fn new(name: &'static str, kind: Type, help: &'static str) -> Self {
        Self { name, kind, help }
    }
}

/// The recorder could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(String);

/// The process's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Installs the recorder of the process. `labels` are put on every metric, e.g. `[("zone", "east")]`.
    ///
    /// # Errors
    /// On the second call in a process.
    pub fn install(labels: &[(&str, &str)]) -> Result<Self, MetricsError> {
        let recorder = builder(labels)?.build_recorder();
        let metrics = Self(recorder.handle());
        metrics::set_global_recorder(recorder).map_err(|error| MetricsError(error.to_string()))?;
        describe(SERVERS);
        Ok(metrics)
    }

    /// All metrics in Prometheus's text format, with the process's own figures read now.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        let mut text = self.0.render();
        process::render(&mut text);
        text
    }

    /// Keeps memory bounded when nobody scrapes. To be spawned as a task; ends with `stop`.
    pub async fn upkeep(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(UPKEEP) => self.0.run_upkeep(),
            }
        }
    }
}

fn builder(labels: &[(&str, &str)]) -> Result<PrometheusBuilder, MetricsError> {
    let builder = PrometheusBuilder::new()
        .set_buckets(BUCKETS)
        .map_err(|error| MetricsError(error.to_string()))?;
    Ok(labels.iter().fold(builder, |builder, (key, value)| {
        builder.add_global_label(*key, *value)
    }))
}

/// Registers help texts with the installed recorder.
pub fn describe(descriptions: &[Description]) {
    for Description { name, kind, help } in descriptions {
        match kind {
            Type::Counter => metrics::describe_counter!(*name, *help),
            Type::Gauge => metrics::describe_gauge!(*name, *help),
            Type::Histogram => metrics::describe_histogram!(*name, *help),
        }
    }
}

/// What is wrong with the names, one sentence each; for tests. Names are unique, snake case, and end in their unit.
pub fn name_problems(descriptions: &[Description]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for Description { name, kind, help } in descriptions {
        if !seen.insert(name) {
            problems.push(format!("{name}: described twice"));
        }
        let words = name.split('_').all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        if !words || name.starts_with(|c: char| c.is_ascii_digit()) {
            problems.push(format!("{name}: not snake case"));
        }
        if help.is_empty() {
            problems.push(format!("{name}: no help text"));
        }
        let unit = name.rsplit('_').next().unwrap_or_default();
        let fits = match kind {
            Type::Counter => unit == "total",
            Type::Histogram => matches!(unit, "seconds" | "bytes"),
            Type::Gauge => !matches!(
                unit,
                "total" | "ms" | "millis" | "milliseconds" | "us" | "mb" | "mib" | "kb" | "percent"
            ),
        };
        if !fits {
            problems.push(format!("{name}: a {kind:?} may not end in `{unit}`"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_this_crate_keep_the_rules() {
        assert_eq!(name_problems(SERVERS), Vec::<String>::new());
    }

    #[test]
    fn bad_names_are_found() {
        let bad = [
            Description::new("torii_commit_ms", Type::Histogram, "x"),
            Description::new("torii_Writes_total", Type::Counter, "x"),
            Description::new("torii_writes", Type::Counter, "x"),
            Description::new("torii_rss_mib", Type::Gauge, "x"),
            Description::new("torii__things", Type::Gauge, "x"),
            Description::new("torii_nodes", Type::Gauge, ""),
            Description::new("torii_nodes", Type::Gauge, "x"),
        ];
        assert_eq!(name_problems(&bad).len(), bad.len());
    }

    #[test]
    fn a_recorded_histogram_is_rendered_with_buckets_help_and_labels() {
        let recorder = builder(&[("zone", "east")]).unwrap().build_recorder();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            describe(&[Description::new(
                "torii_test_seconds",
                Type::Histogram,
                "A test.",
            )]);
            metrics::histogram!("torii_test_seconds").record(0.0042);
        });
        let text = metrics.render();
        assert!(text.contains("# HELP torii_test_seconds A test."), "{text}");
        assert!(
            text.contains(r#"torii_test_seconds_bucket{zone="east",le="0.003"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(r#"torii_test_seconds_bucket{zone="east",le="0.005"} 1"#),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }
}
