//! What processes use while nothing happens: CPU time and resident memory from the system's own accounts.

use std::error::Error;
use std::fs;
use std::time::Duration;

use crate::setup::Bench;

/// Averages over the nodes of the global and over the zones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    pub(crate) cpu_global: f64,
    pub(crate) cpu_zone: f64,
    pub(crate) rss_global: f64,
    pub(crate) rss_zone: f64,
}

/// Watches the control planes for a while; the worst process of each role is reported.
pub(crate) fn idle(bench: &Bench<'_>, time: Duration) -> Result<Idle, Box<dyn Error>> {
    let (globals, zones) = bench.process_ids()?;
    let before = |ids: &[u32]| -> Result<Vec<f64>, Box<dyn Error>> {
        ids.iter().map(|id| cpu_seconds(*id)).collect()
    };
    let (global_before, zone_before) = (before(&globals)?, before(&zones)?);
    std::thread::sleep(time);
    let percent = |ids: &[u32], before: &[f64]| -> Result<f64, Box<dyn Error>> {
        let mut worst: f64 = 0.0;
        for (id, before) in ids.iter().zip(before) {
            worst = worst.max((cpu_seconds(*id)? - before) / time.as_secs_f64() * 100.0);
        }
        Ok(worst)
    };
    let rss = |ids: &[u32]| -> Result<f64, Box<dyn Error>> {
        let mut worst: f64 = 0.0;
        for id in ids {
            worst = worst.max(resident_mib(*id)?);
        }
        Ok(worst)
    };
    Ok(Idle {
        cpu_global: percent(&globals, &global_before)?,
        cpu_zone: percent(&zones, &zone_before)?,
        rss_global: rss(&globals)?,
        rss_zone: rss(&zones)?,
    })
}

/// User and system time of a process. The clock tick of Linux's accounts is 10 ms.
fn cpu_seconds(id: u32) -> Result<f64, Box<dyn Error>> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name in brackets may have blanks: fields count from behind it.
    let (_, fields) = stat
        .rsplit_once(") ")
        .ok_or("unexpected format of /proc/PID/stat")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    Ok((ticks(11) + ticks(12)) / TICKS_PER_SECOND)
}

fn resident_mib(id: u32) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .ok_or("no VmRSS in /proc/PID/status")?;
    Ok(kib / 1024.0)
}
