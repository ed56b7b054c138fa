//! `evalscope perf --sla-auto-tune`.

use super::console::Console;
use super::progress::Progress;
use crate::engine::Stop;
use crate::error::{Exit, Failure, Result};
use crate::plan::Plan;
use crate::report::sla_summary;
use crate::run::{Watcher, search};
use crate::store::RunDir;
use crate::track::State;

/// Carries out the search of a plan, saves and shows what it found.
pub(super) fn tune(
    plan: &Plan,
    dir: &RunDir,
    progress: &mut Progress<'_>,
    stop: &Stop,
    console: Console,
    json: bool,
) -> Result<Exit> {
    let result = search(plan, dir, progress, stop)?;
    let text = sla_summary(&result);
    dir.write("performance_summary.txt", text.as_bytes())?;
    let exit = result.exit();
    let state = if exit == Exit::Interrupted { State::Interrupted } else { State::Finished };
    let told = progress.told(state);
    if json {
        let text = serde_json::to_string(&result)
            .map_err(|error| Failure::bug("the search cannot be spelled as JSON").because(error))?;
        console.out(&text);
    } else {
        console.out(&text);
    }
    console.say(&format!("saved  {}", dir.path().display()));
    told.notices.iter().for_each(|notice| progress.notice(notice));
    match exit {
        Exit::Gate => console.say("error: no value holds one of --sla-params"),
        Exit::Target => console.say("error: the search is no success: every request failed"),
        _ => {}
    }
    progress.say_uploads(&told);
    Ok(exit)
}
