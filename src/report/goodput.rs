//! Requests that kept the limits of `--goodput`: all of them, and each on its own.

use super::notice::load_name;
use super::table::{Cell, Column, Row, Table};
use crate::run::{PointResult, RunResult};
use crate::stats::{Attainment, Goodput, LimitKept};
use crate::units::{clean, count, figure};

/// A share with its interval: `93.1 % [90.2, 95.3]`.
fn share(attainment: &Attainment) -> String {
    let share = Cell::Percent(attainment.share.map(|share| share * 100.0)).text();
    let interval = attainment.share_ci.map(|ci| format!(" [{:.1}, {:.1}]", ci.low * 100.0, ci.high * 100.0));
    format!("{share}{}", interval.unwrap_or_default())
}

/// A limit as people read it: `TTFT ≤ 200 ms`.
fn limit(limit: &LimitKept) -> String {
    let name = if limit.metric == "e2el" { "E2E".to_owned() } else { clean(&limit.metric, 20).to_uppercase() };
    format!("{name} ≤ {} ms", figure(Some(limit.limit_ms)))
}

/// Goodput of a load point in a sentence.
pub fn goodput_line(run: &RunResult, point: &PointResult) -> Option<String> {
    let goodput = point.figures.goodput.as_ref()?;
    goodput.attainment.share?;
    Some(sentence(&load_name(run, point), goodput))
}

/// The same of a load that has a name.
pub(super) fn sentence(name: &str, goodput: &Goodput) -> String {
    let mut text = format!(
        "{} req/s at {name}: {} of {} requests kept every limit",
        figure(goodput.goodput),
        share(&goodput.attainment),
        count(goodput.n)
    );
    // A single limit is every limit.
    if goodput.limits.len() > 1 {
        let limits: Vec<String> =
            goodput.limits.iter().map(|kept| format!("{} {}", limit(kept), share(&kept.attainment))).collect();
        text.push_str(&format!("; {}", limits.join(", ")));
    } else if let Some(only) = goodput.limits.first() {
        text.push_str(&format!(" ({})", limit(only)));
    }
    let unknown: u64 = goodput.limits.iter().map(|kept| kept.unknown).max().unwrap_or(0);
    if unknown > 0 {
        text.push_str(&format!("; {} whose latency is not known count as not kept", count(unknown)));
    }
    text
}

/// Every limit and each of them, with the share of requests that kept it; no rows where none was set.
pub fn goodput_table(goodput: Option<&Goodput>) -> Table {
    let columns = ["limit", "kept", "of", "share", "95 % interval", "not known"].map(Column::alone).to_vec();
    let mut table = Table { caption: "Limits kept".to_owned(), columns, ..Table::default() };
    let Some(goodput) = goodput else { return table };
    let row = |name: String, attainment: &Attainment, unknown: Cell| -> Row {
        let interval = match attainment.share_ci {
            Some(ci) => format!("{:.1} – {:.1} %", ci.low * 100.0, ci.high * 100.0),
            None => "—".to_owned(),
        };
        vec![
            Cell::Words(name),
            Cell::Count(attainment.met),
            Cell::Count(goodput.n),
            Cell::Percent(attainment.share.map(|share| share * 100.0)),
            Cell::Text(interval),
            unknown,
        ]
        .into()
    };
    table.rows.push(row("every limit".to_owned(), &goodput.attainment, Cell::Figure(None)));
    let limits = goodput.limits.iter().map(|kept| row(limit(kept), &kept.attainment, Cell::Count(kept.unknown)));
    table.rows.extend(limits);
    table.mixed = true;
    table.notes.push(format!(
        "Goodput {} req/s: successful requests that kept every limit. Failed requests and latencies that are not known count as not kept.",
        figure(goodput.goodput)
    ));
    table
}
