//! `evalscope calibrate`.

use std::time::Duration;

use super::args::Calibrate;
use super::console::Console;
use super::signals;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::plan::{Axes, Load, grid};
use crate::report::{self, Style};
use crate::run;

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
    signals::listen(&stop, console)?;
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
