//! The self-check: what the load engine measures of a server whose timing is known, under the load of a point.
//!
//! Both ends are in this program and share its machine, so the error bar errs on the safe side: the server's processor
//! time and its descriptors are taken from the client. All instants are of one clock. Measured minus true is
//!
//! * for TTFT (first token − first byte written) − (first chunk written − first byte of the request received), so both
//!   the stamp of the start and the one of the arrival must be right;
//! * for ITL the measured gap between two tokens minus the gap between the writes of their chunks;
//! * for sending, request received whole − first byte written.
//!
//! The server stamps a request by its kernel, so that a server which is slow to look makes no error of the client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::result::PointResult;
use super::{bench, check, sweep};
use crate::engine::{self, Job, Release, Request, Schedule, Stop, Tally};
use crate::error::{Exit, Failure, Result};
use crate::hist::Hist;
use crate::local::{Metronome, Pace, Truth};
use crate::plan::{Load, Plan};
use crate::record::{Epoch, Record, Sink};
use crate::stats::{Bias, SelfCheck, Stages, Trust, Verdict};
use crate::target::{Deadlines, Dialect, HttpVersion, Target};
use crate::units::{count, figure, millis, seconds};

/// Length of a reply. A stream of a closed loop gets two, and an open loop is as full as it gets after one.
const REPLY: Duration = Duration::from_millis(700);
/// From the receipt of a request to its first chunk.
const TTFT: Duration = Duration::from_millis(100);
/// Bounds of the pace: more gaps than the slower one gives are needed, and the faster one is beyond any model.
const PACES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));
/// Time after which nothing new starts, and the time that what is in flight then has.
const LIMIT: Duration = Duration::from_millis(1500);
const GRACE: Duration = Duration::from_secs(3);
/// Open files that are left to the rest of the program.
const FILES: u64 = 64;
/// Open files a stream takes: both ends.
const FILES_A_STREAM: u64 = 2;
/// Chunks that come this much later than asked are a load that was not reached.
const SLOWED: f64 = 1.1;
/// Length of the prompt in characters.
const PROMPT: usize = 1000;

/// What is to be tried.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// How requests are let go.
    pub load: Load,
    /// From one chunk of a stream to the next; held between 2 and 50 ms. 20 chunks a second when `None`.
    pub itl: Option<Duration>,
    /// Worker threads.
    pub workers: usize,
    /// Keep every event, as the run will.
    pub log_chunks: bool,
}

impl Trial {
    /// The gap between chunks that is tried where this one is wished.
    pub fn gap(wished: Option<Duration>) -> Duration {
        wished.unwrap_or(PACES.1).clamp(PACES.0, PACES.1)
    }
}

/// Measures a server of known timing for about a second and a half, and judges that as a load point is judged. The
/// error bar is in [`Trust::self_check`].
///
/// A closed loop is tried with all its streams, an open one with as many as its rate makes of replies that take 0.7 s:
/// at least two, at most its cap. Where the limit of open files allows fewer, [`SelfCheck::short_of`] says so.
///
/// # Errors
/// When the check cannot be made: too few files may be open, nothing was over in time, or `stop` was raised, which ends
/// it within a fraction of a second.
pub fn self_check(trial: Trial, stop: &Stop) -> Result<Trust> {
    let itl = Trial::gap(trial.itl);
    let gaps = (REPLY - TTFT).as_nanos() / itl.as_nanos();
    let pace = Pace { ttft: TTFT, itl, tokens: gaps as u32 + 1, jitter: itl / 2 };
    let (streams, asked) = streams(trial.load, fit())?;
    let epoch = Epoch::now();
    let metronome = Metronome::start(pace, epoch)?;
    let (schedule, number) = match trial.load {
        Load::Closed { .. } => (Schedule::closed(streams as usize), 2 * streams),
        _ => (Schedule { release: Release::Clock { most: None }, ..Schedule::closed(0) }, streams),
    };
    let target = target(&metronome)?;
    let job = Job {
        route: check::route(&target)?,
        target: Arc::new(target),
        schedule: Schedule { duration: Some(LIMIT), grace: Some(GRACE), ..schedule },
        workers: trial.workers,
        epoch,
        id: format!("{:x}-check", epoch.unix_ns()),
        first: 0,
        number,
        log_chunks: trial.log_chunks,
        keep_replies: false,
    };
    let gap_ns = REPLY.as_nanos() as u64 / streams;
    let body = body();
    let requests = (0..number).map(move |index| {
        let due_ns = Some(index * gap_ns);
        Ok(Request { body: body.clone(), stream: true, due_ns, ..Request::default() })
    });
    let mut gather = Gather { records: Vec::new(), user: stop.clone(), own: Stop::new() };
    let own = gather.own.clone();
    let tally = engine::run(&job, Box::new(requests), &mut gather, &own)?;
    if stop.is_draining() {
        return Err(Failure::new(Exit::Interrupted, "interrupted during the self-check"));
    }
    let short_of = (streams < asked).then(|| {
        format!("only {} of {} streams could be tried: too few files may be open", count(streams), count(asked))
    });
    judge(&gather.records, metronome.finish(), pace, streams, short_of, &tally)
}

