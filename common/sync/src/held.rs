//! What the peer of a delta stream holds of one type: what it subscribes to, which version of what it has, and what separates that
//! from a desired state. Serves the KDS sender and the ADS session.
//!
//! Pure bookkeeping: no nonces, no order between types, no bodies. *When* a version counts as held (sent or acknowledged) is the
//! caller's rule: it calls [`Held::set`] and [`Held::unset`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name by which a peer asks for everything (xDS: explicit wildcard).
pub const WILDCARD: &str = "*";

/// What a peer subscribes to and holds of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    asked: bool,
    wildcard: bool,
    names: BTreeSet<Arc<str>>,
    versions: BTreeMap<Arc<str>, Arc<str>>,
    owed: BTreeSet<Arc<str>>,
    answer_due: bool,
}

/// What has to be sent so that a peer holds the desired state. Both lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Names that the peer lacks or holds in another version.
    pub upserts: Vec<Arc<str>>,
    /// Names that the peer holds, or asked for, and that do not exist.
    pub removals: Vec<Arc<str>>,
}

impl Diff {
    /// Nothing to send.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removals.is_empty()
    }
}

impl Held {
    /// A peer that has not asked for anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a delta request in: names subscribed, names unsubscribed, and (first request of a type on a stream) the versions that the
    /// peer says it holds. The first request without any name is a subscription to everything, as is the name [`WILDCARD`].
    ///
    /// A name that is subscribed without a stated version has to be answered, also when it was sent before: the peer may have
    /// forgotten it, and it waits. Returns whether the request (re)subscribes to anything, i.e. whether it wants an answer.
    pub fn request<S: AsRef<str>>(
        &mut self,
        subscribe: &[S],
        unsubscribe: &[S],
        initial: impl IntoIterator<Item = (S, S)>,
    ) -> bool {
        let first = !std::mem::replace(&mut self.asked, true);
        let stated: BTreeMap<Arc<str>, Arc<str>> = initial
            .into_iter()
            .map(|(name, version)| (Arc::from(name.as_ref()), Arc::from(version.as_ref())))
            .collect();
        let mut wants_answer = !subscribe.is_empty();
        if first && subscribe.is_empty() && unsubscribe.is_empty() {
            self.wildcard = true;
            wants_answer = true;
        }
        for name in unsubscribe {
            self.unsubscribe(name.as_ref());
        }
        for name in subscribe {
            self.subscribe(name.as_ref(), stated.contains_key(name.as_ref()));
        }
        for (name, version) in stated {
            if self.wants(&name) {
                self.owed.remove(&name);
                self.versions.insert(name, version);
            }
        }
        self.answer_due |= wants_answer;
        wants_answer
    }

    fn subscribe(&mut self, name: &str, stated: bool) {
        if name == WILDCARD {
            self.wildcard = true;
            return;
        }
        let name: Arc<str> = Arc::from(name);
        if !stated {
            self.versions.remove(&name);
            self.owed.insert(Arc::clone(&name));
        }
        self.names.insert(name);
    }

    fn unsubscribe(&mut self, name: &str) {
        if name == WILDCARD {
            self.wildcard = false;
            let names = &self.names;
            self.versions.retain(|name, _| names.contains(name));
            return;
        }
        self.names.remove(name);
        self.owed.remove(name);
        self.versions.remove(name);
        if self.wildcard {
            // xDS: the wildcard still covers it, and the peer has dropped it: it is told again.
            self.owed.insert(Arc::from(name));
        }
    }

