//! What must be told before any figure is believed.

use crate::run::{PointResult, RunResult, Status};
use crate::stats::{Finding, Verdict};
use crate::units::{clean, count, figure};

use super::performance::by_load;
use super::table::{Cell, Mark};
use super::trust::verdict_mark;
use super::view::is_scheduled;

/// Longest text of a message that came from outside.
pub const MESSAGE: usize = 300;

/// One remark at the head.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// How bad it is; [`Mark::Good`] is a plain remark.
    pub mark: Mark,
    /// The remark, one sentence.
    pub text: String,
}

impl Notice {
    fn bad(text: String) -> Self {
        Notice { mark: Mark::Bad, text }
    }

    fn doubt(text: String) -> Self {
        Notice { mark: Mark::Doubt, text }
    }

    /// The word that repeats the glyph for those who do not see it.
    pub fn word(&self) -> &'static str {
        match self.mark {
            Mark::Good => "note",
            Mark::Doubt => "warning",
            Mark::Bad => "problem",
        }
    }
}

/// The load of a point as a number: requests in flight, or requests a second in an open loop.
pub fn level(load: f64) -> String {
    if load.fract() == 0.0 { count(load as u64) } else { figure(Some(load)) }
}

/// Unit of [`level`] in this run.
pub fn unit(run: &RunResult) -> &'static str {
    run.points.first().map_or("in flight", |point| point.point.load.unit())
}

/// That number as a cell.
pub fn load_cell(point: &PointResult) -> Cell {
    match point.point.load.level() {
        load if load.fract() == 0.0 => Cell::Count(load as u64),
        load => Cell::Figure(Some(load)),
    }
}

/// The load of a point in words; the number of requests and the run are told only where the load alone is not unique.
pub fn load_name(run: &RunResult, point: &PointResult) -> String {
    let asked = &point.point;
    let same = || run.points.iter().filter(|other| other.point.load.level() == asked.load.level());
    let mut name = format!("{} {}", level(asked.load.level()), asked.load.unit());
    if same().any(|other| other.point.number != asked.number) {
        name.push_str(&format!(", {} requests", count(asked.number)));
    }
    if let Some(words) = repeat(run, point) {
        name.push_str(&format!(", {words}"));
    }
    name
}

/// Which of several equal runs a point is, in words; `None` where there is only one.
pub fn repeat(run: &RunResult, point: &PointResult) -> Option<String> {
    let asked = &point.point;
    let equal =
        |other: &&PointResult| other.point.load.level() == asked.load.level() && other.point.number == asked.number;
    (run.points.iter().filter(equal).count() > 1).then(|| format!("run {}", asked.repeat))
}

/// How a point ended, where it did not end by itself.
pub fn early_end(status: Status) -> Option<&'static str> {
    match status {
        Status::Complete => None,
        Status::Interrupted => Some("interrupted"),
        Status::Aborted => Some("aborted"),
        Status::Recovered => Some("recovered"),
    }
}

/// Whether a row of the point carries a warning.
pub fn mark_of(point: &PointResult) -> Mark {
    let counts = &point.figures.counts;
    if counts.ok == 0 {
        Mark::Bad
    } else if matches!(point.verdict(), Some(Verdict::Degraded | Verdict::Invalid)) {
        verdict_mark(point.verdict())
    } else if point.status != Status::Complete
        || counts.failed > 0
        || counts.tokens_missing > 0
        || !findings(point).is_empty()
    {
        Mark::Doubt
    } else {
        Mark::Good
    }
}

/// What the server's own counters say against the figures.
pub fn findings(point: &PointResult) -> &[Finding] {
    point.audit.as_ref().map_or(&[], |audit| &audit.findings)
}

/// Kinds of failure with their counts, most frequent first: `timeout × 10, status × 2`.
pub fn kinds(point: &PointResult) -> String {
    let mut kinds: Vec<_> = point.figures.failures.iter().collect();
    kinds.sort_by_key(|(name, failure)| (std::cmp::Reverse(failure.count), (*name).clone()));
    kinds.iter().map(|(name, failure)| format!("{name} × {}", count(failure.count))).collect::<Vec<_>>().join(", ")
}

