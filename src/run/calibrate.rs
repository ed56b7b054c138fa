//! What this machine can measure: the self-check at one load after another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::selfcheck::{Trial, self_check};
use crate::engine::Stop;
use crate::plan::Load;
use crate::stats::{Trust, Verdict};

/// Version of what `evalscope calibrate --json` prints.
const CALIBRATION_VERSION: u32 = 1;

/// One load and how this machine measured it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// How requests were let go.
    #[serde(flatten)]
    pub load: Load,
    /// What the check found; `None` when it could not be made.
    pub trust: Option<Trust>,
    /// Why it could not be made.
    pub failure: Option<String>,
}

impl Level {
    /// Whether all of the load was tried, nothing was missed and nothing casts doubt.
    pub fn is_valid(&self) -> bool {
        self.trust.as_ref().is_some_and(|trust| {
            let whole = |check: &crate::stats::SelfCheck| check.missing == 0 && check.short_of.is_none();
            trust.verdict == Verdict::Valid && trust.self_check.as_ref().is_some_and(whole)
        })
    }
}

/// What this machine can measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Version of this format.
    pub format_version: u32,
    /// Program and version.
    pub tool: String,
    /// Cores of the machine.
    pub cores: usize,
    /// Worker threads of the engine.
    pub workers: usize,
    /// Gap between the chunks of a stream, in ms.
    pub chunk_gap_ms: f64,
    /// The loads in the order they were tried.
    pub levels: Vec<Level>,
    /// The greatest closed loop that is valid, in requests in flight.
    pub valid_parallel: Option<u64>,
    /// The greatest open loop that is valid, in requests a second.
    pub valid_rate: Option<f64>,
}

/// Makes the self-check at each load, after telling of it. A level whose check cannot be made says why. When the user
/// stops it, what was done by then is returned.
pub fn calibrate(
    loads: &[Load],
    itl: Option<Duration>,
    workers: usize,
    stop: &Stop,
    mut tell: impl FnMut(Load),
) -> Calibration {
    let mut levels = Vec::new();
    for &load in loads {
        tell(load);
        let tried = self_check(Trial { load, itl, workers, log_chunks: false }, stop);
        if stop.is_draining() {
            break;
        }
        levels.push(match tried {
            Ok(trust) => Level { load, trust: Some(trust), failure: None },
            Err(failure) => Level { load, trust: None, failure: Some(failure.to_string()) },
        });
    }
    let greatest = |open: bool| {
        let valid = levels.iter().filter(|level| level.load.is_open() == open && level.is_valid());
        valid.map(|level| level.load.level()).max_by(f64::total_cmp)
    };
    Calibration {
        format_version: CALIBRATION_VERSION,
        tool: concat!("evalscope ", env!("CARGO_PKG_VERSION")).to_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        workers,
        chunk_gap_ms: Trial::gap(itl).as_secs_f64() * 1e3,
        valid_parallel: greatest(false).map(|level| level as u64),
        valid_rate: greatest(true),
        levels,
    }
}
