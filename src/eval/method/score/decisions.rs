//! Probabilities of options: which is right, and how good the probabilities are.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Table;

use super::super::super::aggregate::decisions::{Decision as Distribution, brier, expected, nll, rps};
use super::super::super::sample::Sample;
use super::super::case::{Case, Marks, Taken};
use super::super::params::read;
use super::{Made, Score, noted, noted_list, noted_text};
use crate::wire::rounding;

pub(super) const NAMES: &[&str] = &["decision"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    Ok(Box::new(read::<Decision>(name, params)?))
}

/// Whose rules hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Set {
    #[default]
    General,
    Jevbench,
    OpenDecisions,
    Stsb,
}

/// One decision. What the server gave and what was made of it is noted, for the figures over all decisions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    #[serde(default)]
    set: Set,
    /// From which probability on the answer is yes.
    #[serde(default = "half")]
    threshold: f64,
}

fn half() -> f64 {
    0.5
}

impl Decision {
    /// How far from 1 probabilities may add up to.
    fn tolerance(&self, probabilities: &[f64]) -> f64 {
        let own = match self.set {
            Set::General | Set::Stsb => f64::INFINITY,
            Set::Jevbench => 0.02,
            Set::OpenDecisions => 0.01 + 1e-12,
        };
        own.min(rounding(probabilities))
    }

    /// From which distance on they are made to add up to 1.
    fn kept(&self) -> f64 {
        match self.set {
            Set::General | Set::Stsb => 0.0,
            Set::Jevbench => 0.001,
            Set::OpenDecisions => 0.01 + 1e-12,
        }
    }
}

/// What a server gave: a probability for each label, and how sure it says it is.
struct Given {
    probabilities: Vec<f64>,
    confidence: Option<f64>,
}

/// Reads the reply of a decision server (System One's or AutoTrust's), an object of probabilities, or the log-probabilities
/// of a chat server's first token, whose alternatives are taken for labels or for the letters of the options.
fn given(raw: &Value, labels: &[String]) -> Result<Given, String> {
    let answer = raw.pointer("/answers/answer").unwrap_or(raw);
    let confidence = answer.get("confidence").and_then(Value::as_f64);
    let probabilities = match (answer.get("probabilities"), answer.get("noul").and_then(Value::as_f64)) {
        (Some(Value::Object(named)), _) => by_label(named, labels)?,
        (Some(Value::Array(listed)), _) => {
            let numbers: Option<Vec<f64>> = listed.iter().map(Value::as_f64).collect();
            numbers.filter(|numbers| numbers.len() == labels.len()).ok_or("not one probability for each option")?
        }
        (None, Some(yes)) => {
            by_label(&Map::from_iter([("no".to_owned(), json!(1.0 - yes)), ("yes".to_owned(), json!(yes))]), labels)?
        }
        _ => of_tokens(raw, labels).ok_or("a text is no probability: the reply has none of the options")?,
    };
    if probabilities.iter().any(|p| !p.is_finite() || !(0.0..=1.0).contains(p)) {
        return Err("a probability is not within 0 and 1".to_owned());
    }
    Ok(Given { probabilities, confidence })
}

fn by_label(named: &Map<String, Value>, labels: &[String]) -> Result<Vec<f64>, String> {
    if let Some(other) = named.keys().find(|name| !labels.contains(name)) {
        return Err(format!("{other:?} is none of the options"));
    }
    Ok(labels.iter().map(|label| named.get(label).and_then(Value::as_f64).unwrap_or(0.0)).collect())
}

/// The probabilities that the alternatives of the first token give to labels; to their letters where they name no label.
/// They are made to add up to 1, since other tokens have a part.
fn of_tokens(raw: &Value, labels: &[String]) -> Option<Vec<f64>> {
    let first = raw.get("content")?.get(0)?;
    let alternatives = first.get("top_logprobs").and_then(Value::as_array).filter(|list| !list.is_empty());
    let alternatives: Vec<&Value> = alternatives.map_or_else(|| vec![first], |list| list.iter().collect());
    let of = |name: &str| -> f64 {
        let fits = |token: &&&Value| {
            token.get("token").and_then(Value::as_str).is_some_and(|text| text.trim().eq_ignore_ascii_case(name))
        };
        alternatives.iter().filter(fits).filter_map(|token| token.get("logprob")?.as_f64()).map(f64::exp).sum()
    };
    let letters = || (0..labels.len()).map(|place| of(&super::super::super::card::label(place))).collect();
    let named: Vec<f64> = labels.iter().map(|label| of(label)).collect();
    let found: Vec<f64> = if named.iter().any(|p| *p > 0.0) { named } else { letters() };
    let total: f64 = found.iter().sum();
    (total > 0.0).then(|| found.iter().map(|p| (p / total).min(1.0)).collect())
}

