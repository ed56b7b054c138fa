//! The distribution charts of a load point: the share of requests that were as fast or faster.

use super::chart::{Axis, Chart, Hue, Scale, Series, Trace, Weight, scale_of};
use super::table::{Cell, Column, Table};
use super::time::{self, TimeUnit};
use super::view::is_scheduled;
use crate::run::PointResult;
use crate::stats::Spread;
use crate::units::count;

/// Steps of a curve that are drawn, at most.
const STEPS: usize = 160;

/// One chart for each latency that was measured.
pub fn shapes(point: &PointResult, prefix: &str) -> Vec<Chart> {
    let figures = &point.figures;
    [
        ("ttft", "TTFT", "requests", &figures.ttft_ms),
        ("tpot", "TPOT", "requests", &figures.tpot_ms),
        ("itl", "ITL", "gaps", &figures.itl_ms),
        ("e2e", "E2E", "requests", &figures.e2e_ms),
    ]
    .into_iter()
    // Where arrivals follow a schedule, these two are shown from both starts.
    .filter(|(id, ..)| !(is_scheduled(point) && matches!(*id, "ttft" | "e2e")))
    .filter_map(|(id, name, what, spread)| {
        // Gaps of failed replies are not known, so only whole requests can keep a curve below 1.
        let failed = if what == "requests" { figures.counts.failed } else { 0 };
        Some(shape(&format!("{prefix}-{id}-shape"), name, what, spread.as_ref()?, failed))
    })
    .collect()
}

fn shape(id: &str, name: &str, what: &str, spread: &Spread, failed: u64) -> Chart {
    let unit = TimeUnit::of(std::iter::once(spread), 10_000.0);
    // A failed request never arrived, so it keeps the curve below 1.
    let reached = spread.n as f64 / (spread.n + failed) as f64;
    let curve: Vec<(f64, f64)> =
        thin(&spread.curve).into_iter().map(|(value, share)| (value / unit.ms, share * reached)).collect();
    let scale = scale_of(curve.iter().map(|point| point.0));
    let (p50, p99) = (time::quantile(spread, 0.5, spread.p50), time::quantile(spread, 0.99, spread.p99));
    let title = format!("{name}: half within {p50}, 99 % within {p99}");
    let lost = if failed > 0 { format!("; {} failed and never reach it", count(failed)) } else { String::new() };
    let log = if scale == Scale::Log10 { ", log" } else { "" };
    Chart {
        id: id.to_owned(),
        subtitle: format!("share of {what} at or below a value, n = {}{lost}", count(spread.n)),
        desc: format!(
            "Distribution of {name} from {} to {}, {} {what}{lost}. {title}.",
            time::words(spread.min),
            time::words(spread.max),
            count(spread.n)
        ),
        title,
        x: Axis { label: format!("{name}, {}{log}", unit.name), scale, ticks: Vec::new() },
        y: Axis { label: format!("share of {what}"), scale: Scale::Linear, ticks: Vec::new() },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: vec![Column::alone(format!("{name} {}", unit.name)), Column::alone("share")],
            rows: curve.iter().map(|(x, y)| vec![Cell::Figure(Some(*x)), Cell::Figure(Some(*y))].into()).collect(),
            ..Table::default()
        },
        series: vec![
            Series { name: String::new(), hue: Hue::First, weight: Weight::Heavy, trace: Trace::Stairs(curve) },
            hairline(spread.p50 / unit.ms, "p50"),
            hairline(spread.p99 / unit.ms, "p99"),
        ],
    }
}

fn hairline(x: f64, words: &str) -> Series {
    Series { name: String::new(), hue: Hue::First, weight: Weight::Light, trace: Trace::Rule(x, words.to_owned()) }
}

/// Drops points that would move the curve by less than can be seen; the first and the last stay. Nothing is averaged.
pub fn thin(curve: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (curve.first(), curve.last()) else { return Vec::new() };
    let span = (last.0.max(f64::MIN_POSITIVE) / first.0.max(f64::MIN_POSITIVE)).ln().max(1e-9);
    let mut step = 1.0 / 250.0;
    loop {
        let mut kept = vec![*first];
        for (index, point) in curve.iter().enumerate().skip(1) {
            let before = kept[kept.len() - 1];
            let along = (point.0.max(f64::MIN_POSITIVE) / before.0.max(f64::MIN_POSITIVE)).ln() / span;
            if along >= step || point.1 - before.1 >= step || index + 1 == curve.len() {
                kept.push(*point);
            }
        }
        if kept.len() <= STEPS {
            return kept;
        }
        step *= 1.4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_the_limit() {
        let curve: Vec<(f64, f64)> = (1..=10_000).map(|i| (f64::from(i), f64::from(i) / 1e4)).collect();
        let kept = thin(&curve);
        assert!(kept.len() <= STEPS && kept.len() > STEPS / 3, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), (curve[0], curve[9999]));
        assert_eq!(thin(&[(5.0, 1.0)]), [(5.0, 1.0)]);
        assert_eq!(thin(&[]), []);
    }
}