/// Streams at a time that are tried, and those that the load asks for.
fn streams(load: Load, fit: u64) -> Result<(u64, u64)> {
    let asked = match (load, load.rate()) {
        (Load::Closed { parallel }, _) => parallel,
        // Two replies at the least, for a single one has too few gaps.
        (_, rate) => {
            let filled = rate.unwrap_or(0.0) * REPLY.as_secs_f64();
            (filled.round() as u64).min(load.cap().unwrap_or(u64::MAX)).max(2)
        }
    };
    if fit == 0 {
        return Err(Failure::usage("too few files may be open for a single stream")
            .hint("raise the limit, for instance by `ulimit -n 65536`"));
    }
    Ok((asked.min(fit), asked))
}

/// Streams for which files can be opened.
fn fit() -> u64 {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{Resource, getrlimit};

        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
        limit.saturating_sub(open + FILES) / FILES_A_STREAM
    }
    #[cfg(not(target_os = "linux"))]
    u64::MAX
}

fn target(metronome: &Metronome) -> Result<Target> {
    let url = format!("http://{}/v1/chat/completions", metronome.address());
    Ok(Target {
        url: url.parse().map_err(|error| Failure::bug("the self-check has no address").because(error))?,
        dialect: Dialect::Chat,
        model: "metronome".to_owned(),
        headers: Vec::new(),
        deadlines: Deadlines { connect: Some(LIMIT), read: None, total: LIMIT + GRACE },
        trust: crate::target::Trust::Platform,
        http: HttpVersion::Http1,
    })
}

fn body() -> Bytes {
    let message = json!({"role": "user", "content": "x".repeat(PROMPT)});
    Bytes::from(json!({"model": "metronome", "messages": [message], "stream": true}).to_string())
}

/// Keeps the records, and ends the check as soon as the user wants to stop: nothing in it is worth waiting for.
struct Gather {
    records: Vec<Record>,
    user: Stop,
    own: Stop,
}

impl Sink for Gather {
    fn accept(&mut self, record: Record) -> Result<()> {
        self.records.push(record);
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        if self.user.is_draining() {
            self.own.cut();
        }
        Ok(())
    }
}

