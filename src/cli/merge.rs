//! `evalscope perf merge`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use crate::error::{Exit, Failure, Result};
use crate::report::{self, Style};
use crate::run;

/// What `perf merge` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Every load must be in every run; runs whose load points do not match are refused. Percentiles come from \
all values together, never from averages of percentiles. Runs after each other add up their lengths, runs of several \
hosts at the same time add up their rates. Writes merged.json and pooled_*/*.hlog."
)]
pub(super) struct Merge {
    /// Folders of runs: those that hold plan.toml
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// New folder for the result [default: outputs/merged_<time>]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print the result as JSON on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Pools the load points of several runs and shows them.
pub(super) fn merge(args: &Merge, console: &Console) -> Result<Exit> {
    let named = || Path::new("outputs").join(jiff::Zoned::now().strftime("merged_%Y%m%d_%H%M%S").to_string());
    let merged = run::merge(&args.runs, &args.output.clone().unwrap_or_else(named))?;
    if args.json {
        let text = serde_json::to_string(&merged)
            .map_err(|error| Failure::bug("the merged runs cannot be spelled as JSON").because(error))?;
        console.out(&text);
    } else {
        let style = Style { color: console.colour(), ascii: !console.is_terminal() };
        console.out(&report::merged(&merged, console.width(), style));
    }
    Ok(Exit::Done)
}
