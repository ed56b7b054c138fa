//! The load points of a sweep.

use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};

/// How requests are let go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Load {
    /// By a schedule, with at most so many in flight: EvalScope's `--parallel` with `--rate`. What is due and has no
    /// slot waits, and the wait is part of what a user feels.
    Paced {
        /// Requests in flight at most.
        parallel: u64,
        /// Requests a second.
        rate: f64,
    },
    /// Open loop: by a schedule that waits for nobody.
    Open {
        /// Requests a second.
        rate: f64,
        /// Requests in flight at most, where the user caps them.
        max_in_flight: Option<u64>,
    },
    /// Open loop by recorded instants.
    Trace {
        /// How many times as fast as they were recorded.
        speed: f64,
        /// Requests in flight at most, where the user caps them.
        max_in_flight: Option<u64>,
    },
    /// Closed loop: the next request goes as soon as one is over.
    Closed {
        /// Requests in flight.
        parallel: u64,
    },
}

impl Load {
    /// The number that a sweep varies: requests in flight, requests a second in an open loop, or the speed of a trace.
    pub fn level(&self) -> f64 {
        match self {
            Load::Closed { parallel } | Load::Paced { parallel, .. } => *parallel as f64,
            Load::Open { rate, .. } => *rate,
            Load::Trace { speed, .. } => *speed,
        }
    }

    /// Unit of [`Load::level`].
    pub fn unit(&self) -> &'static str {
        match self {
            Load::Closed { .. } | Load::Paced { .. } => "in flight",
            Load::Open { .. } => "req/s",
            Load::Trace { .. } => "x recorded speed",
        }
    }

    /// Whether arrivals wait for nobody.
    pub fn is_open(&self) -> bool {
        matches!(self, Load::Open { .. } | Load::Trace { .. })
    }

    /// Requests a second that are asked for.
    pub fn rate(&self) -> Option<f64> {
        match self {
            Load::Closed { .. } | Load::Trace { .. } => None,
            Load::Paced { rate, .. } | Load::Open { rate, .. } => Some(*rate),
        }
    }

    /// Name of the load as it begins the name of a folder, as EvalScope spells it, whose trace has a rate of -1.
    pub fn folder(&self) -> String {
        match self {
            Load::Closed { parallel } | Load::Paced { parallel, .. } => format!("parallel_{parallel}"),
            Load::Open { rate, .. } => format!("rate_{}", python(*rate)),
            Load::Trace { .. } => format!("rate_{}", python(-1.0)),
        }
    }

    /// Most requests in flight, where there is a bound.
    pub fn cap(&self) -> Option<u64> {
        match self {
            Load::Closed { parallel } | Load::Paced { parallel, .. } => Some(*parallel),
            Load::Open { max_in_flight, .. } | Load::Trace { max_in_flight, .. } => *max_in_flight,
        }
    }
}

/// One load point: so many requests under such a load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// How requests are let go.
    #[serde(flatten)]
    pub load: Load,
    /// Requests measured.
    pub number: u64,
    /// Requests sent before them, from the same stream, that enter no figure.
    pub warmup: u64,
    /// Which of several equal runs, from 1.
    #[serde(default = "first")]
    pub repeat: u32,
}

fn first() -> u32 {
    1
}

impl Point {
    /// A closed loop.
    pub fn closed(parallel: u64, number: u64, warmup: u64) -> Self {
        Point { load: Load::Closed { parallel }, number, warmup, repeat: 1 }
    }

    /// Requests of the warm-up before so many measured ones: a count, or a share below 1 of which at least one is sent.
    pub fn warm_up(asked: f64, number: u64) -> u64 {
        match asked {
            count if count >= 1.0 => count as u64,
            share if share > 0.0 => ((share * number as f64) as u64).max(1),
            _ => 0,
        }
    }

    /// Name of the point's folder, as EvalScope spells it; further repeats have their number behind it.
    pub fn folder(&self) -> String {
        let load = self.load.folder();
        let repeat = if self.repeat > 1 { format!("_run_{}", self.repeat) } else { String::new() };
        format!("{load}_number_{}{repeat}", self.number)
    }

    /// What a folder of this form says: the loop (`parallel` or `rate`), the level, the number and the repeat.
    pub fn parse_folder(name: &str) -> Option<(String, f64, u64, u32)> {
        let (kind, rest) = name.split_once('_')?;
        let (level, rest) = rest.split_once("_number_")?;
        let (number, repeat) = rest.split_once("_run_").unwrap_or((rest, "1"));
        let known = matches!(kind, "parallel" | "rate");
        known.then_some(())?;
        Some((kind.to_owned(), level.parse().ok()?, number.parse().ok()?, repeat.parse().ok()?))
    }
}

