//! Ends a load point once a figure is known well enough.

use crate::error::Result;
use crate::plan::Plan;
use crate::record::Record;
use crate::stats::{Intervals, Latency, Progress, StopRule, Until};

/// The rule of a plan with what was seen so far.
pub(super) struct Precision {
    rule: StopRule,
    values: Intervals,
    progress: Progress,
}

impl Precision {
    /// The rule of `--until`, for one load point.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(plan: &Plan) -> Result<Option<Self>> {
        let until = plan.settings.until.as_deref().map(str::parse::<Until>).transpose()?;
        Ok(until.map(|until| Precision {
            rule: StopRule::new(until),
            values: Intervals::default(),
            progress: Progress::default(),
        }))
    }

    /// Adds a record; tells whether the figure is known well enough.
    pub(super) fn add(&mut self, record: &Record) -> bool {
        if record.warmup || !record.is_ok() {
            return self.progress.reached;
        }
        let values = &mut self.values;
        match self.rule.until().latency {
            Latency::Ttft => record.ttft_ns().into_iter().for_each(|ttft| values.add(ttft)),
            Latency::Tpot => record.tpot_ns().into_iter().for_each(|tpot| values.add(tpot.round() as u64)),
            Latency::Itl => record.gaps_ns.iter().for_each(|gap| values.add(*gap)),
            Latency::E2e => record.e2e_ns().into_iter().for_each(|e2e| values.add(e2e)),
        }
        self.progress = self.rule.decided(&self.values);
        self.progress.reached
    }

    /// How it ended, in words.
    pub(super) fn told(&self) -> String {
        let half = self.progress.relative_half_width.map(|half| format!("±{:.1} %", half * 100.0));
        let known = half.unwrap_or_else(|| "no interval yet".to_owned());
        let asked = self.rule.until();
        let reached = if self.progress.reached { "reached" } else { "not reached" };
        format!("--until \"{asked}\" {reached}: {known} after {} values", self.progress.n)
    }
}
