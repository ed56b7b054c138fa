//! Settings to load points and to the way arrivals are spaced.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Arrival, Axes, ListOf, Load, LoadSpec, Point, Ramp, Settings, grid};
use crate::error::{Failure, Result, known};

/// Ways to space arrivals that `--arrival` knows.
const ARRIVALS: [&str; 3] = ["poisson", "constant", "trace"];

/// What a saved workload says of itself in its first line.
#[derive(Deserialize)]
struct SavedHeader {
    point: Point,
}

/// The load points. `default` gives the number of requests where none is set.
pub(super) fn points(settings: &Settings, default: impl Fn(Load) -> u64) -> Result<Vec<Point>> {
    if let Some(path) = &settings.workload {
        let point = saved_point(Path::new(path))?;
        if settings.repeat == 0 {
            return Err(Failure::usage("--repeat must be at least 1"));
        }
        return Ok((1..=settings.repeat).map(|repeat| Point { repeat, ..point }).collect());
    }
    let number = settings.number.as_ref().map(ListOf::to_vec);
    let mut rate = settings.rate.as_ref().map(ListOf::to_vec).unwrap_or_default();
    if let (true, Some(end)) = (rate.is_empty() && settings.open_loop, settings.ramp_up_end_rps) {
        rate = vec![end];
    }
    let trace = trace_speed(settings)?;
    if trace.is_some() && settings.open_loop && rate.is_empty() && number.is_none() {
        return Err(match settings.arrival_file {
            None => no_arrival_file(),
            Some(_) => Failure::usage("--arrival trace without --rate needs --number"),
        });
    }
    let axes = Axes {
        number: number.as_deref(),
        parallel: &settings.parallel.to_vec(),
        rate: &rate,
        open: settings.open_loop,
        trace,
        max_in_flight: settings.max_in_flight,
        warmup: settings.warmup_num.count(),
        repeat: settings.repeat,
    };
    grid(axes, default)
}

/// How many times as fast as recorded a trace is met, where it keeps its own speed.
fn trace_speed(settings: &Settings) -> Result<Option<f64>> {
    let traced = settings.arrival == "trace" && settings.ramp_up_strategy.is_none();
    match settings.trace_speed {
        Some(speed) if !speed.is_finite() || speed <= 0.0 => {
            Err(Failure::usage(format!("--trace-speed {speed}: must be a positive number"))
                .hint("2 meets recorded instants twice as fast, 0.5 at half their speed"))
        }
        Some(_) if !traced => Err(Failure::usage("--trace-speed goes with --arrival trace")),
        Some(_) if settings.rate.is_some() => Err(Failure::usage("--trace-speed and --rate exclude each other")
            .hint("--rate keeps the shape of a trace and sets its mean rate, --trace-speed keeps its own rate")),
        speed => Ok(traced.then(|| speed.unwrap_or(1.0))),
    }
}

/// The point that a saved workload was made for.
fn saved_point(path: &Path) -> Result<Point> {
    let unreadable = || Failure::files(format!("--workload {}: cannot be read", path.display()));
    let file = std::fs::File::open(path).map_err(|error| unreadable().because(error))?;
    let mut line = String::new();
    std::io::BufReader::new(file).read_line(&mut line).map_err(|error| unreadable().because(error))?;
    let header: SavedHeader = serde_json::from_str(&line).map_err(|error| {
        Failure::files(format!("--workload {}: line 1: not the head of a saved workload", path.display()))
            .because(error)
            .hint("give a file that --save-workload wrote")
    })?;
    Ok(header.point)
}

