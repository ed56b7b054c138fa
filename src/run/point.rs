//! One load point: measured rows to result files.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::args::benchmark_args;
use super::result::{FORMAT_VERSION, PointResult, Status};
use super::scrape;
use super::survey::{Measured, Survey, survey};
use crate::error::{Failure, Result};
use crate::plan::{Plan, Warmup};
use crate::record::{Record, TokensFrom};
use crate::stats::{ConversationFigures, Host, SelfCheck, Slo, Spread, Trust};
use crate::store::{RunDir, write_file};
use crate::tokenizer::Tokenizer;
use crate::units::{count, figure, seconds};

/// How a load point ended, as far as its rows do not tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    pub(super) status: Status,
    pub(super) reason: Option<String>,
    pub(super) unsent: u64,
    /// What the client's machine did; `None` when it was not there to note it.
    pub(super) host: Option<Host>,
    /// How this machine measured a server of known timing.
    pub(super) self_check: Option<SelfCheck>,
    /// SHA-256 over what was sent, where all of it was made.
    pub(super) workload: Option<String>,
}

/// Makes every file of a load point from its rows. The one way to results, for runs that ended well and for others.
pub(super) fn conclude(
    plan: &Plan,
    dir: &RunDir,
    folder: &str,
    ending: Ending,
    tokenizer: Option<&Tokenizer>,
) -> Result<(PointResult, Vec<String>)> {
    let path = dir.point(folder);
    let mut rows = Measured::open(plan, &path, tokenizer)?;
    let (point, epoch_unix_ns, settled) = (rows.header().point, rows.header().epoch_unix_ns, rows.settled);
    let mut survey = survey(plan, &path, &ending, &mut rows)?;
    let timeline = survey.again(&path, &rows)?;
    let Survey { figures, stages, evalscope_summary, evalscope_percentiles, audit, is_long, torn, .. } = survey;
    let Survey { evalscope_traces, evalscope_throughput, speed, .. } = survey;
    let e2e_p50 = figures.e2e_ms.as_ref().map(|e2e| e2e.p50);
    let trust = Trust::judge(&stages, ending.host, ending.self_check, e2e_p50, figures.counts.total);
    save(&path.join("trust.json"), &trust)?;
    let result = PointResult {
        format_version: FORMAT_VERSION,
        folder: folder.to_owned(),
        point,
        status: ending.status,
        reason: ending.reason,
        workload_sha256: ending.workload,
        epoch_unix_ns,
        figures,
        trust: Some(trust),
        timeline,
        evalscope_summary,
        evalscope_percentiles,
        evalscope_traces,
        evalscope_throughput,
        speed,
        audit,
    };
    save_compat(&path.join("benchmark_args.json"), &Value::Object(benchmark_args(plan, point, &path)))?;
    save_compat(&path.join("benchmark_summary.json"), &result.evalscope_summary)?;
    save_compat(&path.join("benchmark_percentile.json"), &result.evalscope_percentiles)?;
    if let Some(traces) = &result.evalscope_traces {
        save_compat(&path.join("trace_summary.json"), traces)?;
    }
    if let Some(throughput) = &result.evalscope_throughput {
        save_compat(&path.join("workload_throughput.json"), throughput)?;
    }
    if let Some(speed) = &result.speed {
        save_compat(&path.join("speed_benchmark.json"), &speed.evalscope())?;
    }
    save(&path.join("summary.json"), &result)?;
    let mut notices = Vec::new();
    if matches!(plan.settings.warmup_num, Warmup::Found(_)) {
        notices.push(match settled {
            Some(settled) => format!(
                "{folder}: latencies settled {:.1} s after the begin; the {} requests before count as warm-up",
                seconds(settled),
                result.figures.counts.warmup
            ),
            None => format!("{folder}: no warm-up was found in the latencies; all requests count"),
        });
    }
    notices.extend(result.figures.conversations.as_ref().map(|talks| format!("{folder}: {}", told(talks))));
    if is_long {
        notices.push(format!(
            "{folder}: too many values to keep; the percentiles of EvalScope's files are from histograms, off by less than 0.1 %"
        ));
    }
    if torn > 0 {
        notices.push(format!("{folder}: the last row was cut short when the program was killed; it is left out"));
    }
    if result.audit.is_none() && scrape::exist(&path) {
        notices.push(format!(
            "{folder}: the server's own metrics are of no engine that is known, or could not be read to the end; nothing was held against them"
        ));
    }
    Ok((result, notices))
}

/// Whole conversations in a sentence.
fn told(talks: &ConversationFigures) -> String {
    let mean = |spread: &Option<Spread>| figure(spread.as_ref().map(|spread| spread.mean));
    let mut text = format!(
        "{} conversations came to their end, {} turns each in the mean; mean TTFT {} ms of first turns, {} ms of later ones; \
         last answer after {} ms",
        count(talks.complete),
        mean(&talks.turns),
        mean(&talks.ttft_first_turn_ms),
        mean(&talks.ttft_later_turns_ms),
        mean(&talks.last_answer_ms),
    );
    if talks.failed + talks.cut > 0 {
        let (failed, cut, unsent) = (count(talks.failed), count(talks.cut), count(talks.turns_unsent));
        text.push_str(&format!(
            "; {failed} ended with a failed turn, {cut} with the run, and {unsent} turns were never sent"
        ));
    }
    if let Some(percent) = talks.cached_percent_estimated {
        text.push_str(&format!("; {} % of the prompt tokens had been said before (estimated)", figure(Some(percent))));
    }
    text
}

/// The service level objectives of a plan.
pub(super) fn objectives(plan: &Plan) -> Result<Option<Slo>> {
    let goodput = &plan.settings.goodput;
    (!goodput.is_empty()).then(|| Slo::parse(goodput)).transpose()
}

/// Counts a reply for which the server gave no usage.
pub(super) fn count_tokens(record: &mut Record, tokenizer: Option<&Tokenizer>) -> Result<()> {
    if let (true, None, Some(text), Some(tokenizer)) =
        (record.is_ok(), record.completion_tokens, &record.text, tokenizer)
    {
        record.completion_tokens = Some(tokenizer.count(text)? as u64);
        record.tokens_from = Some(TokensFrom::Tokenizer);
    }
    Ok(())
}

/// Writes JSON as EvalScope does: four spaces, non-ASCII kept, no newline at the end.
pub(super) fn save_compat(path: &Path, value: &impl Serialize) -> Result<()> {
    write_json(path, value, PrettyFormatter::with_indent(b"    "))
}

/// Writes JSON of ours: objects a key a line, lists of numbers in one.
pub(super) fn save(path: &Path, value: &impl Serialize) -> Result<()> {
    write_json(path, value, InlineLists(PrettyFormatter::new()))
}

fn write_json(path: &Path, value: &impl Serialize, formatter: impl Formatter) -> Result<()> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|error| Failure::bug(format!("{} cannot be spelled as JSON", path.display())).because(error))?;
    write_file(path, &bytes)
}

/// Breaks lines inside objects only, because a curve of 256 points is no text to read.
struct InlineLists(PrettyFormatter<'static>);

impl Formatter for InlineLists {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}
