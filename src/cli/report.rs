//! `evalscope perf report`, and the files that reports are saved in.

use super::args::Report;
use super::console::Console;
use crate::error::{Exit, Failure, Result};
use crate::report::{self, Style};
use crate::run::{self, RunResult};
use crate::store::RunDir;

/// Makes every result file of a run again and shows the result.
pub(super) fn report(args: &Report, console: &Console) -> Result<Exit> {
    let run = run::rebuild(&args.dir)?;
    save_reports(&run, &RunDir::open(&args.dir))?;
    show(&run, *console, args.json)?;
    Ok(Exit::Done)
}

/// Writes the report in every form beside the results.
pub(super) fn save_reports(run: &RunResult, dir: &RunDir) -> Result<()> {
    dir.write("performance_summary.txt", report::performance_summary(run).as_bytes())?;
    dir.write("perf_report.html", report::html(run)?.as_bytes())?;
    dir.write("sweep.png", &report::sweep_png(run)?)
}

/// Shows a whole run: as JSON, or as tables.
pub(super) fn show(run: &RunResult, console: Console, json: bool) -> Result<()> {
    if json {
        let text = serde_json::to_string(run)
            .map_err(|error| Failure::bug("the summary cannot be spelled as JSON").because(error))?;
        console.out(&text);
        return Ok(());
    }
    console.out(&report::performance_summary(run));
    let style = Style { color: console.colour(), ascii: !console.is_terminal() };
    console.out(&report::sweep_table(run, console.width(), style));
    Ok(())
}
