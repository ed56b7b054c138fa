//! What the report says of a workload: rows left out and why, and where it is not what was asked for.

use std::fmt;

/// Why a row was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The line holds nothing but blanks.
    Blank,
    /// The row is there, but its text is empty.
    Empty,
    /// The text is shorter than the lower bound.
    TooShort,
    /// The text is longer than the upper bound.
    TooLong,
}

impl Reason {
    /// The count with its reason, as a reader expects it.
    fn phrase(self, count: u64) -> String {
        match self {
            Reason::Blank if count == 1 => "1 blank line".to_owned(),
            Reason::Blank => format!("{count} blank lines"),
            Reason::Empty if count == 1 => "1 empty prompt".to_owned(),
            Reason::Empty => format!("{count} empty prompts"),
            Reason::TooShort => format!("{count} too short"),
            Reason::TooLong => format!("{count} too long"),
        }
    }
}

/// Rows that were left out for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Why.
    pub reason: Reason,
    /// How many, each row counted once however often the dataset was cycled.
    pub count: u64,
}

/// Everything about a workload that a reader of its results should know. Empty remarks mean it is exactly what was
/// asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Rows left out in the part of the file that was read.
    pub skipped: Vec<Skipped>,
    /// Lines that look like JSON, are not, and were taken as text.
    pub unparsed: u64,
    /// Random prompts whose length is not the one that was drawn; their own count is exact all the same.
    pub inexact: u64,
    /// Number of items after which the source begins again, where it was found to end. Prompts that come again may
    /// meet a server's prefix cache.
    pub repeats_after: Option<u64>,
}

impl Remarks {
    /// Counts one row that was left out.
    pub(super) fn skip(&mut self, reason: Reason) {
        match self.skipped.iter_mut().find(|skipped| skipped.reason == reason) {
            Some(skipped) => skipped.count += 1,
            None => self.skipped.push(Skipped { reason, count: 1 }),
        }
    }

    /// Rows left out for their length.
    pub(super) fn filtered(&self) -> u64 {
        let by_length = |reason| matches!(reason, Reason::TooShort | Reason::TooLong);
        self.skipped.iter().filter(|skipped| by_length(skipped.reason)).map(|skipped| skipped.count).sum()
    }
}

impl fmt::Display for Remarks {
    /// The rows left out, such as `2 blank lines, 1 too long`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = [Reason::Blank, Reason::Empty, Reason::TooShort, Reason::TooLong];
        let mut first = true;
        for reason in order {
            if let Some(skipped) = self.skipped.iter().find(|skipped| skipped.reason == reason) {
                f.write_str(if first { "" } else { ", " })?;
                f.write_str(&reason.phrase(skipped.count))?;
                first = false;
            }
        }
        Ok(())
    }
}
