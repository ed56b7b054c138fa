//! What becomes of answers: each is kept before it is scored, and what went another way than it should is counted.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::asking::{Answered, Loss, Spoken};
use super::conduct::Loaded;
use super::figures::Scored;
use super::method::{Case, Marks, Reply};
use super::report::Execution;
use super::rows::{prediction, review};
use super::run_folder::RowFile;
use super::sample::Sample;
use crate::error::Result;

/// What becomes of samples while they are asked.
pub(super) struct Desk<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) model: &'a str,
    /// Files of answers and of reviews by subset.
    pub(super) files: HashMap<String, (RowFile, RowFile)>,
    pub(super) scored: Vec<Scored>,
    pub(super) counters: BTreeMap<String, u64>,
    pub(super) execution: Vec<(String, Execution)>,
}

impl Desk<'_> {
    pub(super) fn count(&mut self, name: &str, many: u64) {
        if many > 0 {
            *self.counters.entry(name.to_owned()).or_insert(0) += many;
        }
    }

    pub(super) fn executed(&mut self, subset: &str) -> &mut Execution {
        let at = match self.execution.iter().position(|(name, _)| name == subset) {
            Some(at) => at,
            None => {
                self.execution.push((subset.to_owned(), Execution::default()));
                self.execution.len() - 1
            }
        };
        &mut self.execution[at].1
    }

    /// Scores a reply and keeps the review.
    pub(super) fn score(&mut self, sample: &Sample, row: &Value, reply: &Reply) -> Result<()> {
        let reply = self.loaded.filters.apply(reply);
        let marks = self.loaded.benchmark.method(sample).judge(&Case { sample, reply: &reply });
        match marks.via {
            Some("fallback") => self.count("answers taken by the last capital letter", 1),
            Some("none") => self.count("replies without an answer in the form that was asked for", 1),
            _ => {}
        }
        if row["model_output"]["error"].is_string() {
            self.count("refusals by the server that count as answers", 1);
        } else if reply.text.trim().is_empty() && reply.calls.is_empty() {
            self.count("empty answers", 1);
        }
        if reply.ended == crate::wire::Ended::Length {
            self.count("replies cut at the most tokens", 1);
        }
        if row["model_output"]["metadata"]["evalscope"]["reasoning_unfinished"] == true {
            self.count("replies cut while the model still reasoned", 1);
        }
        let thought = |message: &Value| {
            message["content"].as_array().is_some_and(|parts| parts.iter().any(|part| part["type"] == "reasoning"))
        };
        if row["messages"].as_array().is_some_and(|messages| messages.iter().any(thought)) {
            self.count("replies with reasoning", 1);
        }
        if !super::rows::counts(&marks) {
            self.count("samples left out of the figures", 1);
        }
        if let Some((_, reviews)) = self.files.get_mut(&sample.subset) {
            reviews.write(&review(sample, row, &reply, &marks))?;
        }
        self.executed(&sample.subset).succeeded += 1;
        self.push(sample, Some(marks));
        Ok(())
    }

    fn push(&mut self, sample: &Sample, marks: Option<Marks>) {
        self.scored.push(Scored {
            subset: sample.subset.clone(),
            index: sample.index,
            group: sample.group,
            repeat: sample.repeat,
            meta: sample.meta.clone(),
            marks,
        });
    }

    /// Keeps an answer that came, then scores it.
    pub(super) fn take(&mut self, sample: &Sample, digest: &str, answered: &Answered) -> Result<bool> {
        if answered.failure.as_ref().is_some_and(Loss::is_cut) {
            return Ok(false);
        }
        self.count("requests made again", u64::from(answered.retries));
        for Spoken { record, .. } in &answered.turns {
            self.count("events of streams that were not understood", u64::from(record.ignored_events));
            self.count("streams that ended without their mark", u64::from(record.done_missing));
        }
        let weighs = self.loaded.benchmark.method(sample).weighs_refusals();
        let made = prediction(sample, answered, digest, self.model, weighs);
        if let Some((predictions, _)) = self.files.get_mut(&sample.subset) {
            predictions.write(&made.row)?;
        }
        match &made.reply {
            Some(reply) => self.score(sample, &made.row, reply)?,
            None => {
                self.executed(&sample.subset).errored += 1;
                self.count("samples that failed", 1);
                self.push(sample, None);
            }
        }
        Ok(true)
    }
}
