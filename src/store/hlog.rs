//! Interval logs of HdrHistogram (`*.hlog`): the latencies of each second, a file a metric, for the tools that read them.
//!
//! The text format is version 1.3 of HdrHistogram's `HistogramLogWriter`: a line an interval with its start in seconds
//! since the base time, its length, its greatest value in milliseconds, and the histogram in its compressed V2 encoding
//! as base64. The values themselves are nanoseconds. Histograms add up exactly, over seconds, repeats and hosts, which
//! no list of percentiles does.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use crate::error::{Failure, Result};
use crate::hist::{DIGITS, LARGEST};
use crate::record::Record;
use crate::units::{NS_PER_MS, NS_PER_S};

/// Length of an interval in ns.
const INTERVAL: u64 = 1_000_000_000;
/// Intervals that are kept open: rows of several workers are not strictly in order of their ends.
const OPEN: u64 = 2;

/// A metric: the name of its file, and its values in a record, in ns.
type Metric = (&'static str, fn(&Record) -> Vec<u64>);

/// The metrics, in the definitions of the figures.
const METRICS: [Metric; 7] = [
    ("ttft", |record| record.ttft_ns().into_iter().collect()),
    ("tpot", |record| record.tpot_ns().map(|ns| ns.round() as u64).into_iter().collect()),
    ("itl", |record| record.gaps_ns.clone()),
    ("e2e", |record| record.e2e_ns().into_iter().collect()),
    ("ttft_intended", |record| record.felt_ttft_ns().into_iter().collect()),
    ("e2e_intended", |record| vec![record.felt_e2e_ns()]),
    // The longest wait of a reply's bytes between the kernel and this program.
    ("lag", |record| record.lag_max_ns.into_iter().collect()),
];

/// Names of the files that a load point may have.
pub(super) fn names() -> impl Iterator<Item = String> {
    METRICS.into_iter().map(|(name, _)| format!("{name}.hlog"))
}

/// The interval logs of a load point, being written. Only replies that were measured and complete enter them; a value
/// belongs to the second its request ended in.
pub struct Hlogs {
    folder: PathBuf,
    epoch_unix_ns: u64,
    logs: [Option<Log>; METRICS.len()],
    /// One for all, for it keeps a buffer as large as the largest histogram.
    serializer: V2DeflateSerializer,
}

impl Hlogs {
    /// Begins the logs in the folder of a load point. A file is made with its first value and gets its name at the end.
    pub fn new(folder: &Path, epoch_unix_ns: u64) -> Self {
        let (folder, serializer) = (folder.to_owned(), V2DeflateSerializer::new());
        Hlogs { folder, epoch_unix_ns, logs: Default::default(), serializer }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a file cannot be made or written.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        if record.warmup || !record.is_ok() {
            return Ok(());
        }
        for ((name, values), log) in METRICS.into_iter().zip(&mut self.logs) {
            let values = values(record);
            if values.is_empty() {
                continue;
            }
            let log = match log {
                Some(log) => log,
                None => log.insert(Log::create(self.folder.join(format!("{name}.hlog")), self.epoch_unix_ns)?),
            };
            log.push(record.end_ns / INTERVAL, &values, &mut self.serializer)?;
        }
        Ok(())
    }

    /// Writes what is left and gives the files their names.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.logs.into_iter().flatten().try_for_each(|log| log.finish(&mut self.serializer))
    }
}

/// One log.
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    open: BTreeMap<u64, Histogram<u64>>,
    newest: u64,
}

impl Log {
    fn create(path: PathBuf, epoch_unix_ns: u64) -> Result<Self> {
        let failed = |error: std::io::Error| cannot("made", &path).because(error);
        let mut file = BufWriter::new(File::create(part(&path)).map_err(failed)?);
        head(&mut file, epoch_unix_ns as f64 / NS_PER_S).map_err(failed)?;
        Ok(Log { path, file, open: BTreeMap::new(), newest: 0 })
    }

    fn push(&mut self, interval: u64, values: &[u64], serializer: &mut V2DeflateSerializer) -> Result<()> {
        let histogram = self.open.entry(interval).or_insert_with(empty);
        // An auto-resizing histogram takes every value up to the bound.
        let recorded = values.iter().all(|value| histogram.record((*value).min(LARGEST)).is_ok());
        debug_assert!(recorded);
        self.newest = self.newest.max(interval);
        while let Some(oldest) = self.open.first_entry().filter(|oldest| *oldest.key() + OPEN <= self.newest) {
            let (interval, histogram) = oldest.remove_entry();
            self.write(interval, &histogram, serializer)?;
        }
        Ok(())
    }