/// How arrivals are spaced and what bounds a load point.
pub(super) fn load(settings: &Settings) -> Result<LoadSpec> {
    let seconds = |flag: &str, value: Option<f64>, zero: bool| {
        value
            .map(|s| {
                if s.is_finite() && s < 1e9 && (s > 0.0 || (zero && s == 0.0)) {
                    Ok(Duration::from_secs_f64(s))
                } else {
                    Err(Failure::usage(format!("{flag} {s}: must be a positive number of seconds")))
                }
            })
            .transpose()
    };
    if settings.grace_period.is_some() && settings.duration.is_none() {
        return Err(Failure::usage("--grace-period goes with --duration"));
    }
    let spec = LoadSpec {
        arrival: arrival(settings)?,
        duration: seconds("--duration", settings.duration, false)?,
        grace: seconds("--grace-period", settings.grace_period, true)?,
        slot_ramp: seconds("--ramp-up", settings.ramp_up, true)?.unwrap_or_default(),
    };
    if !spec.slot_ramp.is_zero() && (settings.open_loop || settings.rate.is_some()) {
        return Err(Failure::usage("--ramp-up opens the slots of a closed loop")
            .hint("an open loop grows by --ramp-up-strategy, --ramp-up-start-rps and --ramp-up-end-rps"));
    }
    Ok(spec)
}

fn arrival(settings: &Settings) -> Result<Arrival> {
    if settings.workload.is_some() {
        return Ok(Arrival::Saved);
    }
    let burstiness = settings.burstiness.unwrap_or(1.0);
    if burstiness.is_nan() || burstiness <= 0.0 {
        return Err(Failure::usage(format!("--burstiness {burstiness}: must be positive")));
    }
    if let Some(strategy) = &settings.ramp_up_strategy {
        return ramp(settings, strategy, burstiness);
    }
    if settings.ramp_up_start_rps.is_some() || settings.ramp_up_end_rps.is_some() {
        return Err(Failure::usage("--ramp-up-start-rps and --ramp-up-end-rps go with --ramp-up-strategy")
            .hint("add --ramp-up-strategy linear"));
    }
    match (settings.arrival.as_str(), &settings.arrival_file) {
        ("poisson", None) => Ok(Arrival::Gamma { burstiness }),
        ("constant", None) if settings.burstiness.is_some() => {
            Err(Failure::usage("--burstiness and --arrival constant exclude each other"))
        }
        ("constant", None) => Ok(Arrival::Constant),
        ("trace", Some(file)) if settings.open_loop => Ok(Arrival::Trace(PathBuf::from(file))),
        ("trace", Some(_)) => Err(Failure::usage("--arrival trace needs --open-loop")),
        ("trace", None) => Err(no_arrival_file()),
        (_, Some(_)) if ARRIVALS.contains(&settings.arrival.as_str()) => {
            Err(Failure::usage("--arrival-file goes with --arrival trace"))
        }
        (other, _) => Err(Failure::usage(format!("--arrival {other}: no such spacing"))
            .hint(format!("known spacings: {}; --burstiness gives gamma-distributed gaps", known(ARRIVALS)))),
    }
}

fn no_arrival_file() -> Failure {
    Failure::usage("--arrival trace needs --arrival-file")
        .hint("name a file with a second a line, or CSV or JSONL with a timestamp")
}

fn ramp(settings: &Settings, strategy: &str, burstiness: f64) -> Result<Arrival> {
    let ramp = match strategy {
        "linear" => Ramp::Linear,
        "exponential" => Ramp::Exponential,
        other => {
            return Err(Failure::usage(format!("--ramp-up-strategy {other}: no such strategy"))
                .hint("known strategies: linear, exponential"));
        }
    };
    if settings.arrival_file.is_some() {
        return Err(Failure::usage("--arrival-file and --ramp-up-strategy exclude each other"));
    }
    let needs = || {
        Failure::usage("--ramp-up-strategy needs --open-loop, --ramp-up-start-rps and --ramp-up-end-rps")
            .hint("give both ends in requests a second; --rate is not used")
    };
    let (Some(from), Some(to), true) = (settings.ramp_up_start_rps, settings.ramp_up_end_rps, settings.open_loop)
    else {
        return Err(needs());
    };
    if settings.rate.is_some() {
        return Err(Failure::usage("--rate and --ramp-up-strategy exclude each other"));
    }
    if ![from, to].iter().all(|rate| rate.is_finite() && *rate > 0.0) {
        return Err(Failure::usage("--ramp-up-start-rps and --ramp-up-end-rps must be positive"));
    }
    Ok(Arrival::Ramp { ramp, from, to, burstiness })
}
