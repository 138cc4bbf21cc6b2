//! The process's own figures, read from `/proc` when somebody asks.

use std::fmt::Write as _;
use std::fs;

/// Linux reports CPU time to programs in units of 1/100 s, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends the figures in Prometheus's text format; those that cannot be read are left out.
pub(crate) fn render(text: &mut String) {
    let mut add = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
            );
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").ok();
    let status = fs::read_to_string("/proc/self/status").ok();
    let descriptors = fs::read_dir("/proc/self/fd")
        .ok()
        .map(|entries| entries.count() as f64);
    add(
        "process_cpu_seconds_total",
        "counter",
        "CPU time of the process.",
        stat.as_deref().and_then(cpu_seconds),
    );
    add(
        "process_resident_memory_bytes",
        "gauge",
        "Memory in use.",
        status
            .as_deref()
            .and_then(|status| field(status, "VmRSS:"))
            .map(|kibibytes| kibibytes * 1024.0),
    );
    add(
        "process_threads",
        "gauge",
        "Threads of the process.",
        status
            .as_deref()
            .and_then(|status| field(status, "Threads:")),
    );
    add(
        "process_open_fds",
        "gauge",
        "Open file descriptors.",
        descriptors,
    );
}

/// User and system time: fields 14 and 15 of `proc(5)`'s stat, counted after the command name, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_command_name_with_brackets_and_blanks() {
        let stat = "7 (a) b c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (x)"), None);
    }

    #[test]
    fn the_figures_of_this_process_are_there() {
        let mut text = String::new();
        render(&mut text);
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_threads",
            "process_open_fds",
        ] {
            assert!(text.contains(&format!("\n{name} ")), "{name} in {text}");
        }
    }
}
