//! Whether a run can be believed, as it is told before any figure: verdicts, reasons, error bar and hints.

use super::chart::Chart;
use super::client::{client, self_checks};
use super::notice::{MESSAGE, level, load_name, unit};
use super::performance::by_load;
use super::stages::{lags, stage_charts};
use super::table::{Cell, Column, Mark, Row, Table};
use crate::run::{PointResult, RunResult};
use crate::stats::{Doubt, Host, Verdict};
use crate::units::{clean, count};

/// A verdict and the loads it was given to.
#[derive(Debug, Clone, PartialEq)]
pub struct Badge {
    /// The verdict; `None` where none was given.
    pub verdict: Option<Verdict>,
    /// The loads.
    pub loads: String,
}

impl Badge {
    /// The sign that stands for it; the word always follows.
    pub fn glyph(&self) -> &'static str {
        match self.verdict {
            Some(Verdict::Valid) => "✓",
            Some(Verdict::Degraded) => "!",
            Some(Verdict::Invalid) => "✗",
            None => "·",
        }
    }

    /// The word.
    pub fn word(&self) -> &'static str {
        self.verdict.map_or("not judged", Verdict::name)
    }

    /// How bad it is.
    pub fn mark(&self) -> Mark {
        verdict_mark(self.verdict)
    }
}

/// How bad a verdict is.
pub fn verdict_mark(verdict: Option<Verdict>) -> Mark {
    match verdict {
        Some(Verdict::Invalid) => Mark::Bad,
        Some(Verdict::Degraded) => Mark::Doubt,
        Some(Verdict::Valid) | None => Mark::Good,
    }
}

/// A load point and what is said of it in one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its badge; the loads are its name.
    pub badge: Badge,
    /// Where the client took longest, and the limit.
    pub line: String,
}

/// What a run says of its own trust.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The worst verdict; `None` where no point was judged.
    pub worst: Option<Verdict>,
    /// Loads by verdict, best first.
    pub badges: Vec<Badge>,
    /// Each load point.
    pub points: Vec<Judged>,
    /// What casts doubt, each cause once.
    pub reasons: Vec<String>,
    /// The client's lag by stage.
    pub lags: Table,
    /// The error bar, and where stamps come from.
    pub bars: Vec<String>,
    /// What to do, each once.
    pub hints: Vec<String>,
    /// Each doubt on each load point.
    pub doubts: Table,
    /// Where time went at each load point.
    pub charts: Vec<Chart>,
    /// What the client's machine did.
    pub client: Table,
    /// How this machine measured a server of known timing.
    pub self_checks: Table,
}