/// A float as Python prints it: always with a decimal point.
fn python(value: f64) -> String {
    format!("{value:?}")
}

/// How the lists of a sweep are given.
#[derive(Debug, Clone, Copy)]
pub struct Axes<'a> {
    /// `--number`.
    pub number: Option<&'a [u64]>,
    /// `--parallel`.
    pub parallel: &'a [u64],
    /// `--rate`; empty where none is set.
    pub rate: &'a [f64],
    /// `--open-loop`.
    pub open: bool,
    /// `--trace-speed`, where recorded instants are met at their own speed.
    pub trace: Option<f64>,
    /// `--max-in-flight`.
    pub max_in_flight: Option<u64>,
    /// `--warmup-num`.
    pub warmup: f64,
    /// `--repeat`.
    pub repeat: u32,
}

/// Pairs numbers with concurrencies, or with rates in an open loop, in order, as EvalScope does. One number serves all
/// points (EvalScope refuses that); `default` gives the number of a load where none is set. Repeats of a sweep follow
/// each other as whole sweeps, so that a drift of the server falls on all points alike.
///
/// # Errors
/// When the lists have different lengths, a value is out of range, the warm-up is negative or a pair is listed twice.
pub fn grid(axes: Axes<'_>, default: impl Fn(Load) -> u64) -> Result<Vec<Point>> {
    let Axes { number, parallel, rate, open, trace, max_in_flight, warmup, repeat } = axes;
    if parallel.is_empty() || parallel.contains(&0) {
        return Err(Failure::usage("--parallel: each value must be at least 1"));
    }
    if number.is_some_and(|number| number.is_empty() || number.contains(&0)) {
        return Err(Failure::usage("--number: each value must be at least 1"));
    }
    if !warmup.is_finite() || warmup < 0.0 {
        return Err(Failure::usage(format!(
            "--warmup-num {warmup}: must be 0, a count, a share between 0 and 1, or auto"
        )));
    }
    if let Some(bad) = rate.iter().find(|rate| !rate.is_finite() || **rate <= 0.0) {
        return Err(Failure::usage(format!("--rate {bad}: must be a positive number of requests a second")));
    }
    if max_in_flight == Some(0) || repeat == 0 {
        let flag = if repeat == 0 { "--repeat" } else { "--max-in-flight" };
        return Err(Failure::usage(format!("{flag} must be at least 1")));
    }
    let loads: Vec<Load> = match (open, rate) {
        (true, []) if let Some(speed) = trace => vec![Load::Trace { speed, max_in_flight }],
        (true, []) => {
            return Err(Failure::usage("--open-loop needs --rate").hint("give requests a second: --rate 5,10,20"));
        }
        (true, rates) => rates.iter().map(|&rate| Load::Open { rate, max_in_flight }).collect(),
        (false, _) if max_in_flight.is_some() => {
            return Err(Failure::usage("--max-in-flight goes with --open-loop")
                .hint("without --open-loop the cap is --parallel"));
        }
        (false, []) => parallel.iter().map(|&parallel| Load::Closed { parallel }).collect(),
        (false, [rate]) => parallel.iter().map(|&parallel| Load::Paced { parallel, rate: *rate }).collect(),
        (false, _) => {
            return Err(Failure::usage("--rate with several values needs --open-loop")
                .hint("with --parallel a single rate paces all load points"));
        }
    };
    if let Some(number) = number
        && number.len() > 1
        && number.len() != loads.len()
    {
        let axis = if open { "--rate" } else { "--parallel" };
        return Err(Failure::usage(format!("--number has {} values and {axis} has {}", number.len(), loads.len()))
            .hint(format!("give one --number for all points, or one for each {axis}")));
    }
    let mut points: Vec<Point> = Vec::with_capacity(loads.len());
    for (index, &load) in loads.iter().enumerate() {
        let number = match number {
            Some([one]) => *one,
            Some(many) => many[index],
            None => default(load),
        };
        let point = Point { load, number, warmup: Point::warm_up(warmup, number), repeat: 1 };
        if points.contains(&point) {
            return Err(Failure::usage(format!(
                "{} {} with --number {number} is listed twice",
                load.unit(),
                load.level()
            ))
            .hint("each load point has a folder of its own; list it once, or use --repeat"));
        }
        points.push(point);
    }
    let once = points.clone();
    for repeat in 2..=repeat {
        points.extend(once.iter().map(|point| Point { repeat, ..*point }));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes<'a>(number: Option<&'a [u64]>, parallel: &'a [u64]) -> Axes<'a> {
        Axes { number, parallel, rate: &[], open: false, trace: None, max_in_flight: None, warmup: 0.0, repeat: 1 }
    }

    #[test]
    fn one_number_serves_all_points() -> Result<()> {
        let points = grid(Axes { warmup: 0.1, ..axes(Some(&[50]), &[1, 8]) }, |_| 0)?;
        assert_eq!(points[1], Point::closed(8, 50, 5));
        assert_eq!(points[0].folder(), "parallel_1_number_50");
        Ok(())
    }

    #[test]
    fn lists_pair_in_order_and_defaults_fill() -> Result<()> {
        let points = grid(Axes { warmup: 3.0, ..axes(Some(&[5, 6]), &[1, 2]) }, |_| 0)?;
        assert_eq!(points[1], Point::closed(2, 6, 3));
        assert_eq!(grid(axes(None, &[32]), |load| 4 * load.level() as u64)?[0].number, 128);
        Ok(())
    }

    #[test]
    fn rates_make_open_loops_or_pace_a_closed_one() -> Result<()> {
        let open = grid(Axes { open: true, rate: &[5.0, 2.5], ..axes(Some(&[5, 6]), &[1]) }, |_| 0)?;
        assert_eq!(open[0].folder(), "rate_5.0_number_5");
        assert_eq!(Point::parse_folder(&open[1].folder()), Some(("rate".to_owned(), 2.5, 6, 1)));
        let paced = grid(Axes { rate: &[5.0], ..axes(Some(&[9]), &[4]) }, |_| 0)?;
        assert_eq!(paced[0].load, Load::Paced { parallel: 4, rate: 5.0 });
        assert_eq!(paced[0].folder(), "parallel_4_number_9");
        Ok(())
    }

    #[test]
    fn a_trace_at_its_own_speed_is_a_load_of_its_own() -> Result<()> {
        let trace = grid(Axes { open: true, trace: Some(2.0), ..axes(Some(&[9]), &[1]) }, |_| 0)?;
        assert_eq!(trace[0].load, Load::Trace { speed: 2.0, max_in_flight: None });
        assert_eq!((trace[0].load.level(), trace[0].load.rate()), (2.0, None));
        assert_eq!(trace[0].folder(), "rate_-1.0_number_9");
        assert_eq!(Point::parse_folder(&trace[0].folder()), Some(("rate".to_owned(), -1.0, 9, 1)));
        Ok(())
    }

    #[test]
    fn repeats_follow_as_whole_sweeps() -> Result<()> {
        let points = grid(Axes { repeat: 2, ..axes(Some(&[9]), &[1, 2]) }, |_| 0)?;
        let folders: Vec<_> = points.iter().map(Point::folder).collect();
        let asked =
            ["parallel_1_number_9", "parallel_2_number_9", "parallel_1_number_9_run_2", "parallel_2_number_9_run_2"];
        assert_eq!(folders, asked);
        Ok(())
    }

    #[test]
    fn a_point_reads_back_in_each_form_and_from_older_rows() -> serde_json::Result<()> {
        for load in [
            Load::Closed { parallel: 3 },
            Load::Paced { parallel: 3, rate: 2.0 },
            Load::Open { rate: 2.0, max_in_flight: None },
            Load::Open { rate: 2.0, max_in_flight: Some(7) },
            Load::Trace { speed: 0.5, max_in_flight: None },
            Load::Trace { speed: 2.0, max_in_flight: Some(7) },
        ] {
            let point = Point { load, number: 9, warmup: 1, repeat: 2 };
            assert_eq!(serde_json::from_str::<Point>(&serde_json::to_string(&point)?)?, point);
        }
        let old: Point = serde_json::from_str(r#"{"parallel":8,"number":20,"warmup":0}"#)?;
        assert_eq!(old, Point::closed(8, 20, 0));
        Ok(())
    }

    #[test]
    fn bad_grids_are_refused() {
        for bad in [
            axes(Some(&[1, 2, 3]), &[1, 2]),
            axes(Some(&[1]), &[0]),
            axes(Some(&[0]), &[1]),
            axes(Some(&[4]), &[1, 1]),
            Axes { warmup: -1.0, ..axes(Some(&[4]), &[1]) },
            Axes { open: true, ..axes(Some(&[4]), &[1]) },
            Axes { open: true, rate: &[0.0], ..axes(Some(&[4]), &[1]) },
            Axes { rate: &[1.0, 2.0], ..axes(Some(&[4]), &[1]) },
            Axes { max_in_flight: Some(3), ..axes(Some(&[4]), &[1]) },
            Axes { repeat: 0, ..axes(Some(&[4]), &[1]) },
        ] {
            assert!(grid(bad, |_| 0).is_err(), "{bad:?}");
        }
    }
}
