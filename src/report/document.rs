//! The document of a run: everything a report shows, in order, before any renderer gives it a form.

use serde_json::Value;

use super::advice::{advice, best_settings};
use super::answer::{answer, best_point, lines, rate};
use super::audit::audit;
use super::chart::Chart;
use super::conversations::conversations;
use super::curves::curves;
use super::depth::{Depth, depth};
use super::notice::{MESSAGE, Notice, level, load_name, notices, unit};
use super::performance::by_load;
use super::pooled::{PooledDepth, pooled_depth};
use super::sweep::sweep;
use super::table::{Cell, Column, Table};
use super::time;
use super::trust::{Judgement, judgement};
use super::view;
use crate::run::{PointResult, RunResult};
use crate::units::{clean, count, figure, span};

/// One of the few figures at the head.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// What it is.
    pub label: String,
    /// The figure with its unit.
    pub value: String,
    /// Where it was measured and from how many.
    pub note: String,
}

/// A run as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The model.
    pub title: String,
    /// When and with what it was measured.
    pub subtitle: String,
    /// The run in one sentence.
    pub answer: String,
    /// Whether the figures can be believed.
    pub trust: Judgement,
    /// What else must be known before any figure is believed.
    pub notices: Vec<Notice>,
    /// At most four figures.
    pub cards: Vec<Card>,
    /// More about the run.
    pub facts: Vec<(String, String)>,
    /// A row a load point.
    pub sweep: Table,
    /// `best`, `knee`, `saved`, `next`.
    pub lines: Vec<(&'static str, String)>,
    /// The best points by EvalScope's rules.
    pub best: Table,
    /// What to try.
    pub advice: Vec<String>,
    /// Charts over the load points.
    pub charts: Vec<Chart>,
    /// Loads that were repeated, each of all its runs together.
    pub pooled: Vec<PooledDepth>,
    /// Each load point in depth.
    pub points: Vec<Depth>,
    /// Whole conversations of each load point.
    pub conversations: Table,
    /// The server's own account of each load point beside ours.
    pub audit: Table,
    /// Failures by load and kind.
    pub failures: Table,
    /// What a reader must know to judge the figures.
    pub setting: Table,
    /// The plan as TOML.
    pub plan: String,
    /// What each figure means.
    pub definitions: Table,
    /// The result as JSON, without the curves, which the tables below the charts hold.
    pub data: Value,
}

impl Document {
    /// The document of a run.
    pub fn of(run: &RunResult) -> Self {
        let points = by_load(run);
        Document {
            title: clean(run.setting.alias.as_ref().unwrap_or(&run.setting.model), 120),
            subtitle: subtitle(run, &points),
            answer: answer(run),
            trust: judgement(run),
            notices: notices(run),
            cards: cards(run, &points),
            facts: facts(run, &points),
            sweep: sweep(run),
            lines: lines(run),
            best: best_settings(run),
            advice: advice(run),
            charts: curves(run),
            pooled: run.pooled.iter().enumerate().map(|(index, pooled)| pooled_depth(pooled, index)).collect(),
            points: points.iter().enumerate().map(|(index, point)| depth(run, point, index)).collect(),
            conversations: conversations(run),
            audit: audit(run),
            failures: failures(run, &points),
            setting: setting(run),
            plan: run.plan.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect(),
            definitions: pairs(
                "Definitions",
                ["figure", "meaning"],
                run.definitions.iter().map(|(name, words)| (name.clone(), words.clone())),
            ),
            data: data(run),
        }
    }
}

fn subtitle(run: &RunResult, points: &[&PointResult]) -> String {
    let start = points.iter().map(|point| point.epoch_unix_ns).min();
    let start = start.and_then(|ns| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok());
    let mut parts = vec![format!("load test, {}", clean(&run.setting.dataset, 80))];
    parts.extend(start.map(|start| start.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()));
    parts.push(clean(&run.tool, 80));
    parts.join(" · ")
}

fn cards(run: &RunResult, points: &[&PointResult]) -> Vec<Card> {
    let total: u64 = points.iter().map(|point| point.figures.counts.total).sum();
    let ok: u64 = points.iter().map(|point| point.figures.counts.ok).sum();
    let failed: u64 = points.iter().map(|point| point.figures.counts.failed).sum();
    let sound: Vec<&PointResult> = points.iter().copied().filter(|point| point.is_sound()).collect();
    let mut cards = Vec::new();
    if let Some(best) = best_point(run, &sound) {
        let place = load_name(run, best);
        let note =
            if sound.len() > 1 { format!("at {place}, most of {} loads", sound.len()) } else { format!("at {place}") };
        cards.push(Card { label: "Throughput".to_owned(), value: rate(best), note });
        let due = if view::is_scheduled(best) { " from due" } else { "" };
        for (label, spread) in [("TTFT p99", view::ttft(best)), ("E2E p99", view::e2e(best))] {
            if let Some(spread) = spread {
                cards.push(Card {
                    label: format!("{label}{due}"),
                    value: time::quantile(spread, 0.99, spread.p99),
                    note: format!("at {place}, p50 {}, n {}", time::quantile(spread, 0.5, spread.p50), count(spread.n)),
                });
            }
        }
    }
    let share = (total > 0).then(|| 100.0 * ok as f64 / total as f64);
    cards.push(Card {
        label: "Succeeded".to_owned(),
        value: Cell::Percent(share).text(),
        note: format!("{} of {} requests, {} failed", count(ok), count(total), count(failed)),
    });
    cards
}

