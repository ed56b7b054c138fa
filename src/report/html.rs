//! `perf_report.html`: the document as one file that opens from disk, asks for nothing and follows the reader's theme.

use minijinja::{AutoEscape, Environment, Value, context};

use super::chart::Chart;
use super::depth::Depth;
use super::document::Document;
use super::draw::SIZE;
use super::pooled::PooledDepth;
use super::svg;
use super::table::{Mark, Row, Table};
use super::trust::{Badge, Judgement};
use crate::error::{Failure, Result};
use crate::run::RunResult;

const TEMPLATE: &str = concat!(include_str!("../../reports/table.html"), include_str!("../../reports/report.html"));
/// The style sheet of every page.
pub(super) const STYLE: &str = include_str!("../../reports/style.css");
/// As wide as a digit and as a decimal point where figures are tabular.
const PAD: (char, char) = ('\u{2007}', '\u{2008}');

/// The report as HTML.
///
/// # Errors
/// When a chart or the template fails, which is a defect.
pub fn html(run: &RunResult) -> Result<String> {
    let document = Document::of(run);
    let mut environment = Environment::new();
    // Everything is escaped; only our own drawings, style sheet and JSON are handed over as markup.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let bug = |e: minijinja::Error| Failure::bug(format!("cannot fill the report's template: {e:#}"));
    environment.add_template("report.html", TEMPLATE).map_err(bug)?;
    let template = environment.get_template("report.html").map_err(bug)?;
    let charts = document.charts.iter().map(chart).collect::<Result<Vec<_>>>()?;
    let points = document.points.iter().map(point).collect::<Result<Vec<_>>>()?;
    let notices: Vec<Value> = document
        .notices
        .iter()
        .map(|notice| {
            let glyph = if notice.mark == Mark::Good { "·" } else { notice.mark.glyph() };
            context! { glyph, word => notice.word(), state => state(notice.mark), text => notice.text.clone() }
        })
        .collect();
    let cards: Vec<Value> = document
        .cards
        .iter()
        .map(|card| context! { label => card.label.clone(), value => card.value.clone(), note => card.note.clone() })
        .collect();
    let worst = Badge { verdict: document.trust.worst, loads: String::new() };
    let head = document.notices.first().map_or(worst.glyph(), |notice| match (notice.mark, worst.mark()) {
        (Mark::Bad, _) | (Mark::Doubt, Mark::Good | Mark::Doubt) => notice.mark.glyph(),
        _ => worst.glyph(),
    });
    let page = template.render(context! {
        style => Value::from_safe_string(STYLE.trim().to_owned()),
        title => document.title,
        subtitle => document.subtitle,
        answer => document.answer,
        head,
        verdict => worst.word(),
        trust => trust(&document.trust)?,
        notices,
        cards,
        facts_list => pairs(&document.facts),
        sweep => table(&document.sweep),
        lines => pairs(&document.lines),
        best => table(&document.best),
        advice => document.advice,
        charts,
        pooled => document.pooled.iter().map(pooled).collect::<Vec<_>>(),
        points,
        conversations => table(&document.conversations),
        audit => table(&document.audit),
        failures => table(&document.failures),
        setting => table(&document.setting),
        plan => document.plan,
        definitions => table(&document.definitions),
        // No `<` is left in the JSON, so nothing in it can end the element it stands in.
        data => Value::from_safe_string(document.data.to_string().replace('<', "\\u003c")),
    });
    page.map_err(bug)
}

fn pairs<T: AsRef<str>>(list: &[(T, String)]) -> Vec<Value> {
    list.iter().map(|(name, value)| Value::from(vec![name.as_ref().to_owned(), value.clone()])).collect()
}

fn state(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "note",
        Mark::Doubt => "warn",
        Mark::Bad => "bad",
    }
}

fn meaning(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "",
        Mark::Doubt => "with a warning, see the head",
        Mark::Bad => "not measured or not to be believed, see the head",
    }
}

fn badge(badge: &Badge) -> Value {
    let state = match badge.mark() {
        Mark::Good if badge.verdict.is_some() => "ok",
        mark => state(mark),
    };
    context! { glyph => badge.glyph(), word => badge.word(), loads => badge.loads.clone(), state }
}

fn trust(trust: &Judgement) -> Result<Value> {
    let charts = trust.charts.iter().map(chart).collect::<Result<Vec<_>>>()?;
    let points =
        trust.points.iter().map(|judged| context! { badge => badge(&judged.badge), line => judged.line.clone() });
    Ok(context! {
        badges => trust.badges.iter().map(badge).collect::<Vec<_>>(),
        points => points.collect::<Vec<_>>(),
        bars => trust.bars.clone(),
        doubts => table(&trust.doubts),
        lags => table(&trust.lags),
        charts,
        client => table(&trust.client),
        self_checks => table(&trust.self_checks),
    })
}

fn point(depth: &Depth) -> Result<Value> {
    let charts = depth.charts.iter().map(chart).collect::<Result<Vec<_>>>()?;
    Ok(context! {
        id => depth.id.clone(),
        title => depth.title.clone(),
        line => depth.line.clone(),
        glyph => depth.mark.glyph(),
        state => state(depth.mark),
        word => meaning(depth.mark),
        facts => pairs(&depth.facts),
        beside => table(&depth.beside),
        goodput => table(&depth.goodput),
        speed => table(&depth.speed),
        spreads => table(&depth.spreads),
        charts,
    })
}

fn pooled(pooled: &PooledDepth) -> Value {
    context! {
        id => pooled.id.clone(),
        title => pooled.title.clone(),
        line => pooled.line.clone(),
        glyph => pooled.mark.glyph(),
        state => state(pooled.mark),
        word => meaning(pooled.mark),
        table => table(&pooled.table),
        goodput => table(&pooled.goodput),
    }
}

fn chart(chart: &Chart) -> Result<Value> {
    let (width, height) = SIZE;
    Ok(context! {
        id => chart.id.clone(),
        title => chart.title.clone(),
        subtitle => chart.subtitle.clone(),
        desc => chart.desc.clone(),
        width,
        height,
        svg => Value::from_safe_string(svg::elements(chart)?),
        table => table(&chart.table),
    })
}

pub(super) fn table(table: &Table) -> Value {
    let (digit, dot) = PAD;
    let texts: Vec<Vec<String>> = (0..table.columns.len()).map(|index| table.texts(index, digit, dot)).collect();
    let columns: Vec<Value> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| context! { name => column.name.clone(), words => table.is_words(index) })
        .collect();
    let row = |index: usize, row: &Row| {
        let cells: Vec<String> = texts.iter().filter_map(|column| column.get(index).cloned()).collect();
        context! {
            cells,
            glyph => row.mark.glyph(),
            state => state(row.mark),
            word => meaning(row.mark),
            words => row.words.join(", "),
            strong => row.words.iter().any(|word| word == "best"),
        }
    };
    let mut groups: Vec<(String, usize)> = Vec::new();
    for column in &table.columns {
        match groups.last_mut() {
            Some((name, span)) if !name.is_empty() && *name == column.group => *span += 1,
            _ => groups.push((column.group.clone(), 1)),
        }
    }
    context! {
        caption => table.caption.clone(),
        columns,
        grouped => groups.iter().any(|(name, _)| !name.is_empty()),
        groups => groups.into_iter().map(|(name, span)| context! { name, span }).collect::<Vec<_>>(),
        rows => table.rows.iter().enumerate().map(|(index, r)| row(index, r)).collect::<Vec<_>>(),
        worded => table.rows.iter().any(|row| !row.words.is_empty()),
        notes => table.notes.clone(),
    }
}
