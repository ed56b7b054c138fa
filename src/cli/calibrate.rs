//! `evalscope calibrate`.

use std::time::Duration;

use clap::Args;

use super::console::Console;
use super::signals;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::plan::{Axes, Load, grid};
use crate::report::{self, Style};
use crate::run;

/// What `calibrate` takes.
#[derive(Debug, Args)]
#[command(
    infer_long_args = true,
    after_help = "Each load takes about a second and a half, against a server of known timing inside this program. \
Errors are measured minus true. `evalscope perf` makes the same check before each load point."
)]
pub(super) struct Calibrate {
    /// Requests in flight, a level each [default: 1,64,256,1000, unless --rate is given]
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "N")]
    pub(super) parallel: Vec<u64>,
    /// Requests a second in an open loop, a level each
    #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "R")]
    pub(super) rate: Vec<f64>,
    /// Milliseconds between the chunks of a stream, 2 to 50 [default: 50]
    #[arg(long, value_name = "MS")]
    pub(super) chunk_gap: Option<f64>,
    /// Threads of the load engine [default: one for each core]
    #[arg(long)]
    pub(super) workers: Option<usize>,
    /// Print one JSON object on stdout and nothing else there
    #[arg(long)]
    pub(super) json: bool,
}

/// Levels that are tried when none is named.
const PARALLEL: [u64; 4] = [1, 64, 256, 1000];

/// Makes the self-check at each level and shows what this machine can measure.
pub(super) fn calibrate(flags: &Calibrate, console: Console) -> Result<Exit> {
    let loads = loads(flags)?;
    let gap = match flags.chunk_gap {
        Some(ms) if !(2.0..=50.0).contains(&ms) => {
            return Err(Failure::usage(format!("--chunk-gap {ms}: must be from 2 to 50 ms")));
        }
        gap => gap.map(|ms| Duration::from_secs_f64(ms / 1e3)),
    };
    let workers = match flags.workers {
        Some(0) => return Err(Failure::usage("--workers must be at least 1")),
        workers => workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
    };
    let stop = Stop::new();
    signals::listen(&stop, console, "cutting requests in flight; saving what was measured")?;
    let calibration = run::calibrate(&loads, gap, workers, &stop, |load| {
        console.say(&format!("self-check at {} {}", load.level(), load.unit()));
    });
    if flags.json {
        let text = serde_json::to_string(&calibration)
            .map_err(|error| Failure::bug("the calibration cannot be spelled as JSON").because(error))?;
        console.out(&text);
    } else if !calibration.levels.is_empty() {
        let style = Style { color: console.colour(), ascii: !console.is_terminal() };
        console.out(&report::calibration_table(&calibration, console.width(), style));
    }
    Ok(if stop.is_draining() { Exit::Interrupted } else { Exit::Done })
}

/// The levels, checked as those of a load test are.
fn loads(flags: &Calibrate) -> Result<Vec<Load>> {
    let named = !flags.parallel.is_empty() || !flags.rate.is_empty();
    let parallel = if named { flags.parallel.as_slice() } else { &PARALLEL };
    let none = Axes {
        number: None,
        parallel: &[1],
        rate: &[],
        open: false,
        trace: None,
        max_in_flight: None,
        warmup: 0.0,
        repeat: 1,
    };
    let mut points = Vec::new();
    if !parallel.is_empty() {
        points.extend(grid(Axes { parallel, ..none }, |_| 1)?);
    }
    if !flags.rate.is_empty() {
        points.extend(grid(Axes { rate: &flags.rate, open: true, ..none }, |_| 1)?);
    }
    Ok(points.into_iter().map(|point| point.load).collect())
}
