//! Longest common subsequences.

use std::collections::HashMap;
use std::hash::Hash;

const BITS: usize = 64;

/// The rows of the table of lengths as bits: a bit is 0 where the length grows by one from the column before.
struct Rows {
    blocks: usize,
    columns: usize,
}

impl Rows {
    /// Calls `visit` with the bits of each row, in order, and gives the last.
    fn fill<T: Eq + Hash>(&self, rows: &[T], columns: &[T], mut visit: impl FnMut(&[u64])) -> Vec<u64> {
        let mut positions: HashMap<&T, Vec<u64>> = HashMap::new();
        for (index, item) in columns.iter().enumerate() {
            let bits = positions.entry(item).or_insert_with(|| vec![0; self.blocks]);
            if let Some(word) = bits.get_mut(index / BITS) {
                *word |= 1 << (index % BITS);
            }
        }
        let mut row = vec![u64::MAX; self.blocks];
        let none = vec![0; self.blocks];
        for item in rows {
            let matches = positions.get(item).unwrap_or(&none);
            let mut carry = false;
            for (word, matched) in row.iter_mut().zip(matches) {
                let met = *word & matched;
                let (sum, first) = word.overflowing_add(met);
                let (sum, second) = sum.overflowing_add(u64::from(carry));
                carry = first || second;
                *word = sum | (*word & !matched);
            }
            visit(&row);
        }
        row
    }

    fn length(&self, row: &[u64]) -> usize {
        zeros(row, self.columns)
    }
}

fn of<T>(columns: &[T]) -> Rows {
    Rows { blocks: columns.len().div_ceil(BITS), columns: columns.len() }
}

/// How many of the first bits are 0.
fn zeros(row: &[u64], bits: usize) -> usize {
    let (whole, rest) = (bits / BITS, bits % BITS);
    let counted: u32 = row.iter().take(whole).map(|word| word.count_zeros()).sum();
    let last = row.get(whole).map_or(0, |word| (word | u64::MAX << rest).count_zeros());
    counted as usize + if rest == 0 { 0 } else { last as usize }
}

/// The length of the longest common subsequence, by rows of bits (Hyyrö 2004).
pub fn lcs_length<T: Eq + Hash>(left: &[T], right: &[T]) -> usize {
    let table = of(right);
    table.length(&table.fill(left, right, |_| ()))
}

/// The positions in `left` of the longest common subsequence that rouge_score finds: from the ends, a step back in
/// `right` where that keeps more than a step back in `left`.
pub fn lcs_positions<T: Eq + Hash>(left: &[T], right: &[T]) -> Vec<usize> {
    let mut rows: Vec<Vec<u64>> = vec![vec![u64::MAX; right.len().div_ceil(BITS)]];
    of(right).fill(left, right, |row| rows.push(row.to_vec()));
    let length = |row: usize, column: usize| rows.get(row).map_or(0, |bits| zeros(bits, column));
    let (mut row, mut column) = (left.len(), right.len());
    let mut found = Vec::new();
    while row > 0 && column > 0 {
        if left.get(row - 1) == right.get(column - 1) {
            found.push(row - 1);
            row -= 1;
            column -= 1;
        } else if length(row, column - 1) > length(row - 1, column) {
            column -= 1;
        } else {
            row -= 1;
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(left: &[u8], right: &[u8]) -> usize {
        let mut above = vec![0; right.len() + 1];
        for a in left {
            let mut current = vec![0];
            for (column, b) in right.iter().enumerate() {
                let longer = if a == b { above[column] + 1 } else { above[column + 1].max(current[column]) };
                current.push(longer);
            }
            above = current;
        }
        above[right.len()]
    }

    proptest! {
        #[test]
        fn bits_and_table_agree(left in prop::collection::vec(0_u8..5, 0..150), right in prop::collection::vec(0_u8..5, 0..150)) {
            prop_assert_eq!(lcs_length(&left, &right), plain(&left, &right));
            let positions = lcs_positions(&left, &right);
            prop_assert_eq!(positions.len(), plain(&left, &right));
            prop_assert!(positions.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
