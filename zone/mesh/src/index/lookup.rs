//! Reverse look-ups by the one tag that nearly every selector has, `kuma.io/service`.
//!
//! They give candidates, never an answer: a caller still matches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::tags::{ANY, SERVICE, Tags};

type Names = BTreeSet<Arc<str>>;

fn add(map: &mut BTreeMap<String, Names>, value: &str, name: &Arc<str>) {
    if let Some(names) = map.get_mut(value) {
        names.insert(name.clone());
    } else {
        map.insert(value.to_owned(), Names::from([name.clone()]));
    }
}

fn take(map: &mut BTreeMap<String, Names>, value: &str, name: &str) {
    if let Some(names) = map.get_mut(value) {
        names.remove(name);
        if names.is_empty() {
            map.remove(value);
        }
    }
}

/// The exact service that a selector wants.
fn wanted(selector: &Tags) -> Option<&str> {
    selector
        .get(SERVICE)
        .map(String::as_str)
        .filter(|value| *value != ANY)
}

/// Things that select: from tags to those whose selectors may match them.
#[derive(Debug, Default)]
pub(super) struct Selecting {
    by_service: BTreeMap<String, Names>,
    any: Names,
}

impl Selecting {
    pub(super) fn insert(&mut self, name: &Arc<str>, selectors: &[Tags]) {
        if selectors.is_empty() {
            self.any.insert(name.clone());
        }
        for selector in selectors {
            match wanted(selector) {
                Some(service) => add(&mut self.by_service, service, name),
                None => {
                    self.any.insert(name.clone());
                }
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str, selectors: &[Tags]) {
        self.any.remove(name);
        for selector in selectors {
            if let Some(service) = wanted(selector) {
                take(&mut self.by_service, service, name);
            }
        }
    }

    /// Each at most twice.
    pub(super) fn candidates(&self, tags: &Tags) -> impl Iterator<Item = &Arc<str>> {
        let exact = tags
            .get(SERVICE)
            .and_then(|service| self.by_service.get(service));
        exact.into_iter().flatten().chain(&self.any)
    }
}

/// Things that have tags: from selectors to those that they may match.
#[derive(Debug, Default)]
pub(super) struct Tagged {
    by_service: BTreeMap<String, Names>,
    all: Names,
}

impl Tagged {
    pub(super) fn insert<'a>(
        &mut self,
        name: &Arc<str>,
        tag_sets: impl IntoIterator<Item = &'a Tags>,
    ) {
        self.all.insert(name.clone());
        for tags in tag_sets {
            if let Some(service) = tags.get(SERVICE) {
                add(&mut self.by_service, service, name);
            }
        }
    }

    pub(super) fn remove<'a>(&mut self, name: &str, tag_sets: impl IntoIterator<Item = &'a Tags>) {
        self.all.remove(name);
        for tags in tag_sets {
            if let Some(service) = tags.get(SERVICE) {
                take(&mut self.by_service, service, name);
            }
        }
    }

    /// Adds those that one of the selectors may match; no selectors at all may match everything.
    pub(super) fn candidates(&self, selectors: &[Tags], found: &mut Names) {
        if selectors.is_empty() {
            found.extend(self.all.iter().cloned());
        }
        for selector in selectors {
            match wanted(selector) {
                Some(service) => {
                    found.extend(self.by_service.get(service).into_iter().flatten().cloned())
                }
                None => found.extend(self.all.iter().cloned()),
            }
        }
    }
}
