//! The charts of a sweep: each metric against the load, and latency against throughput.

use super::chart::{Axis, Chart, Dot, Hue, Scale, Series, Trace, Weight, scale_of};
use super::notice::{level, load_cell};
use super::performance::by_load;
use super::sweep::quantile;
use super::table::{Cell, Column, Mark, Table};
use super::time::{self, TimeUnit};
use super::trust::verdict_mark;
use super::view::{self, is_scheduled};
use crate::run::{PointResult, RunResult};
use crate::stats::{Figures, Spread};
use crate::units::{count, figure};

/// A latency that is drawn over the load.
struct Latency {
    id: &'static str,
    name: &'static str,
    of: fn(&PointResult) -> Option<&Spread>,
}

const LATENCIES: [Latency; 3] = [
    Latency { id: "ttft", name: "TTFT", of: view::ttft },
    Latency { id: "tpot", name: "TPOT", of: view::tpot },
    Latency { id: "e2e", name: "E2E", of: view::e2e },
];

/// Charts over the load points, most telling first. Those of quantities that a run without streams does not have are
/// left out.
pub fn curves(run: &RunResult) -> Vec<Chart> {
    let points = by_load(run);
    if points.is_empty() {
        return Vec::new();
    }
    if points.iter().all(|point| point.figures.counts.ok == 0) {
        return vec![failures(&points)];
    }
    let mut charts = vec![throughput(&points)];
    let latencies: Vec<&Latency> = LATENCIES
        .iter()
        .filter(|metric| {
            metric.id == "e2e" || run.setting.stream || points.iter().any(|point| (metric.of)(point).is_some())
        })
        .collect();
    charts.extend(latencies.iter().map(|metric| latency(&points, metric)));
    charts.extend(latencies.first().and_then(|metric| path(run, &points, metric)));
    if points.iter().any(|point| point.figures.counts.failed > 0) {
        charts.push(failures(&points));
    }
    charts
}

fn load(point: &PointResult) -> f64 {
    point.point.load.level()
}

fn load_axis(points: &[&PointResult]) -> Axis {
    let mut ticks: Vec<f64> = points.iter().map(|point| load(point)).collect();
    ticks.dedup();
    let label = match unit_of(points) {
        "in flight" => "requests in flight (log₂)".to_owned(),
        unit => format!("{unit} asked for (log₂)"),
    };
    Axis { label, scale: Scale::Log2, ticks }
}

fn unit_of(points: &[&PointResult]) -> &'static str {
    points.first().map_or("in flight", |point| point.point.load.unit())
}

/// From which start the latencies of these points count, to be told below a title.
fn start(points: &[&PointResult], metric: &Latency) -> &'static str {
    let due = metric.id != "tpot" && points.iter().any(|point| is_scheduled(point));
    if due { "from the due time; " } else { "" }
}

/// A line for each run of the loads; repeats are not joined with each other.
fn lines(name: &str, weight: Weight, points: &[&PointResult], dots: &[Dot]) -> Vec<Series> {
    let mut repeats: Vec<u32> = points.iter().map(|point| point.point.repeat).collect();
    repeats.sort_unstable();
    repeats.dedup();
    let of = |repeat: u32| -> Vec<Dot> {
        let here = points.iter().zip(dots).filter(|(point, _)| point.point.repeat == repeat);
        here.map(|(_, dot)| dot.clone()).collect()
    };
    repeats
        .iter()
        .enumerate()
        .map(|(index, repeat)| series(if index == 0 { name } else { "" }, weight, of(*repeat)))
        .collect()
}

fn range(points: &[&PointResult]) -> String {
    match points {
        [one] => format!("{} {}", level(load(one)), unit_of(points)),
        [first, .., last] => format!("{} to {} {}", level(load(first)), level(load(last)), unit_of(points)),
        [] => "no load".to_owned(),
    }
}

fn requests(points: &[&PointResult]) -> String {
    let ok: u64 = points.iter().map(|point| point.figures.counts.ok).sum();
    format!("{} successful requests", count(ok))
}

/// A measured load: where, how much, and that in words.
type Value = (f64, f64, String);

/// How a quantity goes from the first to the last measured load, as a title.
fn course(points: &[&PointResult], name: &str, values: &[Value]) -> String {
    match values {
        [] => format!("{name} was not measured"),
        [(load, _, words)] => format!("{name} is {words} at {} {}", level(*load), unit_of(points)),
        [(_, first, from), .., (_, last, to)] => match last / first {
            0.9..1.1 => format!("{name} stays near {to}"),
            change if change < 1.0 => format!("{name} falls from {from} to {to}"),
            _ => format!("{name} rises from {from} to {to}"),
        },
    }
}

