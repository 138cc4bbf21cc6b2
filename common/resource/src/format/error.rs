//! What can be wrong with a text before it is a resource.

use std::fmt;

use crate::violation::Violations;

/// Where a document stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// File name, or what stands for it (`request body`).
    pub file: String,
    /// Number of the document in the file, from 1; 0 when the file as a whole is meant.
    pub document: usize,
    /// Line of the document's first key, from 1; 0 when unknown.
    pub line: u64,
    /// Kind, mesh and name, as far as they could be read.
    pub resource: String,
}

impl fmt::Display for Place {
    /// `routes.yaml, document 2, line 14: MeshGatewayRoute default/edge`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.document > 1 || self.line > 1 {
            write!(f, ", document {}", self.document)?;
        }
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        if !self.resource.is_empty() {
            write!(f, ": {}", self.resource)?;
        }
        Ok(())
    }
}

/// A text that cannot be read as resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not YAML or not JSON.
    #[error("{place}: {message}")]
    Syntax {
        /// File; the line is `line`.
        place: Box<Place>,
        /// Line of the mistake, from 1; 0 when unknown.
        line: u64,
        /// Column of the mistake, from 1; 0 when unknown.
        column: u64,
        /// The parser's words, with line, column and a snippet where it has one.
        message: String,
    },
    /// A document whose fields are wrong.
    #[error("{place}: {violations}")]
    Invalid {
        /// File, document and resource.
        place: Box<Place>,
        /// Every wrong field.
        violations: Violations,
    },
}

impl FormatError {
    /// The wrong fields, when the text could be parsed.
    pub fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Syntax { .. } => None,
            Self::Invalid { violations, .. } => Some(violations),
        }
    }

    /// Where the error is.
    pub fn place(&self) -> &Place {
        match self {
            Self::Syntax { place, .. } | Self::Invalid { place, .. } => place,
        }
    }
}
