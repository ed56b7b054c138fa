//! `evalscope perf report`, and the files that reports are saved in.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::console::Console;
use crate::error::{Exit, Failure, Result};
use crate::report::{self, Style};
use crate::run::{self, Recast, RecastOptions, RunResult};
use crate::stats::dialect::Tool;
use crate::store::RunDir;

/// What `perf report` takes.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Folder of the run: the one that holds plan.toml
    pub(super) dir: PathBuf,
    /// Tell the run as these tools would have told it, from its chunk log: vllm, sglang, evalscope, aiperf, guidellm,
    /// inference-perf
    #[arg(long = "as", value_name = "TOOL", value_delimiter = ',')]
    pub(super) tools: Vec<String>,
    /// With --as: tokenizer that counts the text of replies [default: that of the run]
    #[arg(long, value_name = "PATH", requires = "tools")]
    pub(super) tokenizer_path: Option<PathBuf>,
    /// With --as: leave lists of single requests out of the files
    #[arg(long, requires = "tools")]
    pub(super) no_detail: bool,
    /// Print the summary as JSON on stdout and nothing else there
    #[arg(long)]
    pub(super) json: bool,
}

/// Makes every result file of a run again and shows the result, or tells the run as other tools.
pub(super) fn report(args: &Report, console: &Console) -> Result<Exit> {
    if !args.tools.is_empty() {
        return recast(args, *console);
    }
    let run = run::rebuild(&args.dir)?;
    save_reports(&run, &RunDir::open(&args.dir))?;
    show(&run, *console, args.json)?;
    Ok(Exit::Done)
}

/// Writes the result files of other tools and shows their figures.
fn recast(args: &Report, console: Console) -> Result<Exit> {
    let mut tools: Vec<Tool> = args.tools.iter().map(|name| Tool::of(name)).collect::<Result<_>>()?;
    // Asked twice is told once.
    let mut seen = BTreeSet::new();
    tools.retain(|tool| seen.insert(*tool));
    let options = RecastOptions { tools, tokenizer: args.tokenizer_path.clone(), detailed: !args.no_detail };
    let told = run::recast(&args.dir, &options)?;
    if args.json {
        console.out(&Value::from_iter(told.iter().map(Recast::to_json)).to_string());
        return Ok(Exit::Done);
    }
    for Recast { folder, tool, cast, paths } in &told {
        console.out(&format!("{folder} as {}\n{}\n", tool.name(), cast.block()));
        for note in &cast.notes {
            console.say(&format!("{folder} as {}: {note}", tool.name()));
        }
        for path in paths {
            console.say(&format!("wrote {}", path.display()));
        }
    }
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