/// Compares what was measured with the truth.
fn judge(
    records: &[Record],
    truths: Vec<Truth>,
    pace: Pace,
    streams: u64,
    mut short_of: Option<String>,
    tally: &Tally,
) -> Result<Trust> {
    let begin = truths.iter().map(|truth| truth.reached_ns).min().unwrap_or(0);
    let end = truths.iter().filter_map(|truth| truth.written_ns.last()).max().copied().unwrap_or(0);
    let mut truths: HashMap<String, Truth> =
        truths.into_iter().map(|truth| (truth.request_id.clone(), truth)).collect();
    let (mut ttft, mut itl, mut send) = (Vec::new(), Vec::new(), Vec::new());
    let (mut events, mut missing, mut true_gaps_ns) = (0, tally.unsent, 0);
    let mut e2e = Hist::new();
    let mut stages = Stages::default();
    for record in records {
        stages.add(record);
        let truth = truths.remove(&record.request_id);
        let found = truth.as_ref().and_then(|truth| errors(record, truth));
        let Some((found, truth)) = found.zip(truth) else {
            missing += 1;
            continue;
        };
        ttft.push(found.ttft_ms);
        send.push(found.send_ms);
        itl.extend(found.itl_ms);
        events += u64::from(record.chunks);
        true_gaps_ns += truth.written_ns.last().zip(truth.written_ns.first()).map_or(0, |(last, first)| last - first);
        if let Some(ns) = record.e2e_ns() {
            e2e.record(ns);
        }
    }
    let requests = ttft.len() as u64;
    let gaps = itl.len();
    let (Some(ttft_ms), Some(itl_ms), Some(send_ms)) = (Bias::of(ttft), Bias::of(itl), Bias::of(send)) else {
        let first = records.iter().find_map(|record| record.error.as_deref()).unwrap_or("none was over in time");
        return Err(Failure::bug(format!(
            "none of {} requests could be measured: {first}",
            count(records.len() as u64)
        ))
        .hint("give the client more cores, or lower the load"));
    };
    let paced = millis(true_gaps_ns) / gaps.max(1) as f64;
    if short_of.is_none() && paced > SLOWED * pace.itl.as_secs_f64() * 1e3 {
        let asked = figure(Some(pace.itl.as_secs_f64() * 1e3));
        short_of = Some(format!("a chunk each {} ms could be tried instead of each {asked} ms", figure(Some(paced))));
    }
    let events_per_s = events as f64 / seconds(end.saturating_sub(begin)).max(f64::MIN_POSITIVE);
    let checked = SelfCheck { streams, requests, missing, events, events_per_s, ttft_ms, itl_ms, send_ms, short_of };
    let e2e_ms = e2e.quantile(0.5).map(millis);
    Ok(Trust::judge(&stages, Some(bench::host(&tally.ledger)), Some(checked), e2e_ms, records.len() as u64))
}

/// The errors of one request, in ms.
struct Errors {
    ttft_ms: f64,
    itl_ms: Vec<f64>,
    send_ms: f64,
}

/// Measured minus true; `None` where the reply is not whole or has other tokens than were written.
fn errors(record: &Record, truth: &Truth) -> Option<Errors> {
    let ms = |measured: u64, real: u64| (measured as f64 - real as f64) / 1e6;
    let first = truth.written_ns.first()?;
    if !record.is_ok() || record.chunks as usize != truth.written_ns.len() {
        return None;
    }
    let started = record.started_ns?;
    let gaps = truth.written_ns.windows(2).map(|pair| pair[1] - pair[0]);
    Some(Errors {
        ttft_ms: ms(record.ttft_ns()?, first.saturating_sub(truth.reached_ns)),
        itl_ms: record.gaps_ns.iter().zip(gaps).map(|(measured, real)| ms(*measured, real)).collect(),
        send_ms: ms(truth.received_ns, started),
    })
}

/// The self-check before a load point: its error bar, and what is to be said of it before the load starts. The chunk
/// pace is told by the point before.
pub(super) fn before(
    plan: &Plan,
    load: Load,
    last: Option<&PointResult>,
    stop: &Stop,
) -> (Option<SelfCheck>, Option<String>) {
    let trial = Trial {
        load,
        itl: last.and_then(|last| gap_at(load, last)),
        workers: sweep::workers(plan),
        log_chunks: plan.settings.log_chunks,
    };
    let named = |text: String| format!("self-check at {} {}: {text}", load.level(), load.unit());
    match self_check(trial, stop) {
        Ok(trust) => {
            tracing::info!("{}", named(serde_json::json!(trust.self_check).to_string()));
            let warning = warning(&trust).map(named);
            let mut checked = trust.self_check;
            let untried = match (plan.target.is_tls(), plan.target.http) {
                (true, _) => Some("without TLS"),
                (false, HttpVersion::Http2) => Some("over HTTP/1.1"),
                _ => None,
            };
            if let (Some(checked), Some(untried)) = (&mut checked, untried) {
                let before = checked.short_of.take().map(|text| format!("{text}; ")).unwrap_or_default();
                checked.short_of = Some(format!("{before}tried {untried}"));
            }
            (checked, warning)
        }
        Err(_) if stop.is_draining() => (None, None),
        Err(failure) => (None, Some(named(format!("not made, so there is no error bar: {failure}")))),
    }
}

/// The gap between chunks to expect of a server that had been measured at another load. With more load it slows down,
/// somewhere between not at all and in proportion.
fn gap_at(load: Load, last: &PointResult) -> Option<Duration> {
    // Levels of unlike loads say nothing of each other.
    let alike = load.unit() == last.point.load.unit();
    let more = if alike { (load.level() / last.point.load.level()).max(1.0) } else { 1.0 };
    let ms = last.figures.itl_ms.as_ref()?.mean * more.sqrt();
    Duration::try_from_secs_f64(ms / 1e3).ok()
}