    /// Writes an interval. A row that comes later than all bounds makes another line of its interval, so none is lost.
    fn write(&mut self, interval: u64, histogram: &Histogram<u64>, serializer: &mut V2DeflateSerializer) -> Result<()> {
        let mut bytes = Vec::new();
        serializer
            .serialize(histogram, &mut bytes)
            .map_err(|error| Failure::bug("a histogram cannot be serialised").because(error))?;
        let greatest = histogram.max() as f64 / NS_PER_MS;
        let length = INTERVAL as f64 / NS_PER_S;
        writeln!(self.file, "{interval}.000,{length:.3},{greatest:.3},{}", STANDARD.encode(bytes))
            .map_err(|error| Failure::unwritten(self.path.display(), error))
    }

    fn finish(mut self, serializer: &mut V2DeflateSerializer) -> Result<()> {
        for (interval, histogram) in std::mem::take(&mut self.open) {
            self.write(interval, &histogram, serializer)?;
        }
        self.file
            .flush()
            .and_then(|()| std::fs::rename(part(&self.path), &self.path))
            .map_err(|error| Failure::unwritten(self.path.display(), error))
    }
}

/// Writes the head of a log: what it is, and the base time in seconds since 1970.
pub(super) fn head(file: &mut impl Write, base_s: f64) -> std::io::Result<()> {
    write!(
        file,
        "#[evalscope {}: values in ns, Interval_Max in ms]\n#[Histogram log format version 1.3]\n\
         #[BaseTime: {base_s:.3} (seconds since epoch)]\n#[StartTime: {base_s:.3} (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        env!("CARGO_PKG_VERSION"),
    )
}

/// Adds up every interval of several logs: of repeats, of hosts, of load points.
///
/// # Errors
/// When a file cannot be read, or a line is no interval.
pub fn merge(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Result<Histogram<u64>> {
    let mut whole = empty();
    let mut deserializer = Deserializer::new();
    for path in paths {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| cannot("read", path).because(error))?;
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| cannot("read", path).because(error))?;
            if line.is_empty() || line.starts_with(['#', '"']) {
                continue;
            }
            let damaged = || Failure::files(format!("{}: line {}: no interval", path.display(), number + 1));
            let (_, encoded) = line.rsplit_once(',').ok_or_else(damaged)?;
            let bytes = STANDARD.decode(encoded).map_err(|error| damaged().because(error))?;
            let interval: Histogram<u64> =
                deserializer.deserialize(&mut &bytes[..]).map_err(|error| damaged().because(error))?;
            whole.add(&interval).map_err(|error| damaged().because(error))?;
        }
    }
    Ok(whole)
}

/// A histogram with the buckets of [`crate::hist::Hist`].
fn empty() -> Histogram<u64> {
    let mut histogram = match Histogram::new_with_bounds(1, 2, DIGITS) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants that the crate accepts"),
    };
    histogram.auto(true);
    histogram
}

pub(super) fn part(path: &Path) -> PathBuf {
    path.with_extension("hlog.part")
}

