//! Edit distances, and what an alignment of least distance consists of.

use std::collections::HashMap;
use std::hash::Hash;

const BITS: usize = 64;

/// Levenshtein's distance of two sequences.
///
/// The columns of the table are kept as differences in bits, 64 rows at a time (Myers 1999, Hyyrö 2003), so that a
/// reply of a million characters is compared in moderate time.
pub fn distance<T: Eq + Hash>(left: &[T], right: &[T]) -> usize {
    let (left, right) = without_common_ends(left, right);
    if left.is_empty() || right.is_empty() {
        return left.len().max(right.len());
    }
    let blocks = left.len().div_ceil(BITS);
    let mut positions: HashMap<&T, Vec<u64>> = HashMap::new();
    for (index, item) in left.iter().enumerate() {
        let bits = positions.entry(item).or_insert_with(|| vec![0; blocks]);
        if let Some(word) = bits.get_mut(index / BITS) {
            *word |= 1 << (index % BITS);
        }
    }
    let last_bit = 1_u64 << ((left.len() - 1) % BITS);
    let mut columns = vec![Block { positive: u64::MAX, negative: 0 }; blocks];
    let none = vec![0; blocks];
    let mut score = left.len();
    for item in right {
        let matches = positions.get(item).unwrap_or(&none);
        // The first row grows by one with every column.
        let mut carry = Carry { positive: 1, negative: 0 };
        let mut last = (0, 0);
        for (block, matched) in columns.iter_mut().zip(matches) {
            last = block.advance(*matched, &mut carry);
        }
        score += usize::from(last.0 & last_bit != 0);
        score -= usize::from(last.1 & last_bit != 0);
    }
    score
}

#[derive(Clone, Copy)]
struct Block {
    positive: u64,
    negative: u64,
}

struct Carry {
    positive: u64,
    negative: u64,
}

impl Block {
    /// Moves to the next column and gives the horizontal differences, plus and minus.
    fn advance(&mut self, matched: u64, carry: &mut Carry) -> (u64, u64) {
        let (positive, negative) = (self.positive, self.negative);
        let vertical = matched | negative;
        let matched = matched | carry.negative;
        let diagonal = ((matched & positive).wrapping_add(positive) ^ positive) | matched;
        let plus = negative | !(diagonal | positive);
        let minus = positive & diagonal;
        let shifted_plus = plus << 1 | carry.positive;
        let shifted_minus = minus << 1 | carry.negative;
        carry.positive = plus >> (BITS - 1);
        carry.negative = minus >> (BITS - 1);
        self.positive = shifted_minus | !(vertical | shifted_plus);
        self.negative = shifted_plus & vertical;
        (plus, minus)
    }
}

fn without_common_ends<'a, T: Eq>(left: &'a [T], right: &'a [T]) -> (&'a [T], &'a [T]) {
    let front = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left, right) = (left.get(front..).unwrap_or_default(), right.get(front..).unwrap_or_default());
    let back = left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count();
    let cut = |items: &'a [T]| items.get(..items.len() - back).unwrap_or_default();
    (cut(left), cut(right))
}

/// Levenshtein's distance over characters.
pub fn character_distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    distance(&left, &right)
}

/// Levenshtein's distance over words between blanks.
pub fn word_distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<&str>, Vec<&str>) =
        (super::words::words(left).collect(), super::words::words(right).collect());
    distance(&left, &right)
}

/// The operations of an alignment of least distance that turns a reference into a hypothesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Items that are equal.
    pub hits: usize,
    /// Items that are replaced.
    pub substitutions: usize,
    /// Items of the reference that are missing.
    pub deletions: usize,
    /// Items of the hypothesis that are added.
    pub insertions: usize,
}

impl Edits {
    /// Substitutions, deletions and insertions.
    pub fn distance(self) -> usize {
        self.substitutions + self.deletions + self.insertions
    }
}