fn throughput(points: &[&PointResult]) -> Chart {
    let tokens = points.iter().any(|point| point.figures.output_throughput.is_some());
    let (name, unit, of): (_, _, fn(&Figures) -> Option<f64>) = if tokens {
        ("Output throughput", "tok/s", |figures| figures.output_throughput)
    } else if points.iter().any(|point| point.figures.input_throughput.is_some()) {
        ("Input throughput", "in tok/s", |figures| figures.input_throughput)
    } else {
        ("Request throughput", "req/s", |figures| figures.request_throughput.filter(|_| figures.counts.ok > 0))
    };
    let dots: Vec<Dot> = points.iter().map(|point| Dot::at(load(point), of(&point.figures))).collect();
    let values: Vec<Value> = points
        .iter()
        .filter_map(|point| {
            let rate = of(&point.figures)?;
            Some((point.point.load.level(), rate, format!("{} {unit}", figure(Some(rate)))))
        })
        .collect();
    let title = course(points, name, &values);
    Chart {
        id: "throughput".to_owned(),
        subtitle: format!("{unit} over the whole load point; {}", requests(points)),
        desc: format!("{name} against load, {}. {title}. {}.", range(points), requests(points)),
        title,
        x: load_axis(points),
        y: Axis { label: format!("{unit}, higher is better"), scale: Scale::FromZero, ticks: Vec::new() },
        table: table(points, &[(unit, "")], |point| vec![Cell::Figure(of(&point.figures))]),
        series: lines("", Weight::Heavy, points, &dots),
    }
}

fn latency(points: &[&PointResult], metric: &Latency) -> Chart {
    let spreads = || points.iter().filter_map(|point| (metric.of)(point));
    let unit = TimeUnit::of(spreads(), 10_000.0);
    let dots = |q: f64, of: fn(&Spread) -> f64| -> Vec<Dot> {
        points
            .iter()
            .map(|point| {
                let spread = (metric.of)(point);
                let dot = Dot::at(load(point), spread.map(|spread| of(spread) / unit.ms));
                Dot { weak: spread.is_some_and(|spread| !spread.is_firm(q)), ..dot }
            })
            .collect()
    };
    let (median, tail) = (dots(0.5, |spread| spread.p50), dots(0.99, |spread| spread.p99));
    let values: Vec<Value> = points
        .iter()
        .filter_map(|point| {
            let spread = (metric.of)(point)?;
            Some((point.point.load.level(), spread.p99, time::quantile(spread, 0.99, spread.p99)))
        })
        .collect();
    let title = course(points, &format!("{} p99", metric.name), &values);
    let drawn = median.iter().chain(&tail).filter_map(|dot| dot.y);
    let scale = scale_of(drawn);
    let log = if scale == Scale::Log10 { ", log" } else { "" };
    Chart {
        id: metric.id.to_owned(),
        subtitle: format!(
            "{}p50 heavy, p99 light, hollow where requests are too few; {}",
            start(points, metric),
            requests(points)
        ),
        desc: format!("{} p50 and p99 against load, {}. {title}. {}.", metric.name, range(points), requests(points)),
        title,
        x: load_axis(points),
        y: Axis { label: format!("{}{log}, lower is better", unit.name), scale, ticks: Vec::new() },
        table: table(points, &[(metric.name, "p50"), (metric.name, "p99")], |point| {
            let spread = (metric.of)(point);
            vec![quantile(spread, 0.5, |spread| spread.p50, unit), quantile(spread, 0.99, |spread| spread.p99, unit)]
        }),
        series: [lines("p50", Weight::Heavy, points, &median), lines("p99", Weight::Light, points, &tail)].concat(),
    }
}

