//! Runs made of synthetic records, for the tests of this module.

use crate::hist::Hist;
use crate::plan::{self, Point};
use crate::record::{FailureKind, Outcome, Record, TokensFrom};
use crate::run::{FORMAT_VERSION, Member, PointResult, Pooled, RunResult, Setting, Status};
use crate::stats::{
    Best, Between, Bias, Compat, CompatOptions, Course, DEFINITIONS, Evidence, Figures, FullLoad, GoodputTally, Host,
    Plateau, Pool, SelfCheck, Slo, Stages, Steady, Summary, Trust, WarmUp,
};

const MS: f64 = 1e6;

/// A load point to be made up: a server whose latency grows with the load.
pub struct Load {
    pub parallel: u64,
    pub number: u64,
    /// Every so many requests one fails.
    pub fails_each: Option<u64>,
    pub error: &'static str,
    pub ttft_ms: f64,
    pub tpot_ms: f64,
    /// Requests a second of an open loop, whose slots are `parallel`.
    pub rate: Option<f64>,
    /// What the client adds to the wait of one request in twenty.
    pub lag_ms: f64,
    pub repeat: u32,
    pub checked: bool,
    /// Limits of `--goodput`.
    pub slo: &'static str,
}

impl Load {
    pub fn of(parallel: u64, number: u64) -> Self {
        let load = parallel as f64;
        Load {
            parallel,
            number,
            fails_each: None,
            error: "",
            ttft_ms: 35.0 + 1.2 * load + 0.03 * load * load,
            tpot_ms: 8.0 + 0.12 * load,
            rate: None,
            lag_ms: 0.0,
            repeat: 1,
            checked: false,
            slo: "",
        }
    }

    pub fn failing(mut self, each: u64, error: &'static str) -> Self {
        self.fails_each = Some(each);
        self.error = error;
        self
    }

    /// An open loop with at most so many in flight.
    pub fn open(rate: f64, number: u64, cap: u64) -> Self {
        Load { rate: Some(rate), ttft_ms: 40.0 + 2.0 * rate, tpot_ms: 8.0, ..Load::of(cap, number) }
    }

    fn asked(&self) -> plan::Load {
        match self.rate {
            Some(rate) => plan::Load::Open { rate, max_in_flight: Some(self.parallel) },
            None => plan::Load::Closed { parallel: self.parallel },
        }
    }

