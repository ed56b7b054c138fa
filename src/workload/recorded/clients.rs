//! Requests drawn from descriptions of clients, as ServeGen publishes them: for every ten minutes a rate and the spread
//! of its gaps, for every six hours how often each length was seen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, Gamma, Weibull};
use serde::Deserialize;

use super::{BLOCK, Row, Texts};
use crate::error::{Failure, Result};
use crate::plan::WorkloadSpec;
use crate::plan::dataset::{Args, ServeArgs};
use crate::prompt::Conversation;
use crate::tokenizer::Tokenizer;
use crate::units::NS_PER_S;
use crate::workload::lines::Lines;
use crate::workload::maker::Maker;
use crate::workload::offsets::fields;
use crate::workload::remarks::Remarks;
use crate::workload::rng::{Purpose, stream};
use crate::workload::{Source, Survey};

/// Seconds of a window of constant rate.
const WINDOW: f64 = 600.0;
/// Most requests that are drawn.
const MOST: f64 = 20e6;

/// Requests of all clients of a folder.
pub(in crate::workload) struct Clients {
    rows: Vec<Row>,
    texts: Texts,
}

/// A window of a client.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) start: f64,
    pub(super) rate: f64,
    gaps: Gaps,
}

/// How gaps are spread; their scale follows from the rate.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Gaps {
    Exponential,
    Gamma(f64),
    Weibull(f64),
}

/// How often each length was seen, by the second from which that holds.
type Seen = Vec<(f64, Option<(Tokens, Tokens)>)>;
type Tokens = (WeightedIndex<f64>, Vec<u32>);

impl Clients {
    pub(in crate::workload) fn new(spec: &WorkloadSpec, tokenizer: Option<Tokenizer>) -> Result<Self> {
        let Args::Serve(args) = &spec.args else { return Err(Failure::bug("clients without their options")) };
        let path = spec.path.as_deref().ok_or_else(|| Failure::bug("clients without a folder"))?;
        let to = args.to.unwrap_or(args.from + WINDOW);
        let mut rows = Vec::new();
        for (number, trace) in traces(path)?.iter().enumerate() {
            let windows = windows(trace)?;
            let seen = lengths(&dataset_of(trace))?;
            let inside = windows.iter().filter(|window| window.start + WINDOW > args.from && window.start < to);
            for window in inside {
                let item = ((number as u64) << 32) | (window.start / WINDOW) as u64;
                draw(&mut stream(spec.seed, Purpose::Arrival, item), window, &seen, args, to, &mut rows)?;
            }
        }
        rows.retain(|row| (spec.lengths.min..=spec.lengths.max).contains(&row.input));
        if rows.is_empty() {
            return Err(Failure::usage(format!(
                "{}: no client sends between second {} and {to}",
                path.display(),
                args.from
            ))
            .hint("set \"from\" and \"to\" in --dataset-args to seconds in which there is traffic"));
        }
        rows.sort_by_key(|row| row.due_ns);
        let first = rows.first().map_or(0, |row| row.due_ns);
        rows.iter_mut().for_each(|row| row.due_ns -= first);
        let texts = Texts { maker: Maker::new(spec, tokenizer)?, block: BLOCK, cache_bust: false };
        Ok(Clients { rows, texts })
    }
}

/// The traces of a folder, or the one that is named.
pub(super) fn traces(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable =
        |error| Failure::files(format!("--dataset-path {}: cannot be read", path.display())).because(error);
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-trace.csv"));
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(ours).collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!("--dataset-path {}: holds no file *-trace.csv", path.display()))
            .hint("give the folder of a model in ServeGen's data"));
    }
    Ok(found)
}

/// The file of lengths that goes with a trace.
pub(super) fn dataset_of(trace: &Path) -> PathBuf {
    let name = trace.file_name().unwrap_or_default().to_string_lossy();
    trace.with_file_name(format!("{}-dataset.json", name.trim_end_matches("-trace.csv")))
}

/// The windows of a client.
pub(super) fn windows(trace: &Path) -> Result<Vec<Window>> {
    let mut lines = Lines::open(trace, "--dataset-path")?;
    let mut windows = Vec::new();
    while let Some((place, text)) = lines.next()? {
        if text.trim().is_empty() {
            continue;
        }
        let cells: Vec<&str> = fields(text).collect();
        let number = |column: usize| {
            let cell = cells.get(column).copied().unwrap_or("");
            let number = cell.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| place.refuse(format_args!("column {}: {cell:?} is no number", column + 1)))
        };
        let gaps = match (cells.get(3).copied().unwrap_or(""), number(4)?) {
            ("Gamma", shape) if shape > 0.0 => Gaps::Gamma(shape),
            ("Weibull", shape) if shape > 0.0 => Gaps::Weibull(shape),
            ("", _) => Gaps::Exponential,
            (other, shape) => return Err(place.refuse(format_args!("no gaps of kind {other:?} and shape {shape}"))),
        };
        windows.push(Window { start: number(0)?, rate: number(1)?, gaps });
    }
    Ok(windows)
}

