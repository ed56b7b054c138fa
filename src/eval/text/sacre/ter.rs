//! TER: edits of words, where a block of words may be moved at the cost of one edit.
//!
//! M. Snover and others, A study of translation edit rate with targeted human annotation, AMTA 2006; the limits on
//! moves are those of Tercom, as sacreBLEU has them.

use super::references_of;
use super::tokenize::ter_words;

/// The longest block that is moved, the longest way of it, and how many moves are tried in all.
const BLOCK: usize = 10;
const WAY: usize = 50;
const CANDIDATES: usize = 1000;
/// How far from the diagonal the table of distances is filled.
const BEAM: usize = 25;
/// A cell that was not filled.
const FAR: usize = usize::MAX / 2;

/// TER of hypotheses against streams of references in percent; above 100 where more is edited than the references hold.
pub fn corpus_ter(hypotheses: &[String], references: &[Vec<String>]) -> f64 {
    let each = hypotheses.iter().enumerate();
    let (edits, length) = each.fold((0, 0.0), |(edits, length), (index, hypothesis)| {
        let (more, long) = statistics(hypothesis, &references_of(references, index));
        (edits + more, length + long)
    });
    rate(edits, length)
}

/// TER of one text in percent.
pub fn sentence_ter(hypothesis: &str, references: &[&str]) -> f64 {
    let (edits, length) = statistics(hypothesis, references);
    rate(edits, length)
}

fn rate(edits: usize, length: f64) -> f64 {
    match (length > 0.0, edits) {
        (true, _) => 100.0 * edits as f64 / length,
        (false, 0) => 0.0,
        (false, _) => 100.0,
    }
}

/// The fewest edits to any reference, and the mean length of the references.
fn statistics(hypothesis: &str, references: &[&str]) -> (usize, f64) {
    let hypothesis = ter_words(hypothesis);
    let references: Vec<Vec<String>> = references.iter().map(|text| ter_words(text)).collect();
    let fewest = references.iter().map(|reference| edits(&hypothesis, reference)).min().unwrap_or(0);
    let words: usize = references.iter().map(Vec::len).sum();
    (fewest, words as f64 / references.len().max(1) as f64)
}

fn edits(hypothesis: &[String], reference: &[String]) -> usize {
    if reference.is_empty() {
        return hypothesis.len();
    }
    let mut names = std::collections::HashMap::new();
    let mut number = |word| {
        let next = names.len();
        *names.entry(word).or_insert(next)
    };
    let reference: Vec<usize> = reference.iter().map(&mut number).collect();
    let words: Vec<usize> = hypothesis.iter().map(&mut number).collect();
    edits_of(&words, &reference)
}

/// Moves and other edits of words that are numbers.
fn edits_of(words: &[usize], reference: &[usize]) -> usize {
    let mut words = words.to_vec();
    let (mut moves, mut tried) = (0, 0);
    while let Some(moved) = best_move(&words, reference, &mut tried) {
        words = moved;
        moves += 1;
    }
    moves + aligned(&words, reference).cost
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Same,
    Replace,
    /// A word of the hypothesis has no partner.
    Drop,
    /// A word of the reference has no partner.
    Add,
}

struct Alignment {
    cost: usize,
    steps: Vec<Step>,
}

/// The cells of a row that lie within the beam.
struct Row {
    first: usize,
    cells: Vec<(usize, Step)>,
}

impl Row {
    fn at(&self, column: usize) -> Option<(usize, Step)> {
        column.checked_sub(self.first).and_then(|index| self.cells.get(index)).copied()
    }

    fn cost(&self, column: usize) -> usize {
        self.at(column).map_or(FAR, |(cost, _)| cost)
    }
}

/// The least edits within the beam.
fn aligned(words: &[usize], reference: &[usize]) -> Alignment {
    let width = reference.len() + 1;
    let ratio = if words.is_empty() { 1.0 } else { reference.len() as f64 / words.len() as f64 };
    let beam = if (BEAM as f64) < ratio / 2.0 { (ratio / 2.0 + BEAM as f64).ceil() as usize } else { BEAM };
    let mut table = vec![Row { first: 0, cells: (0..width).map(|column| (column, Step::Add)).collect() }];
    for (index, word) in words.iter().enumerate() {
        let middle = ((index + 1) as f64 * ratio).floor() as usize;
        let end = if index + 1 == words.len() { width } else { width.min(middle + beam) };
        let mut row = Row { first: middle.saturating_sub(beam), cells: Vec::new() };
        for column in row.first..end {
            let Some(above) = table.last() else { break };
            let mut best = (above.cost(column) + 1, Step::Drop);
            if let Some(left) = column.checked_sub(1) {
                let same = reference.get(left) == Some(word);
                let diagonal = (above.cost(left) + usize::from(!same), if same { Step::Same } else { Step::Replace });
                let add = (row.cost(left) + 1, Step::Add);
                best = [diagonal, best, add].into_iter().min_by_key(|(cost, _)| *cost).unwrap_or(best);
            }
            row.cells.push((best.0.min(FAR), best.1));
        }
        table.push(row);
    }
    traced(&table, words.len(), reference.len())
}

