//! OpenDecisions: capability as the mean of intelligence, which is accuracy above chance, and calibration. Decisions that are
//! missing are wrong.

use serde_json::Value;

use super::super::aggregate::{Aggregate, means};
use super::super::figures::Scored;
use super::decisions::{self, Observation, ece};

/// Difficulties and what they weigh.
const TIERS: [(&str, f64); 4] = [("easy", 0.1), ("standard", 0.2), ("judge", 0.3), ("hard", 0.4)];
/// Kinds of decisions, which weigh alike.
const KINDS: [&str; 3] = ["choice", "noul", "score"];

/// What came of one decision, all between 0 and 1.
struct Outcome {
    kind: String,
    tier: String,
    correct: bool,
    /// The share that a guess has right; of a score, how far a guess at the middle is off.
    chance: f64,
    /// How far a random level is off.
    random: f64,
    /// How far the expected level is off; of the worst level where there is no decision.
    off: f64,
    /// A forecast and what came; `None` without a decision.
    forecast: Option<(f64, f64)>,
    /// Ranked probability score of a score.
    ranked: Option<f64>,
}

fn outcome(sample: &Scored) -> Option<Outcome> {
    let noted = |name: &str| sample.meta.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels = sample.meta.get("decision_labels")?.as_array()?.len();
    let gold = super::super::sample::spelled(sample.meta.get("decision_gold")?);
    let (kind, tier) = (noted("decision_kind"), noted("tier"));
    let decision = Observation::of(sample);
    let correct = decision.as_ref().is_some_and(|decision| decision.correct == 1.0);
    let mut outcome = Outcome {
        tier,
        correct,
        chance: 1.0 / labels.max(1) as f64,
        random: 0.0,
        off: 0.0,
        forecast: decision.as_ref().map(|decision| (decision.top(), decision.correct)),
        ranked: None,
        kind,
    };
    match outcome.kind.as_str() {
        "noul" => {
            let yes = f64::from(gold == "yes");
            outcome.chance = 0.5;
            outcome.forecast = decision.map(|decision| (decision.probability("yes"), yes));
        }
        "score" => {
            let (gold, steps) = (gold.trim().parse::<f64>().ok()?, labels.max(2) as f64 - 1.0);
            outcome.random =
                (0..labels).map(|level| (level as f64 - gold).abs()).sum::<f64>() / labels.max(1) as f64 / steps;
            outcome.chance = (steps / 2.0 - gold).abs() / steps;
            let expected = decision.as_ref().and_then(|decision| decision.expected);
            outcome.off = expected.map_or_else(|| gold.max(steps - gold), |expected| (expected - gold).abs()) / steps;
            outcome.ranked = sample.value("nrps");
        }
        _ => {}
    }
    Some(outcome)
}

fn mean(outcomes: &[&Outcome], of: impl Fn(&Outcome) -> f64) -> Option<f64> {
    means::mean(&outcomes.iter().map(|outcome| of(outcome)).collect::<Vec<_>>())
}

/// How much better than chance decisions of one kind and difficulty are: 0 at chance, 1 at best.
fn competence(kind: &str, outcomes: &[&Outcome]) -> Option<f64> {
    if kind == "score" {
        let middle = mean(outcomes, |outcome| outcome.chance)?;
        // Where every right level is the middle one, a guess at the middle is never off.
        let chance = if middle > 0.0 { middle } else { mean(outcomes, |outcome| outcome.random)? };
        return Some(1.0 - mean(outcomes, |outcome| outcome.off)? / chance).filter(|value| value.is_finite());
    }
    let (share, chance) =
        (mean(outcomes, |outcome| f64::from(outcome.correct))?, mean(outcomes, |outcome| outcome.chance)?);
    Some((share - chance) / (1.0 - chance)).filter(|value| value.is_finite())
}

/// The mean by weights of what there is.
fn weighted(parts: impl IntoIterator<Item = (Option<f64>, f64)>) -> Option<f64> {
    let there: Vec<(f64, f64)> = parts.into_iter().filter_map(|(value, weight)| Some((value?, weight))).collect();
    let total: f64 = there.iter().map(|(_, weight)| weight).sum();
    (total > 0.0).then(|| there.iter().map(|(value, weight)| value * weight).sum::<f64>() / total)
}

fn intelligence(outcomes: &[Outcome]) -> Option<f64> {
    let of_kind = |kind: &str| {
        let of_tier = |(tier, weight): &(&str, f64)| {
            let own: Vec<&Outcome> =
                outcomes.iter().filter(|outcome| outcome.kind == kind && outcome.tier == *tier).collect();
            (competence(kind, &own), *weight)
        };
        weighted(TIERS.iter().map(of_tier)).map(|value| value.max(0.0))
    };
    weighted(KINDS.map(|kind| (of_kind(kind), 1.0))).map(|value| value.clamp(0.0, 1.0))
}

fn calibration(outcomes: &[Outcome]) -> Option<f64> {
    // An error of one half is as bad as can be.
    let good = |pairs: Vec<(f64, f64)>| ece(&pairs).map(|error| (1.0 - error / 0.5).max(0.0));
    let forecasts = |kind: &str, tier: Option<&str>| -> Vec<(f64, f64)> {
        let own =
            outcomes.iter().filter(|outcome| outcome.kind == kind && tier.is_none_or(|tier| outcome.tier == tier));
        own.filter_map(|outcome| outcome.forecast).collect()
    };
    let ranked: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.ranked).collect();
    let score =
        good(forecasts("score", None)).zip(means::mean(&ranked)).map(|(top, ranked)| (top + 1.0 - ranked) / 2.0);
    weighted([(good(forecasts("choice", Some("hard"))), 1.0), (good(forecasts("noul", None)), 1.0), (score, 1.0)])
}

/// The figures of a subset: the plain ones of decisions, and the official ones.
pub fn figures(samples: &[&Scored]) -> Vec<Aggregate> {
    let outcomes: Vec<Outcome> = samples.iter().filter_map(|sample| outcome(sample)).collect();
    let (intelligence, calibration) = (intelligence(&outcomes), calibration(&outcomes));
    let capability = intelligence.zip(calibration).map(|(one, other)| (one + other) / 2.0);
    let num = samples.len() as u64;
    let official = [("intelligence", intelligence), ("calibration", calibration), ("capability", capability)];
    let mut rows = decisions::figures(samples);
    rows.extend(official.into_iter().filter_map(|(name, score)| Some(Aggregate::new(name, "official", score?, num))));
    rows
}
