//! From file and flags to one control plane that can be called.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::Uri;

use super::file::exposure;
use super::{ConnectionFlags, Context, ContextError, ContextFile, Secret};

/// A control plane: where it is, whom to trust, who we are.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its nodes, in the order in which they are tried; never empty.
    pub addresses: Vec<Uri>,
    /// PEM of the CA; empty only when every address is plain HTTP.
    pub ca: String,
    /// User token.
    pub token: Option<Secret>,
    /// What the user should know before the call, e.g. that others can read the token.
    pub warnings: Vec<String>,
}

impl Target {
    /// What file and flags together say.
    ///
    /// # Errors
    /// When a file cannot be read, or something is missing or wrong; says which flag or field.
    pub fn resolve(flags: &ConnectionFlags) -> Result<Self, ContextError> {
        let path = flags.path();
        let wanted =
            flags.context.is_some() || flags.config_file.is_some() || flags.address.is_empty();
        let (context, warnings) = if path.exists() {
            let file = ContextFile::load(&path)?;
            match file.choose(flags.context.as_deref(), &path) {
                Ok((_, context)) => (context.clone(), exposure(&path).into_iter().collect()),
                // The flags say enough without the file.
                Err(ContextError::NoCurrent { .. }) if !wanted => (Context::default(), Vec::new()),
                Err(error) => return Err(error),
            }
        } else if wanted {
            return Err(ContextError::Nowhere(path));
        } else {
            (Context::default(), Vec::new())
        };
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::merge(flags, &context, &folder, warnings)
    }

    /// A context without flags; relative paths start at `folder`.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn of(context: &Context, folder: &Path) -> Result<Self, ContextError> {
        Self::merge(&ConnectionFlags::default(), context, folder, Vec::new())
    }

    fn merge(
        flags: &ConnectionFlags,
        context: &Context,
        folder: &Path,
        warnings: Vec<String>,
    ) -> Result<Self, ContextError> {
        let addresses = addresses(flags, context)?;
        let ca = match (&flags.ca_file, &context.ca, &context.ca_file) {
            (Some(file), _, _) => read("--ca-file", file)?,
            (None, Some(pem), _) => pem.clone(),
            (None, None, Some(file)) => read("caFile", &folder.join(file))?,
            (None, None, None) => String::new(),
        };
        if ca.is_empty()
            && addresses
                .iter()
                .any(|address| address.scheme_str() == Some("https"))
        {
            return Err(ContextError::Invalid {
                field: "--ca-file".to_owned(),
                reason: "the control plane's certificate cannot be checked without the certificate of its CA; \
                         give that file, or a context that has it"
                    .to_owned(),
            });
        }
        let token = match (
            &flags.token,
            &flags.token_file,
            &context.token,
            &context.token_file,
        ) {
            (Some(token), ..) => Some(Secret::new(token)),
            (None, Some(file), ..) => Some(Secret::new(&read("--token-file", file)?)),
            (None, None, Some(token), _) => Some(token.clone()),
            (None, None, None, Some(file)) => {
                Some(Secret::new(&read("tokenFile", &folder.join(file))?))
            }
            (None, None, None, None) => None,
        };
        Ok(Self {
            addresses,
            ca,
            token,
            warnings,
        })
    }
}

fn addresses(flags: &ConnectionFlags, context: &Context) -> Result<Vec<Uri>, ContextError> {
    let (field, mut texts) = if flags.address.is_empty() {
        let all = context.address.iter().chain(&context.addresses);
        ("addresses", all.cloned().collect::<Vec<_>>())
    } else {
        ("--address", flags.address.clone())
    };
    let mut seen = std::collections::BTreeSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    if texts.is_empty() {
        return Err(ContextError::Invalid {
            field: "address".to_owned(),
            reason: "the context has no address; add one, e.g. https://127.0.0.1:5682, or give --address".to_owned(),
        });
    }
    texts.iter().map(|text| address(field, text)).collect()
}

/// Checks one address: HTTPS, or HTTP to this machine.
fn address(field: &str, text: &str) -> Result<Uri, ContextError> {
    let invalid = |reason: &str| ContextError::Invalid {
        field: field.to_owned(),
        reason: format!("{text:?} {reason}, e.g. https://127.0.0.1:5682"),
    };
    let uri: Uri = text
        .trim_end_matches('/')
        .parse()
        .map_err(|_| invalid("is not a URL"))?;
    let host = uri
        .host()
        .ok_or_else(|| invalid("is not a URL with a host"))?;
    if uri.path() != "/" && !uri.path().is_empty() {
        return Err(invalid("has a path; give scheme, host and port only"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_loopback(host) => Ok(uri),
        Some("http") => Err(invalid(
            "would send the token over the network in the clear; use HTTPS",
        )),
        _ => Err(invalid("is not an HTTPS URL")),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn read(field: &str, path: &PathBuf) -> Result<String, ContextError> {
    fs::read_to_string(path).map_err(|error| ContextError::Invalid {
        field: field.to_owned(),
        reason: format!("cannot read {}: {error}", path.display()),
    })
}
