//! From which instant latencies count. Where arrivals follow a schedule it is the time a request was due, for that is
//! what a user feels; in a closed loop nothing is due, and it is the first byte of the request.

use crate::plan::Load;
use crate::run::{PointResult, RunResult};
use crate::stats::Spread;

/// Whether arrivals follow a schedule.
pub fn is_scheduled(point: &PointResult) -> bool {
    !matches!(point.point.load, Load::Closed { .. })
}

/// Whether any load point of the run follows a schedule; they all do, or none does.
pub fn any_scheduled(run: &RunResult) -> bool {
    run.points.iter().any(is_scheduled)
}

/// Time to first token.
pub fn ttft(point: &PointResult) -> Option<&Spread> {
    let figures = &point.figures;
    if is_scheduled(point) { figures.ttft_intended_ms.as_ref() } else { figures.ttft_ms.as_ref() }
}

/// End-to-end latency.
pub fn e2e(point: &PointResult) -> Option<&Spread> {
    let figures = &point.figures;
    if is_scheduled(point) { figures.e2e_intended_ms.as_ref() } else { figures.e2e_ms.as_ref() }
}

/// Tokens a second that were generated; where replies hold no text, those that were read, and a word that says so.
pub fn token_rate(point: &PointResult) -> Option<(f64, &'static str)> {
    let figures = &point.figures;
    let read = || figures.input_throughput.map(|rate| (rate, "in tok/s"));
    figures.output_throughput.map(|rate| (rate, "tok/s")).or_else(read)
}

/// Time per output token, which no start touches.
pub fn tpot(point: &PointResult) -> Option<&Spread> {
    point.figures.tpot_ms.as_ref()
}
