//! The similarity of two sequences that Python's `difflib.SequenceMatcher` computes.

use std::collections::HashMap;
use std::hash::Hash;

/// From this length on, items that are more than a hundredth of the second sequence begin no match.
const POPULAR_FROM: usize = 200;

/// How many pairs of equal items are looked at before what is left counts as different.
const PAIRS: usize = 1 << 31;

/// Twice the items in matching blocks over the items of both, 1 for two empty sequences.
///
/// The longest block comes first, then the longest before and after it, and so on. Not symmetric. Two sequences of so
/// many equal items that 2^31 pairs of them were looked at get what was found until then.
pub fn sequence_ratio<T: Eq + Hash>(first: &[T], second: &[T]) -> f64 {
    let all = first.len() + second.len();
    if all == 0 {
        return 1.0;
    }
    let positions = positions(second);
    let (mut matched, mut left) = (0, PAIRS);
    let mut ending = Ending { before: vec![0; second.len() + 1], current: vec![0; second.len() + 1] };
    let mut open = vec![(0, first.len(), 0, second.len())];
    while let Some((from, to, low, high)) = open.pop() {
        let block = longest_block(first, second, &positions, (from, to, low, high), &mut ending, &mut left);
        if block.length > 0 {
            matched += block.length;
            open.push((from, block.first, low, block.second));
            open.push((block.first + block.length, to, block.second + block.length, high));
        }
    }
    2.0 * matched as f64 / all as f64
}

/// The same over characters.
pub fn text_ratio(first: &str, second: &str) -> f64 {
    let (first, second): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
    sequence_ratio(&first, &second)
}

fn positions<T: Eq + Hash>(items: &[T]) -> HashMap<&T, Vec<usize>> {
    let mut positions: HashMap<&T, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        positions.entry(item).or_default().push(index);
    }
    if items.len() >= POPULAR_FROM {
        positions.retain(|_, places| places.len() <= items.len() / 100 + 1);
    }
    positions
}

struct Block {
    first: usize,
    second: usize,
    length: usize,
}

/// For each place in the second sequence the length of the block that ends just before it, at the item before and at
/// the current one of the first.
struct Ending {
    before: Vec<usize>,
    current: Vec<usize>,
}

/// The longest block of equal items within bounds, grown at both ends by popular items.
fn longest_block<T: Eq + Hash>(
    first: &[T],
    second: &[T],
    positions: &HashMap<&T, Vec<usize>>,
    (from, to, low, high): (usize, usize, usize, usize),
    ending: &mut Ending,
    left: &mut usize,
) -> Block {
    let mut best = Block { first: from, second: low, length: 0 };
    let places_of = |item: &T| {
        let places = positions.get(item).map(Vec::as_slice).unwrap_or_default();
        let start = places.partition_point(|place| *place < low);
        places.iter().copied().skip(start).take_while(move |place| *place < high)
    };
    let mut previous: Option<&T> = None;
    for (index, item) in first.iter().enumerate().take(to).skip(from) {
        if *left == 0 {
            break;
        }
        for place in places_of(item) {
            *left = left.saturating_sub(1);
            let length = ending.before.get(place).copied().unwrap_or(0) + 1;
            if let Some(cell) = ending.current.get_mut(place + 1) {
                *cell = length;
            }
            if length > best.length {
                best = Block { first: index + 1 - length, second: place + 1 - length, length };
            }
        }
        clear(&mut ending.before, previous.into_iter().flat_map(&places_of));
        std::mem::swap(&mut ending.before, &mut ending.current);
        previous = Some(item);
    }
    clear(&mut ending.before, previous.into_iter().flat_map(&places_of));
    while best.first > from && best.second > low && first.get(best.first - 1) == second.get(best.second - 1) {
        best = Block { first: best.first - 1, second: best.second - 1, length: best.length + 1 };
    }
    let end = |block: &Block| (block.first + block.length, block.second + block.length);
    while end(&best).0 < to && end(&best).1 < high && first.get(end(&best).0) == second.get(end(&best).1) {
        best.length += 1;
    }
    best
}

fn clear(lengths: &mut [usize], places: impl Iterator<Item = usize>) {
    for place in places {
        if let Some(cell) = lengths.get_mut(place + 1) {
            *cell = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ratios() {
        for (first, second, expected) in [
            ("abcd", "bcde", 0.75),
            ("", "", 1.0),
            ("a", "", 0.0),
            ("tide", "diet", 0.25),
            ("diet", "tide", 0.5),
            ("private Thread currentThread;", "private volatile Thread currentThread;", 58.0 / 67.0),
        ] {
            assert!((text_ratio(first, second) - expected).abs() < 1e-12, "{first} {second}");
        }
    }

    #[test]
    fn popular_items_begin_no_match() {
        let text = "a".repeat(300);
        assert_eq!(text_ratio("a", &text), 0.0 + 2.0 / 301.0);
        assert_eq!(text_ratio(&text, &text), 1.0);
        assert_eq!(text_ratio(&format!("b{text}"), &format!("c{text}")), 0.0);
    }

    proptest! {
        #[test]
        fn a_share_and_whole_for_itself(first in "[ab]{0,30}", second in "[ab]{0,30}") {
            prop_assert!((0.0..=1.0).contains(&text_ratio(&first, &second)));
            prop_assert_eq!(text_ratio(&first, &first), 1.0);
        }
    }
}
