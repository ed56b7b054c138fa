//! Interval logs of several runs as one log: every interval is kept as it is, in order of the wall clock.
//!
//! The histograms are not touched, so that a joined log adds up to exactly what its parts add up to. One interval of
//! each part is in memory at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::hlog::{cannot, head, names, part};
use crate::error::{Failure, Result};

/// Joins the logs of each metric that lie in several folders into another, which is made where there is any. A metric
/// that no folder has, has no log. Returns how many were written.
///
/// # Errors
/// When a log cannot be read or written, has no base time, or has a line that is no interval.
pub fn join(folders: &[PathBuf], to: &Path) -> Result<usize> {
    let mut written = 0;
    for name in names() {
        let paths: Vec<PathBuf> =
            folders.iter().map(|folder| folder.join(&name)).filter(|path| path.is_file()).collect();
        if !paths.is_empty() {
            std::fs::create_dir_all(to).map_err(|error| cannot("made", to).because(error))?;
            one(&paths, &to.join(&name))?;
            written += 1;
        }
    }
    Ok(written)
}

fn one(paths: &[PathBuf], to: &Path) -> Result<()> {
    let mut parts = paths.iter().map(|path| Part::open(path)).collect::<Result<Vec<_>>>()?;
    let base = parts.iter().map(|part| part.base_ms).min().unwrap_or(0);
    let failed = |error: std::io::Error| Failure::unwritten(to.display(), error);
    let temporary = part(to);
    let mut file = BufWriter::new(File::create(&temporary).map_err(failed)?);
    head(&mut file, base as f64 / 1e3).map_err(failed)?;
    // The part whose next interval begins first gives the next line.
    while let Some((part, start_ms, rest)) = parts
        .iter_mut()
        .filter_map(|part| part.next.take().map(|(start_ms, rest)| (part, start_ms, rest)))
        .fold(None, earlier)
    {
        let since = start_ms - base;
        writeln!(file, "{}.{:03},{rest}", since / 1000, since % 1000).map_err(failed)?;
        part.read()?;
    }
    file.flush().and_then(|()| std::fs::rename(&temporary, to)).map_err(failed)
}

/// An interval that a part gives next.
type Next<'a> = (&'a mut Part, u64, String);

/// The earlier of two; the other one goes back to its part.
fn earlier<'a>(best: Option<Next<'a>>, next: Next<'a>) -> Option<Next<'a>> {
    let Some(best) = best else { return Some(next) };
    let (first, (part, start_ms, rest)) = if next.1 < best.1 { (next, best) } else { (best, next) };
    part.next = Some((start_ms, rest));
    Some(first)
}

/// A log being read.
struct Part {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    number: usize,
    deserializer: Deserializer,
    /// Base time in ms since 1970.
    base_ms: u64,
    /// Start of the next interval in ms since 1970, and what stands behind it in its line.
    next: Option<(u64, String)>,
}

impl Part {
    /// Opens a log and reads up to its first interval.
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| cannot("read", path).because(error))?;
        let mut part = Part {
            path: path.to_owned(),
            lines: BufReader::new(file).lines(),
            number: 0,
            deserializer: Deserializer::new(),
            base_ms: 0,
            next: None,
        };
        part.read()?;
        Ok(part)
    }

    fn read(&mut self) -> Result<()> {
        self.next = None;
        for line in self.lines.by_ref() {
            let line = line.map_err(|error| cannot("read", &self.path).because(error))?;
            self.number += 1;
            let damaged = || Failure::files(format!("{}: line {}: no interval", self.path.display(), self.number));
            if let Some(base) = line.strip_prefix("#[BaseTime: ") {
                self.base_ms = base.split(' ').next().and_then(millis).ok_or_else(damaged)?;
            }
            if line.is_empty() || line.starts_with(['#', '"']) {
                continue;
            }
            if self.base_ms == 0 {
                return Err(Failure::files(format!("{}: no base time before its first interval", self.path.display()))
                    .hint("give logs that this program wrote; `evalscope perf report DIR` makes them again"));
            }
            let (start, rest) = line.split_once(',').ok_or_else(damaged)?;
            let start = millis(start).ok_or_else(damaged)?;
            let encoded = rest.rsplit(',').next().unwrap_or_default();
            let bytes = STANDARD.decode(encoded).map_err(|error| damaged().because(error))?;
            let _: Histogram<u64> =
                self.deserializer.deserialize(&mut &bytes[..]).map_err(|error| damaged().because(error))?;
            self.next = Some((self.base_ms + start, rest.to_owned()));
            break;
        }
        Ok(())
    }
}

