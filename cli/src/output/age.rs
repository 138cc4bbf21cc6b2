//! How long ago something was.

use jiff::Timestamp;

/// `12s`, `5m`, `3h`, `9d`; `-` for a time that lies ahead or cannot be read.
pub(crate) fn since(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else {
        return "-".to_owned();
    };
    let seconds = now.as_second() - time.as_second();
    match seconds {
        ..0 => "-".to_owned(),
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let cases = [
            ("2026-03-01T11:59:01Z", "59s"),
            ("2026-03-01T11:00:00Z", "60m"),
            ("2026-03-01T09:00:00Z", "3h"),
            ("2026-02-20T12:00:00Z", "9d"),
            ("2026-03-01T12:00:01Z", "-"),
            ("yesterday", "-"),
        ];
        for (time, age) in cases {
            assert_eq!(since(time, now), age, "{time}");
        }
    }
}