/// What must be said before a load that this machine did not measure well.
fn warning(trust: &Trust) -> Option<String> {
    let missing = trust.self_check.as_ref().map_or(0, |checked| checked.missing);
    let lost = (missing > 0).then(|| format!("{} requests could not be compared", count(missing)));
    let short_of = trust.self_check.as_ref().and_then(|checked| checked.short_of.clone());
    let doubt = (trust.verdict != Verdict::Valid)
        .then(|| trust.doubts.first().map(|doubt| format!("{}; {}", doubt.text, doubt.advice)))
        .flatten();
    let reasons: Vec<String> = [doubt, short_of, lost].into_iter().flatten().collect();
    (!reasons.is_empty()).then(|| {
        format!("this machine cannot measure this load well ({}): {}", trust.verdict.name(), reasons.join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(load: Load) -> Result<SelfCheck> {
        let trial = Trial { load, itl: Some(Duration::from_millis(30)), workers: 1, log_chunks: false };
        let checked = self_check(trial, &Stop::new())?.self_check;
        checked.ok_or_else(|| Failure::bug("no self-check"))
    }

    #[test]
    fn a_closed_loop_is_tried_with_its_streams_and_nothing_is_missed() -> Result<()> {
        let checked = check(Load::Closed { parallel: 3 })?;
        assert_eq!((checked.streams, checked.requests, checked.missing), (3, 6, 0));
        assert_eq!(checked.events, 6 * 21);
        for bias in [checked.ttft_ms, checked.itl_ms, checked.send_ms] {
            assert!(bias.low <= bias.high && bias.bias.is_finite(), "{bias:?}");
        }
        assert!(checked.events_per_s > 0.0);
        Ok(())
    }

    #[test]
    fn an_open_loop_is_tried_at_its_rate_within_its_cap() -> Result<()> {
        for (load, requests) in [
            (Load::Open { rate: 10.0, max_in_flight: None }, 7),
            (Load::Paced { rate: 10.0, parallel: 4 }, 4),
            (Load::Open { rate: 0.1, max_in_flight: None }, 2),
        ] {
            let checked = check(load)?;
            assert_eq!((checked.requests, checked.missing, checked.events), (requests, 0, requests * 21));
        }
        Ok(())
    }

    #[test]
    fn too_few_files_make_it_smaller_or_impossible() {
        let load = Load::Closed { parallel: 100 };
        assert_eq!(streams(load, 40).ok(), Some((40, 100)));
        assert!(streams(load, 0).is_err_and(|failure| failure.hint.is_some()));
    }

    #[test]
    fn a_stop_ends_it() {
        let stop = Stop::new();
        stop.drain();
        let trial = Trial { load: Load::Closed { parallel: 2 }, itl: None, workers: 1, log_chunks: false };
        assert!(self_check(trial, &stop).is_err_and(|failure| failure.exit == Exit::Interrupted));
    }

    #[test]
    fn errors_are_measured_minus_true() {
        let truth = Truth {
            request_id: "a".to_owned(),
            reached_ns: 1_100_000,
            received_ns: 1_200_000,
            written_ns: vec![5_000_000, 8_000_000],
        };
        let record = Record {
            started_ns: Some(1_000_000),
            first_token_ns: Some(5_500_000),
            gaps_ns: vec![2_000_000],
            chunks: 2,
            outcome: crate::record::Outcome::Ok,
            ..Record::due("a".to_owned(), 0, 0, 0)
        };
        let found = errors(&record, &truth).map(|found| (found.ttft_ms, found.itl_ms, found.send_ms));
        // (5.5 - 1.0) - (5.0 - 1.1), 2 - 3 and 1.2 - 1.0.
        let (ttft_ms, itl_ms, send_ms) = found.unwrap_or_default();
        assert!((ttft_ms - 0.6).abs() < 1e-9 && (send_ms - 0.2).abs() < 1e-9, "{ttft_ms} {send_ms}");
        assert_eq!(itl_ms, [-1.0]);
        assert!(errors(&Record { chunks: 1, ..record }, &truth).is_none(), "other tokens than were written");
    }
}
