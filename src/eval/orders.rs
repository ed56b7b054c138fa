//! In which order options are shown: permutations that hang on the text of a sample alone, as EvalScope 1.14.1 has
//! them.
//!
//! A permutation is the list of old places in their new order. Its seed is the first eight bytes of a SHA-256, taken
//! as a big-endian integer, so that neither a filter nor a limit changes the order of another sample.

use ring::digest::{SHA256, digest};

use crate::random::Python;
use crate::workload::Pcg64;

/// Generator seeded by the parts, joined by a NUL.
fn generator(parts: &[&str]) -> Python {
    let hash = digest(&SHA256, parts.join("\0").as_bytes());
    Python::from_integer(&hash.as_ref()[..8])
}

fn shuffled(mut generator: Python, length: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..length).collect();
    generator.shuffle(&mut places);
    places
}

/// Puts records in the order of a seed: as `datasets.Dataset.shuffle` does, which takes numpy's generator, where they are a
/// table of a hub, and as Python's `random` does where EvalScope reads them itself.
pub fn records<T>(records: &mut [T], seed: u64, of_hub: bool) {
    if of_hub {
        Pcg64::new(seed).shuffle(records);
    } else {
        Python::new(seed).shuffle(records);
    }
}

/// Order of so many things by a hash of texts, joined by a NUL.
pub fn by_texts(parts: &[&str], length: usize) -> Vec<usize> {
    shuffled(generator(parts), length)
}

/// Order of so many things by the seed of the run.
pub fn by_seed(seed: u64, length: usize) -> Vec<usize> {
    shuffled(Python::new(seed), length)
}

/// Order of `choices` under `shuffle_choices`: hashed are the seed in decimal digits, the input as text, and the
/// choices sorted by code point.
pub fn choices(seed: i64, input: &str, choices: &[String]) -> Vec<usize> {
    let seed = seed.to_string();
    let mut sorted: Vec<&str> = choices.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let parts: Vec<&str> = [seed.as_str(), input].into_iter().chain(sorted).collect();
    shuffled(generator(&parts), choices.len())
}

/// Order of the four answers of GPQA, where places 0 to 2 are the wrong ones and 3 the right one: hashed is the trimmed
/// question.
pub fn gpqa(question: &str) -> Vec<usize> {
    shuffled(generator(&[question.trim()]), 4)
}

/// Order of the two candidates of RewardBench, where 0 is the chosen and 1 the rejected one.
pub fn reward_bench(prompt: &str, chosen: &str, rejected: &str) -> Vec<usize> {
    shuffled(generator(&[prompt, chosen, rejected]), 2)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn records_of_a_hub_come_as_numpy_puts_them() {
        let order = |of_hub| {
            let mut places: Vec<u32> = (0..8).collect();
            records(&mut places, 42, of_hub);
            places
        };
        // numpy.random.default_rng(42).permutation(8), and random.Random(42).shuffle(list(range(8))).
        assert_eq!(order(true), [3, 4, 2, 7, 6, 1, 5, 0]);
        assert_eq!(order(false), [3, 4, 6, 7, 2, 5, 0, 1]);
    }

    /// What `tests/golden/make_orders.py` wrote.
    const GOLDEN: &str = include_str!("../../tests/golden/orders.jsonl");

    #[test]
    fn orders_are_those_of_the_recipe_in_python() {
        let mut seen = [0; 3];
        for line in GOLDEN.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let texts: Vec<String> = serde_json::from_value(case["texts"].clone()).unwrap();
            let (kind, order) = match case["kind"].as_str().unwrap() {
                "choices" => (0, choices(case["seed"].as_i64().unwrap(), &texts[0], &texts[1..])),
                "gpqa" => (1, gpqa(&texts[0])),
                _ => (2, reward_bench(&texts[0], &texts[1], &texts[2])),
            };
            assert_eq!(serde_json::json!(order), case["order"], "{case}");
            seen[kind] += 1;
        }
        assert_eq!(seen, [60, 20, 20]);
    }

    #[test]
    fn the_order_of_choices_does_not_change_what_is_drawn() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (one, other) = (list(&["a", "b", "c", "d"]), list(&["d", "a", "c", "b"]));
        assert_eq!(choices(42, "question", &one), choices(42, "question", &other));
        assert_ne!(choices(42, "question", &one), choices(43, "question", &one));
        assert!(choices(42, "question", &[]).is_empty());
    }
}
