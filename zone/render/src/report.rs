//! Collects what went wrong while one proxy is generated.

use std::collections::BTreeSet;

use torii_resource::ResourceKey;

use crate::part::PartError;

/// Errors and notes, each once.
#[derive(Debug, Default)]
pub(crate) struct Report {
    errors: BTreeSet<PartError>,
    notes: BTreeSet<PartError>,
}

/// The resource that a thing comes from, and the listener or route configuration that it goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) part: &'a str,
    pub(crate) resource: &'a ResourceKey,
}

impl Place<'_> {
    fn error(self, field: impl Into<String>, reason: impl Into<String>) -> PartError {
        PartError {
            part: self.part.to_owned(),
            resource: self.resource.clone(),
            field: field.into(),
            reason: reason.into(),
        }
    }
}

impl Report {
    /// Something is left out.
    pub(crate) fn error(
        &mut self,
        place: Place<'_>,
        field: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.errors.insert(place.error(field, reason));
    }

    /// Something is served that may surprise.
    pub(crate) fn note(
        &mut self,
        place: Place<'_>,
        field: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.notes.insert(place.error(field, reason));
    }

    /// Errors that were reported before, elsewhere.
    pub(crate) fn repeat(&mut self, errors: &[PartError]) {
        self.errors.extend(errors.iter().cloned());
    }

    /// Errors and notes, sorted.
    pub(crate) fn finish(self) -> (Vec<PartError>, Vec<PartError>) {
        (
            self.errors.into_iter().collect(),
            self.notes.into_iter().collect(),
        )
    }
}
