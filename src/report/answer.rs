//! A run in sentences: what it found, which load to choose and what to try next. Every figure is taken from the result.

use super::goodput::goodput_line;
use super::notice::{kinds, level, load_name, unit};
use super::performance::by_load;
use super::pooled::pooled_goodput;
use super::side_by_side::steady_lines;
use super::time;
use super::view;
use crate::run::{PointResult, RunResult, Status};
use crate::stats::Verdict;
use crate::units::{count, figure};

/// The run in one sentence.
pub fn answer(run: &RunResult) -> String {
    let points = by_load(run);
    let sound: Vec<&PointResult> = points.iter().copied().filter(|point| point.is_sound()).collect();
    let Some(best) = best_point(run, &sound) else {
        if points.iter().any(|point| point.figures.counts.ok > 0) {
            return "Nothing here can be believed: every load point with a result is INVALID, for the client was late."
                .to_owned();
        }
        let failed: u64 = points.iter().map(|point| point.figures.counts.failed).sum();
        let kinds: Vec<String> = points.iter().map(|point| kinds(point)).filter(|kinds| !kinds.is_empty()).collect();
        return match failed {
            0 => "Nothing was measured.".to_owned(),
            _ => format!("Nothing was measured: all {} requests failed ({}).", count(failed), kinds.join("; ")),
        };
    };
    let mut text = format!("{} at {}", rate(best), load_name(run, best));
    if best.verdict() == Some(Verdict::Degraded) {
        text.push_str(" (DEGRADED)");
    }
    if let Some(latency) = latency(best) {
        text.push_str(&format!(", {latency}"));
    }
    if sound.len() > 1 {
        match run.best.knee {
            Some(_) if run.best.knee_not_reached => text.push_str("; throughput was still growing there"),
            Some(knee) if knee != best.point.load.level() => {
                text.push_str(&format!("; beyond {} {} latency grows faster than throughput", level(knee), unit(run)));
            }
            _ => {}
        }
    }
    text.push('.');
    text
}

/// Tokens per second, or requests per second where tokens are not known.
pub fn rate(point: &PointResult) -> String {
    let figures = &point.figures;
    match figures.output_throughput.filter(|rate| *rate > 0.0) {
        Some(rate) => format!("{} tok/s", figure(Some(rate))),
        None => format!("{} req/s", figure(figures.request_throughput)),
    }
}

/// The latency a user feels first: TTFT of streams, else the whole reply.
fn latency(point: &PointResult) -> Option<String> {
    let (name, spread) = match (view::ttft(point), view::e2e(point)) {
        (Some(ttft), _) => ("TTFT", ttft),
        (None, e2e) => ("latency", e2e?),
    };
    let (p50, p99) = (time::quantile(spread, 0.5, spread.p50), time::quantile(spread, 0.99, spread.p99));
    Some(format!("{name} p50 {p50}, p99 {p99}"))
}

/// The point with the best throughput, among the sound ones given; of several runs at that load the first.
pub fn best_point<'a>(run: &RunResult, sound: &[&'a PointResult]) -> Option<&'a PointResult> {
    let best = sound.iter().find(|point| Some(point.point.load.level()) == run.best.throughput);
    best.or(sound.last()).copied()
}

/// The point at the knee, among the sound ones given; of several runs at that load the first.
pub fn knee_point<'a>(run: &RunResult, sound: &[&'a PointResult]) -> Option<&'a PointResult> {
    sound.iter().find(|point| Some(point.point.load.level()) == run.best.knee).copied()
}

/// Lines below the sweep table: a word and what it says.
pub fn lines(run: &RunResult) -> Vec<(&'static str, String)> {
    let points = by_load(run);
    let sound: Vec<&PointResult> = points.into_iter().filter(|point| point.is_sound()).collect();
    let mut lines = Vec::new();
    if sound.len() > 1 {
        if let Some(best) = best_point(run, &sound) {
            let what = if best.figures.output_throughput.is_some_and(|rate| rate > 0.0) { "tok/s" } else { "req/s" };
            let latency = latency(best).map(|latency| format!(" with {latency}")).unwrap_or_default();
            lines.push(("best", format!("{}: most {what}{latency}", load_name(run, best))));
        }
        if let Some(knee) = run.best.knee {
            lines.push(if run.best.knee_not_reached {
                ("knee", format!("not reached: throughput was still growing at {} {}", level(knee), unit(run)))
            } else {
                ("knee", format!("{} {}: beyond it latency grows faster than throughput", level(knee), unit(run)))
            });
        }
    }
    lines.extend(steady_lines(run).into_iter().map(|text| ("steady", text)));
    lines.extend(run.pooled.iter().filter_map(|pooled| Some(("slo", pooled_goodput(pooled)?))));
    let single = |point: &&PointResult| !run.pooled.iter().any(|pooled| pooled.has(&point.folder));
    let points = by_load(run).into_iter().filter(single);
    lines.extend(points.filter_map(|point| Some(("slo", goodput_line(run, point)?))));
    lines.extend(audit(run).map(|text| ("audit", text)));
    lines.push(("saved", crate::units::clean(&run.path, 1000)));
    lines.push(("next", next(run, &sound)));
    lines
}

