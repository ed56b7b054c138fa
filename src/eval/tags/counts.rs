//! Counts of entities and tokens, and the scores that they add up to.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::spans::{Mode, Span, spans};

/// Entities of one type: found ones, marked ones, and those that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    right: u64,
    marked: u64,
    there: u64,
}

/// The entities and tokens of the texts that were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    mode: Mode,
    types: BTreeMap<String, Count>,
    tokens_right: u64,
    tokens: u64,
}

/// What counts add up to. A share of nothing is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Right entities over marked ones.
    pub precision: f64,
    /// Right entities over those that are there.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// Tokens with the right tag over all tokens.
    pub accuracy: f64,
}

impl Counts {
    /// No texts yet, whose tags will be read in that mode.
    pub fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Adds a text. An entity is right if type, first and last token are. Tags that the shorter list lacks are `O`.
    pub fn add<S: AsRef<str>, T: AsRef<str>>(&mut self, gold: &[S], predicted: &[T]) {
        let there = spans(gold, self.mode);
        let marked = spans(predicted, self.mode);
        let known: HashSet<&Span<'_>> = there.iter().collect();
        for span in &there {
            self.of(span).there += 1;
        }
        for span in &marked {
            let right = u64::from(known.contains(span));
            let count = self.of(span);
            count.marked += 1;
            count.right += right;
        }
        for index in 0..gold.len().max(predicted.len()) {
            let one = gold.get(index).map_or("O", AsRef::as_ref);
            let two = predicted.get(index).map_or("O", AsRef::as_ref);
            self.tokens_right += u64::from(one == two);
            self.tokens += 1;
        }
    }

    fn of(&mut self, span: &Span<'_>) -> &mut Count {
        self.types.entry(span.kind.to_owned()).or_default()
    }

    /// Micro scores: every entity counts alike.
    pub fn scores(&self) -> Scores {
        let sum = |part: fn(&Count) -> u64| self.types.values().map(part).sum::<u64>();
        let all = Count {
            right: sum(|count| count.right),
            marked: sum(|count| count.marked),
            there: sum(|count| count.there),
        };
        Scores {
            precision: share(all.right, all.marked),
            recall: share(all.right, all.there),
            f1: f1(&all),
            accuracy: share(self.tokens_right, self.tokens),
        }
    }

    /// The mean F1 of the types that are there or were marked; none without any.
    pub fn macro_f1(&self) -> Option<f64> {
        let sum: f64 = self.types.values().map(f1).sum();
        (!self.types.is_empty()).then(|| sum / self.types.len() as f64)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn f1(count: &Count) -> f64 {
    share(2 * count.right, count.marked + count.there)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::super::agreement::{Agreement, cases};
    use super::*;

    fn texts(value: &Value) -> Vec<Vec<String>> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn scores_agree_with_seqeval() {
        let mut agreement = Agreement::new("retrieval", "ner");
        for case in cases("retrieval").iter().filter(|case| case["kind"] == "ner") {
            let id = case["id"].as_str().unwrap();
            for (mode, name) in [(Mode::Lenient, "default"), (Mode::Strict, "strict_IOB2")] {
                let mut counts = Counts::new(mode);
                for (gold, predicted) in texts(&case["gold"]).iter().zip(&texts(&case["pred"])) {
                    counts.add(gold, predicted);
                }
                let (scores, expected) = (counts.scores(), &case["expected"]);
                for (ours, theirs) in [
                    (Some(scores.precision), &expected[name]["precision"]),
                    (Some(scores.recall), &expected[name]["recall"]),
                    (Some(scores.f1), &expected[name]["f1"]),
                    (counts.macro_f1(), &expected[name]["f1_macro"]),
                    (Some(scores.accuracy), &expected["token_accuracy"]),
                ] {
                    let equal = match (ours, theirs.as_f64()) {
                        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 1e-9,
                        (ours, theirs) => ours == theirs,
                    };
                    agreement.judged(id, equal, || format!("{name}: ours {ours:?}, theirs {theirs}"));
                }
            }
        }
        agreement.check(1.0);
    }

    proptest! {
        #[test]
        fn precision_and_recall_change_places(one in prop::collection::vec("O|[BI]-[XY]", 0..9), two in prop::collection::vec("O|[BI]-[XY]", 9)) {
            for mode in [Mode::Lenient, Mode::Strict] {
                let (mut there, mut back) = (Counts::new(mode), Counts::new(mode));
                there.add(&one, &two);
                back.add(&two, &one);
                prop_assert_eq!(there.scores().precision, back.scores().recall);
                prop_assert_eq!(there.scores().f1, back.scores().f1);
                prop_assert_eq!(there.macro_f1(), back.macro_f1());
            }
        }

        #[test]
        fn any_tags_end(tags in prop::collection::vec("\\PC{0,4}", 0..9)) {
            let mut counts = Counts::default();
            counts.add(&tags, &tags);
            prop_assert!(counts.scores().f1 == 1.0 || counts.types.is_empty());
        }
    }
}
