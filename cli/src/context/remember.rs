//! Adding a control plane to the context file.

use std::fs::{self, File};
use std::path::Path;

use super::{Context, ContextError, ContextFile};

impl ContextFile {
    /// Adds a context to the file at `path`, which need not exist; it becomes the current one when there is none.
    /// A context of that name for other addresses stays, since somebody may need its token: then the answer is `false`.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remember(path: &Path, name: &str, context: &Context) -> Result<bool, ContextError> {
        let failed = |source| ContextError::Write {
            path: path.to_owned(),
            source,
        };
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        // Zones that start together add their contexts together: one after the other.
        let lock = File::open(folder).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut file = if path.exists() {
            Self::load(path)?
        } else {
            Self::default()
        };
        if file
            .contexts
            .get(name)
            .is_some_and(|old| !old.same_place(context))
        {
            return Ok(false);
        }
        file.contexts.insert(name.to_owned(), context.clone());
        file.current.get_or_insert_with(|| name.to_owned());
        file.save(path)?;
        Ok(true)
    }
}

impl Context {
    fn same_place(&self, other: &Self) -> bool {
        let places = |context: &Self| -> Vec<String> {
            context
                .address
                .iter()
                .chain(&context.addresses)
                .cloned()
                .collect()
        };
        places(self) == places(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Secret;

    fn context(address: &str, token: &str) -> Context {
        Context {
            address: Some(address.to_owned()),
            token: Some(Secret::new(token)),
            ..Context::default()
        }
    }

    #[test]
    fn a_new_context_is_added_and_the_first_is_current() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/context.yaml");
        assert!(ContextFile::remember(&path, "global", &context("https://a:1", "t1")).unwrap());
        assert!(ContextFile::remember(&path, "east", &context("https://b:1", "t2")).unwrap());
        let file = ContextFile::load(&path).unwrap();
        assert_eq!(file.current.as_deref(), Some("global"));
        assert_eq!(file.contexts.len(), 2);
    }

    #[test]
    fn a_context_is_replaced_only_by_one_of_the_same_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("context.yaml");
        let (old, other, renewed) = (
            context("https://a:1", "t1"),
            context("https://b:1", "t2"),
            context("https://a:1", "t3"),
        );
        assert!(ContextFile::remember(&path, "global", &old).unwrap());
        assert!(!ContextFile::remember(&path, "global", &other).unwrap());
        assert_eq!(ContextFile::load(&path).unwrap().contexts["global"], old);
        assert!(ContextFile::remember(&path, "global", &renewed).unwrap());
        assert_eq!(
            ContextFile::load(&path).unwrap().contexts["global"],
            renewed
        );
    }
}
