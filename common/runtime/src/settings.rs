//! Settings files and defaults that every process has: read once, at start.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the settings file {path} is not valid: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        reason: String,
    },
}

/// Reads a YAML file of settings; without a path, the defaults.
///
/// # Errors
/// When the file cannot be read, is not YAML, or has a key that `T` does not know.
pub fn read<T: DeserializeOwned + Default>(path: Option<&Path>) -> Result<T, SettingsError> {
    let Some(path) = path else {
        return Ok(T::default());
    };
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_saphyr::from_str(&text).map_err(|error| SettingsError::Parse {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// `$XDG_DATA_HOME/torii/NAME`, else `~/.local/share/torii/NAME`; `None` without a home directory.
pub fn default_data_dir(name: &str) -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_DATA_HOME") {
        Some(base) if !base.is_empty() => PathBuf::from(base),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".local/share"),
    };
    Some(base.join("torii").join(name))
}

/// What a list's flags say; what the file says when there are none.
pub fn list(flags: Vec<String>, file: Vec<String>) -> Vec<String> {
    if flags.is_empty() { file } else { flags }
}

/// Where a port without TLS listens, unless told otherwise: the process's own address when that is a loopback one,
/// else 127.0.0.1.
pub fn loopback(own: IpAddr) -> IpAddr {
    if own.is_loopback() {
        own
    } else {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }
}
