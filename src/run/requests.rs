//! The requests of a load point, made as they are wanted: prompts by the batch, bodies one by one, each with its instant.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;

use super::bench::lock;
use super::dialogue;
use super::spelling::Spelling;
use crate::engine::{Request, Requests};
use crate::error::{Failure, Result};
use crate::plan::{Arrival, Plan, Point, Source};
use crate::prompt::Conversation;
use crate::store::{Digest, SavedHeader, SavedReader, SavedRequest, SavedWriter};
use crate::units::NS_PER_S;
use crate::workload::{Arrivals, Process, Workload};

/// Prompts made at a time.
const BATCH: u64 = 256;

/// A request, and what the turns after it add to it, for the digest.
struct Made {
    request: Request,
    later: Vec<(u64, Vec<u8>)>,
}

type Making = Box<dyn Iterator<Item = Result<Made>> + Send>;

/// SHA-256 over what a load point sends, known once its last request was made.
#[derive(Clone, Default)]
pub(super) struct Fingerprint(Arc<Mutex<Option<String>>>);

impl Fingerprint {
    fn set(&self, hex: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(hex);
    }

    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The requests of a point, `offset` items into the workload.
///
/// # Errors
/// When instants or a saved workload cannot be read, or the file to save in cannot be made.
pub(super) fn requests(
    plan: &Plan,
    workload: &Arc<Mutex<Workload>>,
    offset: u64,
    point: Point,
    fingerprint: Fingerprint,
) -> Result<Requests> {
    let made = match &plan.workload.source {
        Source::Saved(path) => saved(path, point)?,
        _ => drawn(plan, workload, offset, point)?,
    };
    let header = SavedHeader::new(point, plan.target.url.path(), plan.target.model.clone());
    let writer = saves_to(plan, point).map(|path| SavedWriter::create(&path, &header)).transpose()?;
    Ok(Box::new(Noted { made, digest: Digest::default(), writer, fingerprint, over: false }))
}

/// Where this point's requests are saved: the file of the plan; a sweep puts the point's name into the file's.
fn saves_to(plan: &Plan, point: Point) -> Option<PathBuf> {
    let path = PathBuf::from(plan.settings.save_workload.as_ref()?);
    if plan.points.len() < 2 {
        return Some(path);
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    Some(path.with_file_name(format!("{stem}_{}{ending}", point.folder())))
}

/// Requests from the workload, with the instants of the plan's arrivals.
fn drawn(plan: &Plan, workload: &Arc<Mutex<Workload>>, offset: u64, point: Point) -> Result<Making> {
    let (plan, workload) = (plan.clone(), Arc::clone(workload));
    let (session, seed) = (plan.session_header.clone(), plan.workload.seed);
    let total = point.warmup + point.number;
    let spelling = Arc::new(Spelling::of(&plan, lock(&workload).tokenizer())?);
    let mut dues: Box<dyn Iterator<Item = Option<u64>> + Send> = match point.load.rate() {
        None => Box::new(std::iter::repeat(None)),
        Some(rate) => Box::new(arrivals(&plan, &workload, offset, total, rate)?.iter().map(Some)),
    };
    // Other tools draw all lengths of a run at once, so what they draw depends on the number of requests.
    let batch = if matches!(plan.workload.source, Source::RandomAs { .. }) { total.max(1) } else { BATCH };
    let batches = (0..total).step_by(usize::try_from(batch).unwrap_or(usize::MAX)).map(move |from| {
        let made = lock(&workload).conversations(offset + from, batch.min(total - from));
        made.map(|made| made.into_iter().zip(from..).collect::<Vec<_>>())
    });
    let mut first_due = None;
    let mut encode = move |mut conversation: Conversation, index: u64| -> Result<Made> {
        if let Some(header) = &session {
            let id = HeaderValue::from_str(&format!("{seed:x}-{}", offset + index))
                .map_err(|error| Failure::bug("an id is no header value").because(error))?;
            for turn in &mut conversation.turns {
                turn.headers.push((header.clone(), id.clone()));
            }
        }
        // Recorded traffic has instants of its own; it begins with the first conversation that is sent.
        let recorded = conversation.due_ns.map(|due| due.saturating_sub(*first_due.get_or_insert(due)));
        let later = dialogue::later(&conversation);
        let request = dialogue::request(&spelling, conversation)?;
        let due_ns = dues.next().flatten().or(recorded);
        Ok(Made { request: Request { due_ns, warmup: index < point.warmup, ..request }, later })
    };
    let items = batches.flat_map(|batch| match batch {
        Ok(batch) => batch.into_iter().map(Ok).collect(),
        Err(failure) => vec![Err(failure)],
    });
    Ok(Box::new(items.map(move |item| item.and_then(|(conversation, index)| encode(conversation, index)))))
}

/// When the requests of a point are due.
fn arrivals(plan: &Plan, workload: &Mutex<Workload>, offset: u64, total: u64, rate: f64) -> Result<Arrivals> {
    let tool = match plan.workload.source {
        Source::RandomAs { tool, .. } => Some(tool),
        _ => None,
    };
    let process = match Process::new(&plan.load.arrival, Some(rate))? {
        Process::Trace { offsets } => Process::Trace { offsets: at_rate(&offsets, total, rate) },
        process => process,
    };
    let arrivals = Arrivals::new(process, total, tool, plan.workload.seed);
    let arrivals = match lock(workload).arrivals_state(offset, total)? {
        Some(state) => arrivals.after(state),
        None => arrivals,
    };
    match &plan.load.arrival {
        Arrival::Trace(path) if arrivals.count() < total => Err(Failure::usage(format!(
            "--arrival-file {}: {} instants, and {total} requests are asked for",
            path.display(),
            arrivals.count()
        ))
        .hint(format!("set --number {}", arrivals.count()))),
        _ => Ok(arrivals),
    }
}

/// The instants of a trace, drawn out or pressed together so that so many requests come at this mean rate.
fn at_rate(offsets: &[u64], total: u64, rate: f64) -> Arc<[u64]> {
    let used = &offsets[..offsets.len().min(usize::try_from(total).unwrap_or(usize::MAX))];
    let span = used.last().map_or(0.0, |last| *last as f64 / NS_PER_S);
    let scale = if span > 0.0 { (used.len() - 1) as f64 / rate / span } else { 1.0 };
    used.iter().map(|offset| (*offset as f64 * scale).round() as u64).collect()
}

/// Requests of a file, as they were saved.
fn saved(path: &std::path::Path, point: Point) -> Result<Making> {
    let mut reader = SavedReader::open(path)?;
    let mut index = 0;
    let mut next = move || -> Result<Option<Made>> {
        let Some(SavedRequest { due_ns, stream, prompt_tokens, body }) = reader.next_request()? else {
            return Ok(None);
        };
        index += 1;
        let prompt_tokens = prompt_tokens.map(u64::from);
        let warmup = index <= point.warmup;
        let request = Request { body, stream, prompt_tokens, due_ns, warmup, ..Request::default() };
        Ok(Some(Made { request, later: Vec::new() }))
    };
    Ok(Box::new(std::iter::from_fn(move || next().transpose())))
}

/// Requests that are counted into a digest, and saved where that is asked for, as they are made.
struct Noted {
    made: Making,
    digest: Digest,
    writer: Option<SavedWriter>,
    fingerprint: Fingerprint,
    over: bool,
}

impl Iterator for Noted {
    type Item = Result<Request>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let made = self.made.next();
        let noted = match &made {
            Some(Ok(made)) => self.note(made),
            Some(Err(_)) => Ok(()),
            None => {
                self.over = true;
                self.fingerprint.set(self.digest.hex());
                self.writer.take().map(SavedWriter::finish).transpose().map(drop)
            }
        };
        match noted {
            Ok(()) => made.map(|made| made.map(|made| made.request)),
            Err(failure) => {
                self.over = true;
                Some(Err(failure))
            }
        }
    }
}

impl Noted {
    fn note(&mut self, Made { request, later }: &Made) -> Result<()> {
        self.digest.add(request.due_ns, &request.body);
        later.iter().for_each(|(pause_ns, new)| self.digest.add(Some(*pause_ns), new));
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if !later.is_empty() {
            return Err(Failure::usage("--save-workload: a conversation of several turns cannot be saved").hint(
                "its later turns hold the replies that come; the same dataset and --workload-seed ask the same",
            ));
        }
        writer.append(&SavedRequest {
            due_ns: request.due_ns,
            stream: request.stream,
            prompt_tokens: request.prompt_tokens.and_then(|tokens| u32::try_from(tokens).ok()),
            body: request.body.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::at_rate;

    #[test]
    fn a_trace_keeps_its_shape_at_another_rate() {
        let trace = [0, 1_000_000_000, 4_000_000_000, 9_000_000_000];
        // Three gaps in nine seconds become three gaps in three.
        assert_eq!(*at_rate(&trace, 4, 1.0), [0, 333_333_333, 1_333_333_333, 3_000_000_000]);
        assert_eq!(*at_rate(&trace, 2, 2.0), [0, 500_000_000]);
        assert_eq!(*at_rate(&[0, 0], 2, 2.0), [0, 0]);
    }
}
