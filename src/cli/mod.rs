//! Flags to a plan, an outcome to the console and an exit number.

mod args;
mod benchmarks;
mod calibrate;
mod collect;
mod compare;
mod console;
mod datasets;
mod engine_flags;
mod environment;
mod eval;
mod fetching;
mod log;
mod merge;
mod perf;
mod prefixes;
mod progress;
mod prompt_flags;
mod report;
mod serve;
mod signals;
mod track_flags;
mod tune;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use self::args::{Cli, Command};
use self::console::Console;

/// Runs the program with the given arguments and returns its exit number.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let console = Console::new();
    let command = Cli::command();
    let args: Vec<OsString> = match command.find_subcommand("perf") {
        Some(perf) => prefixes::in_full(args, perf),
        None => args.into_iter().collect(),
    };
    let parsed = command.try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with exit 0, everything else to stderr with exit 2.
            let code = error.exit_code();
            let _ = error.print();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    let ended = match cli.command {
        Command::Eval(flags) => eval::eval(&flags, console),
        Command::Benchmarks(flags) => benchmarks::benchmarks(&flags, &console),
        Command::Collect(flags) => collect::collect(&flags, console),
        Command::Serve(flags) => serve::serve(&flags, console),
        Command::Calibrate(flags) => calibrate::calibrate(&flags, console),
        Command::Perf(perf) => match perf.command {
            Some(args::PerfCommand::Compare(args)) => compare::compare(&args, &console),
            Some(args::PerfCommand::Datasets(args)) => datasets::datasets(&args, &console),
            Some(args::PerfCommand::Merge(args)) => merge::merge(&args, &console),
            Some(args::PerfCommand::Report(report)) => report::report(&report, &console),
            None => perf::perf(&perf.flags, &console),
        },
    };
    match ended {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            console.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_sound() {
        Cli::command().debug_assert();
    }
}