/// How often each length was seen in each part of the time.
pub(super) fn lengths(path: &Path) -> Result<Seen> {
    #[derive(Deserialize)]
    struct Part {
        input_tokens: String,
        output_tokens: String,
    }
    let refuse = |why: &str| Failure::usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::files(format!("{}: cannot be read", path.display())).because(error))?;
    let parts: BTreeMap<String, Part> =
        serde_json::from_str(&text).map_err(|error| refuse("not lengths by second").because(error))?;
    let mut seen = Vec::new();
    for (start, part) in &parts {
        let start: f64 = start.parse().map_err(|_| refuse(&format!("{start:?} is no second")))?;
        let tokens =
            |text: &str| tokens(text).ok_or_else(|| refuse(&format!("second {start}: lengths cannot be read")));
        seen.push((start, tokens(&part.input_tokens)?.zip(tokens(&part.output_tokens)?)));
    }
    seen.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Ok(seen)
}

/// Lengths and their shares, written as Python writes a dict: `{9: 0.25, 163: 0.75}`. Inside `None` where it is empty.
fn tokens(text: &str) -> Option<Option<Tokens>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(None);
    }
    let mut lengths = Vec::new();
    let mut shares = Vec::new();
    for pair in inner.split(',') {
        let (length, share) = pair.split_once(':')?;
        lengths.push(length.trim().parse().ok()?);
        shares.push(share.trim().parse::<f64>().ok()?);
    }
    Some(Some((WeightedIndex::new(shares).ok()?, lengths)))
}

/// The requests of a window: as many as its rate says, at instants whose gaps are spread as it says, between the bounds
/// that are asked for.
fn draw(
    rng: &mut ChaCha8Rng,
    window: &Window,
    seen: &Seen,
    args: &ServeArgs,
    to: f64,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let count = (window.rate * args.scale * WINDOW).round();
    if count > MOST || rows.len() as f64 + count > MOST {
        return Err(Failure::usage("--dataset-args of servegen: more than twenty million requests")
            .hint("narrow \"from\" and \"to\", or lower \"scale\""));
    }
    let then = seen.iter().rev().find(|(start, lengths)| *start <= window.start && lengths.is_some());
    let Some((input, output)) =
        then.or_else(|| seen.iter().find(|(_, lengths)| lengths.is_some())).and_then(|(_, l)| l.as_ref())
    else {
        return Ok(());
    };
    let count = count as usize;
    // One gap more than requests, so that the last does not stand at the very end.
    let gaps: Vec<f64> = (0..=count).map(|_| window.gaps.draw(rng)).collect();
    let total: f64 = gaps.iter().sum();
    let mut at = 0.0;
    for gap in gaps.iter().take(count) {
        at += gap;
        let second = window.start + at / total * WINDOW;
        let lengths = (input.1.get(input.0.sample(rng)), output.1.get(output.0.sample(rng)));
        let (Some(input), Some(output)) = lengths else { continue };
        if second >= args.from && second < to && *input > 0 {
            let due_ns = ((second - args.from) / args.speed * NS_PER_S) as u64;
            rows.push(Row { due_ns, input: *input, output: *output, hashes: Box::default() });
        }
    }
    Ok(())
}

impl Gaps {
    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Gaps::Gamma(shape) => Gamma::new(shape, 1.0).map_or(1.0, |gamma| gamma.sample(rng)),
            Gaps::Weibull(shape) => Weibull::new(1.0, shape).map_or(1.0, |weibull| weibull.sample(rng)),
            Gaps::Exponential => Exp1.sample(rng),
        }
    }
}

impl Source for Clients {
    fn items(&mut self, from: u64, count: u64) -> Result<Vec<Conversation>> {
        let skip = usize::try_from(from % (self.rows.len().max(1) as u64)).unwrap_or(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let rows: Vec<Row> = self.rows.iter().cycle().skip(skip).take(count).cloned().collect();
        self.texts.prompts(from, &rows)
    }

    fn survey(&mut self, most: u64) -> Result<Option<Survey>> {
        let count = most.min(self.rows.len() as u64);
        let last = usize::try_from(count).ok().and_then(|count| self.rows.get(count.saturating_sub(1)));
        Ok(Some(Survey { count, span_ns: last.map_or(0, |row| row.due_ns), hits: None }))
    }

    fn remarks(&self) -> Remarks {
        Remarks { repeats_after: Some(self.rows.len() as u64), ..self.texts.maker.remarks() }
    }
}
