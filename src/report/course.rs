//! The charts of a load point over time: what came and went, how much was in flight, how latency moved.

use super::chart::{Axis, Chart, Hue, Scale, Series, Steps, Trace, Weight, scale_of};
use super::table::{Cell, Column, Table};
use crate::run::PointResult;
use crate::stats::{Slice, Timeline};
use crate::units::{count, figure};

/// Slices of the charts that count requests, at most; fewer where there are few requests, for a rate of one request
/// a slice says nothing.
const BINS: usize = 60;
/// Requests that a slice should hold on average.
const PER_BIN: u64 = 8;

/// Least, median and greatest of a slice.
type Range = (f64, f64, f64);
/// A line of the rates: its name, its hue and what it shows.
type Part = (&'static str, Hue, fn(&Bin) -> f64);

/// Several slices of the timeline as one: exact sums of counts.
struct Bin {
    start: f64,
    seconds: f64,
    started: u64,
    finished: u64,
    failed: u64,
    in_flight: u64,
}

/// Charts of the course of a point; none where nothing was sent.
pub fn course(point: &PointResult, prefix: &str) -> Vec<Chart> {
    let timeline = &point.timeline;
    let measured = timeline.slices.iter().any(|slice| slice.started > 0) && timeline.step_s > 0.0;
    if !measured {
        return Vec::new();
    }
    let bins = bins(timeline);
    let mut charts = vec![rates(point, &bins, prefix), in_flight(point, &bins, prefix)];
    let ttft = timeline.slices.iter().any(|slice| slice.ttft_ms.is_some());
    let of: fn(&Slice) -> Option<Range> = if ttft { |slice| slice.ttft_ms } else { |slice| slice.e2e_ms };
    charts.push(latency(timeline, if ttft { "TTFT" } else { "E2E" }, of, prefix));
    charts
}

fn bins(timeline: &Timeline) -> Vec<Bin> {
    let total: u64 = timeline.slices.iter().map(|slice| slice.started).sum();
    let wished = ((total / PER_BIN) as usize).clamp(10, BINS);
    let group = timeline.slices.len().div_ceil(wished).max(1);
    let step = timeline.step_s;
    timeline
        .slices
        .chunks(group)
        .enumerate()
        .map(|(index, slices)| Bin {
            start: (index * group) as f64 * step,
            seconds: slices.len() as f64 * step,
            started: slices.iter().map(|slice| slice.started).sum(),
            finished: slices.iter().map(|slice| slice.finished).sum(),
            failed: slices.iter().map(|slice| slice.failed).sum(),
            in_flight: slices.iter().map(|slice| slice.in_flight).max().unwrap_or(0),
        })
        .collect()
}

fn seconds_axis() -> Axis {
    Axis { label: "seconds since the first request".to_owned(), scale: Scale::FromZero, ticks: Vec::new() }
}

fn steps(bins: &[Bin], of: impl Fn(&Bin) -> f64) -> Trace {
    let end = bins.last().map_or(0.0, |bin| bin.start + bin.seconds);
    let width = bins.first().map_or(0.0, |bin| bin.seconds);
    Trace::Steps(Steps { width, end, levels: bins.iter().map(|bin| (bin.start, Some(of(bin)))).collect() })
}

fn rates(point: &PointResult, bins: &[Bin], prefix: &str) -> Chart {
    let failed = point.figures.counts.failed;
    let title = match failed {
        0 => "Requests came and went; none failed".to_owned(),
        failed => format!("{} of {} requests failed", count(failed), count(point.figures.counts.total)),
    };
    let parts: [Part; 3] = [
        ("finished", Hue::First, |bin| bin.finished as f64 / bin.seconds),
        ("started", Hue::Third, |bin| bin.started as f64 / bin.seconds),
        ("failed", Hue::Second, |bin| bin.failed as f64 / bin.seconds),
    ];
    let shown = || parts.iter().filter(|(name, _, _)| *name != "failed" || failed > 0);
    let width = bins.first().map_or(0.0, |bin| bin.seconds);
    Chart {
        id: format!("{prefix}-rates"),
        subtitle: format!("requests a second in slices of {} s", figure(Some(width))),
        desc: format!("Requests started, finished and failed a second over time. {title}."),
        title,
        x: seconds_axis(),
        y: Axis { label: "req/s".to_owned(), scale: Scale::FromZero, ticks: Vec::new() },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: std::iter::once(Column::alone("s"))
                .chain(shown().map(|(name, _, _)| Column::alone(format!("{name}/s"))))
                .collect(),
            rows: bins
                .iter()
                .map(|bin| {
                    let mut row = vec![Cell::Figure(Some(bin.start))];
                    row.extend(shown().map(|(_, _, of)| Cell::Figure(Some(of(bin)))));
                    row.into()
                })
                .collect(),
            ..Table::default()
        },
        series: shown()
            .map(|(name, hue, of)| Series {
                name: (*name).to_owned(),
                hue: *hue,
                weight: Weight::Heavy,
                trace: steps(bins, of),
            })
            .collect(),
    }
}

