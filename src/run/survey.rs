//! The rows of a load point, read twice: first for everything that is counted, then for what the first pass located.

use std::path::Path;

use serde_json::{Map, Value};

use super::point::{Ending, count_tokens, objectives};
use super::result::Status;
use super::{memory, scrape};
use crate::error::Result;
use crate::plan::{Load, Plan, Point, Warmup};
use crate::record::Record;
use crate::stats::{
    Audit, Compat, CompatOptions, Course, Evidence, Figures, FullLoad, GoodputTally, LongCourse, Plateau, SpeedTable,
    SpeedTally, Stages, Steady, Summary, Throughput, Timeline, TokenCourse, TraceSummary, Traces, WarmUp, Window,
};
use crate::store::{Chunks, Header, Hlogs, Requests, Rows, TokenTimeline};
use crate::tokenizer::Tokenizer;

/// Rows as they count: with the tokens of replies, and with the warm-up that was found in the latencies.
pub(super) struct Measured<'a> {
    rows: Rows,
    tokenizer: Option<&'a Tokenizer>,
    /// Where the latencies settled, in ns since the epoch, if the plan leaves it to them to tell the warm-up.
    pub(super) settled: Option<u64>,
}

impl<'a> Measured<'a> {
    /// Opens the rows of a load point.
    pub(super) fn open(plan: &Plan, folder: &Path, tokenizer: Option<&'a Tokenizer>) -> Result<Self> {
        Ok(Measured { settled: settled(plan, folder)?, rows: Rows::open(folder)?, tokenizer })
    }

    /// The same rows from the first one on.
    fn again(&self, folder: &Path) -> Result<Self> {
        Ok(Measured { rows: Rows::open(folder)?, ..*self })
    }

    /// What the file says of itself.
    pub(super) fn header(&self) -> &Header {
        &self.rows.header
    }

    /// The next row, or `None` at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<Record>> {
        let Some(mut record) = self.rows.next_row()? else { return Ok(None) };
        count_tokens(&mut record, self.tokenizer)?;
        // The row keeps what was sent; only what is made of it takes the request for a warm-up.
        record.warmup |= self.settled.is_some_and(|settled| record.started_ns.unwrap_or(record.intended_ns) < settled);
        Ok(Some(record))
    }
}

/// Where the latencies of a load point settled, if the plan leaves it to them to tell the warm-up.
fn settled(plan: &Plan, folder: &Path) -> Result<Option<u64>> {
    if !matches!(plan.settings.warmup_num, Warmup::Found(_)) {
        return Ok(None);
    }
    let mut found = WarmUp::default();
    let mut rows = Rows::open(folder)?;
    while let Some(record) = rows.next_row()? {
        found.add(&record);
    }
    Ok(found.settled_ns())
}

/// What the first pass tells.
pub(super) struct Survey {
    pub(super) figures: Figures,
    /// The part under full load, or why there is none.
    steady: Result<Steady, String>,
    pub(super) stages: Stages,
    course: Course,
    pub(super) evalscope_summary: Map<String, Value>,
    pub(super) evalscope_percentiles: Vec<Map<String, Value>>,
    /// Where requests are turns of conversations.
    pub(super) evalscope_traces: Option<TraceSummary>,
    /// Where something succeeded, after the second pass.
    pub(super) evalscope_throughput: Option<Throughput>,
    /// Tokens over time, whose windows the second pass fills.
    tokens: TokenCourse,
    /// Where speed against the length of the prompt is asked for.
    pub(super) speed: Option<SpeedTable>,
    pub(super) audit: Option<Audit>,
    /// Whether EvalScope's percentiles come from histograms.
    pub(super) is_long: bool,
    /// Rows at the end that were cut short.
    pub(super) torn: u64,
}

