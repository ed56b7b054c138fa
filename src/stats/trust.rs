//! Whether a load point can be believed: where time went between the instant a request was due and the moment our code
//! saw the reply, what the client's machine did meanwhile, and one verdict with its reason and remedy.

use serde::{Deserialize, Serialize};

use super::Spread;
use crate::hist::Hist;
use crate::record::{Outcome, Record};
use crate::units::NS_PER_MS;

/// Version of `trust.json`.
pub const TRUST_VERSION: u32 = 1;

/// Client time below this never casts doubt, in ms.
const LIMIT_MS: f64 = 1.0;
/// Nor does client time below this share of the median end-to-end latency: half of the 2 % by which builds are compared.
const LIMIT_SHARE: f64 = 0.01;
/// So many times the limit makes a point invalid.
const INVALID_TIMES: f64 = 10.0;
/// A sleeping thread woken later than this betrays a stop of the whole program, in ms.
const PAUSE_MS: f64 = 20.0;
/// Share of the run that workers waited for a processor, from which the client is said to be crowded out.
const CROWDED: f64 = 0.05;
/// The same for an invalid point.
const CROWDED_OUT: f64 = 0.5;
/// Share of the run for which the hypervisor may have the client's processors.
const STOLEN: f64 = 0.1;
/// Share of one core a worker may use before it is said to be at its limit.
const SATURATED: f64 = 0.9;
/// Share of requests that may find nothing prepared.
const STARVED: f64 = 0.01;

/// A stretch of a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Due to taken up: the timer of the client, or its slot's turn-around.
    Released,
    /// Taken up to a slot granted: the cap on requests in flight.
    Slot,
    /// Slot granted to a connection ready: TCP, TLS, the server's accept queue; nothing on a kept connection.
    Connect,
    /// Connection ready to first byte written.
    Start,
    /// First byte written to last byte gone.
    Write,
    /// Last byte gone to the first byte of the reply in our kernel: the network and the server.
    Server,
    /// First byte in our kernel to our code having it.
    Seen,
}

impl Stage {
    /// Every stage in order.
    pub const ALL: [Stage; 7] =
        [Stage::Released, Stage::Slot, Stage::Connect, Stage::Start, Stage::Write, Stage::Server, Stage::Seen];

    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Released => "released",
            Stage::Slot => "slot",
            Stage::Connect => "connect",
            Stage::Start => "start",
            Stage::Write => "write",
            Stage::Server => "server",
            Stage::Seen => "seen",
        }
    }

    /// Whether the client is to blame for time spent in it. Connections are the network's and the server's.
    pub fn is_ours(self) -> bool {
        !matches!(self, Stage::Connect | Stage::Server)
    }

    fn of(self, record: &Record) -> Option<u64> {
        let between = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
        match self {
            Stage::Released => between(Some(record.intended_ns), record.released_ns),
            // A request that never got a slot waited for one until the end.
            Stage::Slot if record.outcome == Outcome::Unsent => between(record.released_ns, Some(record.end_ns)),
            Stage::Slot => between(record.released_ns, record.slot_ns),
            Stage::Connect => between(record.slot_ns, record.ready_ns),
            Stage::Start => between(record.ready_ns, record.started_ns),
            Stage::Write => between(record.started_ns, record.sent_ns),
            Stage::Server => between(record.sent_ns, record.first_byte_ns),
            Stage::Seen => between(record.first_byte_ns, record.first_seen_ns),
        }
    }
}

/// A histogram for each stage. Merging is exact.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    hists: [Hist; 7],
}

impl Stages {
    /// Adds a measured request.
    pub fn add(&mut self, record: &Record) {
        if record.warmup {
            return;
        }
        for (stage, hist) in Stage::ALL.into_iter().zip(&mut self.hists) {
            if let Some(value) = stage.of(record) {
                hist.record(value);
            }
        }
    }

    /// Adds everything the other has seen.
    pub fn merge(&mut self, other: &Stages) {
        for (ours, theirs) in self.hists.iter_mut().zip(&other.hists) {
            ours.merge(theirs);
        }
    }
}

