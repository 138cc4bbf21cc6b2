//! "Did you mean": the known name nearest to a mistyped one.

/// The candidate that a person most likely meant, if one is near enough: case and underscores count nothing, other
/// edits a third of the length at most.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = fold(word);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> Vec<char> {
    // Longer words are never a slip of the finger, and bound the work.
    word.chars()
        .filter(|c| *c != '_' && *c != '-')
        .take(64)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Edits (insert, delete, replace, swap neighbours) from one word to the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..=b.len()).collect()];
    let cell = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut before_a = None;
    for (i, ca) in a.iter().enumerate() {
        rows.rotate_left(1);
        let [oldest, above, row] = &mut rows;
        row.clear();
        row.push(i + 1);
        let mut before_b = None;
        for (j, cb) in b.iter().enumerate() {
            let mut best = (cell(above, j) + usize::from(ca != cb))
                .min(cell(above, j + 1) + 1)
                .min(cell(row, j) + 1);
            if j > 0 && before_a == Some(cb) && before_b == Some(ca) {
                best = best.min(cell(oldest, j - 1) + 1);
            }
            row.push(best);
            before_b = Some(cb);
        }
        before_a = Some(ca);
    }
    cell(&rows[2], b.len())
}
