//! Processor time for each chunk, beside the bare reader.

use std::time::Duration;

use super::process::{Serving, evalscope, pinned, timed};
use super::{Load, Outcome};

/// The table of one load. Every stream must have been read to its end.
pub fn table(load: Load) -> Outcome<String> {
    let serving = Serving::start(load)?;
    let this = std::env::current_exe()?;
    let (port, streams) = (serving.port.to_string(), load.streams.to_string());
    let floor = timed(pinned(1, &this.to_string_lossy())?.args(["count", &port, &streams]))?;
    let folder = tempfile::tempdir()?;
    let (ours, point) = evalscope(load, serving.port, folder.path())?;
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(point.join("benchmark_summary.json"))?)?;
    if summary["Success Requests"] != load.requests {
        return Err(format!("only {} of {} streams were read", summary["Success Requests"], load.requests).into());
    }
    let chunks = (load.streams * load.tokens) as f64;
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / chunks;
    let ratio = ours.as_secs_f64() / floor.as_secs_f64();
    Ok(format!(
        "| {} streams of {} tokens/s, {} chunks | processor time a chunk | times the bare reader |\n\
         |---|---|---|\n\
         | bare reader | {:.2} µs | 1 |\n\
         | evalscope | {:.2} µs | {ratio:.2} |\n",
        load.streams,
        load.pace,
        load.streams * load.tokens,
        micros(floor),
        micros(ours),
    ))
}
