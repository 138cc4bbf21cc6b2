//! `torii translate` as a user runs it: the binary under test, files, standard input and output.

#![expect(clippy::unwrap_used, reason = "tests, their functions included")]

mod golden;
mod output;
mod refused;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A gateway and what is behind it; one backend is served by nobody.
const SITE: &str = include_str!("site.yaml");
const PROXY: &str = "default/edge-1";

/// Runs the command; `input` is its standard input.
fn translate(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_torii"))
        .arg("translate")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The answer of a run that must succeed.
fn done(arguments: &[&str], input: &str) -> String {
    let output = translate(arguments, input);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        stderr(&output)
    );
    stdout(&output)
}

/// As [`done`], read as JSON.
fn json(arguments: &[&str], input: &str) -> Value {
    serde_json::from_str(&done(&[arguments, &["-o", "json"]].concat(), input)).unwrap()
}

/// The repository's sibling `shared`, or none with a word about it.
fn shared() -> Option<PathBuf> {
    let found = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .ancestors()
                .map(|folder| folder.join("shared"))
                .find(|shared| shared.join("golden").is_dir())
        });
    if found.is_none() {
        let required = std::env::var("TORII_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("shared"),
            "shared is required and not there"
        );
        println!("skipped: no shared");
    }
    found
}