/// Every remark on a run, worst first.
pub fn notices(run: &RunResult) -> Vec<Notice> {
    let mut out = Vec::new();
    for point in by_load(run) {
        of_point(run, point, &mut out);
    }
    let setting = &run.setting;
    if setting.tls == "not verified" {
        out.push(Notice::doubt(
            "TLS certificates were not verified: anyone between this program and the server could have answered."
                .into(),
        ));
    }
    if setting.embedded {
        out.push(Notice::doubt(format!(
            "The model runs inside this program: load generator and model share the {} cores of one machine, and the latencies hold the work of both.",
            setting.cores
        )));
    }
    out.extend(run.notices.iter().map(|text| Notice { mark: Mark::Good, text: clean(text, MESSAGE) }));
    out.sort_by_key(|notice| match notice.mark {
        Mark::Bad => 0,
        Mark::Doubt => 1,
        Mark::Good => 2,
    });
    out
}

fn of_point(run: &RunResult, point: &PointResult, out: &mut Vec<Notice>) {
    let name = load_name(run, point);
    let counts = &point.figures.counts;
    if let Some(word) = early_end(point.status) {
        let reason = point.reason.as_deref().map(|reason| format!(": {}", clean(reason, MESSAGE))).unwrap_or_default();
        let unsent = match counts.unsent {
            0 => String::new(),
            unsent => format!("; {} planned requests were not sent", count(unsent)),
        };
        let rest = if point.status == Status::Recovered { " from the rows that a killed run left" } else { "" };
        out.push(Notice::doubt(format!("At {name} the run was {word}{rest}{reason}{unsent}.")));
    }
    if counts.ok == 0 {
        let failed = match counts.failed {
            0 => "no request was finished".to_owned(),
            failed => format!("all {} requests failed ({})", count(failed), kinds(point)),
        };
        out.push(Notice::bad(format!("At {name} nothing was measured: {failed}.")));
    } else if counts.failed > 0 {
        out.push(Notice::doubt(format!(
            "At {name} {} of {} requests failed ({}); no latency includes them.",
            count(counts.failed),
            count(counts.total),
            kinds(point)
        )));
    }
    out.extend(offered(point).map(|text| Notice {
        mark: if counts.unsent_rows > 0 { Mark::Doubt } else { Mark::Good },
        text: format!("At {name} {text}."),
    }));
    for (many, what) in [
        (counts.tokens_missing, "carry no token count: token figures leave them out"),
        (counts.no_output, "are streams in which no token was seen"),
        (counts.done_missing, "are streams that ended without their end mark"),
        (counts.clipped, "values lie above a day and are clipped in the quantiles"),
    ] {
        if many > 0 {
            out.push(Notice::doubt(format!("At {name} {} of {} replies {what}.", count(many), count(counts.ok))));
        }
    }
    for Finding { text, advice, .. } in findings(point) {
        out.push(Notice::doubt(format!("At {name} {}; {}.", clean(text, MESSAGE), clean(advice, MESSAGE))));
    }
}

/// What became of the requests that a schedule offered, where they did not all go their way; nothing for closed loops.
pub fn offered(point: &PointResult) -> Option<String> {
    let counts = &point.figures.counts;
    if !is_scheduled(point) || counts.unsent + counts.censored == 0 {
        return None;
    }
    let (sent, unsent) = (counts.total, counts.unsent);
    let mut text = format!("offered {} = sent {} + unsent {}", count(sent + unsent), count(sent), count(unsent));
    if counts.censored > 0 {
        text.push_str(&format!(
            "; {} were cut or never sent and count from the due time with the time they were waited for",
            count(counts.censored)
        ));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn texts(run: &RunResult) -> Vec<String> {
        notices(run).into_iter().map(|notice| format!("{} {}", notice.word(), notice.text)).collect()
    }

    #[test]
    fn a_good_run_has_none() {
        assert_eq!(notices(&fixture::one_request()), []);
    }

    #[test]
    fn what_a_reader_must_know_is_told_worst_first() {
        let mut run = fixture::with_gap();
        run.setting.tls = "not verified".to_owned();
        run.setting.embedded = true;
        run.points[2].status = Status::Interrupted;
        run.points[2].figures.counts.unsent = 12;
        run.points[2].figures.counts.tokens_missing = 3;
        run.points[0].status = Status::Recovered;
        run.notices = vec!["sent one by one".to_owned()];
        insta::assert_snapshot!(texts(&run).join("\n"));
    }
}
