//! Failures of the program and the exit numbers they map to.
//!
//! A failed *request* is not a failure of the program: it is a [`crate::record::Record`]. What stands here ends a run.

use std::fmt;

/// The exit numbers of the program, the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for was done.
    Done = 0,
    /// Done, but a declared gate failed.
    Gate = 1,
    /// Wrong use: a flag, a profile or a dataset that cannot be accepted.
    Usage = 2,
    /// The target, or a hub, was unreachable or refused: from the start, for every request, or so that a run could not be finished.
    Target = 3,
    /// A local file could not be read or written.
    Files = 4,
    /// A defect of this program.
    Bug = 5,
    /// Interrupted by a signal; partial results are saved.
    Interrupted = 130,
}

/// A failure that ends the command: what failed and on what, why, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The exit number this failure maps to.
    pub exit: Exit,
    /// A lower-case fragment that names the flag, file, line or field at fault.
    pub message: String,
    /// One action that remedies it.
    pub hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that can end a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure with the given exit number.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), hint: None, source: None }
    }

    /// Wrong use ([`Exit::Usage`]).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The target is at fault ([`Exit::Target`]).
    pub fn target(message: impl Into<String>) -> Self {
        Self::new(Exit::Target, message)
    }

    /// A local file is at fault ([`Exit::Files`]).
    pub fn files(message: impl Into<String>) -> Self {
        Self::new(Exit::Files, message)
    }

    /// A file that could not be written, with what it says of itself.
    pub fn unwritten(what: impl fmt::Display, source: std::io::Error) -> Self {
        Self::files(format!("{what} cannot be written")).because(source).hint("is the disk full?")
    }

    /// This program is at fault ([`Exit::Bug`]).
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Exit::Bug, message)
    }

    /// Adds the remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

/// Joins the names that are known, for messages that refuse an unknown one.
pub fn known(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_keeps_message_cause_and_hint() {
        let failure = Failure::files("cannot read a.jsonl")
            .because(std::io::Error::from(std::io::ErrorKind::NotFound))
            .hint("check the path");
        assert_eq!(failure.exit as u8, 4);
        assert_eq!(failure.to_string(), "cannot read a.jsonl");
        assert!(std::error::Error::source(&failure).is_some());
        assert_eq!(failure.hint.as_deref(), Some("check the path"));
    }
}