    fn records(&self) -> Vec<Record> {
        let mut state = 42u64.wrapping_add(self.parallel);
        // A linear congruential generator is enough to give the samples a spread; it never changes.
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1u64 << 31) as f64
        };
        let mut free = vec![0u64; self.parallel as usize];
        (0..self.number)
            .map(|index| {
                let (slot, intended) = match self.rate {
                    None => ((index % self.parallel) as usize, free[(index % self.parallel) as usize]),
                    Some(rate) => {
                        let first = (0..free.len()).min_by_key(|slot| free[*slot]).unwrap_or(0);
                        (first, (index as f64 / rate * 1e3 * MS) as u64)
                    }
                };
                let released = intended + 5_000;
                let late = if index % 20 == 7 { (self.lag_ms * MS) as u64 } else { 0 };
                let granted = released.max(free[slot]) + 5_000 + late;
                // Time is up a second after the last request was due.
                let over = self.rate.map(|rate| (self.number as f64 / rate * 1e3 * MS) as u64 + 1_000_000_000);
                if let Some(over) = over.filter(|over| granted > *over) {
                    return Record {
                        released_ns: Some(released),
                        end_ns: over,
                        outcome: Outcome::Unsent,
                        stream: true,
                        ..Record::due(format!("r-{index}"), index, 0, intended)
                    };
                }
                let start = granted + 40_000;
                let tail = if draw() > 0.98 { 3.0 } else { 1.0 };
                let ttft = (self.ttft_ms * tail * (0.8 + 0.4 * draw()) * MS) as u64;
                let tokens = 64 + (draw() * 64.0) as u64;
                let gaps: Vec<u64> = (1..tokens).map(|_| (self.tpot_ms * (0.7 + 0.6 * draw()) * MS) as u64).collect();
                let first = start + ttft;
                let last = first + gaps.iter().sum::<u64>();
                let failed = self.fails_each.is_some_and(|each| (index + 1) % each == 0);
                let end = if failed { first } else { last + (0.2 * MS) as u64 };
                free[slot] = end;
                let ok = |value: u64| (!failed).then_some(value);
                Record {
                    released_ns: Some(released),
                    slot_ns: Some(granted),
                    ready_ns: Some(granted + 10_000),
                    started_ns: Some(start),
                    sent_ns: Some(start + 20_000),
                    first_byte_ns: Some(first - 40_000),
                    first_seen_ns: Some(first - 10_000),
                    head_ns: Some(first - 1000),
                    first_event_ns: ok(first),
                    first_token_ns: ok(first),
                    first_text_ns: ok(first),
                    last_token_ns: ok(last),
                    last_event_ns: ok(end),
                    end_ns: end,
                    outcome: if failed { Outcome::Failed(FailureKind::Status) } else { Outcome::Ok },
                    status: Some(if failed { 503 } else { 200 }),
                    error: failed.then(|| self.error.to_owned()),
                    prompt_tokens: Some(1024),
                    completion_tokens: ok(tokens),
                    tokens_from: ok(0).map(|_| TokensFrom::Usage),
                    chunks: if failed { 0 } else { tokens as u32 },
                    decode_chunks: if failed { 0 } else { tokens as u32 },
                    connection_reused: index >= self.parallel,
                    connect_ns: (index < self.parallel).then_some(180_000),
                    stream: true,
                    gaps_ns: if failed { Vec::new() } else { gaps },
                    ..Record::due(format!("r-{index}"), index, 0, intended)
                }
            })
            .collect()
    }

    fn slo(&self) -> Option<Slo> {
        Slo::parse(self.slo.split_whitespace()).ok()
    }

    /// Intervals, the steady part and goodput of the same records, as a run adds them.
    fn figures(&self, records: &[Record], mut figures: Figures) -> Figures {
        let mut by_end: Vec<&Record> = records.iter().collect();
        by_end.sort_by_key(|record| record.end_ns);
        let (mut evidence, mut load, mut warm_up) = (Evidence::default(), FullLoad::default(), WarmUp::default());
        let mut goodput = self.slo().map(GoodputTally::new);
        for record in &by_end {
            evidence.add(record);
            load.add(record);
            warm_up.add(record);
            goodput.iter_mut().for_each(|goodput| goodput.add(record));
        }
        evidence.bound(&mut figures);
        figures.goodput = goodput.map(|goodput| goodput.goodput(figures.wall_s));
        let steady = match self.rate {
            None => Steady::of(&load, Some(self.parallel), warm_up.settled_ns()),
            Some(_) => Err("only a closed loop holds its load full; in an open one it follows the arrivals".to_owned()),
        };
        match steady {
            Ok(steady) => {
                let mut plateau = Plateau::new(steady);
                by_end.iter().for_each(|record| plateau.add(record));
                figures.steady = Some(plateau.figures());
            }
            Err(reason) => figures.steady_none = Some(reason),
        }
        figures
    }

    pub fn result(&self) -> PointResult {
        let records = self.records();
        let (mut summary, mut compat, mut course) = (Summary::default(), Compat::default(), Course::default());
        let mut stages = Stages::default();
        for record in &records {
            summary.add(record);
            compat.add(record);
            course.add(record);
            stages.add(record);
        }
        let point = Point { load: self.asked(), repeat: self.repeat, ..Point::closed(1, self.number, 0) };
        let options = CompatOptions::of(&point.load);
        let figures = self.figures(&records, summary.figures());
        let e2e = figures.e2e_ms.as_ref().map(|e2e| e2e.p50);
        let check = self.checked.then(|| self_check(self.parallel));
        let trust = Trust::judge(&stages, Some(host(records.len() as u64)), check, e2e, figures.counts.total);
        PointResult {
            format_version: FORMAT_VERSION,
            folder: point.folder(),
            point,
            status: Status::Complete,
            reason: None,
            workload_sha256: None,
            epoch_unix_ns: 1_795_231_000_000_000_000 + self.parallel * 60_000_000_000,
            figures,
            trust: Some(trust),
            timeline: course.timeline(),
            evalscope_summary: compat.summary(options),
            evalscope_percentiles: compat.percentiles(options),
            evalscope_traces: None,
            evalscope_throughput: None,
            speed: None,
            audit: None,
        }
    }
}