/// What the client's machine and clock did during a load point, beyond the single requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// From the kernel's arrival stamp to our code having the bytes, one value a read, in ms.
    pub lag_ms: Option<Spread>,
    /// How late a thread that only sleeps was woken, in ms.
    pub pulse_ms: Option<Spread>,
    /// Reads that the kernel stamped.
    pub kernel_reads: u64,
    /// Reads that only user space could stamp.
    pub user_reads: u64,
    /// Requests whose last byte has the kernel's transmit stamp.
    pub kernel_sends: u64,
    /// Requests whose last byte is stamped by the return of the write.
    pub user_sends: u64,
    /// Steps of the wall clock.
    pub clock_steps: u64,
    /// The largest of them, in ms.
    pub clock_step_ms: f64,
    /// Times that a request was wanted before it was prepared.
    pub starved: u64,
    /// Worker threads.
    pub workers: u64,
    /// Processor time of the workers, in percent of one core each, without what they spent waiting awake for a due instant.
    pub cpu_percent: Option<f64>,
    /// Time that workers could have run and were not let, in percent of the run.
    pub run_delay_percent: Option<f64>,
    /// Time that the hypervisor took from the client's processors, in percent of the run.
    pub stolen_percent: Option<f64>,
}

/// Whether a load point can be believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The client was in time: what was measured is the server and the way to it.
    #[default]
    Valid,
    /// The client was late enough to show in the figures.
    Degraded,
    /// The client was so late that the figures are its own.
    Invalid,
}

impl Verdict {
    /// The verdict as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Valid => "VALID",
            Verdict::Degraded => "DEGRADED",
            Verdict::Invalid => "INVALID",
        }
    }
}

/// What casts doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Others held the client's processors.
    ProcessorContended,
    /// The hypervisor took the client's processors away.
    ProcessorStolen,
    /// The client as a whole was stopped for a while.
    ClientPaused,
    /// The workers had no processor time left.
    ClientSaturated,
    /// Due requests waited for a slot.
    SlotsExhausted,
    /// The client let requests go late.
    LateRelease,
    /// The client took long between a ready connection and its first byte, or to write a request.
    SlowWrite,
    /// Replies waited in the kernel for the client.
    SlowRead,
    /// Requests were not prepared in time.
    WorkloadStarved,
    /// The kernel gave no arrival stamps, so how late the client saw them is not known.
    UserStamps,
    /// The wall clock stepped.
    ClockStepped,
}

impl Cause {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Cause::ProcessorContended => "processor_contended",
            Cause::ProcessorStolen => "processor_stolen",
            Cause::ClientPaused => "client_paused",
            Cause::ClientSaturated => "client_saturated",
            Cause::SlotsExhausted => "slots_exhausted",
            Cause::LateRelease => "late_release",
            Cause::SlowWrite => "slow_write",
            Cause::SlowRead => "slow_read",
            Cause::WorkloadStarved => "workload_starved",
            Cause::UserStamps => "user_stamps",
            Cause::ClockStepped => "clock_stepped",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Cause::ProcessorContended => "stop what else runs on this machine, or give the client a core of its own",
            Cause::ProcessorStolen => {
                "measure on a machine of your own, or on a virtual one whose processors are not shared"
            }
            Cause::ClientPaused => {
                "look for what suspends the program: a debugger, a full disk, a stopped virtual machine"
            }
            Cause::ClientSaturated => "give the client more cores (--workers), or split the load over several machines",
            Cause::SlotsExhausted => {
                "raise --max-in-flight or --parallel, or lower the rate: the server does not keep up"
            }
            Cause::LateRelease => "lower the rate or give the client more cores",
            Cause::SlowWrite => "look at the network and the size of the prompts; give the client more cores",
            Cause::SlowRead => "give the client more cores, or lower the number of streams",
            Cause::WorkloadStarved => {
                "save the workload first (--save-workload) and send it from the file (--workload)"
            }
            Cause::UserStamps => "run on Linux, where the kernel stamps what arrives",
            Cause::ClockStepped => "stop time synchronisation that steps the clock, and repeat",
        }
    }
}

