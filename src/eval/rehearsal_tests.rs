//! Every built-in card against its own sample: the reply that is said to be right scores 1, the other one 0.
#![expect(clippy::expect_used, clippy::panic, reason = "tests say what they need and stop there")]

use std::path::Path;

use super::args::DatasetArgs;
use super::benchmark::Benchmark;
use super::card::{Catalog, Entry};
use super::method::{Case, Marks, Reply, Standing};
use super::sample::Sample;
use super::source::{Choice, Place, load};
use crate::error::Failure;

/// Benchmarks whose figures are not 1 for what is right or 0 for what is wrong, and the figures that they give instead:
/// `None` where a sample may have none or any.
const OTHERWISE: [(&str, Option<f64>, Option<f64>); 5] = [
    // Its scale begins below 0.
    ("eq_bench", Some(1.0), None),
    // The figure is an error.
    ("stsb", Some(0.0), None),
    // A turn that ends the talk has no F1.
    ("tool_bench", None, None),
    // Only rows with a label have the figure.
    ("minimax_verifier", None, None),
    // A reply holds one span, and some answers are several.
    ("drop", None, Some(0.0)),
];

/// The value that stands for a sample: that of the primary metric, else the first.
fn value(marks: &Marks, primary: &str) -> Option<f64> {
    if marks.standing == Standing::Excluded {
        return None;
    }
    marks.get(primary).or_else(|| marks.values.first().map(|(_, value)| *value))
}

fn rehearsed(benchmark: &Benchmark, sample: &Sample, wanted: (Option<f64>, Option<f64>)) -> Vec<String> {
    let card = benchmark.card();
    let primary = card.report.primary.as_ref().or(card.report.metrics.first()).map_or("", String::as_str);
    let method = benchmark.method(sample);
    let mut faults = Vec::new();
    for (side, reply, wanted) in [("right", method.right(sample), wanted.0), ("wrong", method.wrong(sample), wanted.1)]
    {
        let name = format!("{} {} {} {side}", card.name, sample.subset, sample.index);
        let Some(reply) = reply else {
            faults.push(format!("{name}: there is no such reply"));
            continue;
        };
        let marks = method.judge(&Case { sample, reply: &turned(reply, sample) });
        let found = value(&marks, primary);
        let near = wanted.zip(found).is_some_and(|(wanted, found)| (wanted - found).abs() < 1e-6);
        if wanted.is_some() && !near {
            faults.push(format!("{name}: {found:?} of {primary} for target {}: {marks:?}", sample.target));
        }
    }
    faults
}

/// The reply in each turn of a talk.
fn turned(mut reply: Reply, sample: &Sample) -> Reply {
    reply.turns = vec![reply.text.clone(); sample.turns.len() + 1];
    reply
}

fn faults(entry: &Entry, cache: &Path) -> Result<(usize, Vec<String>), Failure> {
    let benchmark = Benchmark::new(entry, DatasetArgs::default(), 42)?;
    let mut no_hub = |_: &_| Err(Failure::usage("a sample needs no hub"));
    let choice = Choice { limit: None, repeats: 1 };
    let questions = load(&benchmark, &Place::Sample, choice, cache, &mut no_hub)?;
    let name = entry.card.name.as_str();
    let otherwise = OTHERWISE.iter().find(|(other, ..)| *other == name);
    let wanted = otherwise.map_or((Some(1.0), Some(0.0)), |(_, right, wrong)| (*right, *wrong));
    let samples: Vec<&Sample> =
        questions.subsets.iter().flat_map(|(_, samples)| samples).map(|sample| &**sample).collect();
    let faults = samples.iter().flat_map(|sample| rehearsed(&benchmark, sample, wanted)).collect();
    Ok((samples.len(), faults))
}

#[test]
fn what_is_right_scores_one_and_what_is_wrong_zero() {
    let cache = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(None).unwrap_or_else(|failure| panic!("{failure}"));
    let (mut cards, mut samples, mut all) = (0, 0, Vec::new());
    for entry in catalog.all() {
        cards += 1;
        match faults(entry, cache.path()) {
            Ok((count, faults)) => {
                samples += count;
                all.extend(faults);
            }
            Err(failure) => all.push(format!("{}: {failure}", entry.card.name)),
        }
    }
    assert!(cards > 100, "{cards} cards");
    assert!(all.is_empty(), "{cards} cards, {samples} samples, {} faults:\n{}", all.len(), all.join("\n"));
}