fn facts(run: &RunResult, points: &[&PointResult]) -> Vec<(String, String)> {
    let mut loads: Vec<String> = points.iter().map(|point| level(point.point.load.level())).collect();
    loads.dedup();
    let loads = loads.join(", ");
    let load = match unit(run) {
        "in flight" => "requests in flight",
        "req/s" => "requests a second asked for",
        other => other,
    };
    let wall: f64 = points.iter().filter_map(|point| point.figures.wall_s).sum();
    let counts = || points.iter().map(|point| &point.figures.counts);
    let usage: u64 = counts().map(|counts| counts.tokens_from_usage).sum();
    let tokenizer: u64 = counts().map(|counts| counts.tokens_from_tokenizer).sum();
    let tokens = match (usage, tokenizer) {
        (0, 0) => "not counted".to_owned(),
        (_, 0) => "by the server".to_owned(),
        (0, _) => "by a tokenizer".to_owned(),
        (usage, tokenizer) => format!("{} by the server, {} by a tokenizer", count(usage), count(tokenizer)),
    };
    let rate = points.iter().filter_map(|point| point.figures.request_throughput).max_by(f64::total_cmp);
    let facts = [
        (load, if loads.is_empty() { "—".to_owned() } else { loads }),
        ("measured for", if wall > 0.0 { span(wall) } else { "—".to_owned() }),
        ("most requests a second served", figure(rate.filter(|rate| *rate > 0.0))),
        ("tokens counted", tokens),
        ("address", clean(&run.setting.url, 200)),
        ("saved in", clean(&run.path, 500)),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn failures(run: &RunResult, points: &[&PointResult]) -> Table {
    let mut rows = Vec::new();
    for point in points {
        let mut kinds: Vec<_> = point.figures.failures.iter().collect();
        kinds.sort_by_key(|(name, failure)| (std::cmp::Reverse(failure.count), (*name).clone()));
        for (kind, failure) in kinds {
            let statuses = failure.statuses.iter().map(|(status, n)| format!("{status} × {}", count(*n)));
            let statuses = statuses.collect::<Vec<_>>().join(", ");
            let first = clean(&failure.first, MESSAGE);
            let or_dash = |text: String| if text.is_empty() { "—".to_owned() } else { text };
            rows.push(
                vec![
                    Cell::words(load_name(run, point)),
                    Cell::words(clean(kind, 40)),
                    Cell::Count(failure.count),
                    Cell::words(or_dash(statuses)),
                    Cell::Figure(Some(failure.first_at_s)),
                    Cell::words(or_dash(first)),
                ]
                .into(),
            );
        }
    }
    let columns = ["load", "kind", "count", "HTTP status", "first after, s", "first message"].map(Column::alone);
    Table { caption: "Failures".to_owned(), columns: columns.to_vec(), rows, ..Table::default() }
}

fn setting(run: &RunResult) -> Table {
    let setting = &run.setting;
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let (least, most) = setting.max_tokens;
    let tokens = if least == most { count(u64::from(most)) } else { format!("{least}–{most}") };
    let alias = setting.alias.iter().map(|alias| ("alias", alias.clone()));
    let rows = [
        ("model", setting.model.clone()),
        ("API", setting.api.clone()),
        ("address", setting.url.clone()),
        ("model inside this program", yes(setting.embedded)),
        ("workload", setting.dataset.clone()),
        ("seed", setting.workload_seed.to_string()),
        ("streamed", yes(setting.stream)),
        ("most tokens a reply", tokens),
        ("TLS", setting.tls.clone()),
        ("HTTP version", setting.http_version.clone()),
        ("tokenizer", setting.tokenizer.clone()),
        ("arrival stamps", setting.stamps.clone()),
        ("server's own metrics", setting.server_metrics.clone().unwrap_or_else(|| "not read".to_owned())),
        ("worker threads", setting.workers.to_string()),
        ("cores", setting.cores.to_string()),
        ("system", setting.system.clone()),
        ("made by", run.tool.clone()),
    ];
    pairs(
        "Setting",
        ["what", "value"],
        rows.into_iter().chain(alias).map(|(name, value)| (name.to_owned(), clean(&value, 300))),
    )
}

fn pairs(caption: &str, heads: [&str; 2], rows: impl Iterator<Item = (String, String)>) -> Table {
    Table {
        caption: caption.to_owned(),
        columns: heads.map(Column::alone).to_vec(),
        rows: rows.map(|(name, value)| vec![Cell::Words(name), Cell::Words(value)].into()).collect(),
        ..Table::default()
    }
}

fn data(run: &RunResult) -> Value {
    let mut value = serde_json::to_value(run).unwrap_or(Value::Null);
    drop_curves(&mut value);
    value
}

fn drop_curves(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.shift_remove("curve");
            fields.values_mut().for_each(drop_curves);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_curves),
        _ => {}
    }
}
