//! File and flags, together and alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::flags::default_path;
use super::*;

const TWO: &str = "\
current: demo
contexts:
  demo:
    address: https://127.0.0.11:5682
    addresses: [\"https://127.0.0.11:5682\", \"https://127.0.0.12:5682\"]
    ca: |
      -----BEGIN CERTIFICATE-----
      AAAA
      -----END CERTIFICATE-----
    token: top-secret
  east:
    address: https://127.0.0.21:5682
    caFile: ca.crt
    tokenFile: token
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("context.yaml"), TWO).unwrap();
    fs::write(folder.path().join("ca.crt"), "east CA").unwrap();
    fs::write(folder.path().join("token"), "east-token\n").unwrap();
    folder
}

fn flags(folder: &Path) -> ConnectionFlags {
    ConnectionFlags {
        config_file: Some(folder.join("context.yaml")),
        ..ConnectionFlags::default()
    }
}

#[test]
fn the_current_context_has_every_node_once() {
    let folder = folder();
    let target = Target::resolve(&flags(folder.path())).unwrap();
    let addresses: Vec<_> = target.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        ["https://127.0.0.11:5682/", "https://127.0.0.12:5682/"]
    );
    assert!(target.ca.starts_with("-----BEGIN"));
    assert_eq!(target.token.unwrap().expose(), "top-secret");
}

#[test]
fn files_of_a_context_are_relative_to_the_context_file() {
    let folder = folder();
    let flags = ConnectionFlags {
        context: Some("east".to_owned()),
        ..flags(folder.path())
    };
    let target = Target::resolve(&flags).unwrap();
    assert_eq!(target.ca, "east CA");
    assert_eq!(target.token.unwrap().expose(), "east-token");
}

#[test]
fn flags_override_the_file_and_suffice_without_it() {
    let folder = folder();
    let flags = ConnectionFlags {
        address: vec!["https://10.0.0.1:5682".to_owned()],
        token: Some("mine".to_owned()),
        ..flags(folder.path())
    };
    let target = Target::resolve(&flags).unwrap();
    assert_eq!(target.addresses, ["https://10.0.0.1:5682"]);
    assert_eq!(target.token.unwrap().expose(), "mine");
    assert!(
        target.ca.starts_with("-----BEGIN"),
        "the context's CA stays"
    );

    let context = Context {
        address: Some("http://127.0.0.1:5681".to_owned()),
        ..Context::default()
    };
    let target = Target::of(&context, Path::new("/nowhere")).unwrap();
    assert!(target.token.is_none());
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let folder = folder();
    let base = flags(folder.path());
    let cases = [
        (
            ConnectionFlags {
                context: Some("west".to_owned()),
                ..base.clone()
            },
            "it has: demo, east",
        ),
        (
            ConnectionFlags {
                config_file: Some(folder.path().join("none.yaml")),
                ..base.clone()
            },
            "--ca-file",
        ),
        (
            ConnectionFlags {
                address: vec!["http://10.0.0.1:5681".to_owned()],
                ..base.clone()
            },
            "in the clear",
        ),
        (
            ConnectionFlags {
                address: vec!["127.0.0.1:5682".to_owned()],
                ..base.clone()
            },
            "e.g. https://127.0.0.1:5682",
        ),
        (
            ConnectionFlags {
                token_file: Some(folder.path().join("none")),
                ..base
            },
            "--token-file",
        ),
    ];
    for (flags, words) in cases {
        let error = Target::resolve(&flags).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn neither_errors_nor_debug_output_show_the_token() {
    let folder = folder();
    let target = Target::resolve(&flags(folder.path())).unwrap();
    assert!(!format!("{target:?}").contains("top-secret"));
    let broken = TWO.replace(
        "token: top-secret",
        "token: top-secret\n    tokn: top-secret",
    );
    fs::write(folder.path().join("context.yaml"), broken).unwrap();
    let error = Target::resolve(&flags(folder.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("tokn"), "{error}");
    assert!(!error.contains("top-secret"), "{error}");
}

#[test]
fn a_saved_file_is_private_and_reads_back() {
    let folder = folder();
    let path = folder.path().join("deeper/context.yaml");
    let mut file = ContextFile::load(&folder.path().join("context.yaml")).unwrap();
    file.current = Some("east".to_owned());
    file.save(&path).unwrap();
    assert_eq!(ContextFile::load(&path).unwrap(), file);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_file_that_others_can_read_is_a_warning() {
    let folder = folder();
    let path = folder.path().join("context.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = Target::resolve(&flags(folder.path())).unwrap().warnings;
    assert!(
        warnings.iter().any(|text| text.contains("chmod 600")),
        "{warnings:?}"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(
        Target::resolve(&flags(folder.path()))
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[test]
fn the_default_path_follows_xdg_then_home() {
    let home = || Some(PathBuf::from("/home/jo"));
    assert_eq!(
        default_path(Some("/etc/xdg".into()), home()),
        PathBuf::from("/etc/xdg/torii/context.yaml")
    );
    assert_eq!(
        default_path(Some("relative".into()), home()),
        PathBuf::from("/home/jo/.config/torii/context.yaml")
    );
    assert_eq!(
        default_path(None, home()),
        PathBuf::from("/home/jo/.config/torii/context.yaml")
    );
}
