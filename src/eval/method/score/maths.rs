//! Answers of mathematics: equal by value, within a tolerance, or one to one with several references.

use serde::Deserialize;
use serde_json::Value;
use toml::Table;

use super::super::super::maths::{self, Verdict, docmath, rule};
use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::{none, read};
use super::{Made, Score};

pub(super) const NAMES: &[&str] = &["maths", "docmath", "olympiad-bench"];

/// An answer that no problem is likely to have.
const WRONG: &str = "-987654";

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    match name {
        "docmath" => none(name, params).map(|()| Box::new(DocMath) as Box<dyn Score>),
        "olympiad-bench" => none(name, params).map(|()| Box::new(Olympiad) as Box<dyn Score>),
        _ => Ok(Box::new(read::<Maths>(name, params)?)),
    }
}

/// What a comparison is worth.
fn marks(verdict: Verdict, gold: &str) -> Marks {
    match verdict {
        Verdict::Equal => Marks::one("accuracy", 1.0),
        Verdict::Different => Marks::one("accuracy", 0.0),
        Verdict::NoPrediction => {
            Marks { explanation: Some("there is no answer to be read".to_owned()), ..Marks::one("accuracy", 0.0) }
        }
        Verdict::NoReference => Marks::excluded(format!("the reference {gold:?} cannot be read")),
    }
}

/// What a reference states: some are whole solutions, or lines that announce an answer.
fn stated(reference: &str) -> String {
    let announced = reference.contains("boxed{") || reference.contains("答案");
    let found = announced.then(|| maths::answer(reference)).flatten();
    found.map_or_else(|| reference.to_owned(), |answer| answer.text)
}

/// The answer of a reply equals the reference, or one of several.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Maths {
    /// Whether both must be written as whole numbers, as in AIME.
    integer: bool,
}

impl Maths {
    fn verdict(&self, target: &str, reply: &str, answer: &str) -> Verdict {
        let gold = stated(target);
        if self.integer {
            return rule::integer_literal(&gold, answer);
        }
        match maths::equal(&gold, answer) {
            // A reply that is the reference word by word is right, whatever is read from it.
            Verdict::Different | Verdict::NoPrediction if maths::judge(target, reply).1.is_equal() => Verdict::Equal,
            verdict => verdict,
        }
    }
}

impl Score for Maths {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = maths::answer(&taken.text).map(|answer| answer.text).unwrap_or_default();
        let targets = case.sample.targets();
        let verdicts: Vec<Verdict> = targets.iter().map(|target| self.verdict(target, &taken.text, &answer)).collect();
        let best = verdicts.iter().find(|verdict| verdict.is_equal()).or_else(|| {
            // References that cannot be read do not count where another can.
            verdicts.iter().find(|verdict| **verdict != Verdict::NoReference)
        });
        marks(best.copied().unwrap_or(Verdict::NoReference), &targets.join(", ")).taking(answer)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        sample.targets().first().map(|target| stated(target))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(WRONG.to_owned())
    }
}

/// Truth values, and numbers within 0.15 % of the reference.
struct DocMath;

impl Score for DocMath {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let gold = case.sample.target_text();
        let kind = case.sample.meta.get("answer_type").and_then(Value::as_str).unwrap_or_default();
        let readable = match kind {
            "bool" => docmath::boolean(&gold).is_some(),
            "int" | "float" | "float64" => rule::value(&gold).is_some(),
            _ => return Marks::excluded(format!("an answer of type {kind:?} cannot be compared")),
        };
        marks(if readable { docmath::judge(&gold, &taken.text) } else { Verdict::NoReference }, &gold)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(match docmath::boolean(&sample.target_text()) {
            Some(true) => "False".to_owned(),
            Some(false) => "True".to_owned(),
            None => WRONG.to_owned(),
        })
    }
}

/// The difference that OlympiadBench allows where a problem does not say one.
const CLOSE: f64 = 1e-8;

/// Several answers one to one with the references, each within the difference that the problem allows.
struct Olympiad;

impl Olympiad {
    /// The first reference: those behind it are other derivations of the same.
    fn reference(sample: &Sample) -> String {
        let official = sample.meta.get("final_answer").and_then(|list| list.get(0)).and_then(Value::as_str);
        official.map_or_else(|| sample.target_text(), str::to_owned).replace('，', ",")
    }

    /// The allowed differences, one for each reference.
    fn tolerances(sample: &Sample) -> Option<Vec<f64>> {
        let kind = sample.meta.get("answer_type").and_then(Value::as_str).unwrap_or_default();
        let given = match sample.meta.get("error") {
            None | Some(Value::Null) => return Some(vec![CLOSE]),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if kind.contains("Tuple") {
            return Some(vec![CLOSE]);
        }
        let one = |part: &str| match part.trim() {
            "" => Some(CLOSE),
            number => number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0),
        };
        given.split(',').map(one).collect()
    }
}

impl Score for Olympiad {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = maths::answer(&taken.text).map(|answer| answer.text).unwrap_or_default();
        let gold = Self::reference(case.sample);
        let Some(tolerances) = Self::tolerances(case.sample) else {
            return Marks::excluded("the difference that the problem allows cannot be read").taking(answer);
        };
        marks(rule::absolute(&gold, &answer.replace('，', ","), &tolerances), &gold).taking(answer)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(Self::reference(sample))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(WRONG.to_owned())
    }
}