/// Gathers it.
pub fn judgement(run: &RunResult) -> Judgement {
    let points = by_load(run);
    let mut hints: Vec<String> = Vec::new();
    for doubt in points.iter().flat_map(|point| doubts_of(point)) {
        let hint = clean(&doubt.advice, MESSAGE);
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    Judgement {
        worst: run.worst_verdict(),
        badges: badges(run, &points),
        points: points.iter().map(|point| judged(run, point)).collect(),
        reasons: reasons(run, &points),
        lags: lags(&points),
        bars: bars(&points),
        hints,
        doubts: doubts(run, &points),
        charts: stage_charts(run, &points),
        client: client(run, &points),
        self_checks: self_checks(run, &points),
    }
}

fn doubts_of(point: &PointResult) -> &[Doubt] {
    point.trust.as_ref().map_or(&[], |trust| &trust.doubts)
}

/// Verdicts with their loads in one line, such as `VALID at 1, 8, INVALID at 128`.
pub fn verdicts(run: &RunResult) -> String {
    let badges = badges(run, &by_load(run));
    badges.iter().map(|badge| format!("{} at {}", badge.word(), badge.loads)).collect::<Vec<_>>().join(", ")
}

fn badges(run: &RunResult, points: &[&PointResult]) -> Vec<Badge> {
    [Some(Verdict::Valid), Some(Verdict::Degraded), Some(Verdict::Invalid), None]
        .into_iter()
        .filter_map(|verdict| {
            let of: Vec<&PointResult> = points.iter().copied().filter(|point| point.verdict() == verdict).collect();
            (!of.is_empty()).then(|| Badge { verdict, loads: loads(run, points, &of) })
        })
        .collect()
}

/// Some of the loads, by number; one of which only some points are meant is named in full.
fn loads(run: &RunResult, points: &[&PointResult], some: &[&PointResult]) -> String {
    let mut names: Vec<String> = Vec::new();
    for point in some {
        let load = point.point.load.level();
        let here = |points: &[&PointResult]| points.iter().filter(|point| point.point.load.level() == load).count();
        let name = match here(points) == here(some) {
            true => level(load),
            false => load_name(run, point).replacen(&format!(" {}", point.point.load.unit()), "", 1),
        };
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    // Rates need their unit; a plain number is a number of requests in flight, as everywhere.
    let unit = if unit(run) == "in flight" { String::new() } else { format!(" {}", unit(run)) };
    names.join(", ") + &unit
}

fn judged(run: &RunResult, point: &PointResult) -> Judged {
    let badge = Badge { verdict: point.verdict(), loads: load_name(run, point) };
    let line = match &point.trust {
        None => "made by a version that did not judge".to_owned(),
        Some(trust) => match trust.dominating.and_then(|stage| Some((stage, super::stages::spread(trust, stage)?))) {
            Some((stage, spread)) => format!(
                "the client took longest at “{}”: p99 {} ms, limit {} ms",
                stage.name(),
                Cell::Lag { value: Some(spread.p99), weak: !spread.is_firm(0.99) }.text(),
                Cell::Lag { value: Some(trust.limit_ms), weak: false }.text()
            ),
            None => "no stage of a request was stamped".to_owned(),
        },
    };
    Judged { badge, line }
}

/// Each cause once, with all its loads; where there are several, the worst one speaks.
fn reasons(run: &RunResult, points: &[&PointResult]) -> Vec<String> {
    let mut found: Vec<(Verdict, Vec<&PointResult>, &PointResult, &Doubt)> = Vec::new();
    for point in points {
        for doubt in doubts_of(point) {
            match found.iter_mut().find(|(_, _, _, other)| other.cause == doubt.cause) {
                Some((verdict, of, worst, words)) => {
                    of.push(point);
                    // Loads come in order, so of equals the greatest load speaks.
                    if doubt.verdict >= *verdict {
                        (*verdict, *worst, *words) = (doubt.verdict, point, doubt);
                    }
                }
                None => found.push((doubt.verdict, vec![point], point, doubt)),
            }
        }
    }
    found.sort_by_key(|(verdict, ..)| std::cmp::Reverse(*verdict));
    found
        .into_iter()
        .map(|(_, of, worst, doubt)| {
            let stage = worst.trust.as_ref().and_then(|trust| trust.dominating);
            let stage =
                stage.map(|stage| format!("; longest stage of the client: {}", stage.name())).unwrap_or_default();
            let text = clean(&doubt.text, MESSAGE);
            match of.as_slice() {
                [one] => format!("at {}: {text}{stage}", load_name(run, one)),
                _ => format!("at {}: at worst, at {}, {text}{stage}", loads(run, points, &of), load_name(run, worst)),
            }
        })
        .collect()
}

fn doubts(run: &RunResult, points: &[&PointResult]) -> Table {
    let rows = points.iter().flat_map(|point| {
        doubts_of(point).iter().map(|doubt| Row {
            mark: verdict_mark(Some(doubt.verdict)),
            cells: vec![
                Cell::words(load_name(run, point)),
                Cell::words(doubt.verdict.name()),
                Cell::words(clean(&doubt.text, MESSAGE)),
                Cell::words(clean(&doubt.advice, MESSAGE)),
            ],
            words: Vec::new(),
        })
    });
    Table {
        caption: "What casts doubt".to_owned(),
        columns: ["load", "verdict", "what was found", "what to do"].map(Column::alone).to_vec(),
        rows: rows.collect(),
        ..Table::default()
    }
}

/// The error bar of the run, and where arrival stamps were taken.
fn bars(points: &[&PointResult]) -> Vec<String> {
    let trusts: Vec<_> = points.iter().filter_map(|point| point.trust.as_ref()).collect();
    let checks: Vec<_> = trusts.iter().filter_map(|trust| trust.self_check.as_ref()).collect();
    let hosts: Vec<&Host> = trusts.iter().filter_map(|trust| trust.host.as_ref()).collect();
    let mut lines = Vec::new();
    let most = |of: fn(&crate::stats::SelfCheck) -> crate::stats::Bias| {
        let errors = checks.iter().map(|check| of(check)).map(|bias| bias.low.abs().max(bias.high.abs()));
        Cell::Lag { value: errors.max_by(f64::total_cmp), weak: false }.text()
    };
    let bar = (!checks.is_empty())
        .then(|| format!("TTFT ±{} ms, ITL ±{} ms", most(|check| check.ttft_ms), most(|check| check.itl_ms)));
    match (bar, stamps(&hosts)) {
        (Some(bar), Some(stamps)) => lines.push(format!("error bar from self-check: {bar}; stamps by {stamps}")),
        (Some(bar), None) => lines.push(format!("error bar from self-check: {bar}")),
        (None, Some(stamps)) => lines.push(format!("no self-check, so no error bar; stamps by {stamps}")),
        (None, None) => {}
    }
    let mut short: Vec<String> =
        checks.iter().filter_map(|check| check.short_of.as_deref()).map(|text| clean(text, MESSAGE)).collect();
    short.dedup();
    lines.extend(short.into_iter().map(|text| format!("self-check fell short of the load: {text}")));
    lines
}

fn stamps(hosts: &[&Host]) -> Option<String> {
    let kernel: u64 = hosts.iter().map(|host| host.kernel_reads).sum();
    let user: u64 = hosts.iter().map(|host| host.user_reads).sum();
    match (kernel, user) {
        (0, 0) => None,
        (_, 0) => Some("the kernel".to_owned()),
        (0, _) => Some("user space".to_owned()),
        (kernel, user) => Some(format!("both, {} of {} reads by the kernel", count(kernel), count(kernel + user))),
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