/// The likeliest label; of equals the first in the order of their letters.
fn likeliest<'a>(labels: &'a [String], probabilities: &[f64]) -> &'a str {
    let mut pairs: Vec<(&'a str, f64)> = labels.iter().map(String::as_str).zip(probabilities.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.cmp(b.0));
    pairs.into_iter().reduce(|best, other| if other.1 > best.1 { other } else { best }).map_or("", |(label, _)| label)
}

impl Score for Decision {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let sample = case.sample;
        let labels = noted_list(sample, "decision_labels");
        let Some(raw) = &case.reply.raw else {
            return Marks::excluded("the reply has no probabilities; a text is none");
        };
        let answered = sample.decision.as_ref().map_or(Ok(()), |question| question.is_answered_by(raw));
        let given = match answered.and_then(|()| given(raw, &labels)) {
            Ok(given) => given,
            Err(why) => return Marks::excluded(why),
        };
        let total: f64 = given.probabilities.iter().sum();
        let distance = (total - 1.0).abs();
        if total <= 0.0 || distance > self.tolerance(&given.probabilities) + 1e-12 {
            return Marks::excluded(format!("the probabilities add up to {total}"));
        }
        let divisor = if distance > self.kept() { total } else { 1.0 };
        let probabilities: Vec<f64> = given.probabilities.iter().map(|p| p / divisor).collect();
        self.marks(sample, &labels, &given, &probabilities)
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}

impl Decision {
    fn marks(&self, sample: &Sample, labels: &[String], given: &Given, probabilities: &[f64]) -> Marks {
        let kind = noted_text(sample, "decision_kind");
        let continuous = noted(sample, "continuous").and_then(Value::as_bool).unwrap_or(false);
        let gold = sample.target_text();
        let place = labels.iter().position(|label| *label == gold);
        let yes = labels.iter().position(|label| label == "yes").and_then(|place| probabilities.get(place)).copied();
        let predicted = match yes.filter(|_| kind == "noul" && self.set != Set::Jevbench) {
            Some(yes) => {
                if yes >= self.threshold {
                    "yes"
                } else {
                    "no"
                }
            }
            None => likeliest(labels, probabilities),
        };
        let levels: Vec<f64> = (0..labels.len()).map(|level| level as f64).collect();
        let score = (kind == "score").then(|| expected(probabilities, &levels));
        let number: Option<f64> = gold.trim().parse().ok();
        let correct = f64::from(!continuous && predicted == gold);
        let mut values: Vec<(&str, f64)> = Vec::new();
        if !continuous {
            values.push(("accuracy", correct));
        }
        values.extend(score.zip(number).map(|(score, number)| ("mae", (score - number).abs())));
        if let (Some(right), false) = (place, continuous) {
            let one = [Distribution { probabilities, right }];
            // A probability of yes alone is off by half of what both options together are.
            let share = if kind == "noul" { 0.5 } else { 1.0 };
            values.extend(rps(&one).filter(|_| kind == "score").map(|value| ("nrps", value)));
            values.extend(nll(&one).map(|value| ("nll", value)));
            values.extend(brier(&one).map(|value| ("brier", value * share)));
        }
        let raw: Map<String, Value> =
            labels.iter().zip(&given.probabilities).map(|(label, p)| (label.clone(), json!(p))).collect();
        let observation = json!({
            "kind": kind, "labels": labels, "probabilities": probabilities, "raw_probabilities": raw,
            "gold": if continuous { json!(number) } else { json!(gold) }, "predicted": predicted, "correct": correct,
            "expected": score, "confidence": given.confidence, "continuous": continuous,
            "family": noted_text(sample, "family"), "tier": noted_text(sample, "tier"),
            "fixed_classes": noted(sample, "fixed_classes").and_then(Value::as_bool).unwrap_or(false),
        });
        let taken = score.filter(|_| continuous).map_or_else(|| predicted.to_owned(), |score| score.to_string());
        Marks::of(values).noting("decision", observation).taking(taken)
    }
}
