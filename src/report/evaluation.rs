//! The reports of an evaluation: as tables on a console, and as one page.

use minijinja::{AutoEscape, Environment, Value, context};

use super::boxed::boxed;
use super::html::{STYLE, table as html_table};
use super::levels::tables;
use super::table::{Cell, Column, Table};
use super::terminal::Style;
use crate::error::{Failure, Result};
use crate::eval::card::Entry;
use crate::eval::conduct::Evaluated;
use crate::eval::figures::Certainty;
use crate::eval::report::{Metric, Report};
use crate::units::{clean, count};

const TEMPLATE: &str = concat!(include_str!("../../reports/table.html"), include_str!("../../reports/evaluation.html"));
/// Rows of a metric beyond which a console shows categories in place of subsets.
const MOST_ROWS: usize = 40;

/// A figure with its interval, such as `60% [42.3%, 75.4%]`.
fn interval(metric: &Metric, certainty: Option<&Certainty>) -> String {
    match certainty.and_then(|certainty| certainty.interval_95) {
        Some(bounds) => format!("{} – {}", metric.show(bounds.low), metric.show(bounds.high)),
        None => "—".to_owned(),
    }
}

/// The scores of a benchmark, as EvalScope prints them, with the interval of 95 % behind each.
pub fn scores_table(report: &Report, style: Style) -> String {
    let mut rows = Vec::new();
    let graded = |metric: &&Metric| !metric.is_diagnostic();
    let shown: Vec<&Metric> = match report.main_metric() {
        // Of a dozen metrics the console shows those that say how good something is.
        Some(_) if report.metrics.len() > 4 => report.metrics.iter().filter(graded).collect(),
        _ => report.metrics.iter().collect(),
    };
    let has_categories = shown
        .iter()
        .any(|metric| metric.categories.len() > 1 || metric.categories.iter().any(|c| c.path != ["default"]));
    for metric in shown {
        let subsets: usize = metric.categories.iter().map(|category| category.subsets.len()).sum();
        let mut row = |category: &str, subset: &str, num: u64, score: f64, certainty: Option<&Certainty>| {
            let mut cells = vec![report.model.clone(), report.title.clone(), metric.label()];
            if has_categories {
                cells.push(category.to_owned());
            }
            cells.extend([subset.to_owned(), num.to_string(), metric.show(score), interval(metric, certainty)]);
            rows.push(cells.iter().map(|cell| clean(cell, 60)).collect());
        };
        for category in &metric.categories {
            if subsets > MOST_ROWS {
                row(
                    &category.name(),
                    &format!("{} subsets", category.subsets.len()),
                    category.num,
                    category.score,
                    category.certainty.as_ref(),
                );
                continue;
            }
            for subset in &category.subsets {
                row(&category.name(), &subset.name, subset.num, subset.score, subset.certainty.as_ref());
            }
        }
        if subsets > 1 {
            row("-", "OVERALL", metric.num, metric.score, metric.certainty.as_ref());
        }
    }
    let mut header = vec!["Model", "Dataset", "Metric"];
    if has_categories {
        header.push("Cat.");
    }
    header.extend(["Subset", "Num", "Score", "95 %"]);
    style.plain(&boxed("", &header, rows, header.len() - 3))
}

/// How fast the answers came, a row a benchmark.
pub fn speed_table(reports: &[Report], style: Style) -> String {
    let number = |value: Option<f64>, digits: usize, unit: &str| match value {
        Some(value) => format!("{value:.digits$}{unit}"),
        None => "—".to_owned(),
    };
    let row = |report: &Report| {
        let [latency, ttft, tpot, rate, input, output] = report.speed;
        let wall = &report.wall;
        vec![
            report.model.clone(),
            report.title.clone(),
            count(report.executed().succeeded),
            number(latency, 3, " s"),
            number(ttft, 3, " s"),
            number(tpot.map(|tpot| tpot * 1e3), 2, " ms"),
            number(rate, 2, " tok/s"),
            number(input, 0, ""),
            number(output, 0, ""),
            number(wall["answered_per_s"].as_f64(), 1, " /s"),
        ]
    };
    let header =
        ["Model", "Dataset", "Num", "Avg Lat", "Avg TTFT", "Avg TPOT", "Avg Thpt", "Avg In", "Avg Out", "Answers"];
    style.plain(&boxed("", &header, reports.iter().map(row).collect(), 2))
}

