//! Which Envoy, which version, which arguments.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::DataplaneError;

/// Envoy's version as it reports itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoyVersion {
    /// E.g. `1.40.0`.
    pub version: String,
    /// All five parts: revision, version, status, build type, TLS library.
    pub build: String,
}

/// How Envoy is run.
#[derive(Clone, Debug)]
pub(crate) struct EnvoyOptions {
    /// Worker threads; `None`: as many as the CPUs that the process may use.
    pub(crate) concurrency: Option<u32>,
    /// Log level.
    pub(crate) log_level: String,
    /// Log levels of single components.
    pub(crate) component_log_level: Option<String>,
    /// How long connections of a removed listener may go on.
    pub(crate) drain_time: Duration,
}

impl EnvoyOptions {
    /// Envoy's arguments (control-plane-api §15.4 point 5).
    pub(crate) fn arguments(&self, bootstrap: &Path) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--config-path".into(), bootstrap.into()];
        let mut add = |words: [&str; 2]| arguments.extend(words.map(OsString::from));
        add(["--drain-time-s", &self.drain_time.as_secs().to_string()]);
        add(["--drain-strategy", "immediate"]);
        add(["--log-level", &self.log_level]);
        if let Some(levels) = &self.component_log_level {
            add(["--component-log-level", levels]);
        }
        if let Some(count) = self.concurrency {
            add(["--concurrency", &count.to_string()]);
        } else if cfg!(target_os = "linux") {
            arguments.push("--cpuset-threads".into());
        }
        arguments.push("--disable-hot-restart".into());
        arguments
    }
}

/// The Envoy to use: the one named, else the one on PATH, else the one that `make envoy` installs into `.envoy/` of this
/// folder or one above.
///
/// # Errors
/// When there is none.
pub fn find_envoy(named: Option<&Path>) -> Result<PathBuf, DataplaneError> {
    let here = env::current_dir().unwrap_or_default();
    search(named, env::var_os("PATH"), &here)
        .map_err(|looked| DataplaneError::NoEnvoy(looked.join(", ")))
}

fn search(
    named: Option<&Path>,
    path: Option<OsString>,
    here: &Path,
) -> Result<PathBuf, Vec<String>> {
    if let Some(named) = named.filter(|named| named.components().count() > 1) {
        return if named.is_file() {
            Ok(named.to_owned())
        } else {
            Err(vec![named.display().to_string()])
        };
    }
    let name = named.unwrap_or_else(|| Path::new("envoy"));
    let folders = path
        .as_ref()
        .map(|path| env::split_paths(path).collect::<Vec<_>>());
    let on_path = folders
        .unwrap_or_default()
        .into_iter()
        .map(|folder| folder.join(name));
    let installed = here
        .ancestors()
        .map(|folder| folder.join(".envoy/bin").join(name));
    let found = on_path.chain(installed).find(|file| file.is_file());
    found.ok_or_else(|| {
        vec![
            "PATH".to_owned(),
            here.join(".envoy/bin").display().to_string(),
        ]
    })
}

/// Asks an Envoy for its version.
///
/// # Errors
/// When it does not run or answers otherwise than Envoy does.
pub(crate) async fn version(envoy: &Path) -> Result<EnvoyVersion, DataplaneError> {
    let bad = |reason: String| DataplaneError::BadEnvoy {
        path: envoy.to_owned(),
        reason,
    };
    let mut command = tokio::process::Command::new(envoy);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(30), command.output())
        .await
        .map_err(|_| bad("no answer to --version within 30 s".to_owned()))?
        .map_err(|error| bad(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).ok_or_else(|| {
        let words: String = text.trim().chars().take(200).collect();
        bad(format!(
            "--version ended with {} and said {words:?}",
            output.status
        ))
    })
}

/// `envoy  version: REVISION/1.40.0/Clean/RELEASE/BoringSSL`
fn parse_version(text: &str) -> Option<EnvoyVersion> {
    let build = text.split_once("version:")?.1.trim();
    let parts: Vec<&str> = build.split('/').collect();
    let version = parts.get(1).filter(|_| parts.len() == 5)?;
    Some(EnvoyVersion {
        version: (*version).to_owned(),
        build: build.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_has_five_parts() {
        let text = "\n/usr/bin/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        let version = parse_version(text).unwrap();
        assert_eq!(version.version, "1.40.0");
        assert_eq!(version.build, "9e55/1.40.0/Clean/RELEASE/BoringSSL");
        assert_eq!(parse_version("version: 1.40.0"), None);
        assert_eq!(parse_version("usage: envoy"), None);
    }

    #[test]
    fn arguments_are_those_of_kuma_dp() {
        let options = EnvoyOptions {
            concurrency: Some(2),
            log_level: "warn".to_owned(),
            component_log_level: None,
            drain_time: Duration::from_secs(30),
        };
        let arguments = options.arguments(Path::new("/w/bootstrap.yaml"));
        let text: Vec<_> = arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        assert_eq!(
            text.join(" "),
            "--config-path /w/bootstrap.yaml --drain-time-s 30 --drain-strategy immediate --log-level warn \
             --concurrency 2 --disable-hot-restart"
        );
    }

    #[test]
    fn a_named_envoy_wins_then_path_then_the_installed_one() {
        let folder = tempfile::tempdir().unwrap();
        let installed = folder.path().join(".envoy/bin/envoy");
        let on_path = folder.path().join("bin/envoy");
        for file in [&installed, &on_path] {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        let here = folder.path().join("deep/er");
        let path = Some(OsString::from(on_path.parent().unwrap()));
        assert_eq!(
            search(Some(&installed), path.clone(), &here),
            Ok(installed.clone())
        );
        assert_eq!(search(None, path, &here), Ok(on_path));
        assert_eq!(search(None, None, &here), Ok(installed));
        let missing = folder.path().join("none/envoy");
        assert!(search(Some(&missing), None, &here).is_err());
    }
}
