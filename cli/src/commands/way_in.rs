//! The operator's way in, kept in a context file when a control plane has made it.

use std::path::Path;

use crate::context::{Context, ContextFile};
use crate::error::Failure;

/// Puts a context into a file. One of that name which says the same stays; the first one of a file is current.
pub(crate) fn keep(path: &Path, name: &str, context: Context) -> Result<(), Failure> {
    let mut file = if path.exists() {
        ContextFile::load(path)?
    } else {
        ContextFile::default()
    };
    if file.contexts.get(name) == Some(&context) {
        return Ok(());
    }
    file.contexts.insert(name.to_owned(), context);
    file.current.get_or_insert_with(|| name.to_owned());
    file.save(path)?;
    Ok(())
}
