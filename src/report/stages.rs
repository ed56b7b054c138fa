//! Where time went between the instant a request was due and the moment our code saw the reply.

use super::chart::{Axis, Bar, Chart, Hue, Scale, Series, Trace, Weight};
use super::notice::{load_cell, load_name};
use super::table::{Cell, Column, Row, Table};
use super::trust::verdict_mark;
use crate::run::{PointResult, RunResult};
use crate::stats::{Spread, Stage, Trust, Verdict};
use crate::units::count;

/// Load points whose stages are drawn, at most; the table has all.
const CHARTS: usize = 12;

/// The distribution of a stage. How late our code saw what had arrived is known of every read, not only of the first
/// one of each reply, and judged by that.
pub fn spread(trust: &Trust, stage: Stage) -> Option<&Spread> {
    let first = trust.stages.iter().find(|spread| spread.stage == stage).map(|spread| &spread.ms);
    let reads = trust.host.as_ref().and_then(|host| host.lag_ms.as_ref());
    if stage == Stage::Seen { reads.or(first) } else { first }
}

/// Whether the kernel stamped what arrived, so that the last two stages are known.
fn is_stamped(trust: &Trust) -> bool {
    trust.host.as_ref().is_none_or(|host| host.kernel_reads >= host.user_reads)
}

/// The p99 of the client's stages, a row for each load point that was judged.
pub fn lags(points: &[&PointResult]) -> Table {
    let ours = || Stage::ALL.into_iter().filter(|stage| *stage != Stage::Server);
    let judged: Vec<(&PointResult, &Trust)> =
        points.iter().filter_map(|point| Some((*point, point.trust.as_ref()?))).collect();
    let mut columns = vec![Column::alone("p99 ms")];
    columns.extend(ours().map(|stage| Column::alone(stage.name())));
    columns.push(Column::alone("client cpu"));
    let rows = judged.iter().map(|(point, trust)| {
        let mut cells = vec![load_cell(point)];
        cells.extend(ours().map(|stage| {
            let spread = spread(trust, stage);
            Cell::Lag {
                value: spread.map(|spread| spread.p99),
                weak: spread.is_some_and(|spread| !spread.is_firm(0.99)),
            }
        }));
        cells.push(Cell::Percent(trust.host.as_ref().and_then(|host| host.cpu_percent)));
        Row { mark: verdict_mark(point.verdict()), cells, words: Vec::new() }
    });
    Table { caption: "Lag of the client, p99 by stage".to_owned(), columns, rows: rows.collect(), ..Table::default() }
}

/// The rows a console has room for: every point that is not valid, and the greatest load that is.
pub fn brief(lags: &Table, points: &[&PointResult]) -> Table {
    let judged = points.iter().filter(|point| point.trust.is_some());
    let verdicts: Vec<Option<Verdict>> = judged.map(|point| point.verdict()).collect();
    let valid = verdicts.iter().rposition(|verdict| *verdict == Some(Verdict::Valid));
    let rows = lags.rows.iter().zip(&verdicts).enumerate().filter(|(index, (_, verdict))| {
        matches!(verdict, Some(Verdict::Degraded | Verdict::Invalid)) || valid == Some(*index)
    });
    Table { rows: rows.map(|(_, (row, _))| row.clone()).collect(), ..lags.clone() }
}

/// One chart for each load point that was judged.
pub fn stage_charts(run: &RunResult, points: &[&PointResult]) -> Vec<Chart> {
    points
        .iter()
        .enumerate()
        .filter_map(|(index, point)| stages(run, point, point.trust.as_ref()?, index))
        .take(CHARTS)
        .collect()
}

fn stages(run: &RunResult, point: &PointResult, trust: &Trust, index: usize) -> Option<Chart> {
    let found: Vec<(Stage, &Spread)> =
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, spread(trust, stage)?))).collect();
    let longest = trust.dominating.and_then(|stage| Some((stage, spread(trust, stage)?)))?;
    let name = load_name(run, point);
    let lag = |value: f64| Cell::Lag { value: Some(value), weak: false }.text();
    let title = format!("At {name} the client's longest stage is “{}”", longest.0.name());
    let stamped = is_stamped(trust);
    let bars = found.iter().map(|(stage, spread)| Bar {
        name: if *stage == longest.0 { format!("▸ {}", stage.name()) } else { stage.name().to_owned() },
        from: spread.p50,
        to: spread.p99,
        tick: spread.max,
        hue: if stage.is_ours() { Hue::Client } else { Hue::First },
        filled: stamped || !matches!(stage, Stage::Server | Stage::Seen),
    });
    let unknown = if stamped { "" } else { "; outlined: not stamped by the kernel" };
    let n = found.iter().map(|(_, spread)| spread.n).min().unwrap_or(0);
    let limit = format!("limit {} ms", lag(trust.limit_ms));
    Some(Chart {
        id: format!("p{}-stages", index + 1),
        subtitle: format!(
            "p50 to p99, tick at the greatest; grey hatched is the client, blue the server and the way there{unknown}; n ≥ {}",
            count(n)
        ),
        desc: format!(
            "Stages of a request at {name}, p50 to p99. {title}, p99 {} ms, {limit}; at least {} values each.",
            lag(longest.1.p99),
            count(n)
        ),
        title,
        x: Axis { label: "ms, log, lower is better".to_owned(), scale: Scale::Log10, ticks: Vec::new() },
        y: Axis { label: "stage".to_owned(), scale: Scale::Linear, ticks: Vec::new() },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: ["stage", "whose", "n", "p50 ms", "p99 ms", "max ms"].map(Column::alone).to_vec(),
            rows: found
                .iter()
                .map(|(stage, spread)| {
                    let whose = if stage.is_ours() { "client" } else { "server" };
                    let mut cells = vec![Cell::words(stage.name()), Cell::words(whose), Cell::Count(spread.n)];
                    cells.push(Cell::Lag { value: Some(spread.p50), weak: !spread.is_firm(0.5) });
                    cells.push(Cell::Lag { value: Some(spread.p99), weak: !spread.is_firm(0.99) });
                    cells.push(Cell::Lag { value: Some(spread.max), weak: false });
                    cells.into()
                })
                .collect(),
            ..Table::default()
        },
        series: vec![
            Series { name: String::new(), hue: Hue::Client, weight: Weight::Heavy, trace: Trace::Bars(bars.collect()) },
            Series {
                name: String::new(),
                hue: Hue::Client,
                weight: Weight::Light,
                trace: Trace::Rule(trust.limit_ms, limit),
            },
        ],
    })
}
