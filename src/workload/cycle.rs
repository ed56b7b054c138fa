//! Rows of a file: streamed, checked as they are read, cycled in order when they run out.

use super::lines::{Origin, Place};
use super::remarks::{Reason, Remarks};
use crate::error::{Failure, Result};

/// What a row turned out to be.
#[derive(Debug)]
pub(super) enum Parsed<T> {
    /// A row to use.
    Use(T),
    /// One to leave out, and why.
    Skip(Reason),
    /// No row of its own: a header, or part of a later one.
    Part,
    /// Nothing from here on is wanted.
    End,
}

/// Reads rows one after the other.
pub(super) trait Parser {
    /// What a row becomes.
    type Row: Clone + Send;
    /// A new reading begins at the first row.
    fn begin(&mut self) {}
    /// The next row, never blank.
    fn row(&mut self, text: &str, place: Place<'_>, remarks: &mut Remarks) -> Result<Parsed<Self::Row>>;
    /// What is left over after the last row.
    fn finish(&mut self) -> Option<Self::Row> {
        None
    }
    /// Why there is no row at all.
    fn nothing(&self, name: &str, remarks: &Remarks) -> Failure {
        let skipped = remarks.to_string();
        let skipped = if skipped.is_empty() { skipped } else { format!(" ({skipped})") };
        Failure::usage(format!("{name}: dataset is empty{skipped}"))
            .hint("write one prompt a line, or name another file with --dataset-path")
    }
}

/// A file of which only the rows in use are in memory.
pub(super) struct Cycle<P: Parser> {
    origin: Origin,
    pub(super) parser: P,
    /// The rows from item `start` on, the whole file where `total` says so.
    rows: Vec<P::Row>,
    start: u64,
    /// Number of usable rows, once the end of the file was seen.
    total: Option<u64>,
    remarks: Remarks,
}

/// What one reading of the file gave.
struct Pass<T> {
    kept: Vec<(u64, T)>,
    usable: u64,
    ended: bool,
}

impl<P: Parser> Cycle<P> {
    pub(super) fn new(origin: Origin, parser: P) -> Self {
        Cycle { origin, parser, rows: Vec::new(), start: 0, total: None, remarks: Remarks::default() }
    }

    /// The rows from number `from` on, again from the first after the last.
    pub(super) fn rows(&mut self, from: u64, count: u64) -> Result<impl Iterator<Item = &P::Row>> {
        let have = self.rows.len() as u64;
        let whole = self.total == Some(have);
        let covered = from >= self.start && (whole || from.saturating_add(count) <= self.start.saturating_add(have));
        if have == 0 || !covered {
            self.load(from, count)?;
        }
        let skip = usize::try_from((from - self.start) % (self.rows.len().max(1) as u64)).unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.rows.iter().cycle().skip(skip).take(count))
    }

    /// Reads up to `most` rows and keeps none; gives their number.
    pub(super) fn survey(&mut self, most: u64, mut see: impl FnMut(&P::Row)) -> Result<u64> {
        let pass = self.read(most, |_, row| {
            see(row);
            false
        })?;
        if pass.usable == 0 {
            return Err(self.parser.nothing(&self.origin.name(), &self.remarks));
        }
        Ok(pass.usable)
    }

    /// What was left out so far, and after how many rows the first comes again.
    pub(super) fn remarks(&self) -> Remarks {
        let mut remarks = self.remarks.clone();
        remarks.repeats_after = self.total;
        remarks
    }

    /// Brings the rows from `from` on into memory, reading no further than needed.
    fn load(&mut self, from: u64, count: u64) -> Result<()> {
        let until = from.saturating_add(count);
        let pass = self.read(until, |index, _| index >= from)?;
        if !pass.ended {
            self.keep(from, pass.kept);
            return Ok(());
        }
        let total = pass.usable;
        if total == 0 {
            return Err(self.parser.nothing(&self.origin.name(), &self.remarks));
        }
        self.total = Some(total);
        if from == 0 {
            self.keep(from, pass.kept);
            return Ok(());
        }
        // The rows wrap around, and only now it is known where.
        let place = |index: u64| (index % total + total - from % total) % total;
        let pass = self.read(u64::MAX, |index, _| place(index) < count)?;
        if pass.usable != total {
            return Err(Failure::files(format!("{}: changed while it was read", self.origin.name())));
        }
        let mut kept = pass.kept;
        kept.sort_by_key(|(index, _)| place(*index));
        self.keep(from, kept);
        Ok(())
    }

    fn keep(&mut self, start: u64, kept: Vec<(u64, P::Row)>) {
        self.start = start;
        self.rows = kept.into_iter().map(|(_, row)| row).collect();
    }

    /// Reads from the first row on, up to `until` usable ones or the end, and keeps those that are wanted.
    fn read(&mut self, until: u64, mut wanted: impl FnMut(u64, &P::Row) -> bool) -> Result<Pass<P::Row>> {
        let mut remarks = Remarks::default();
        let mut pass = Pass { kept: Vec::new(), usable: 0, ended: false };
        let mut rows = self.origin.rows()?;
        self.parser.begin();
        while pass.usable < until {
            let parsed = match rows.next()? {
                Some((_, text)) if text.trim().is_empty() => Parsed::Skip(Reason::Blank),
                Some((place, text)) => self.parser.row(text, place, &mut remarks)?,
                None => Parsed::End,
            };
            let row = match parsed {
                Parsed::Use(row) => row,
                Parsed::Part => continue,
                Parsed::Skip(reason) => {
                    remarks.skip(reason);
                    continue;
                }
                Parsed::End => {
                    pass.ended = true;
                    match self.parser.finish() {
                        Some(row) => row,
                        None => break,
                    }
                }
            };
            if wanted(pass.usable, &row) {
                pass.kept.push((pass.usable, row));
            }
            pass.usable += 1;
            if pass.ended {
                break;
            }
        }
        self.remarks = remarks;
        Ok(pass)
    }

    /// Rows in memory.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.rows.len()
    }
}
