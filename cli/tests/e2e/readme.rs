//! The commands of the README, run as a new user would: in their order, with an empty home.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};
use torii_cli::playground::{Probe, wait_until};

use crate::{DEADLINE, binary, with_envoy};

/// Commands that stay, and where they say that they are ready.
const SERVERS: &[(&str, &str)] = &[
    ("torii global run", "http://127.0.0.1:5680/ready"),
    ("torii zone run", "http://127.0.0.21:5680/ready"),
    ("torii demo-app", "http://127.0.0.21:5000/"),
    ("torii dp run", "http://127.0.0.1:9901/ready"),
];

/// The commands of the first block below "By hand", continuation lines joined.
fn commands(readme: &str) -> Vec<String> {
    let (_, section) = readme.split_once("## By hand").unwrap();
    let block = section.split("```").nth(1).unwrap();
    block
        .replace("\\\n", " ")
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("torii ") || line.starts_with("curl "))
        .map(str::to_owned)
        .collect()
}

fn shell(command: &str, home: &Path, envoy: &Path) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(home)
        .env("HOME", home)
        .env("PATH", format!("{}:{path}", home.join("bin").display()))
        .env("TORII_ENVOY", envoy)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .env_remove("TORII_CONFIG")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    shell
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_commands_work_as_they_stand() {
    let Some(options) = with_envoy() else { return };
    let envoy: PathBuf = options.envoy.unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(binary(), home.path().join("bin/torii")).unwrap();
    std::os::unix::fs::symlink(root.join("deploy"), home.path().join("deploy")).unwrap();
    let commands = commands(&std::fs::read_to_string(root.join("README.md")).unwrap());
    assert!(commands.len() >= 10, "{commands:?}");

    let probe = Probe::new();
    let mut servers: Vec<Child> = Vec::new();
    for command in commands {
        if let Some((_, ready)) = SERVERS.iter().find(|(start, _)| command.starts_with(start)) {
            let mut server = shell(&format!("exec {command}"), home.path(), &envoy);
            servers.push(
                server
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap(),
            );
            wait_until(&command, DEADLINE, || async {
                let answer = probe.get(ready, None).await?;
                answer.status.is_success().then_some(()).ok_or(answer.body)
            })
            .await
            .unwrap();
            continue;
        }
        let done = shell(&command, home.path(), &envoy).output().await.unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(done.status.success(), "{command}: {out}{err}");
        if command.starts_with("curl ") {
            assert!(out.contains("hello"), "{command}: {out}");
        }
    }
    for server in servers.iter_mut().rev() {
        let id = server.id().unwrap();
        Command::new("kill")
            .arg(id.to_string())
            .status()
            .await
            .unwrap();
        server.wait().await.unwrap();
    }
}

/// Paths in backquotes that look like files of the repository.
#[test]
fn every_path_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = [
        "proto/", "common/", "global/", "zone/", "cli/", "chaos/", "deploy/", "docs/",
    ];
    let mut documents = vec![
        root.join("README.md"),
        root.join("ARCHITECTURE.md"),
        root.join("CONTRIBUTING.md"),
    ];
    let decisions = std::fs::read_dir(root.join("docs/decisions")).unwrap();
    documents.extend(decisions.map(|entry| entry.unwrap().path()));
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for named in text.split('`').skip(1).step_by(2) {
            let file = named.split_whitespace().next().unwrap_or_default();
            if folders.iter().any(|folder| file.starts_with(folder))
                && !file.contains(['*', 'N', '<', '{'])
            {
                assert!(
                    root.join(file).exists() || root.join(format!("{file}.rs")).exists(),
                    "{document:?} names {file}"
                );
            }
        }
    }
}
