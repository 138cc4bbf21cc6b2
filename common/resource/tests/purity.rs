//! PURE crates have no direct dependency that does I/O (decisions.md, Purity).

use std::path::Path;

const PURE: [&str; 3] = ["common/resource", "zone/mesh", "zone/render"];
const IMPURE: [&str; 14] = [
    "tokio",
    "tokio-stream",
    "tokio-util",
    "tonic",
    "tonic-prost",
    "sled",
    "axum",
    "tower",
    "kube",
    "hyper",
    "hyper-util",
    "openraft",
    "rustls",
    "rand",
];

/// Names in the manifest's `[dependencies]`, renamed and target-specific ones included.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let table = section.rsplit('.').next().unwrap_or_default();
            inside = table == "dependencies";
            if let Some((_, name)) = section
                .split_once("dependencies.")
                .filter(|_| !section.contains("dev-"))
            {
                names.push(name.to_owned());
            }
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.']).next().unwrap_or_default().trim();
            names.extend((!name.is_empty()).then(|| name.trim_matches('"').to_owned()));
        }
    }
    names
}

#[test]
fn pure_crates_name_no_io_library() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in PURE {
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap();
        let names = dependencies(&manifest);
        assert!(
            !names.is_empty(),
            "{folder}: no dependencies found: the reader is wrong"
        );
        for name in names {
            assert!(
                !IMPURE.contains(&name.as_str()),
                "{folder} is PURE and names {name}"
            );
        }
    }
}

#[test]
fn pure_crates_ban_clock_environment_and_unordered_maps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in PURE {
        let path = root.join(folder).join("clippy.toml");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for name in [
            "std::time::Instant",
            "std::time::SystemTime",
            "std::collections::HashMap",
            "std::env::var",
        ] {
            assert!(
                text.contains(&format!("\"{name}\"")),
                "{} does not ban {name}",
                path.display()
            );
        }
    }
}

#[test]
fn the_reader_sees_every_form_of_a_dependency() {
    let manifest = "[dependencies]\na.workspace = true\nb = \"1\"\n# c = 1\n[dependencies.d]\nversion = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\ne = \"1\"\n[dev-dependencies]\nf = \"1\"\n";
    assert_eq!(dependencies(manifest), ["a", "b", "d", "e"]);
}
