//! What differs between two sorted tables of shared values.

use std::cmp::Ordering;
use std::sync::Arc;

/// The names whose values are not the same `Arc` in both, in order, with their new value if there is one. Both are in
/// order of name, each name once.
pub(super) fn difference<'b, 'a, V: 'a + 'b>(
    before: impl IntoIterator<Item = (&'b Arc<str>, &'b Arc<V>)>,
    after: impl IntoIterator<Item = (&'a Arc<str>, &'a Arc<V>)>,
) -> Vec<(Arc<str>, Option<&'a Arc<V>>)> {
    let mut before = before.into_iter().peekable();
    let mut after = after.into_iter().peekable();
    let mut different = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return different,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = before.next_if(|_| order.is_le());
        let new = after.next_if(|_| order.is_ge());
        let same = old
            .zip(new)
            .is_some_and(|((_, old), (_, new))| Arc::ptr_eq(old, new));
        if let Some((name, _)) = old.or(new).filter(|_| !same) {
            different.push((name.clone(), new.map(|(_, value)| value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::difference;

    fn table(pairs: &[(&str, &Arc<u8>)]) -> BTreeMap<Arc<str>, Arc<u8>> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (Arc::from(*name), Arc::clone(value)))
            .collect()
    }

    #[test]
    fn new_changed_and_removed_names_differ_and_shared_values_do_not() {
        let [one, two] = [Arc::new(1), Arc::new(1)];
        let before = table(&[("b", &one), ("c", &one), ("d", &one)]);
        let after = table(&[("a", &one), ("b", &one), ("c", &two), ("e", &one)]);
        let found: Vec<_> = difference(&before, &after)
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.is_some()))
            .collect();
        let expected = [("a", true), ("c", true), ("d", false), ("e", true)];
        assert_eq!(found, expected.map(|(name, new)| (name.to_owned(), new)));
        assert!(difference(&before, &before).is_empty());
    }
}