fn in_flight(point: &PointResult, bins: &[Bin], prefix: &str) -> Chart {
    let most = bins.iter().map(|bin| bin.in_flight).max().unwrap_or(0);
    let title = match point.point.load.cap() {
        Some(cap) => format!("At most {} of {} were in flight", count(most), count(cap)),
        None => format!("At most {} were in flight", count(most)),
    };
    Chart {
        id: format!("{prefix}-flight"),
        subtitle: "most requests in flight at one time, by slice".to_owned(),
        desc: format!("Requests in flight over time. {title}."),
        title,
        x: seconds_axis(),
        y: Axis { label: "requests in flight".to_owned(), scale: Scale::Count, ticks: Vec::new() },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: vec![Column::alone("s"), Column::alone("in flight")],
            rows: bins
                .iter()
                .map(|bin| vec![Cell::Figure(Some(bin.start)), Cell::Count(bin.in_flight)].into())
                .collect(),
            ..Table::default()
        },
        series: vec![Series {
            name: String::new(),
            hue: Hue::First,
            weight: Weight::Heavy,
            trace: steps(bins, |bin| bin.in_flight as f64),
        }],
    }
}

fn latency(timeline: &Timeline, name: &str, of: fn(&Slice) -> Option<Range>, prefix: &str) -> Chart {
    let step = timeline.step_s;
    let slices: Vec<(f64, Option<Range>)> =
        timeline.slices.iter().enumerate().map(|(index, slice)| (index as f64 * step, of(slice))).collect();
    let values = slices.iter().filter_map(|(_, value)| *value);
    let worst = slices
        .iter()
        .filter_map(|(at, value)| Some((*at, (*value)?.2)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or_else(
            || "nothing measured".to_owned(),
            |(at, ms)| format!("slowest after {} s: {}", figure(Some(at)), super::time::words(ms)),
        );
    let scale = scale_of(values.flat_map(|(low, _, high)| [low, high]));
    let log = if scale == Scale::Log10 { ", log" } else { "" };
    let title = format!("{name} over time, {worst}");
    let end = timeline.slices.len() as f64 * step;
    let medians = || slices.iter().map(|(x, value)| (*x, value.map(|(_, median, _)| median)));
    // Short levels with gaps between them can hardly be seen, dots can.
    let gaps = medians().filter(|(_, median)| median.is_none()).count();
    let trace = if gaps * 4 > slices.len() {
        Trace::Points(medians().filter_map(|(x, median)| Some((x, median?))).collect())
    } else {
        Trace::Steps(Steps { width: step, end, levels: medians().collect() })
    };
    Chart {
        id: format!("{prefix}-latency"),
        subtitle: format!(
            "median and range by start, in slices of {} s; a gap is a slice in which nothing started",
            figure(Some(step))
        ),
        desc: format!("{name} of the requests that started in each slice: least, median and greatest. {title}."),
        title,
        x: seconds_axis(),
        y: Axis { label: format!("ms{log}, lower is better"), scale, ticks: Vec::new() },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: vec![
                Column::alone("s"),
                Column::alone("least ms"),
                Column::alone("median ms"),
                Column::alone("greatest ms"),
            ],
            rows: slices
                .iter()
                .map(|(at, value)| {
                    let cell = |of: fn(Range) -> f64| Cell::Figure(value.map(of));
                    vec![Cell::Figure(Some(*at)), cell(|v| v.0), cell(|v| v.1), cell(|v| v.2)].into()
                })
                .collect(),
            ..Table::default()
        },
        series: vec![
            Series {
                name: "range".to_owned(),
                hue: Hue::First,
                weight: Weight::Light,
                trace: Trace::Band(
                    step,
                    slices.iter().map(|(x, value)| (*x, value.map(|(low, _, high)| (low, high)))).collect(),
                ),
            },
            Series { name: "median".to_owned(), hue: Hue::First, weight: Weight::Heavy, trace },
        ],
    }
}
