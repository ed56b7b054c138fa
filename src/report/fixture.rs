//! Runs made of synthetic records, for the tests of this module.

use crate::plan::Point;
use crate::record::{FailureKind, Outcome, Record, TokensFrom};
use crate::run::{FORMAT_VERSION, PointResult, RunResult, Setting, Status};
use crate::stats::{Best, Compat, CompatOptions, Course, DEFINITIONS, Summary};

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
        }
    }

    pub fn failing(mut self, each: u64, error: &'static str) -> Self {
        self.fails_each = Some(each);
        self.error = error;
        self
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
                let slot = (index % self.parallel) as usize;
                let intended = free[slot];
                let start = intended + (0.05 * MS) as u64;
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
                    started_ns: Some(start),
                    sent_ns: Some(start + 20_000),
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

    pub fn result(&self) -> PointResult {
        let records = self.records();
        let (mut summary, mut compat, mut course) = (Summary::default(), Compat::default(), Course::default());
        for record in &records {
            summary.add(record);
            compat.add(record);
            course.add(record);
        }
        let point = Point::closed(self.parallel, self.number, 0);
        let options = CompatOptions::of(&point.load);
        PointResult {
            format_version: FORMAT_VERSION,
            folder: point.folder(),
            point,
            status: Status::Complete,
            reason: None,
            workload_sha256: None,
            epoch_unix_ns: 1_795_231_000_000_000_000 + self.parallel * 60_000_000_000,
            figures: summary.figures(),
            trust: None,
            timeline: course.timeline(),
            evalscope_summary: compat.summary(options),
            evalscope_percentiles: compat.percentiles(options),
            audit: None,
        }
    }
}

/// A run of the given load points.
pub fn run(loads: &[Load]) -> RunResult {
    let points: Vec<PointResult> = loads.iter().map(Load::result).collect();
    RunResult {
        format_version: FORMAT_VERSION,
        tool: "evalscope 0.1.0".to_owned(),
        path: "outputs/20261121_031500/qwen2.5-7b-instruct".to_owned(),
        setting: Setting {
            model: "qwen2.5-7b-instruct".to_owned(),
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
        best: Best::of(points.iter().map(|point| (point.point.load.level(), &point.figures))),
        points,
        notices: Vec::new(),
        plan: "model = \"qwen2.5-7b-instruct\"\nurl = \"http://10.0.0.5:8000/v1/chat/completions\"\nparallel = [1, 8, 32]\n"
            .to_owned(),
        definitions: DEFINITIONS.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect(),
    }
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