/// The primary score of each benchmark.
pub fn overview_table(reports: &[Report], style: Style) -> String {
    let row = |report: &Report| {
        let executed = report.executed();
        let failed =
            if executed.errored > 0 { format!("{} failed", count(executed.errored)) } else { "—".to_owned() };
        match report.main_metric() {
            Some(metric) => vec![
                report.model.clone(),
                report.title.clone(),
                metric.label(),
                count(metric.num),
                metric.show(metric.score),
                interval(metric, metric.certainty.as_ref()),
                failed,
            ],
            None => {
                vec![report.model.clone(), report.title.clone(), "—".into(), "0".into(), "—".into(), "—".into(), failed]
            }
        }
    };
    let header = ["Model", "Dataset", "Metric", "Num", "Score", "95 %", "Failures"];
    style.plain(&boxed("", &header, reports.iter().map(row).collect(), 3))
}

/// All reports of a run as one page that asks for nothing.
///
/// # Errors
/// When the template fails, which is a defect.
pub fn evaluation_html(evaluated: &Evaluated) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let bug = |e: minijinja::Error| Failure::bug(format!("cannot fill the report's template: {e:#}"));
    environment.add_template("evaluation.html", TEMPLATE).map_err(bug)?;
    let template = environment.get_template("evaluation.html").map_err(bug)?;
    let reports: Vec<Value> = evaluated.reports.iter().map(section).collect();
    let made = format!("evalscope {}", env!("CARGO_PKG_VERSION"));
    let when = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let notices: Vec<String> = evaluated.notices.iter().map(|notice| clean(notice, 500)).collect();
    let page = template.render(context! {
        style => Value::from_safe_string(STYLE.trim().to_owned()),
        title => clean(&evaluated.model, 120),
        subtitle => format!("evaluation · {when} · {made}"),
        stopped => evaluated.interrupted || evaluated.lost,
        notices,
        overview => html_table(&overview(&evaluated.reports)),
        speed => html_table(&speed(&evaluated.reports)),
        reports,
    });
    page.map_err(bug)
}

fn words(texts: impl IntoIterator<Item = String>) -> Vec<Cell> {
    texts.into_iter().map(|text| Cell::Words(clean(&text, 200))).collect()
}

fn overview(reports: &[Report]) -> Table {
    let row = |report: &Report| {
        let executed = report.executed();
        let mut cells = words([report.title.clone()]);
        match report.main_metric() {
            Some(metric) => {
                cells.extend(words([metric.label()]));
                cells.extend([
                    Cell::Text(metric.show(metric.score)),
                    Cell::Text(interval(metric, metric.certainty.as_ref())),
                    Cell::Count(metric.num),
                ]);
            }
            None => cells.extend([Cell::words("—"), Cell::words("—"), Cell::words("—"), Cell::Count(0)]),
        }
        cells.push(Cell::Count(executed.errored));
        cells.into()
    };
    let columns = ["benchmark", "metric", "score", "95 % interval", "samples", "failed"].map(Column::alone).to_vec();
    Table { caption: "Scores".to_owned(), columns, rows: reports.iter().map(row).collect(), ..Table::default() }
}

fn speed(reports: &[Report]) -> Table {
    let row = |report: &Report| {
        let [latency, ttft, tpot, rate, input, output] = report.speed;
        let mut cells = words([report.title.clone()]);
        let ms = |seconds: Option<f64>| Cell::Figure(seconds.map(|seconds| seconds * 1e3));
        cells.extend([ms(latency), ms(ttft), ms(tpot), Cell::Figure(rate), Cell::Figure(input), Cell::Figure(output)]);
        cells.push(Cell::Figure(report.wall["answered_per_s"].as_f64()));
        cells.into()
    };
    let columns = vec![
        Column::alone("benchmark"),
        Column::of("mean, ms", "latency"),
        Column::of("mean, ms", "TTFT"),
        Column::of("mean, ms", "TPOT"),
        Column::alone("tok/s of a request"),
        Column::of("mean tokens", "prompt"),
        Column::of("mean tokens", "reply"),
        Column::alone("answers/s, wall clock"),
    ];
    Table { caption: "Speed".to_owned(), columns, rows: reports.iter().map(row).collect(), ..Table::default() }
}