pub(super) fn cannot(what: &str, path: &Path) -> Failure {
    Failure::files(format!("{} cannot be {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::record::Outcome;

    /// A reply that ended at `end_ms` and whose gaps are given.
    fn reply(end_ms: u64, ttft_ns: u64, gaps_ns: Vec<u64>) -> Record {
        let end_ns = end_ms * 1_000_000;
        let started = end_ns.saturating_sub(ttft_ns + gaps_ns.iter().sum::<u64>());
        Record {
            started_ns: Some(started),
            first_token_ns: Some(started + ttft_ns),
            last_token_ns: Some(end_ns),
            end_ns,
            outcome: Outcome::Ok,
            chunks: gaps_ns.len() as u32 + 1,
            completion_tokens: Some(gaps_ns.len() as u64 + 1),
            gaps_ns,
            stream: true,
            ..Record::due("r".to_owned(), 0, 0, started)
        }
    }

    fn replies() -> Vec<Record> {
        // Ends within a second of their order, one of them far too late, and a pause of some seconds.
        let ends = (0..400u64).map(|i| 2_000 + i * 30 + (i * 7919) % 900 + if i > 200 { 5_000 } else { 0 });
        let mut replies: Vec<Record> = ends
            .enumerate()
            .map(|(i, end)| {
                let i = i as u64;
                reply(end, 1_000_000 + i * i * 997, (0..i % 9).map(|gap| 1_000 + gap * i * 104_729).collect())
            })
            .collect();
        replies.push(reply(2_500, 77_000_000, vec![0, 5]));
        replies
    }

    fn written(folder: &Path) -> Result<()> {
        let mut logs = Hlogs::new(folder, 1_700_000_000_250_000_000);
        for record in replies() {
            logs.push(&record)?;
        }
        logs.push(&Record { warmup: true, ..reply(3_000, 5, vec![5]) })?;
        logs.push(&Record::due("cut".to_owned(), 0, 0, 0))?;
        logs.finish()
    }

    /// The counts of an encoded histogram by bucket, read by the published layout and nothing else: cookie, length and
    /// zlib; inside it seven words of head, then zig-zag LEB128 counts, negative ones for runs of empty buckets.
    fn decode(encoded: &str) -> Result<BTreeMap<u64, u64>, Box<dyn std::error::Error>> {
        let bytes = STANDARD.decode(encoded)?;
        let word =
            |bytes: &[u8], at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        assert_eq!((word(&bytes, 0), word(&bytes, 4) as usize), (0x1C84_9304 | 0x10, bytes.len() - 8));
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[8..]).read_to_end(&mut plain)?;
        // Cookie, length, normalising offset, significant digits.
        assert_eq!(word(&plain, 0), 0x1C84_9303 | 0x10);
        assert_eq!((word(&plain, 4) as usize, word(&plain, 8), word(&plain, 12)), (plain.len() - 40, 0, 3));
        let mut counts = BTreeMap::new();
        let (mut at, mut bucket) = (40, 0u64);
        while at < plain.len() {
            let (mut value, mut shift) = (0u64, 0);
            loop {
                let byte = plain[at];
                at += 1;
                // The ninth byte has eight bits.
                if shift == 56 {
                    value |= u64::from(byte) << shift;
                    break;
                }
                value |= u64::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let count = (value >> 1) as i64 ^ -((value & 1) as i64);
            if count < 0 {
                bucket += count.unsigned_abs();
            } else {
                if count > 0 {
                    counts.insert(bucket, count as u64);
                }
                bucket += 1;
            }
        }
        Ok(counts)
    }

    /// The bucket of a value: 2,048 of width 1, then 1,024 to each power of two.
    fn bucket(value: u64) -> u64 {
        let octave = u64::from((u64::BITS - value.leading_zeros()).saturating_sub(11));
        octave * 1024 + (value >> octave)
    }

    #[test]
    fn an_independent_reader_finds_the_same_counts_in_each_second() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        written(folder.path())?;
        let all = replies();
        for (name, values) in METRICS {
            let mut expected: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
            for record in &all {
                for value in values(record) {
                    *expected.entry(record.end_ns / INTERVAL).or_default().entry(bucket(value)).or_default() += 1;
                }
            }
            let path = folder.path().join(format!("{name}.hlog"));
            assert_eq!(path.exists(), !expected.is_empty(), "{name}");
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            assert!(text.contains("#[BaseTime: 1700000000.250 (seconds since epoch)]\n"));
            let (mut found, mut most) = (BTreeMap::<u64, BTreeMap<u64, u64>>::new(), 0.0f64);
            for line in text.lines().filter(|line| !line.starts_with(['#', '"'])) {
                let [start, length, greatest, encoded] = line.split(',').collect::<Vec<_>>()[..] else {
                    return Err(line.into());
                };
                assert_eq!(length, "1.000");
                let counts = decode(encoded)?;
                most = most.max(greatest.parse::<f64>()? * 1e6);
                let interval = found.entry(start.parse::<f64>()? as u64).or_default();
                counts.into_iter().for_each(|(bucket, count)| *interval.entry(bucket).or_default() += count);
            }
            assert_eq!(found, expected, "{name}");
            // Milliseconds to the microsecond, of the upper end of a bucket.
            let greatest = all.iter().flat_map(values).max().unwrap_or_default() as f64;
            assert!((greatest - 500.0..=greatest * 1.001 + 500.0).contains(&most), "{name}: {most} for {greatest}");
        }
        assert!(!folder.path().join("lag.hlog").exists());
        Ok(())
    }

    #[test]
    fn all_intervals_together_are_the_whole() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        written(folder.path())?;
        let path = folder.path().join("itl.hlog");
        let mut whole = empty();
        for gap in replies().iter().flat_map(|record| &record.gaps_ns) {
            whole.record(*gap)?;
        }
        assert_eq!(merge([&path])?, whole);
        let twice = merge([&path, &path])?;
        assert_eq!((twice.len(), twice.max()), (2 * whole.len(), whole.max()));
        Ok(())
    }

    #[test]
    fn a_line_that_is_no_interval_is_named() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("x.hlog");
        std::fs::write(&path, "#[a comment]\n1.0,1.0,5.0,HISTFAAA\n")?;
        let message = merge([&path]).err().map(|failure| failure.message).unwrap_or_default();
        assert!(message.contains("x.hlog: line 2"), "{message}");
        Ok(())
    }
}
