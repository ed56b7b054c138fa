//! Latency by quantile, from the time a request was due and from its first byte: what a user feels, and what the server
//! is to blame for.

use super::chart::{Axis, Chart, Hue, Scale, Series, Trace, Weight, scale_of};
use super::shapes::thin;
use super::table::{Cell, Column, Table};
use super::time::{self, TimeUnit};
use super::view::is_scheduled;
use crate::run::PointResult;
use crate::stats::Spread;
use crate::units::count;

/// A chart for TTFT and for E2E of a point whose arrivals follow a schedule; a closed loop has but one view.
pub fn quantiles(point: &PointResult, prefix: &str) -> Vec<Chart> {
    let figures = &point.figures;
    [
        ("ttft", "TTFT", &figures.ttft_intended_ms, &figures.ttft_ms),
        ("e2e", "E2E", &figures.e2e_intended_ms, &figures.e2e_ms),
    ]
    .into_iter()
    .filter(|_| is_scheduled(point))
    .filter_map(|(id, name, due, sent)| {
        Some(chart(&format!("{prefix}-{id}-views"), name, point, due.as_ref()?, sent.as_ref()))
    })
    .collect()
}

fn chart(id: &str, name: &str, point: &PointResult, due: &Spread, sent: Option<&Spread>) -> Chart {
    let unit = TimeUnit::of(std::iter::once(due), 10_000.0);
    let views = [("from due", Hue::First, Some(due)), ("from first byte", Hue::Second, sent)];
    let drawn: Vec<_> = views
        .into_iter()
        .filter_map(|(words, hue, spread)| {
            let spread = spread?;
            let steps: Vec<(f64, f64)> =
                thin(&spread.curve).into_iter().map(|(value, share)| (share, value / unit.ms)).collect();
            Some((words, hue, spread, steps))
        })
        .collect();
    let scale = scale_of(drawn.iter().flat_map(|(.., steps)| steps.iter().map(|step| step.1)));
    let p99 = |spread: &Spread| time::quantile(spread, 0.99, spread.p99);
    let title = match sent {
        Some(sent) => format!("{name} p99 is {} from due, {} from first byte", p99(due), p99(sent)),
        None => format!("{name} p99 is {} from due", p99(due)),
    };
    let n = due.n;
    let bounds = match point.figures.counts.censored {
        0 => String::new(),
        censored => format!("; {} of them cut or never sent, with the time they were waited for", count(censored)),
    };
    let log = if scale == Scale::Log10 { ", log" } else { "" };
    let reach = 1.0 - 1.0 / (n.max(2) as f64);
    Chart {
        id: id.to_owned(),
        subtitle: format!("by quantile, n = {}{bounds}; light where requests are too few", count(n)),
        desc: format!(
            "{name} by quantile, from the due time and from the first byte. {title}. {} requests{bounds}.",
            count(n)
        ),
        title,
        x: Axis {
            label: "quantile, as wide for each nine".to_owned(),
            scale: Scale::Nines,
            ticks: [0.5, 0.9, 0.99, 0.999, 0.9999].into_iter().filter(|share| *share <= reach).collect(),
        },
        y: Axis { label: format!("{}{log}, lower is better", unit.name), scale, ticks: Vec::new() },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: ["counted", "share", unit.name].map(Column::alone).to_vec(),
            rows: drawn
                .iter()
                .flat_map(|(words, _, _, steps)| {
                    steps.iter().map(|(share, value)| {
                        vec![Cell::words(*words), Cell::Figure(Some(*share)), Cell::Figure(Some(*value))].into()
                    })
                })
                .collect(),
            ..Table::default()
        },
        series: drawn.into_iter().flat_map(|(words, hue, spread, steps)| parts(words, hue, spread, &steps)).collect(),
    }
}

/// The curve as far as a 95 % interval exists, heavy, and the rest of it, light.
fn parts(words: &str, hue: Hue, spread: &Spread, steps: &[(f64, f64)]) -> Vec<Series> {
    let firm = steps.iter().take_while(|(share, _)| *share < 1.0 && spread.is_firm(*share)).count();
    let series = |name: &str, weight, steps: &[(f64, f64)]| Series {
        name: name.to_owned(),
        hue,
        weight,
        trace: Trace::Quantiles(steps.to_vec()),
    };
    let mut parts = vec![series(words, Weight::Heavy, &steps[..firm])];
    if firm < steps.len() {
        // It begins where the other ends.
        parts.push(series("", Weight::Light, &steps[firm.saturating_sub(1)..]));
    }
    parts
}