fn traced(table: &[Row], mut row: usize, mut column: usize) -> Alignment {
    let at = |row: usize, column: usize| table.get(row).and_then(|row| row.at(column));
    let cost = at(row, column).map_or(FAR, |(cost, _)| cost);
    let mut steps = Vec::new();
    while row > 0 || column > 0 {
        let step = match at(row, column) {
            _ if column == 0 => Step::Drop,
            _ if row == 0 => Step::Add,
            Some((_, step)) => step,
            None => Step::Replace,
        };
        steps.push(step);
        row -= usize::from(step != Step::Add);
        column -= usize::from(step != Step::Drop);
    }
    steps.reverse();
    Alignment { cost, steps }
}

/// Which words are wrong, and where each word of the reference is in the hypothesis (one less than an index, from -1).
struct Errors {
    hypothesis: Vec<bool>,
    reference: Vec<bool>,
    partner: Vec<isize>,
}

fn errors(steps: &[Step]) -> Errors {
    let mut errors = Errors { hypothesis: Vec::new(), reference: Vec::new(), partner: Vec::new() };
    let mut at = -1;
    for step in steps {
        let wrong = *step != Step::Same;
        if *step != Step::Add {
            at += 1;
            errors.hypothesis.push(wrong);
        }
        if *step != Step::Drop {
            errors.reference.push(wrong);
            errors.partner.push(at);
        }
    }
    errors
}

/// How good a move is: what it saves, then the longest block, then the earliest start, then the earliest target.
type Rank = (isize, usize, std::cmp::Reverse<usize>, std::cmp::Reverse<usize>);

/// The hypothesis after the move that saves the most edits; none where no move saves any, or enough were tried.
fn best_move(words: &[usize], reference: &[usize], tried: &mut usize) -> Option<Vec<usize>> {
    let before = aligned(words, reference);
    let errors = errors(&before.steps);
    let mut best: Option<(Rank, Vec<usize>)> = None;
    'blocks: for (start, target, length) in blocks(words, reference) {
        let wrong = |flags: &[bool], from: usize| flags.iter().skip(from).take(length).any(|wrong| *wrong);
        let within = errors.partner.get(target).and_then(|at| usize::try_from(*at).ok());
        let inside = within.is_some_and(|at| (start..start + length).contains(&at));
        if !wrong(&errors.hypothesis, start) || !wrong(&errors.reference, target) || inside {
            continue;
        }
        let mut last = None;
        for place in places(&errors, target, length) {
            if last.replace(place) == Some(place) {
                continue;
            }
            let moved = moved(words, start, length, place);
            let saved = before.cost as isize - aligned(&moved, reference).cost as isize;
            let rank = (saved, length, std::cmp::Reverse(start), std::cmp::Reverse(place));
            *tried += 1;
            if best.as_ref().is_none_or(|(other, words)| (&rank, &moved) > (other, words)) {
                best = Some((rank, moved));
            }
        }
        if *tried >= CANDIDATES {
            break 'blocks;
        }
    }
    let (rank, moved) = best?;
    (*tried < CANDIDATES && rank.0 > 0).then_some(moved)
}

/// The places in the hypothesis to which a block may go: before and after the partners of the words around the target.
fn places(errors: &Errors, target: usize, length: usize) -> Vec<usize> {
    let mut places = Vec::new();
    for position in (target..target + length + 1).map(|position| position.checked_sub(1)) {
        match position {
            None => places.push(0),
            Some(position) => match errors.partner.get(position) {
                Some(at) => places.push(usize::try_from(at + 1).unwrap_or(0)),
                None => break,
            },
        }
    }
    places
}

/// Blocks of words that stand in both texts, not too far from each other: start, start in the reference, length.
fn blocks<'a>(words: &'a [usize], reference: &'a [usize]) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
    (0..words.len()).flat_map(move |start| {
        let near = start.saturating_sub(WAY)..reference.len().min(start + WAY + 1);
        near.flat_map(move |target| {
            let pairs = words.iter().skip(start).zip(reference.iter().skip(target));
            let longest = pairs.take(BLOCK).take_while(|(a, b)| a == b).count();
            (1..=longest).map(move |length| (start, target, length))
        })
    })
}

fn moved(words: &[usize], start: usize, length: usize, target: usize) -> Vec<usize> {
    let part = |from: usize, to: usize| words.iter().take(to).skip(from).copied();
    let block = part(start, start + length);
    let all = words.len();
    if target < start {
        part(0, target).chain(block).chain(part(target, start)).chain(part(start + length, all)).collect()
    } else {
        // A target within the block counts from its start, as Tercom has it.
        let end = if target > start + length { target } else { length + target };
        part(0, start).chain(part(start + length, end)).chain(block).chain(part(end.max(start + length), all)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moved_block_is_one_edit() {
        assert_eq!(sentence_ter("c d a b", &["a b c d"]), 25.0);
        assert_eq!(sentence_ter("a b c d", &["a b c d"]), 0.0);
        assert_eq!(sentence_ter("a", &[""]), 100.0);
        assert_eq!(sentence_ter("", &[""]), 0.0);
        assert_eq!(sentence_ter("", &["a b"]), 100.0);
    }

    fn list(most: usize) -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(0_usize..5, 1..most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn words_stay_and_any_pair_ends(left in list(14), right in list(14), place in (0_usize..14, 1_usize..9, 0_usize..14)) {
            let (start, length, target) = place;
            prop_assert!(aligned(&left, &right).cost <= left.len().max(right.len()));
            prop_assert!(edits_of(&left, &right) <= left.len().max(right.len()));
            if start + length <= left.len() {
                let mut after = moved(&left, start, length, target.min(left.len()));
                after.sort_unstable();
                let mut before = left;
                before.sort_unstable();
                prop_assert_eq!(before, after);
            }
        }
    }
}