/// A machine on which nothing was amiss.
fn host(requests: u64) -> Host {
    let of = |values: &mut dyn Iterator<Item = u64>| {
        let mut hist = Hist::new();
        values.for_each(|value| hist.record(value));
        Host::spread(&hist)
    };
    Host {
        lag_ms: of(&mut (0..requests * 4).map(|index| 20_000 + index % 100 * 1_000)),
        pulse_ms: of(&mut (0..200).map(|index| 60_000 + index * 1_000)),
        kernel_reads: requests * 4,
        kernel_sends: requests,
        workers: 2,
        cpu_percent: Some(31.0),
        run_delay_percent: Some(1.2),
        stolen_percent: Some(0.3),
        ..Host::default()
    }
}

fn self_check(streams: u64) -> SelfCheck {
    let bias = |bias: f64| Bias { bias, low: bias - 0.11, high: bias + 0.31 };
    SelfCheck {
        events_per_s: 640.0,
        missing: 0,
        streams,
        requests: streams * 20,
        events: streams * 640,
        ttft_ms: bias(0.09),
        itl_ms: bias(-0.02),
        send_ms: bias(0.12),
        short_of: (streams > 100).then(|| "128 streams were asked for, 100 tried".to_owned()),
    }
}

/// A run of the given load points.
pub fn run(loads: &[Load]) -> RunResult {
    let points: Vec<PointResult> = loads.iter().map(Load::result).collect();
    let mut run = RunResult {
        format_version: FORMAT_VERSION,
        tool: "evalscope 0.1.0".to_owned(),
        path: "outputs/20261121_031500/qwen2.5-7b-instruct".to_owned(),
        setting: Setting {
            model: "qwen2.5-7b-instruct".to_owned(),
            alias: None,
            api: "openai".to_owned(),
            url: "http://10.0.0.5:8000/v1/chat/completions".to_owned(),
            embedded: false,
            dataset: "random".to_owned(),
            workload_seed: 7,
            stream: true,
            max_tokens: (64, 128),
            tls: "none".to_owned(),
            http_version: "auto".to_owned(),
            tokenizer: "none".to_owned(),
            stamps: "user space, after each read".to_owned(),
            server_metrics: None,
            workers: 2,
            cores: 4,
            system: "linux x86_64".to_owned(),
        },
        best: Best::default(),
        points,
        pooled: Vec::new(),
        notices: Vec::new(),
        plan: "model = \"qwen2.5-7b-instruct\"\nurl = \"http://10.0.0.5:8000/v1/chat/completions\"\nparallel = [1, 8, 32]\n"
            .to_owned(),
        definitions: DEFINITIONS.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect(),
        peak_memory_mib: None,
    };
    run.choose();
    run
}

/// Three points, the last one with a few failures.
pub fn three() -> RunResult {
    run(&[Load::of(1, 60), Load::of(8, 400), Load::of(32, 800).failing(100, "overloaded, try again later")])
}

/// One point where everything failed.
pub fn all_failed() -> RunResult {
    run(&[Load::of(4, 20).failing(1, "invalid api key")])
}

/// One point of one request.
pub fn one_request() -> RunResult {
    run(&[Load::of(1, 1)])
}

/// A point in the middle of a sweep failed, so that its figures are gaps.
pub fn with_gap() -> RunResult {
    run(&[Load::of(1, 40), Load::of(8, 80).failing(1, "out of memory"), Load::of(64, 400)])
}

