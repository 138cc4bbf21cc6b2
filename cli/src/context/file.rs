//! The context file: named control planes, and which one is meant when none is named.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Secret;

/// What is wrong with the context file, or with what it leads to.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Neither a file nor flags say where the control plane is.
    #[error(
        "no control plane is known: there is no context file at {}; name one with --config-file (a control plane writes \
         it at first start), or give --address, --ca-file and --token-file",
        .0.display()
    )]
    Nowhere(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the context file {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the context file {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a context file.
    #[error("the context file {} cannot be understood: {reason}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser said, without the file's text.
        reason: String,
    },
    /// No context of that name.
    #[error("there is no context {name:?} in {}; it has: {}", .path.display(), list(.known))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// Names that it has.
        known: Vec<String>,
    },
    /// The file says `current` nowhere and has not exactly one context.
    #[error("{} does not say which context is current; choose with --context or `torii context use`: {}", .path.display(), list(.known))]
    NoCurrent {
        /// The file.
        path: PathBuf,
        /// Names that it has.
        known: Vec<String>,
    },
    /// A field or flag of the connection is wrong.
    #[error("{field}: {reason}")]
    Invalid {
        /// Flag, or field of the file.
        field: String,
        /// Why, and what to do.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// The file as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextFile {
    /// Name of the context to use when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Contexts by name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Context {
    /// Where its REST API is, e.g. `https://127.0.0.1:5682`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Further nodes of the same control plane: the next one is asked when one does not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Certificate of the CA that the control plane's certificate is from, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The same in a file; relative paths start at the context file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// User token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The same in a file; relative paths start at the context file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

impl ContextFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not a context file.
    pub fn load(path: &Path) -> Result<Self, ContextError> {
        let text = fs::read_to_string(path).map_err(|source| ContextError::Read {
            path: path.to_owned(),
            source,
        })?;
        // Without a snippet: it would show the token.
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(&text, options).map_err(|error| ContextError::Syntax {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Writes the file so that only its owner can read it, in one step: a reader sees the old or the new one.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ContextError> {
        let failed = |source: io::Error| ContextError::Write {
            path: path.to_owned(),
            source,
        };
        let text = serde_saphyr::to_string(self)
            .map_err(|error| failed(io::Error::other(error.to_string())))?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        // `NamedTempFile` is made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// The context of that name, or the current one, or the only one.
    ///
    /// # Errors
    /// When there is none of that name, or none is current.
    pub fn choose<'a>(
        &'a self,
        name: Option<&str>,
        path: &Path,
    ) -> Result<(&'a str, &'a Context), ContextError> {
        let known = || self.contexts.keys().cloned().collect::<Vec<_>>();
        let Some(name) = name.or(self.current.as_deref()) else {
            return match self.contexts.iter().next() {
                Some((name, context)) if self.contexts.len() == 1 => Ok((name, context)),
                _ => Err(ContextError::NoCurrent {
                    path: path.to_owned(),
                    known: known(),
                }),
            };
        };
        self.contexts
            .get_key_value(name)
            .map(|(name, context)| (name.as_str(), context))
            .ok_or_else(|| ContextError::Unknown {
                path: path.to_owned(),
                name: name.to_owned(),
                known: known(),
            })
    }
}

/// A sentence when others than the owner can read the file, which has a token in it.
pub(crate) fn exposure(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        format!(
            "the context file {0} can be read by others (mode {mode:04o}); it has a token in it: chmod 600 {0}",
            path.display()
        )
    })
}