/// Whether the server's own counters agree with ours.
fn audit(run: &RunResult) -> Option<String> {
    let points = by_load(run);
    let audited: Vec<_> = points.iter().filter_map(|point| Some((point, point.audit.as_ref()?))).collect();
    let (_, first) = audited.first()?;
    let engine = crate::units::clean(&first.engine, 40);
    let doubted: Vec<String> = audited
        .iter()
        .filter(|(_, audit)| !audit.findings.is_empty())
        .map(|(point, _)| load_name(run, point))
        .collect();
    Some(match doubted.as_slice() {
        [] => format!("{engine}'s own counters agree with ours at {} of {} loads", audited.len(), points.len()),
        doubted => format!("{engine}'s own counters do not fit ours at {}", doubted.join(", ")),
    })
}

/// The command that answers the next question.
fn next(run: &RunResult, sound: &[&PointResult]) -> String {
    let path = format!("{}/plan.toml", crate::units::clean(&run.path, 1000));
    let path = if path.contains(char::is_whitespace) { format!("'{path}'") } else { path };
    let open = run.points.first().is_some_and(|point| point.point.load.is_open());
    let traced = run.points.first().is_some_and(|point| open && point.point.load.rate().is_none());
    let loads: Vec<f64> = sound.iter().map(|point| point.point.load.level()).collect();
    // Requests in flight are whole; rates are written short.
    let tidy = |load: f64| if open { (load * 100.0).round() / 100.0 } else { load.round().max(1.0) };
    let complete = run.points.iter().all(|point| point.status == Status::Complete);
    let mut try_next = match (loads.as_slice(), run.best.knee) {
        // What is broken or cut short is repeated as it was.
        ([], _) => Vec::new(),
        // A saved workload has the load that it was saved with.
        _ if !complete || run.setting.dataset == "saved" => Vec::new(),
        ([.., last], _) if traced => vec![last * 2.0],
        ([one], _) => vec![one / 2.0, *one, one * 2.0, one * 4.0],
        ([.., last], _) if run.best.knee_not_reached => vec![*last, last * 2.0, last * 4.0],
        (loads, Some(knee)) => {
            let between = |a: f64, b: f64| (a * b).sqrt();
            let below = loads.iter().rev().find(|load| **load < knee);
            let above = loads.iter().find(|load| **load > knee);
            let mut around = vec![knee];
            around.extend(below.map(|below| between(*below, knee)));
            around.extend(above.into_iter().flat_map(|above| [between(knee, *above), *above]));
            around
        }
        _ => Vec::new(),
    };
    try_next.iter_mut().for_each(|load| *load = tidy(*load));
    try_next.sort_by(f64::total_cmp);
    try_next.dedup();
    let values = try_next.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let axis = match (open, traced) {
        (_, true) => "--trace-speed",
        (true, false) => "--rate",
        (false, false) => "--parallel",
    };
    // Numbers that were listed one a point would not pair with other loads; the largest serves all of them.
    let numbers: std::collections::BTreeSet<u64> = run.points.iter().map(|point| point.point.number).collect();
    let number =
        numbers.last().filter(|_| numbers.len() > 1).map(|most| format!(" --number {most}")).unwrap_or_default();
    let flags = if values.is_empty() { String::new() } else { format!("{number} {axis} {values}") };
    format!("evalscope perf --profile {path}{flags}")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Load};
    use super::*;

    fn next_of(run: &RunResult) -> String {
        lines(run).into_iter().find(|(word, _)| *word == "next").map(|(_, text)| text).unwrap_or_default()
    }

    #[test]
    fn answers() {
        let runs = [
            fixture::three(),
            fixture::all_failed(),
            fixture::one_request(),
            fixture::run(&[]),
            fixture::with_gap(),
            fixture::eight(),
        ];
        insta::assert_snapshot!(runs.iter().map(answer).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn the_next_command_looks_where_the_question_is() {
        let mut run = fixture::run(&[Load::of(1, 40), Load::of(8, 80), Load::of(64, 400)]);
        run.best.knee = Some(8.0);
        run.best.knee_not_reached = false;
        assert!(next_of(&run).ends_with("--parallel 3,8,23,64"), "{}", next_of(&run));
        run.best.knee = Some(64.0);
        run.best.knee_not_reached = true;
        assert!(next_of(&run).ends_with("--parallel 64,128,256"));
        assert!(next_of(&fixture::one_request()).ends_with("--parallel 1,2,4"));
        assert!(next_of(&fixture::all_failed()).ends_with("plan.toml"));
        run.points[0].status = Status::Interrupted;
        run.path = "my runs/a".to_owned();
        assert!(next_of(&run).ends_with("--profile 'my runs/a/plan.toml'"));
    }
}