/// Counts the operations of the alignment that RapidFuzz (and so jiwer) chooses among those of least distance: seen
/// from the end, a deletion before an insertion before a replacement.
pub fn edits<T: Eq>(reference: &[T], hypothesis: &[T]) -> Edits {
    let all = reference.len();
    let (reference, hypothesis) = without_common_ends(reference, hypothesis);
    let common = all - reference.len();
    let deleted = |count| Edits { deletions: count, ..Edits::default() };
    let mut above: Vec<Edits> = (0..=reference.len()).map(deleted).collect();
    for (row, item) in hypothesis.iter().enumerate() {
        let mut current = vec![Edits { insertions: row + 1, ..Edits::default() }];
        for (column, other) in reference.iter().enumerate() {
            current.push(step(&above, &current, column, item == other));
        }
        above = current;
    }
    let mut edits = above.last().copied().unwrap_or_default();
    edits.hits += common;
    edits
}

/// The operations up to the cell to the right of `column` in the row that is being filled.
fn step(above: &[Edits], current: &[Edits], column: usize, equal: bool) -> Edits {
    let at = |row: &[Edits], index: usize| row.get(index).copied().unwrap_or_default();
    let (diagonal, up, left) = (at(above, column), at(above, column + 1), at(current, column));
    let replaced = diagonal.distance() + usize::from(!equal);
    let least = replaced.min(up.distance() + 1).min(left.distance() + 1);
    if least == left.distance() + 1 {
        return Edits { deletions: left.deletions + 1, ..left };
    }
    if up.distance() + 1 == diagonal.distance() {
        return Edits { insertions: up.insertions + 1, ..up };
    }
    if equal {
        Edits { hits: diagonal.hits + 1, ..diagonal }
    } else {
        Edits { substitutions: diagonal.substitutions + 1, ..diagonal }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};

    /// The table written out.
    fn plain(left: &[u8], right: &[u8]) -> usize {
        let mut above: Vec<usize> = (0..=right.len()).collect();
        for (row, a) in left.iter().enumerate() {
            let mut current = vec![row + 1];
            for (column, b) in right.iter().enumerate() {
                let least = (above[column] + usize::from(a != b)).min(above[column + 1] + 1).min(current[column] + 1);
                current.push(least);
            }
            above = current;
        }
        above[right.len()]
    }

    #[test]
    fn golden() {
        let mut characters = Agreement::new("text_metrics", "edit.characters");
        let mut between_blanks = Agreement::new("text_metrics", "edit.words");
        for case in cases("text_metrics").iter().filter(|case| case["kind"] == "edit") {
            let text = |field: &str| case[field].as_str().unwrap();
            let (id, prediction, reference) = (text("id"), text("prediction"), text("reference"));
            let expected = |field: &str| case["expected"][field].as_u64().unwrap() as usize;
            characters.row(id, &character_distance(prediction, reference), &expected("levenshtein_chars"));
            between_blanks.row(id, &word_distance(prediction, reference), &expected("levenshtein_words"));
        }
        characters.check(1.0);
        between_blanks.check(1.0);
    }

    #[test]
    fn long_texts_take_moderate_time() {
        let left: Vec<u32> = (0..60_000).map(|i| i * i % 97).collect();
        let right: Vec<u32> = (0..60_000).map(|i| i * 3 % 89).collect();
        assert!(distance(&left, &right) > 0);
    }

    proptest! {
        #[test]
        fn bits_and_table_agree(left in prop::collection::vec(0_u8..4, 0..200), right in prop::collection::vec(0_u8..4, 0..200)) {
            prop_assert_eq!(distance(&left, &right), plain(&left, &right));
            let edits = edits(&left, &right);
            prop_assert_eq!(edits.distance(), plain(&left, &right));
            prop_assert_eq!(edits.hits + edits.substitutions + edits.deletions, left.len());
            prop_assert_eq!(edits.hits + edits.substitutions + edits.insertions, right.len());
        }
    }
}
