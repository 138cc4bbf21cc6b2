//! For tests: the folder of shared material beside the repository, or a skip.

#![allow(
    clippy::panic,
    clippy::disallowed_methods,
    dead_code,
    reason = "test support, shared by several tests"
)]

pub(crate) mod policies;

use std::path::{Path, PathBuf};

/// The shared folder; `None`, with a printed word, where there is none and `TORII_REQUIRE` does not ask for it.
pub(crate) fn folder() -> Option<PathBuf> {
    let found = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .ancestors()
                .map(|folder| folder.join("shared"))
                .find(|folder| folder.join("recordings").is_dir())
        });
    if found.is_none() {
        let required = std::env::var("TORII_REQUIRE").is_ok_and(|names| names.contains("shared"));
        assert!(
            !required,
            "TORII_REQUIRE names shared, but there is no such folder"
        );
        println!("skipped: no shared folder beside the repository");
    }
    found
}

/// The JSON lines of a recording.
pub(crate) fn lines(folder: &Path, name: &str) -> Vec<serde_json::Value> {
    let path = folder.join("recordings").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}
