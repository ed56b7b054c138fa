//! Which replies keep the limits of `--goodput`, in a tool's own view of them.

use super::View;
use crate::stats::{Limit, Objective, Slo};

/// Whether a tool's view of a reply keeps a limit; a time per token that does not exist counts as 0.
fn keeps(limit: &Limit, view: &View) -> bool {
    let value = match limit.objective {
        Objective::Ttft => view.ttft.unwrap_or(0.0),
        Objective::Tpot => view.tpot.unwrap_or(0.0),
        Objective::E2el => view.latency,
    };
    value <= limit.ms / 1000.0
}

/// Replies that keep every limit; `None` where none is set.
pub(super) fn good<'a>(slo: Option<&Slo>, views: impl Iterator<Item = &'a View>) -> Option<u64> {
    let limits = slo?.limits();
    Some(views.filter(|view| limits.iter().all(|limit| keeps(limit, view))).count() as u64)
}