    /// Whether the peer has asked for this type at all.
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// Whether the peer subscribes to everything of the type.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The names that the peer subscribes to one by one, sorted.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// Whether the peer subscribes to `name`.
    pub fn wants(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// The version that the peer holds.
    pub fn version(&self, name: &str) -> Option<&Arc<str>> {
        self.versions.get(name)
    }

    /// Everything that the peer holds, by name.
    pub fn versions(&self) -> &BTreeMap<Arc<str>, Arc<str>> {
        &self.versions
    }

    /// What separates the peer from `desired` (name and version of everything there is), as far as it subscribes.
    pub fn diff<'a, N, V>(&self, desired: impl IntoIterator<Item = (&'a N, &'a V)>) -> Diff
    where
        N: AsRef<str> + ?Sized + 'a,
        V: AsRef<str> + ?Sized + 'a,
    {
        let mut diff = Diff::default();
        let mut gone: BTreeSet<&str> = self
            .versions
            .keys()
            .chain(&self.owed)
            .map(AsRef::as_ref)
            .collect();
        for (name, version) in desired {
            let name = name.as_ref();
            gone.remove(name);
            let held = self.versions.get(name).map(AsRef::as_ref);
            if self.wants(name) && held != Some(version.as_ref()) {
                diff.upserts.push(Arc::from(name));
            }
        }
        diff.upserts.sort_unstable();
        diff.removals.extend(gone.into_iter().map(Arc::from));
        diff
    }

    /// The peer holds this version now.
    pub fn set(&mut self, name: impl Into<Arc<str>>, version: impl Into<Arc<str>>) {
        let name = name.into();
        self.owed.remove(&name);
        self.versions.insert(name, version.into());
    }

    /// The peer does not hold it (any more), and has been told if it had asked.
    pub fn unset(&mut self, name: &str) {
        self.owed.remove(name);
        self.versions.remove(name);
    }

    /// The peer has to be sent this name again whatever it holds.
    pub fn forget(&mut self, name: &str) {
        if self.wants(name) {
            self.versions.remove(name);
            self.owed.insert(Arc::from(name));
        }
    }

    /// Names whose subscription has not been answered yet, sorted.
    pub fn owed(&self) -> BTreeSet<Arc<str>> {
        self.owed.clone()
    }

    /// Whether a subscription to this very name has not been answered yet.
    pub fn owes(&self, name: &str) -> bool {
        self.owed.contains(name)
    }

    /// Whether a subscription waits for an answer, be it an empty one.
    pub fn answer_due(&self) -> bool {
        self.answer_due
    }

    /// A response of the type was sent.
    pub fn answered(&mut self) {
        self.answer_due = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<Arc<str>, Arc<str>> {
        entries
            .iter()
            .map(|(name, version)| (Arc::from(*name), Arc::from(*version)))
            .collect()
    }

    fn names(list: &[Arc<str>]) -> Vec<&str> {
        list.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn a_first_request_without_names_is_a_subscription_to_everything() {
        let mut held = Held::new();
        assert!(held.request::<&str>(&[], &[], []));
        assert!(held.is_wildcard() && held.answer_due());
        let diff = held.diff(&map(&[("b", "1"), ("a", "1")]));
        assert_eq!(names(&diff.upserts), ["a", "b"]);
        held.answered();
        assert!(
            !held.request::<&str>(&[], &[], []),
            "a later one without names is an acknowledgement"
        );
        assert!(!held.answer_due());
    }

    #[test]
    fn stated_versions_are_not_sent_again_and_what_is_gone_is_removed() {
        let mut held = Held::new();
        held.request(&[], &[], [("a", "1"), ("b", "1"), ("c", "1")]);
        let diff = held.diff(&map(&[("a", "1"), ("b", "2"), ("d", "1")]));
        assert_eq!(names(&diff.upserts), ["b", "d"]);
        assert_eq!(names(&diff.removals), ["c"]);
    }

    #[test]
    fn a_name_subscribed_again_is_sent_again() {
        let mut held = Held::new();
        held.request(&["a"], &[], []);
        held.set("a", "1");
        assert!(held.diff(&map(&[("a", "1")])).is_empty());
        assert!(held.request(&["a"], &[], []));
        assert_eq!(names(&held.diff(&map(&[("a", "1")])).upserts), ["a"]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_answered_with_a_removal_once() {
        let mut held = Held::new();
        held.request(&["ghost"], &[], []);
        assert_eq!(
            names(&held.diff(&map(&[("other", "1")])).removals),
            ["ghost"]
        );
        held.unset("ghost");
        assert!(held.diff(&map(&[("other", "1")])).is_empty());
        assert_eq!(
            names(&held.diff(&map(&[("ghost", "1")])).upserts),
            ["ghost"],
            "it is sent when it appears"
        );
    }

    #[test]
    fn an_unsubscribed_name_is_forgotten_unless_the_wildcard_covers_it() {
        let mut held = Held::new();
        held.request(&["a"], &[], []);
        held.set("a", "1");
        assert!(!held.request(&[], &["a"], []));
        assert!(held.diff(&map(&[("a", "2")])).is_empty());

        held.request(&[WILDCARD, "a"], &[], []);
        held.set("a", "1");
        held.request(&[], &["a"], []);
        assert_eq!(names(&held.diff(&map(&[("a", "1")])).upserts), ["a"]);
        held.request(&[], &[WILDCARD], []);
        assert!(!held.wants("a"));
    }

    #[test]
    fn a_stated_version_of_a_named_subscription_counts_as_held() {
        let mut held = Held::new();
        assert!(held.request(&["a", "b"], &[], [("a", "1")]));
        assert_eq!(
            names(&held.diff(&map(&[("a", "1"), ("b", "1")])).upserts),
            ["b"]
        );
    }
}
