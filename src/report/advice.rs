//! Which setting is best by EvalScope's two rules, and what the sweep suggests to do.

use super::decimal::number;
use super::notice::{level, load_cell, unit};
use super::performance::by_load;
use super::table::{Cell, Column, Table};
use crate::run::{PointResult, RunResult};
use crate::units::{figure, span};

/// Success below this share is a reason to lower the load.
const FLOOR_PERCENT: f64 = 95.0;
/// Growth of the mean latency over the sweep that is worth a word.
const STEEP: f64 = 3.0;

/// Sound points, with their rate and mean latency as EvalScope's files have them.
fn measured(run: &RunResult) -> Vec<(&PointResult, f64, f64)> {
    by_load(run)
        .into_iter()
        .filter(|point| point.is_sound())
        .filter_map(|point| {
            let get = |key: &str| number(point.evalscope_summary.get(key));
            Some((point, get("Req Throughput (req/s)")?, get("Avg Latency (s)")?))
        })
        .collect()
}

/// Most requests per second and least mean latency; empty where there is nothing to choose from.
pub fn best_settings(run: &RunResult) -> Table {
    let mut measured = measured(run);
    if measured.len() < 2 {
        measured.clear();
    }
    let fastest = measured.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    let shortest = measured.iter().min_by(|a, b| a.2.total_cmp(&b.2));
    let row = |what: &str, best: Option<&(&PointResult, f64, f64)>| {
        best.map(|(point, rate, latency)| {
            let load = load_cell(point);
            vec![Cell::words(what), load, Cell::Figure(Some(*rate)), Cell::words(span(*latency))].into()
        })
    };
    Table {
        caption: "Best settings".to_owned(),
        columns: ["goal", unit(run), "req/s served", "mean latency"].map(Column::alone).to_vec(),
        rows: [row("most requests a second", fastest), row("least latency", shortest)].into_iter().flatten().collect(),
        ..Table::default()
    }
}

/// Sentences on what the sweep suggests. Without two measured points there is nothing to compare.
pub fn advice(run: &RunResult) -> Vec<String> {
    let measured = measured(run);
    let mut advice = Vec::new();
    let (Some(first), Some(last)) = (measured.first(), measured.last()) else { return advice };
    let name = |load: f64| format!("{} {}", level(load), unit(run));
    let load = |point: &PointResult| point.point.load.level();
    if measured.len() > 1 {
        let best = measured.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(last);
        let at = best.0.point.load.level();
        if at == last.0.point.load.level() {
            let limit = match run.best.knee.filter(|_| !run.best.knee_not_reached) {
                Some(knee) if knee < at => {
                    format!(" Yet beyond {} the gain costs more latency than it brings throughput.", level(knee))
                }
                _ => " Try more, until throughput stops growing.".to_owned(),
            };
            advice.push(format!(
                "The rate was highest at the greatest load, {}, so the server may not be saturated.{limit}",
                name(at)
            ));
        } else if at == first.0.point.load.level() {
            advice.push(format!(
                "The rate was highest at the least load, {}: the server is overloaded beyond it, try less.",
                name(at)
            ));
        } else {
            advice.push(format!("The rate peaks at {}; loads around it are worth a closer look.", name(at)));
        }
        if first.2 > 0.0 && last.2 / first.2 > STEEP {
            advice.push(format!(
                "Mean latency grows {}-fold from {} to {}; where users wait, keep the load low.",
                figure(Some(last.2 / first.2)),
                level(load(first.0)),
                name(load(last.0))
            ));
        }
    }
    if let Some(point) = by_load(run).last() {
        let counts = &point.figures.counts;
        let share = 100.0 * counts.ok as f64 / counts.total.max(1) as f64;
        if counts.total > 0 && share < FLOOR_PERCENT {
            advice.push(format!(
                "At {} only {share:.1} % of the requests succeeded: see what broke before raising the load.",
                name(load(point))
            ));
        }
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Load};
    use super::*;

    fn slow(parallel: u64, number: u64, tpot_ms: f64) -> Load {
        Load { tpot_ms, ..Load::of(parallel, number) }
    }

    #[test]
    fn each_rule_has_its_sentence() {
        let runs = [
            fixture::three(),
            fixture::run(&[slow(1, 40, 2.0), slow(8, 80, 60.0), slow(16, 160, 200.0)]),
            fixture::run(&[slow(1, 40, 8.0), slow(8, 200, 8.0), slow(16, 160, 40.0)]),
            fixture::run(&[Load::of(1, 40), Load::of(8, 80).failing(4, "busy")]),
            fixture::one_request(),
            fixture::all_failed(),
        ];
        insta::assert_snapshot!(runs.iter().map(|run| advice(run).join("\n")).collect::<Vec<_>>().join("\n--\n"));
    }
}