/// Latency against throughput through the load points. One point is no path.
fn path(run: &RunResult, points: &[&PointResult], metric: &Latency) -> Option<Chart> {
    let place = |point: &PointResult| {
        let spread = (metric.of)(point)?;
        let tokens = view::token_rate(point).map(|(rate, _)| rate);
        Some((tokens.or(point.figures.request_throughput)?, spread.clone()))
    };
    let measured: Vec<(&PointResult, f64, Spread)> =
        points.iter().filter_map(|point| place(point).map(|(rate, spread)| (*point, rate, spread))).collect();
    if measured.len() < 2 {
        return None;
    }
    let unit = TimeUnit::of(measured.iter().map(|(_, _, spread)| spread), 10_000.0);
    let knee = run.best.knee.filter(|_| !run.best.knee_not_reached);
    // A load without a result breaks the path and stands where its throughput is: nowhere.
    let dots: Vec<Dot> = points
        .iter()
        .map(|point| {
            let here = load(point);
            let dot = match place(point) {
                Some((rate, spread)) => {
                    let dot = Dot::at(rate, Some(spread.p99 / unit.ms));
                    Dot { weak: !spread.is_firm(0.99), knee: knee == Some(here) && point.is_sound(), ..dot }
                }
                None => Dot::at(0.0, None),
            };
            // A load that is not to be believed says so at its dot.
            let label = match verdict_mark(point.verdict()) {
                Mark::Good => level(here),
                mark => format!("{} {}", mark.glyph(), level(here)),
            };
            Dot { label: Some(label), ..dot }
        })
        .collect();
    let rate = points.iter().find_map(|point| view::token_rate(point)).map_or("req/s", |(_, unit)| unit);
    let title = match (knee, run.best.knee) {
        (Some(knee), _) => {
            format!("Beyond {} {} latency grows faster than throughput", level(knee), unit_of(points))
        }
        (None, Some(_)) => "Throughput still grows at the last load".to_owned(),
        (None, None) => format!("{} p99 over throughput; no load can be chosen", metric.name),
    };
    let scale = scale_of(dots.iter().filter_map(|dot| dot.y));
    let log = if scale == Scale::Log10 { ", log" } else { "" };
    Some(Chart {
        id: "path".to_owned(),
        subtitle: format!(
            "{}{} p99 at the throughput of each load, which is written at its dot; ◆ is the knee",
            start(points, metric),
            metric.name
        ),
        desc: format!("{} p99 against {rate}, one dot a load, {}. {title}.", metric.name, range(points)),
        title,
        x: Axis { label: format!("{rate}, higher is better"), scale: Scale::FromZero, ticks: Vec::new() },
        y: Axis {
            label: format!("{} p99, {}{log}, lower is better", metric.name, unit.name),
            scale,
            ticks: Vec::new(),
        },
        table: Table {
            caption: "Drawn values".to_owned(),
            columns: vec![Column::alone("load"), Column::alone(rate), Column::alone(format!("p99 {}", unit.name))],
            rows: measured
                .iter()
                .map(|(point, rate, spread)| {
                    let tail = quantile(Some(spread), 0.99, |spread| spread.p99, unit);
                    vec![load_cell(point), Cell::Figure(Some(*rate)), tail].into()
                })
                .collect(),
            ..Table::default()
        },
        series: lines("", Weight::Heavy, points, &dots),
    })
}

fn failures(points: &[&PointResult]) -> Chart {
    let share = |point: &PointResult| {
        let counts = &point.figures.counts;
        (counts.total > 0).then(|| 100.0 * counts.failed as f64 / counts.total as f64)
    };
    let failed: u64 = points.iter().map(|point| point.figures.counts.failed).sum();
    let total: u64 = points.iter().map(|point| point.figures.counts.total).sum();
    let title = format!("{} of {} requests failed", count(failed), count(total));
    Chart {
        id: "failed".to_owned(),
        subtitle: "share of each load's requests".to_owned(),
        desc: format!("Failed requests against load, {}. {title}.", range(points)),
        title,
        x: load_axis(points),
        y: Axis { label: "% failed, lower is better".to_owned(), scale: Scale::FromZero, ticks: Vec::new() },
        table: table(points, &[("failed", "%")], |point| vec![Cell::Figure(share(point))]),
        series: vec![series(
            "",
            Weight::Heavy,
            points.iter().map(|point| Dot::at(load(point), share(point))).collect(),
        )],
    }
}

fn series(name: &str, weight: Weight, dots: Vec<Dot>) -> Series {
    Series { name: name.to_owned(), hue: Hue::First, weight, trace: Trace::Line(dots) }
}

fn table(points: &[&PointResult], heads: &[(&str, &str)], cells: impl Fn(&PointResult) -> Vec<Cell>) -> Table {
    let heads = heads.iter().map(|(name, of)| Column::alone(format!("{name} {of}").trim().to_owned()));
    Table {
        caption: "Drawn values".to_owned(),
        columns: std::iter::once(Column::alone("load")).chain(heads).collect(),
        rows: points
            .iter()
            .map(|point| {
                let mut row = vec![load_cell(point)];
                row.extend(cells(point));
                row.into()
            })
            .collect(),
        ..Table::default()
    }
}