fn section(report: &Report) -> Value {
    let metrics: Vec<Value> = report.metrics.iter().map(|metric| html_table(&subsets(metric))).collect();
    let main = report.main_metric();
    let executed = report.executed();
    context! {
        id => report.name.clone(),
        title => report.title.clone(),
        about => report.about.clone(),
        score => main.map_or_else(|| "—".to_owned(), |metric| metric.show(metric.score)),
        label => main.map_or_else(String::new, Metric::label),
        interval => main.map_or_else(String::new, |metric| interval(metric, metric.certainty.as_ref())),
        asked => count(executed.requested),
        answered => count(executed.succeeded),
        failed => executed.errored,
        levels => report.levels.as_ref().map(|levels| tables(levels).iter().map(html_table).collect::<Vec<_>>()),
        notices => report.notices.iter().map(|notice| clean(notice, 500)).collect::<Vec<_>>(),
        metrics,
    }
}

fn subsets(metric: &Metric) -> Table {
    let mut rows = Vec::new();
    for category in &metric.categories {
        for subset in &category.subsets {
            let mut cells = words([category.name(), subset.name.clone()]);
            cells.extend([
                Cell::Text(metric.show(subset.score)),
                Cell::Text(interval(metric, subset.certainty.as_ref())),
                Cell::Count(subset.num),
            ]);
            rows.push(cells.into());
        }
    }
    let columns = ["category", "subset", "score", "95 % interval", "samples"].map(Column::alone).to_vec();
    Table { caption: metric.label(), columns, rows, ..Table::default() }
}

/// A list of benchmarks, a row each.
pub fn benchmarks_table(entries: &[&Entry], style: Style) -> String {
    let row = |entry: &&Entry| {
        let card = &entry.card;
        vec![
            card.name.clone(),
            card.title.clone(),
            card.modality.clone(),
            card.source.subsets.len().to_string(),
            card.tags.join(", "),
        ]
    };
    let rows =
        entries.iter().map(row).map(|cells: Vec<String>| cells.iter().map(|cell| clean(cell, 60)).collect()).collect();
    style.plain(&boxed("", &["Name", "Title", "Modality", "Subsets", "Tags"], rows, 3))
}

/// One benchmark in full.
pub fn benchmark_text(entry: &Entry) -> String {
    let card = &entry.card;
    let source = &card.source;
    let none = || "—".to_owned();
    const SHOWN: usize = 20;
    let mut subsets = source.subsets.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if source.subsets.len() > SHOWN {
        subsets.push_str(&format!(" and {} more", source.subsets.len() - SHOWN));
    }
    let examples = card.prompt.examples.clone().unwrap_or_default();
    let mut lines = vec![
        format!("{}  {}", card.name, card.title),
        card.about.trim().to_owned(),
        String::new(),
        format!("tags         {}", card.tags.join(", ")),
        format!("modality     {}", card.modality),
        format!("version      {}", card.version),
        format!("licence      {}", card.licence),
        format!("paper        {}", card.paper.clone().unwrap_or_else(none)),
        format!("ModelScope   {}", source.modelscope.clone().unwrap_or_else(none)),
        format!("Hugging Face {}", source.huggingface.clone().unwrap_or_else(none)),
        format!("split        {}", source.split.clone().unwrap_or_else(none)),
        format!("subsets      {subsets}"),
        format!("examples     {}", examples.count),
        format!("metrics      {}", card.report.metrics.join(", ")),
        format!("aggregation  {}", card.report.aggregate.clone().unwrap_or_else(|| "mean".to_owned())),
    ];
    if !card.params.is_empty() {
        lines.push("extra_params".to_owned());
        for (name, param) in &card.params {
            let text = |key: &str| {
                param
                    .get(key)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    .unwrap_or_else(none)
            };
            lines.push(format!("  {name} ({}, {}): {}", text("type"), text("value"), text("about")));
        }
    }
    lines.push(String::new());
    lines.push(format!("evalscope eval --datasets {} --limit 5", card.name));
    lines.push(format!("evalscope eval --datasets {} --dataset-hub sample", card.name));
    lines.join("\n")
}