/// The first pass: counts everything and writes the interval logs.
pub(super) fn survey(plan: &Plan, folder: &Path, ending: &Ending, rows: &mut Measured<'_>) -> Result<Survey> {
    let &Header { point, epoch_unix_ns, .. } = rows.header();
    let (mut summary, mut compat, mut course) = (Summary::default(), Compat::default(), Course::default());
    let (mut stages, mut evidence) = (Stages::default(), Evidence::default());
    let (mut load, mut warm_up) = (FullLoad::default(), WarmUp::default());
    let (mut tokens, mut traces) = (TokenCourse::default(), Traces::default());
    let mut speed = plan.workload.is_speed().then(|| memory::saved(folder).map(SpeedTally::new)).transpose()?;
    let mut goodput = objectives(plan)?.map(GoodputTally::new);
    let mut hlogs = Hlogs::new(folder, epoch_unix_ns);
    let mut window = Window::default();
    while let Some(record) = rows.next_row()? {
        summary.add(&record);
        stages.add(&record);
        compat.add(&record);
        course.add(&record);
        evidence.add(&record);
        load.add(&record);
        warm_up.add(&record);
        goodput.iter_mut().for_each(|goodput| goodput.add(&record));
        hlogs.push(&record)?;
        window.add(&record);
        tokens.add(&record);
        traces.add(&record);
        speed.iter_mut().for_each(|speed| speed.add(&record));
    }
    hlogs.finish()?;
    // A program that was killed could not say what it had not sent; the rows tell, with what was in flight.
    let unsent = match ending.status {
        Status::Recovered => point.number.saturating_sub(summary.done()),
        _ => ending.unsent,
    };
    summary.unsent(unsent);
    let mut figures = summary.figures();
    evidence.bound(&mut figures);
    figures.goodput = goodput.map(|goodput| goodput.goodput(figures.wall_s));
    let options = CompatOptions {
        multi_turn: figures.conversations.is_some(),
        input_only: plan.target.dialect.is_input_only(),
        hand_off: plan.settings.enable_pd_metrics,
        ..CompatOptions::of(&point.load)
    };
    let ours = |scrapes| Audit::of(&scrapes, &window.ours(scrape::choices(plan)), scrape::sharing(&plan.workload));
    Ok(Survey {
        evalscope_traces: traces.summary().filter(|_| options.multi_turn),
        evalscope_throughput: None,
        tokens,
        speed: speed.map(SpeedTally::table),
        figures,
        steady: plateau(&point, &load, &warm_up),
        stages,
        course,
        evalscope_summary: compat.summary(options),
        evalscope_percentiles: compat.percentiles(options),
        audit: scrape::saved(folder)?.map(ours),
        is_long: compat.is_long(),
        torn: rows.rows.torn,
    })
}

/// The part of a load point under full load, or why there is none.
fn plateau(point: &Point, load: &FullLoad, warm_up: &WarmUp) -> Result<Steady, String> {
    match point.load {
        Load::Closed { parallel } => Steady::of(load, Some(parallel), warm_up.settled_ns()),
        Load::Paced { .. } | Load::Open { .. } | Load::Trace { .. } => {
            Err("only a closed loop holds its load full; in an open one it follows the arrivals".to_owned())
        }
    }
}

impl Survey {
    /// The second pass: writes the tables, adds the steady part to the figures and gives the course over time.
    pub(super) fn again(&mut self, folder: &Path, rows: &Measured<'_>) -> Result<Timeline> {
        let mut rows = rows.again(folder)?;
        let epoch_unix_ns = rows.header().epoch_unix_ns;
        let mut requests = Requests::create(folder, epoch_unix_ns)?;
        let mut chunks = Chunks::new(folder, epoch_unix_ns);
        let mut steady = self.steady.clone().map(Plateau::new);
        let mut long = self.course.again();
        let (mut windows, mut timeline) = (self.tokens.again(), TokenTimeline::new(folder));
        let start_s = self.tokens.start_s().unwrap_or(0.0);
        while let Some(record) = rows.next_row()? {
            steady.iter_mut().for_each(|steady| steady.add(&record));
            long.iter_mut().for_each(|long| long.add(&record));
            chunks.push(&record)?;
            requests.push(&record)?;
            if let Some(point) = windows.add(&record) {
                timeline.push(start_s, point.at_s, [point.completion, point.new_prompt, point.cached_prompt])?;
            }
        }
        requests.finish()?;
        chunks.finish()?;
        timeline.finish()?;
        self.evalscope_throughput = windows.throughput();
        match steady {
            Ok(steady) => self.figures.steady = Some(steady.figures()),
            Err(reason) => self.figures.steady_none = Some(reason),
        }
        let course = std::mem::take(&mut self.course);
        Ok(long.map_or_else(|| course.timeline(), LongCourse::timeline))
    }
}
