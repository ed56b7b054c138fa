//! Service level objectives, and which replies meet them.

use super::View;
use crate::error::{Failure, Result, known};

/// What an objective bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Time to first token.
    Ttft,
    /// Time per output token.
    Tpot,
    /// Latency of the request.
    E2el,
}

/// One objective, such as `ttft:200`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slo {
    /// What it bounds.
    pub objective: Objective,
    /// The bound in milliseconds; a value equal to it meets it.
    pub ms: f64,
}

impl Slo {
    /// Reads `METRIC:MS`.
    ///
    /// # Errors
    /// When the metric is unknown or the bound is no positive number.
    pub fn parse(text: &str) -> Result<Slo> {
        let wrong = |why: &str| {
            Failure::usage(format!("--goodput {text}: {why}"))
                .hint(format!("write METRIC:MS; known metrics: {}", known(["ttft", "tpot", "e2el"])))
        };
        let (name, bound) = text.split_once(':').ok_or_else(|| wrong("no colon"))?;
        let objective = match name {
            "ttft" => Objective::Ttft,
            "tpot" => Objective::Tpot,
            "e2el" => Objective::E2el,
            _ => return Err(wrong("no metric of this name")),
        };
        let ms = bound.parse().ok().filter(|ms: &f64| ms.is_finite() && *ms > 0.0);
        Ok(Slo { objective, ms: ms.ok_or_else(|| wrong("the bound must be a positive number"))? })
    }

    /// Whether a tool's view of a reply meets it; a time per token that does not exist counts as 0.
    pub(super) fn is_met(&self, view: &View) -> bool {
        let value = match self.objective {
            Objective::Ttft => view.ttft.unwrap_or(0.0),
            Objective::Tpot => view.tpot.unwrap_or(0.0),
            Objective::E2el => view.latency,
        };
        value <= self.ms / 1000.0
    }
}

/// Replies that meet every objective; `None` where there is none to meet.
pub(super) fn good<'a>(slos: &[Slo], views: impl Iterator<Item = &'a View>) -> Option<u64> {
    (!slos.is_empty()).then(|| views.filter(|view| slos.iter().all(|slo| slo.is_met(view))).count() as u64)
}
