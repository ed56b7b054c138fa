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
    /// With its history the prompt is longer than the length it should be brought to.
    OverTarget,
    /// A conversation in which nothing is asked.
    NoUser,
    /// A call that failed when it was recorded.
    Failed,
    /// A call of another model than the one asked for.
    OtherModel,
    /// A request outside the window of the trace.
    Outside,
    /// A trajectory that is too short for the turns asked for.
    Brief,
}

impl Reason {
    /// Every reason in the order of the report.
    const ALL: [Reason; 10] = [
        Reason::Blank,
        Reason::Empty,
        Reason::NoUser,
        Reason::Failed,
        Reason::OtherModel,
        Reason::Outside,
        Reason::TooShort,
        Reason::TooLong,
        Reason::OverTarget,
        Reason::Brief,
    ];
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
            Reason::OverTarget => format!("{count} over the target length"),
            Reason::NoUser => format!("{count} without a question"),
            Reason::Failed => format!("{count} failed when recorded"),
            Reason::OtherModel => format!("{count} of other models"),
            Reason::Outside => format!("{count} outside the window"),
            Reason::Brief => format!("{count} too short for the turns"),
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
    /// What a prefix cache without bounds would serve.
    pub hits: Option<Hits>,
    /// Rows that were not in the order of their times, and were put into it.
    pub sorted: u64,
}

/// Prompt tokens that came before in the same place, by the prefix hashes of a trace or the groups of a workload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hits {
    /// Tokens of all prompts.
    pub tokens: u64,
    /// Those of them that a cache of unlimited size would hold.
    pub cached: u64,
}

impl Hits {
    /// Their share; `None` without tokens.
    pub fn ratio(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.cached as f64 / self.tokens as f64)
    }
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
        let by_length = |reason| matches!(reason, Reason::TooShort | Reason::TooLong | Reason::OverTarget);
        self.skipped.iter().filter(|skipped| by_length(skipped.reason)).map(|skipped| skipped.count).sum()
    }
}

impl fmt::Display for Remarks {
    /// The rows left out, such as `2 blank lines, 1 too long`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for reason in Reason::ALL {
            if let Some(skipped) = self.skipped.iter().find(|skipped| skipped.reason == reason) {
                f.write_str(if first { "" } else { ", " })?;
                f.write_str(&reason.phrase(skipped.count))?;
                first = false;
            }
        }
        Ok(())
    }
}