/// A server that answers with markup and escape codes.
pub fn hostile() -> RunResult {
    let mut run = run(&[Load::of(2, 40).failing(4, "</script><script>alert(1)</script>\u{1b}[31m\u{7} & \"x\"")]);
    run.setting.model = "<img src=x onerror=alert(2)>\u{1b}[2J".to_owned();
    run.notices = vec!["<b>bold</b>\u{1b}[1m".to_owned()];
    run
}

/// Eight points, for size limits.
pub fn eight() -> RunResult {
    run(&[1, 2, 4, 8, 16, 32, 64, 128].map(|parallel| Load::of(parallel, 200 + parallel * 10)))
}

/// One load each that is valid, degraded and invalid, the last one the fastest.
pub fn doubted() -> RunResult {
    let late = |parallel, number, lag_ms| Load { lag_ms, checked: true, ..Load::of(parallel, number) };
    run(&[late(1, 400, 0.0), late(8, 400, 0.0), late(32, 800, 24.0), late(128, 1600, 400.0)])
}

/// An open loop; at its greatest rate no slot is free in time.
pub fn open() -> RunResult {
    run(&[Load::open(5.0, 400, 16), Load::open(10.0, 800, 16), Load::open(20.0, 1000, 16)])
}

/// Two runs of each load.
pub fn repeated() -> RunResult {
    let again = |parallel, number| Load { repeat: 2, tpot_ms: 9.0, ..Load::of(parallel, number) };
    let loads = [Load::of(1, 400), Load::of(8, 400), again(1, 400), again(8, 400)];
    let mut repeated = run(&loads);
    repeated.pooled = [1, 8].map(|parallel| pooled(&loads, &repeated, parallel)).to_vec();
    repeated
}

/// Three runs of a load with limits, the last one slower.
pub fn pooled_goodput() -> RunResult {
    let of = |repeat, tpot_ms| Load { repeat, tpot_ms, slo: "ttft:100 e2el:1200", ..Load::of(8, 400) };
    let loads = [of(1, 9.0), of(2, 9.1), of(3, 9.9)];
    let mut all = run(&loads);
    all.pooled = vec![pooled(&loads, &all, 8)];
    all
}

/// A load with limits that stood under full load for a minute.
pub fn with_goodput() -> RunResult {
    let of = |parallel, number| Load { slo: "ttft:100 tpot:12 e2el:1200", ..Load::of(parallel, number) };
    run(&[of(8, 400), of(32, 1600).failing(100, "overloaded, try again later")])
}

fn pooled(loads: &[Load], run: &RunResult, parallel: u64) -> Pooled {
    let mut pool = Pool::new(loads[0].slo());
    let members: Vec<(&Load, &PointResult)> =
        loads.iter().zip(&run.points).filter(|(load, _)| load.parallel == parallel).collect();
    for (load, _) in &members {
        let mut records = load.records();
        records.sort_by_key(|record| record.end_ns);
        records.iter().for_each(|record| pool.add(record));
        // An hour lies between two runs.
        pool.end_run(u64::from(load.repeat) * 3_600_000_000_000, 0);
    }
    let (first, figures) = (members[0].1, pool.figures());
    let member = |result: &PointResult| Member {
        run: None,
        folder: result.folder.clone(),
        repeat: result.point.repeat,
        status: result.status,
        verdict: result.verdict(),
        ok: result.figures.counts.ok,
    };
    Pooled {
        folder: format!("pooled_{}", first.folder),
        load: first.point.load,
        number: Some(first.point.number),
        runs: members.iter().map(|(_, result)| member(result)).collect(),
        verdict: members.iter().filter_map(|(_, result)| result.verdict()).max(),
        at_once_s: pool.at_once_s(),
        between: Between::of(&members.iter().map(|(_, result)| &result.figures).collect::<Vec<_>>()),
        figures,
    }
}

/// A result of a version that did not judge.
pub fn unjudged() -> RunResult {
    let mut run = three();
    run.points.iter_mut().for_each(|point| point.trust = None);
    run.choose();
    run
}
