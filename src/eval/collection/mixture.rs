//! The rows of a mixture: questions as they are asked, with what is right and where they come from.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::benchmark::Benchmark;
use super::super::conduct::{catalog, place};
use super::super::sample::Sample;
use super::super::source::{Choice, Fetch, Place, load};
use super::super::task::Task;
use super::sampler::Sampler;
use super::schema::{Schema, Share};
use crate::error::{Failure, Result};
use crate::random::Python;

/// What a row of the mixture says of a question that is asked or scored by a variant of its card.
pub(in crate::eval) const WAY: &str = "evalscope_way";

/// How many rows a data set gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The data set.
    pub share: Share,
    /// Rows that it has.
    pub size: usize,
    /// Rows that were asked for.
    pub wanted: usize,
    /// Rows that were drawn.
    pub drawn: usize,
}

/// A mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// Its rows, as `data_collection` reads them.
    pub rows: Vec<Value>,
    /// What each data set gave.
    pub parts: Vec<Drawn>,
    /// What its reader should know.
    pub notices: Vec<String>,
}

/// Draws `count` rows. Data comes from where the task says, and its limit and seed count. Rows are those that EvalScope's
/// sampler draws behind `random.seed(seed)`.
///
/// # Errors
/// When a benchmark is not known or cannot be mixed, or its data cannot be used.
pub fn draw(
    schema: &Schema,
    sampler: Sampler,
    count: usize,
    task: &Task,
    cache: &std::path::Path,
    fetch: Fetch<'_>,
) -> Result<Mixture> {
    let shares = schema.shares();
    let mut notices = Vec::new();
    let mut pools = Vec::new();
    for share in &shares {
        let (pool, told) = questions(share, task, cache, &mut *fetch)?;
        pools.push(pool);
        notices.extend(told);
    }
    let weights: Vec<f64> = shares.iter().map(|share| share.weight).collect();
    let sizes: Vec<usize> = pools.iter().map(Vec::len).collect();
    let mut random = Python::new(task.seed());
    let (mut rows, mut parts) = (Vec::new(), Vec::new());
    for ((share, pool), wanted) in shares.into_iter().zip(&pools).zip(sampler.counts(count, &weights, &sizes)) {
        let drawn = wanted.min(pool.len());
        let places = if drawn > 0 { random.sample(pool.len(), drawn).unwrap_or_default() } else { Vec::new() };
        for place in places {
            rows.push(row(rows.len(), &share, &pool[place], share.weight / drawn as f64));
        }
        if drawn < wanted {
            notices.push(format!("{}: {wanted} rows were asked for and it has {drawn}", share.name));
        }
        parts.push(Drawn { share, size: pool.len(), wanted, drawn });
    }
    if rows.len() < count {
        notices.push(format!("the mixture has {} of the {count} rows that were asked for", rows.len()));
    }
    Ok(Mixture { rows, parts, notices })
}

/// All questions of a data set, and what was noted.
fn questions(
    share: &Share,
    task: &Task,
    cache: &std::path::Path,
    fetch: Fetch<'_>,
) -> Result<(Vec<Arc<Sample>>, Vec<String>)> {
    let catalog = catalog(task)?;
    let entry = catalog.get(&share.name)?;
    let refuse = |why: &str| {
        Failure::usage(format!("{}: {why}, and cannot be mixed", share.name))
            .hint("evaluate it by itself with --datasets")
    };
    if entry.card.answer.score.as_ref().is_some_and(|score| score.name() == "delegated") {
        return Err(refuse("it is a mixture itself"));
    }
    let benchmark = Benchmark::new(entry, share.args.clone(), task.seed())?;
    let from = place(task, &benchmark)?;
    let loaded = load(&benchmark, &from, Choice { limit: task.limit, repeats: 1 }, cache, fetch)?;
    let mut notices = loaded.notices;
    if from == Place::Sample {
        notices.push(format!("{}: drawn from the sample of its card, not from the benchmark", share.name));
    }
    let all: Vec<Arc<Sample>> = loaded.subsets.into_iter().flat_map(|(_, samples)| samples).collect();
    for sample in &all {
        if !sample.turns.is_empty() {
            return Err(refuse("it asks in several turns"));
        }
        if !sample.body.is_empty() || sample.decision.is_some() {
            return Err(refuse("its requests are no chats alone"));
        }
    }
    Ok((all, notices))
}

/// A row, in the shape of EvalScope's `DatasetEntry`: what a prompt has not is left out.
fn row(index: usize, share: &Share, sample: &Sample, weight: f64) -> Value {
    let mut metadata = sample.meta.clone();
    if sample.way != 0 {
        metadata.insert(WAY.to_owned(), json!(sample.way));
    }
    let mut prompt = Map::new();
    prompt.insert("input".to_owned(), json!(sample.messages));
    let choices = (!sample.choices.is_empty()).then(|| json!(sample.choices));
    let optional = [("choices", choices), ("target", Some(sample.target.clone()).filter(|target| !target.is_null()))];
    prompt.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    prompt.insert("id".to_owned(), json!(sample.index));
    prompt.insert("group_id".to_owned(), json!(sample.group));
    prompt.extend(sample.tools.clone().map(|tools| ("tools".to_owned(), tools)));
    prompt.insert("metadata".to_owned(), Value::Object(metadata));
    json!({
        "index": index, "prompt": prompt, "tags": share.tags, "categories": share.categories, "task_type": share.task,
        "weight": weight, "dataset_name": share.name, "subset_name": sample.subset,
    })
}