/// Seconds with at most three decimals as ms; `None` where it is no such number.
fn millis(text: &str) -> Option<u64> {
    let seconds: f64 = text.parse().ok()?;
    (seconds.is_finite() && (0.0..1e13).contains(&seconds)).then(|| (seconds * 1e3).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Outcome, Record};
    use crate::store::{Hlogs, merge};

    const S: u64 = 1_000_000_000;

    /// A log of replies that end at these seconds.
    fn log(folder: &Path, epoch_ms: u64, ends: &[u64], ttft_ns: u64) -> Result<PathBuf> {
        std::fs::create_dir_all(folder).map_err(|error| cannot("made", folder).because(error))?;
        let mut logs = Hlogs::new(folder, epoch_ms * 1_000_000);
        for (index, end) in ends.iter().enumerate() {
            let start = end * S - ttft_ns;
            logs.push(&Record {
                started_ns: Some(start),
                first_token_ns: Some(end * S),
                end_ns: end * S,
                outcome: Outcome::Ok,
                stream: true,
                ..Record::due("r".to_owned(), index as u64, 0, start)
            })?;
        }
        logs.finish()?;
        Ok(folder.to_owned())
    }

    fn starts(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with(['#', '"']));
        lines.filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect()
    }

    #[test]
    fn intervals_of_hosts_stand_in_order_of_the_wall_clock_and_none_is_lost() -> Result<(), Box<dyn std::error::Error>>
    {
        let home = tempfile::tempdir()?;
        // The second host began 2.25 s after the first, the third a day later.
        let first = log(&home.path().join("a"), 1_700_000_000_500, &[1, 3, 3, 9], 5_000_000)?;
        let second = log(&home.path().join("b"), 1_700_000_002_750, &[1, 4], 77_000_000)?;
        let third = log(&home.path().join("c"), 1_700_086_400_500, &[2], 1_000)?;
        let to = home.path().join("all");
        let folders = [third, first, second];
        // Time to first token, end-to-end latency, and both from the due time.
        assert_eq!(join(&folders, &to)?, 4);
        let joined = to.join("ttft.hlog");
        assert_eq!(starts(&joined), ["1.000", "3.000", "3.250", "6.250", "9.000", "86402.000"]);
        assert!(std::fs::read_to_string(&joined)?.contains("#[BaseTime: 1700000000.500 (seconds since epoch)]\n"));
        let parts = folders.map(|folder| folder.join("ttft.hlog"));
        assert_eq!(merge([&joined])?, merge(&parts)?);
        assert_eq!(merge([&joined])?.len(), 7);
        Ok(())
    }

    #[test]
    fn what_is_no_log_is_named() -> Result<(), Box<dyn std::error::Error>> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("ttft.hlog");
        let refused = |text: &str| {
            std::fs::write(&path, text).ok();
            let refused = join(&[home.path().to_owned()], home.path()).err();
            refused.map(|failure| failure.message).unwrap_or_default()
        };
        let message = refused("#[BaseTime: 5.000 (seconds since epoch)]\n1.0,1.0,5.0,HISTFAAA\n");
        assert!(message.contains("ttft.hlog: line 2"), "{message}");
        let message = refused("1.0,1.0,5.0,HISTFAAA\n");
        assert!(message.contains("no base time"), "{message}");
        Ok(())
    }
}
