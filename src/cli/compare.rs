//! `evalscope perf compare`.

use std::path::PathBuf;

use clap::Args;

use super::console::Console;
use crate::error::{Exit, Failure, Result};
use crate::report::{self, Style};
use crate::run;
use crate::stats::Gate;

/// What `perf compare` takes.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "A gate fails, exit 1, when the change is beyond the limit and its 95 % interval excludes no change. Where \
the interval reaches over the limit, or there are too few requests for one, it is undecided: that is printed and is no \
failure."
)]
pub(super) struct Compare {
    /// Folder of the run to compare with: the one that holds plan.toml
    a: PathBuf,
    /// Folder of the run to judge
    b: PathBuf,
    /// Exit with 1 when B is worse than this: "p99 ttft +5%", "mean e2e +10ms", "tok/s -3%"; may be repeated
    #[arg(long, value_name = "GATE")]
    fail_if: Vec<String>,
    /// Print the comparison as JSON on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Compares two runs and shows what changed.
pub(super) fn compare(args: &Compare, console: &Console) -> Result<Exit> {
    let gates = args.fail_if.iter().map(|gate| gate.parse()).collect::<Result<Vec<Gate>>>()?;
    let comparison = run::compare(&args.a, &args.b, &gates)?;
    if args.json {
        let text = serde_json::to_string(&comparison)
            .map_err(|error| Failure::bug("the comparison cannot be spelled as JSON").because(error))?;
        console.out(&text);
    } else {
        let style = Style { color: console.colour(), ascii: !console.is_terminal() };
        console.out(&report::comparison(&comparison, console.width(), style));
    }
    Ok(if comparison.failed() { Exit::Gate } else { Exit::Done })
}