/// One doubt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// What it is.
    pub cause: Cause,
    /// What it makes of the point.
    pub verdict: Verdict,
    /// What was found, with its figure and limit, in words.
    pub text: String,
    /// What to do about it.
    pub advice: String,
}

/// The distribution of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSpread {
    /// Which one.
    pub stage: Stage,
    /// Whether the client is to blame for it.
    pub ours: bool,
    /// Milliseconds.
    pub ms: Spread,
}

/// Bias and spread of one quantity in the self-check: measured minus true, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bias {
    /// Mean error.
    pub bias: f64,
    /// Least error of the middle 95 %.
    pub low: f64,
    /// Greatest error of the middle 95 %.
    pub high: f64,
}

impl Bias {
    /// Mean and middle 95 % (nearest ranks) of errors in ms; `None` where there are none.
    pub fn of(mut errors: Vec<f64>) -> Option<Self> {
        errors.sort_by(f64::total_cmp);
        let last = errors.len().checked_sub(1)?;
        let at = |share: f64| errors[(share * last as f64).round() as usize];
        let bias = errors.iter().sum::<f64>() / errors.len() as f64;
        Some(Bias { bias, low: at(0.025), high: at(0.975) })
    }
}

/// How this machine measured a server of known timing under the load of the point, just before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfCheck {
    /// Streams at a time.
    pub streams: u64,
    /// Requests measured.
    pub requests: u64,
    /// Requests that failed or whose events are not those that the server wrote.
    #[serde(default)]
    pub missing: u64,
    /// Events measured.
    pub events: u64,
    /// Events a second, all streams together.
    #[serde(default)]
    pub events_per_s: f64,
    /// Error of TTFT, in ms.
    pub ttft_ms: Bias,
    /// Error of the gap between events, in ms.
    pub itl_ms: Bias,
    /// First byte written to the server having the request, in ms.
    pub send_ms: Bias,
    /// What of the load could not be tried, in words.
    pub short_of: Option<String>,
}

/// `trust.json`: everything that speaks for and against a load point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// [`TRUST_VERSION`].
    pub format_version: u32,
    /// The worst of all doubts; VALID without one.
    pub verdict: Verdict,
    /// The stage of ours that took longest at p99.
    pub dominating: Option<Stage>,
    /// Client time above which a stage casts doubt, in ms.
    pub limit_ms: f64,
    /// What casts doubt, worst first.
    pub doubts: Vec<Doubt>,
    /// Where time went.
    pub stages: Vec<StageSpread>,
    /// What the machine did.
    pub host: Option<Host>,
    /// The error bar of this machine.
    pub self_check: Option<SelfCheck>,
}

impl Trust {
    /// Judges a load point. `e2e_p50_ms` is the median end-to-end latency, which client time is held against; `requests`
    /// the number of measured requests.
    pub fn judge(
        stages: &Stages,
        host: Option<Host>,
        self_check: Option<SelfCheck>,
        e2e_p50_ms: Option<f64>,
        requests: u64,
    ) -> Self {
        let limit_ms = e2e_p50_ms.map_or(LIMIT_MS, |e2e| (e2e * LIMIT_SHARE).max(LIMIT_MS));
        let spreads: Vec<StageSpread> = Stage::ALL
            .into_iter()
            .zip(&stages.hists)
            .filter_map(|(stage, hist)| {
                Some(StageSpread { stage, ours: stage.is_ours(), ms: Spread::of(hist, NS_PER_MS)? })
            })
            .collect();
        let mut doubts = Vec::new();
        for spread in spreads.iter().filter(|spread| spread.ours && spread.stage != Stage::Seen) {
            of_stage(spread.stage, spread.ms.p99, limit_ms, &mut doubts);
        }
        if let Some(host) = &host {
            if let Some(lag) = &host.lag_ms {
                of_stage(Stage::Seen, lag.p99, limit_ms, &mut doubts);
            }
            of_host(host, requests, &mut doubts);
        }
        doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.verdict));
        let ours = spreads.iter().filter(|spread| spread.ours);
        Trust {
            format_version: TRUST_VERSION,
            verdict: doubts.iter().map(|doubt| doubt.verdict).max().unwrap_or_default(),
            dominating: ours.max_by(|a, b| a.ms.p99.total_cmp(&b.ms.p99)).map(|spread| spread.stage),
            limit_ms,
            doubts,
            stages: spreads,
            host,
            self_check,
        }
    }
}

