//! Propagation: how long a change takes from the write to a gateway's first changed answer, on the real processes of
//! the demo, in release builds. Prints a table and writes `target/bench/propagation.json`.
//!
//! `cargo bench -p torii-cli --bench propagation`; `TORII_BENCH_CHANGES` changes how many changes a row has (200).

mod floor;
mod probe;
mod rows;
mod setup;
mod stats;
mod usage;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use crate::rows::Change;
use crate::setup::Bench;
use crate::stats::Report;

/// Other routes in the second half of the rows.
const OTHERS: usize = 500;
/// How long idle processes are watched.
const IDLE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` and `cargo bench -- --list` only look at what there is.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return Ok(());
    }
    torii_auth::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let changes = std::env::var("TORII_BENCH_CHANGES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    let mut report = Report::default();
    let bench = Bench::start(&runtime)?;

    for (others, suffix) in [(0, ""), (OTHERS, "_500")] {
        bench.others(others)?;
        let header = rows::run(&bench, Change::Header, changes)?;
        let backend = rows::run(&bench, Change::Backend, changes)?;
        let floor = rows::floor(&bench, others, changes)?;
        if others == 0 {
            report.quantiles("commit", "", &header.commits);
        }
        report.quantiles("header", suffix, &header.seen);
        report.quantiles("backend", suffix, &backend.seen);
        report.quantiles("backend_floor", suffix, &floor.seen);
        report.wrong(&header, &backend, &floor);
    }
    let idle = usage::idle(&bench, IDLE)?;
    report.idle(&idle);
    bench.stop();
    report.print();
    // The workspace's target folder, whatever folder the benchmark runs in.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    report.write(&target.join("propagation.json"))?;
    Ok(())
}
