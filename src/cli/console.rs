//! The one place that writes to the terminal: stdout is data, stderr is talk.

use std::error::Error;
use std::io::{IsTerminal, Write, stderr, stdout};

use crate::error::Failure;
use crate::units::clean;

/// Columns of a table in a pipe.
const PIPE_WIDTH: usize = 100;

/// Both streams, and what they can show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    colour_out: bool,
    colour_err: bool,
}

impl Console {
    pub(super) fn new() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let colour = |terminal: bool| !set("NO_COLOR") && (set("CLICOLOR_FORCE") || (terminal && !dumb));
        Console { colour_out: colour(stdout().is_terminal()), colour_err: colour(stderr().is_terminal()) }
    }

    /// Whether stdout takes colour.
    pub(super) fn colour(self) -> bool {
        self.colour_out
    }

    /// Whether someone watches stderr live.
    pub(super) fn is_live(self) -> bool {
        stderr().is_terminal()
    }

    /// Whether stdout is a terminal.
    pub(super) fn is_terminal(self) -> bool {
        stdout().is_terminal()
    }

    /// Columns that a table on stdout may take.
    pub(super) fn width(self) -> usize {
        if !stdout().is_terminal() {
            return PIPE_WIDTH;
        }
        // Some terminals that nobody looks at claim to have no columns.
        comfy_table::Table::new().width().filter(|columns| *columns > 0).map_or(PIPE_WIDTH, usize::from)
    }

    /// Data. A reader that went away is not our failure.
    pub(super) fn out(self, text: &str) {
        let _ = writeln!(stdout(), "{}", text.trim_end_matches('\n'));
    }

    /// Talk.
    pub(super) fn say(self, text: &str) {
        let _ = writeln!(stderr(), "{text}");
    }

    /// Something the user should know.
    pub(super) fn warn(self, text: &str) {
        self.say(&format!("{} {text}", self.paint("warning:", "33")));
    }

    /// What failed, why, and what to do about it.
    pub(super) fn failure(self, failure: &Failure) {
        let mut text = format!("{} {failure}", self.paint("error:", "31;1"));
        let mut cause = failure.source();
        while let Some(inner) = cause {
            text.push_str(&format!("\n  cause: {}", clean(&inner.to_string(), 500)));
            cause = inner.source();
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("\n{} {hint}", self.paint("hint:", "1")));
        }
        self.say(&text);
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.colour_err { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