fn doubt(cause: Cause, verdict: Verdict, text: String) -> Doubt {
    Doubt { cause, verdict, text, advice: cause.advice().to_owned() }
}

fn of_stage(stage: Stage, p99_ms: f64, limit_ms: f64, doubts: &mut Vec<Doubt>) {
    let (cause, what) = match stage {
        Stage::Released => (Cause::LateRelease, "requests were let go late"),
        Stage::Slot => (Cause::SlotsExhausted, "due requests waited for a slot"),
        Stage::Start | Stage::Write => (Cause::SlowWrite, "requests were written late"),
        Stage::Seen => (Cause::SlowRead, "what had arrived waited for the client"),
        Stage::Connect | Stage::Server => return,
    };
    let verdict = match p99_ms / limit_ms {
        times if times > INVALID_TIMES => Verdict::Invalid,
        times if times > 1.0 => Verdict::Degraded,
        _ => return,
    };
    doubts.push(doubt(cause, verdict, format!("{what}: p99 {p99_ms:.2} ms, limit {limit_ms:.2} ms")));
}

fn of_host(host: &Host, requests: u64, doubts: &mut Vec<Doubt>) {
    if let Some(share) = host.run_delay_percent.map(|percent| percent / 100.0).filter(|share| *share > CROWDED) {
        let verdict = if share > CROWDED_OUT { Verdict::Invalid } else { Verdict::Degraded };
        let text = format!(
            "others held the client's processors: its workers waited {:.0} % of the time, limit {:.0} %",
            share * 100.0,
            CROWDED * 100.0
        );
        doubts.push(doubt(Cause::ProcessorContended, verdict, text));
    }
    if let Some(percent) = host.stolen_percent.filter(|percent| *percent > STOLEN * 100.0) {
        let text =
            format!("the hypervisor took {percent:.0} % of the client's processors, limit {:.0} %", STOLEN * 100.0);
        doubts.push(doubt(Cause::ProcessorStolen, Verdict::Degraded, text));
    }
    if let Some(pulse) = host.pulse_ms.as_ref().filter(|pulse| pulse.max > PAUSE_MS) {
        let text = format!("the client was stopped for up to {:.0} ms, limit {PAUSE_MS:.0} ms", pulse.max);
        doubts.push(doubt(Cause::ClientPaused, Verdict::Degraded, text));
    }
    if let Some(share) = host.cpu_percent.map(|percent| percent / 100.0).filter(|share| *share > SATURATED) {
        let text = format!("the workers used {:.0} % of their cores", share * 100.0);
        doubts.push(doubt(Cause::ClientSaturated, Verdict::Degraded, text));
    }
    if host.starved as f64 > STARVED * requests as f64 {
        let text = format!("{} times a request was wanted before it was prepared", host.starved);
        doubts.push(doubt(Cause::WorkloadStarved, Verdict::Degraded, text));
    }
    if host.clock_step_ms > LIMIT_MS {
        let text = format!(
            "the wall clock stepped {} times, by up to {:.1} ms; stamps around a step may be off",
            host.clock_steps, host.clock_step_ms
        );
        doubts.push(doubt(Cause::ClockStepped, Verdict::Degraded, text));
    }
    if host.user_reads > host.kernel_reads {
        let text = format!("{} of {} reads have no kernel stamp", host.user_reads, host.user_reads + host.kernel_reads);
        doubts.push(doubt(Cause::UserStamps, Verdict::Degraded, text));
    }
}

impl Host {
    /// Milliseconds of a histogram in ns.
    pub fn spread(hist: &Hist) -> Option<Spread> {
        Spread::of(hist, NS_PER_MS)
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
