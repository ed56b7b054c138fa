//! The requests of a load point, made as they are wanted: prompts by the batch, bodies one by one, each with its instant.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;

use super::bench::lock;
use super::dialogue::{self, Spelling};
use crate::engine::{Request, Requests};
use crate::error::{Failure, Result};
use crate::plan::{Arrival, Load, Plan, Point, Source};
use crate::prompt::Conversation;
use crate::store::{Digest, SavedHeader, SavedReader, SavedRequest, SavedWriter};
use crate::units::NS_PER_S;
use crate::workload::{Arrivals, Process, Workload, read_offsets};

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
pub(super) fn saves_to(plan: &Plan, point: Point) -> Option<PathBuf> {
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
    let mut dues: Box<dyn Iterator<Item = Option<u64>> + Send> = match point.load {
        Load::Closed { .. } => Box::new(std::iter::repeat(None)),
        load => Box::new(arrivals(&plan, &workload, offset, total, load)?.iter().map(Some)),
    };
    // Other tools draw all lengths of a run at once, so what they draw depends on the number of requests.
    let batch = if matches!(plan.workload.source, Source::RandomAs { .. }) { total.max(1) } else { BATCH };
    let batches = (0..total).step_by(usize::try_from(batch).unwrap_or(usize::MAX)).map(move |from| {
        let made = lock(&workload).conversations(offset + from, batch.min(total - from));
        made.map(|made| made.into_iter().zip(from..).collect::<Vec<_>>())
    });
    let spelling = Arc::new(Spelling::of(&plan));
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
fn arrivals(plan: &Plan, workload: &Mutex<Workload>, offset: u64, total: u64, load: Load) -> Result<Arrivals> {
    let tool = match plan.workload.source {
        Source::RandomAs { tool, .. } => Some(tool),
        _ => None,
    };
    let process = match (Process::new(&plan.load.arrival, load.rate())?, load) {
        (Process::Trace { offsets }, Load::Trace { speed, .. }) => {
            Process::Trace { offsets: at_speed(&offsets, speed) }
        }
        (Process::Trace { offsets }, load) => {
            Process::Trace { offsets: at_rate(&offsets, total, load.rate().unwrap_or(1.0)) }
        }
        (process, _) => process,
    };
    let arrivals = Arrivals::new(process, total, tool, plan.workload.seed);
    let arrivals = match lock(workload).arrivals_state(offset, total)? {
        Some(state) => arrivals.after(state),
        None => arrivals,
    };
    match &plan.load.arrival {
        Arrival::Trace(path) if arrivals.count() < total => Err(short_trace(path, arrivals.count(), total)),
        _ => Ok(arrivals),
    }
}

/// Says that a trace has fewer instants than there are requests.
pub(super) fn short_trace(path: &Path, instants: u64, total: u64) -> Failure {
    Failure::usage(format!(
        "--arrival-file {}: {instants} instants, and {total} requests are asked for",
        path.display()
    ))
    .hint(format!("set --number {instants} or less; --warmup-num is taken from the same instants"))
}

/// The load of a point with the mean rate of its trace in place of the trace.
pub(super) fn mean_load(plan: &Plan, point: Point) -> Result<Load> {
    let Load::Trace { speed, max_in_flight } = point.load else { return Ok(point.load) };
    let total = point.warmup + point.number;
    let (count, last_ns) = match (&plan.load.arrival, &plan.workload.source) {
        (Arrival::Trace(path), _) => {
            let offsets = read_offsets(path)?;
            let used = &offsets[..offsets.len().min(usize::try_from(total).unwrap_or(usize::MAX))];
            (used.len() as f64, used.last().map_or(0.0, |last| *last as f64 / speed))
        }
        // Its instants were saved as they were met.
        (_, Source::Saved(path)) => {
            let mut last = 0;
            for request in saved(path, point)? {
                last = request?.request.due_ns.unwrap_or(last);
            }
            (total as f64, last as f64)
        }
        _ => return Err(Failure::bug("a trace without instants")),
    };
    // All at once: as many a second as there are.
    let rate = if last_ns > 0.0 { (count - 1.0).max(1.0) * NS_PER_S / last_ns } else { count };
    Ok(Load::Open { rate, max_in_flight })
}

/// The instants of a trace at so many times their speed.
fn at_speed(offsets: &Arc<[u64]>, speed: f64) -> Arc<[u64]> {
    if speed == 1.0 {
        return Arc::clone(offsets);
    }
    offsets.iter().map(|offset| (*offset as f64 / speed).round() as u64).collect()
}

/// The instants of a trace, drawn out or pressed together so that so many requests come at this mean rate.
fn at_rate(offsets: &[u64], total: u64, rate: f64) -> Arc<[u64]> {
    let used = &offsets[..offsets.len().min(usize::try_from(total).unwrap_or(usize::MAX))];
    let span = used.last().map_or(0.0, |last| *last as f64 / NS_PER_S);
    let scale = if span > 0.0 { (used.len() - 1) as f64 / rate / span } else { 1.0 };
    used.iter().map(|offset| (*offset as f64 * scale).round() as u64).collect()
}

/// Requests of a file, as they were saved.
fn saved(path: &Path, point: Point) -> Result<Making> {
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
    use super::super::complete;
    use super::{at_rate, at_speed, mean_load};
    use crate::plan::{Load, Plan, layer};

    #[test]
    fn a_trace_is_checked_at_its_mean_rate() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("t.txt");
        std::fs::write(&path, "3\n4\n7\n")?;
        let profile =
            format!("open-loop = true\narrival = 'trace'\narrival-file = '{}'\ntrace-speed = 2.0", path.display());
        let settings = complete(layer(Some(("test", &profile)), toml::Table::new())?)?;
        let plan = Plan::resolve(settings, None, 1)?;
        // Two gaps in four seconds, at twice the speed.
        assert_eq!(plan.points.len(), 1);
        assert_eq!(plan.points[0].number, 3);
        assert_eq!(mean_load(&plan, plan.points[0])?, Load::Open { rate: 1.0, max_in_flight: None });
        Ok(())
    }

    #[test]
    fn a_trace_keeps_its_shape_at_another_rate() {
        let trace = [0, 1_000_000_000, 4_000_000_000, 9_000_000_000];
        // Three gaps in nine seconds become three gaps in three.
        assert_eq!(*at_rate(&trace, 4, 1.0), [0, 333_333_333, 1_333_333_333, 3_000_000_000]);
        assert_eq!(*at_rate(&trace, 2, 2.0), [0, 500_000_000]);
        assert_eq!(*at_rate(&[0, 0], 2, 2.0), [0, 0]);
    }

    #[test]
    fn a_trace_keeps_its_instants_or_is_pressed_together() {
        let trace = [0, 1_000_000_001, 4_000_000_000].into();
        assert_eq!(at_speed(&trace, 1.0), trace);
        assert_eq!(*at_speed(&trace, 4.0), [0, 250_000_000, 1_000_000_000]);
        assert_eq!(*at_speed(&trace, 0.5), [0, 2_000_000_002, 8_000_000_000]);
    }
}
