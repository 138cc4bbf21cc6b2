//! Figures: medians and p99 by nearest rank, a table for people and a flat map for programs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::rows::Row;
use crate::usage::Idle;

/// All figures of a run, in order of their measurement.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<(String, f64)>,
    rows: Vec<(String, usize, Quantiles)>,
    wrong: u64,
    asked: u64,
    notes: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Quantiles {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

impl Report {
    /// A row of durations: `<name>_p50_ms<suffix>` and `<name>_p99_ms<suffix>`.
    pub(crate) fn quantiles(&mut self, name: &str, suffix: &str, durations: &[Duration]) {
        let mut millis: Vec<f64> = durations
            .iter()
            .map(|duration| duration.as_secs_f64() * 1000.0)
            .collect();
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| {
            // Nearest rank.
            let rank = (share * millis.len() as f64).ceil().max(1.0) as usize;
            millis.get(rank - 1).copied().unwrap_or(f64::NAN)
        };
        let quantiles = Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: at(1.0),
        };
        self.figures
            .push((format!("{name}_p50_ms{suffix}"), quantiles.p50));
        self.figures
            .push((format!("{name}_p99_ms{suffix}"), quantiles.p99));
        self.rows
            .push((format!("{name}{suffix}"), millis.len(), quantiles));
    }

    /// Answers that were neither the old nor the new one.
    pub(crate) fn wrong(&mut self, header: &Row, backend: &Row, floor: &Row) {
        self.wrong += header.wrong + backend.wrong;
        self.asked += header.asked + backend.asked;
        for (what, row) in [("header", header), ("backend", backend), ("floor", floor)] {
            if let Some(example) = &row.example {
                self.notes.push(format!(
                    "{what}: {} wrong answers, the last was {example:?}",
                    row.wrong
                ));
            }
        }
    }

    /// What idle processes use.
    pub(crate) fn idle(&mut self, idle: &Idle) {
        self.figures.extend([
            ("idle_cpu_percent_global".to_owned(), idle.cpu_global),
            ("idle_cpu_percent_zone".to_owned(), idle.cpu_zone),
            ("rss_mib_global".to_owned(), idle.rss_global),
            ("rss_mib_zone".to_owned(), idle.rss_zone),
        ]);
    }

    /// The table.
    pub(crate) fn print(&self) {
        println!();
        println!(
            "Write to the first changed answer of a gateway in a zone, in ms (both zones; commit: the write's own answer)"
        );
        println!(
            "{:<24} {:>6} {:>9} {:>9} {:>9} {:>9}",
            "row", "n", "p50", "p90", "p99", "max"
        );
        for (name, count, q) in &self.rows {
            println!(
                "{name:<24} {count:>6} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
                q.p50, q.p90, q.p99, q.max
            );
        }
        println!();
        println!("wrong answers: {} of {}", self.wrong, self.asked);
        for (name, value) in self
            .figures
            .iter()
            .filter(|(name, _)| name.contains("idle") || name.contains("rss"))
        {
            println!("{name}: {value:.2}");
        }
        for note in &self.notes {
            println!("note: {note}");
        }
        println!(
            "floor = the same change pushed to an Envoy from prepared bytes, with no control plane"
        );
        println!(
            "reference (recordings of Kuma 2.13.9, same kind of machine): 2.3 s p50 with defaults, 0.1 s fastest"
        );
    }

    /// The flat map.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut map: BTreeMap<&str, f64> = self
            .figures
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        map.insert("wrong_answers", self.wrong as f64);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_vec_pretty(&map)?)
    }
}
