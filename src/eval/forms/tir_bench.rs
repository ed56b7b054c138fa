//! TIR-Bench: short answers about images, compared by the task and by the kind of the true answer.

use std::collections::BTreeSet;

use super::pattern::{Pattern, group};

static BOXED: Pattern = Pattern::new(r"\\boxed\{([A-J])\}");
static MARKED: Pattern = Pattern::new(r"(?:ANSWER|Answer|answer)\s*[:\-]\s*([A-J])\b");
static SAID: Pattern = Pattern::new(r"(?:The answer is|the answer is|答案[是为])\s*([A-J])\b");
static CALLED: Pattern = Pattern::new(r"\b([A-J])\s*(?:is correct|is the answer)");
static BRACKETED: Pattern = Pattern::new(r"\(([A-J])\)");
static ALONE: Pattern = Pattern::new(r"\b([A-J])\b");
static INTEGER: Pattern = Pattern::new(r"[0-9]+");
static SEQUENCE: Pattern = Pattern::new(r"[0-9\s,，]+");
static TWO: Pattern = Pattern::new(r"\b([0-9]+)\s*,\s*([0-9]+)\b");

/// Labels of options.
const LETTERS: [&str; 10] = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

/// What a true answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters only: the label of an option, or several.
    Letters,
    /// A whole number.
    Integer,
    /// Another number.
    Decimal,
    /// Anything else.
    Other,
}

/// The kind of a true answer.
pub fn kind(truth: &str) -> Kind {
    let truth = truth.trim();
    if !truth.is_empty() && truth.chars().all(char::is_alphabetic) {
        Kind::Letters
    } else if truth.parse::<i64>().is_ok() {
        Kind::Integer
    } else if truth.parse::<f64>().is_ok() {
        Kind::Decimal
    } else {
        Kind::Other
    }
}

/// What the record says beside the true answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task<'a> {
    /// `task`, which is the subset.
    pub name: &'a str,
    /// `meta_data.difficulty`: pieces along a side of a jigsaw.
    pub difficulty: usize,
    /// What was asked, which lists the options.
    pub prompt: &'a str,
}

/// What is kept as the answer of a reply: a letter where the true answer is letters, else the reply itself.
pub fn extract(reply: &str, truth: &str, task: Task) -> String {
    if task.name == "ocr" || kind(truth) != Kind::Letters { reply.to_owned() } else { letter(reply) }
}

/// In this order: the first boxed letter, the first after `Answer:` and the like, the last in brackets, the last that
/// stands alone, the whole reply.
fn letter(reply: &str) -> String {
    let first = [&BOXED, &MARKED, &SAID, &CALLED].into_iter().find_map(|pattern| pattern.first(reply));
    let found = first.or_else(|| BRACKETED.last(reply)).or_else(|| ALONE.last(reply));
    found.map_or_else(|| reply.trim().to_owned(), |found| group(&found, 1).to_owned())
}

/// The score of an answer, 0 to 1; `None` where `equal` could not compare two numbers, which leaves the sample out.
///
/// `answer` is what [`extract`] gave, `reply` the reply itself; `equal` compares a reply with a true number, by the
/// rules for mathematics.
pub fn score(
    answer: &str,
    reply: &str,
    truth: &str,
    task: Task,
    equal: &dyn Fn(&str, &str) -> Option<bool>,
) -> Option<f64> {
    let number = || equal(answer.replace("Extracted answer:", "").trim(), truth).map(share);
    match (task.name, kind(truth)) {
        ("ocr", _) => Some(share(reply.contains(truth))),
        ("word_search" | "spot_difference", Kind::Integer) => number(),
        ("word_search", _) => Some(share(two(truth).is_some_and(|truth| two(answer) == Some(truth)))),
        ("spot_difference", _) => Some(overlap(&integers(answer), &integers(truth))),
        ("jigsaw", _) => Some(jigsaw(answer, truth, task.difficulty)),
        (_, Kind::Letters) => Some(share(chosen(answer, truth, task.prompt))),
        (_, Kind::Integer | Kind::Decimal) => number(),
        (_, Kind::Other) => Some(0.0),
    }
}

fn share(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// Digits without leading zeros, so that numbers of any length are compared.
fn plain(digits: &str) -> String {
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() { "0".to_owned() } else { bare.to_owned() }
}

fn two(text: &str) -> Option<(String, String)> {
    TWO.first(text).map(|found| (plain(group(&found, 1)), plain(group(&found, 2))))
}

fn integers(text: &str) -> BTreeSet<String> {
    INTEGER.all(text).map(|found| plain(group(&found, 0))).collect()
}

/// Members of both of the members of either; 1 where both are empty.
fn overlap(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let (shared, either) = (one.intersection(other).count(), one.union(other).count());
    if either == 0 { 1.0 } else { shared as f64 / either as f64 }
}

/// Share of the pieces at their place, in the first run of exactly as many numbers as there are pieces.
fn jigsaw(answer: &str, truth: &str, difficulty: usize) -> f64 {
    let Some(pieces) = difficulty.checked_mul(difficulty).filter(|pieces| *pieces > 0) else { return 0.0 };
    let run = |text: &str| {
        let mut runs = SEQUENCE
            .all(text)
            .map(|run| INTEGER.all(group(&run, 0)).map(|found| plain(group(&found, 0))).collect::<Vec<_>>());
        runs.find(|run| run.len() == pieces)
    };
    let right = |(answer, truth): (Vec<String>, Vec<String>)| {
        answer.iter().zip(&truth).filter(|(one, other)| one == other).count()
    };
    run(answer).zip(run(truth)).map_or(0.0, |both| right(both) as f64 / pieces as f64)
}

/// Whether the option is the true one; several letters are compared as sets that keep repetitions.
///
/// An answer that is no label is taken for the option whose text it is in the prompt, else for the nearest label by
/// edits, which is the first one where none is nearer. An empty answer is none.
fn chosen(answer: &str, truth: &str, prompt: &str) -> bool {
    if !LETTERS.contains(&truth) {
        let sorted = |text: &str| {
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        return sorted(answer) == sorted(truth);
    }
    let answer = answer.replace("Extracted answer:", "");
    let answer = answer.trim();
    if answer.is_empty() || LETTERS.contains(&answer) {
        return answer == truth;
    }
    let listed = |letter: &str| {
        [". ", ".", " ", ""].iter().any(|between| prompt.contains(&format!("{letter}{between}{answer}")))
    };
    let nearest = || LETTERS.into_iter().min_by_key(|letter| strsim::levenshtein(answer, letter));
    LETTERS.into_iter().find(|letter| listed(letter)).or_else(nearest) == Some(truth)
}
