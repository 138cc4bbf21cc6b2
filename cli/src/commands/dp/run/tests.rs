//! A zone and an Envoy that are not real, and a bootstrap that is written down.

use clap::Parser;
use serde_json::Value;

use crate::testing::{Fake, Reply};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    run: Run,
}

const DATAPLANE: &str = "\
type: Dataplane
mesh: default
name: {{ name }}
networking:
  address: 127.0.0.1
  gateway:
    type: BUILTIN
    tags:
      kuma.io/service: edge-gateway
";

const ENVOY: &str = "#!/bin/sh
echo 'envoy  version: x/1.40.0/Clean/RELEASE/BoringSSL'
";

fn write(folder: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

fn line(folder: &Path, zone: &Fake, more: &[&str]) -> Run {
    let dataplane = write(folder, "dp.yaml", DATAPLANE, 0o600);
    let token = write(folder, "dp.token", "aa.bb.cc\n", 0o600);
    let ca = write(folder, "ca.crt", &zone.ca, 0o644);
    let envoy = write(folder, "envoy", ENVOY, 0o755);
    let url = zone.url();
    let mut words = vec!["run", "--cp-address", &url, "--ca-cert-file", &ca];
    words.extend([
        "--dataplane-file",
        &dataplane,
        "--dataplane-token-file",
        &token,
    ]);
    words.extend(["--envoy", &envoy]);
    words.extend(more);
    Line::try_parse_from(words).unwrap().run
}

#[tokio::test]
async fn the_bootstrap_is_private_and_the_request_says_who_we_are() {
    let zone = Fake::https(&[Reply::say(200, r#"{"bootstrap":"bm9kZToge30K"}"#)]).await;
    let folder = tempfile::tempdir().unwrap();
    let run = line(folder.path(), &zone, &["--dataplane-var", "name=gw-1"]);
    let prepared = run.prepare().await.unwrap();

    assert_eq!(
        fs::read_to_string(&prepared.bootstrap).unwrap(),
        "node: {}\n"
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&prepared.bootstrap), 0o600);
    assert_eq!(mode(prepared.folder.path()), 0o700);

    let seen = zone.seen();
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(
        (&body["mesh"], &body["name"]),
        (&"default".into(), &"gw-1".into())
    );
    assert_eq!(body["dataplaneToken"], "aa.bb.cc");
    assert_eq!(body["caCert"], zone.ca);
    assert_eq!(body["version"]["envoy"]["version"], "1.40.0");
    let resource: Value =
        serde_json::from_str(body["dataplaneResource"].as_str().unwrap()).unwrap();
    assert_eq!(resource["networking"]["gateway"]["type"], "BUILTIN");
    let path = body["dataplaneTokenPath"].as_str().unwrap();
    assert!(Path::new(path).is_absolute(), "{path}");

    let temporary = prepared.folder.path().to_owned();
    drop(prepared);
    assert!(
        !temporary.exists(),
        "the folder has a token in it and must not stay"
    );
}

#[tokio::test]
async fn what_is_wrong_on_the_command_line_is_said_before_the_zone_is_asked() {
    let zone = Fake::https(&[Reply::say(200, "{}")]).await;
    let folder = tempfile::tempdir().unwrap();
    let http = zone.url().replace("https", "http");
    let cases: [(&[&str], &str); 4] = [
        (&[], "--dataplane-var name=VALUE"),
        (
            &["-v", "name=a", "--envoy", "/nowhere/envoy"],
            "/nowhere/envoy",
        ),
        (
            &["-v", "name=a", "--ca-cert-file", "/nowhere/ca"],
            "--ca-cert-file",
        ),
        (&["-v", "name=a", "--cp-address", &http], "--cp-address"),
    ];
    for (more, words) in cases {
        let run = line(folder.path(), &zone, &[]);
        let run = with(run, more);
        let error = run
            .prepare()
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(zone.seen().is_empty());
}

fn with(mut run: Run, more: &[&str]) -> Run {
    for pair in more.chunks(2) {
        match pair {
            ["-v", value] => run.variables.push(variable(value).unwrap()),
            ["--envoy", path] => run.envoy = Some(path.into()),
            ["--ca-cert-file", path] => run.ca_cert_file = path.into(),
            ["--cp-address", url] => run.cp_address = url.parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }
    run
}

#[test]
fn a_bootstrap_in_a_given_folder_replaces_one_that_others_could_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "bootstrap.yaml", "old", 0o644);
    let given = Folder::Given(folder.path().to_owned());
    let path = given.write("bootstrap.yaml", b"new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn kuma_dps_command_line_is_taken() {
    let words = "run --cp-address https://127.0.0.1:5678 --ca-cert-file ca --dns-enabled=false --dataplane-token-file t \
                 --dataplane-file f --binary-path /usr/bin/envoy --concurrency 2 --config-dir /tmp/x";
    let run = Line::try_parse_from(words.split_whitespace()).unwrap().run;
    assert!(!run.dns_enabled);
    assert_eq!(run.envoy, Some(PathBuf::from("/usr/bin/envoy")));
    assert_eq!(run.work_dir, Some(PathBuf::from("/tmp/x")));
}
