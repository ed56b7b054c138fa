//! A comparison of two runs on a console.

use super::table::Mark;
use super::terminal::{Style, columns_of, wrap};
use crate::run::{Comparison, Difference, PointComparison, Standing, Status};
use crate::stats::{Change, GateState, Told, Verdict};
use crate::units::{clean, count, figure};

/// Settings that are listed, at most.
const LISTED: usize = 8;

/// Both runs, what they share, and for each load point a line a figure.
pub fn comparison(comparison: &Comparison, width: usize, style: Style) -> String {
    let mut out = String::new();
    let mut lines = |text: &str, mark: Mark| {
        for line in wrap(&style.plain(text), width) {
            out.push_str(&format!("{}\n", style.mark(mark, &line)));
        }
    };
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let of = [&side.model, &side.tool].into_iter().flatten().map(|text| clean(text, 80)).collect::<Vec<_>>();
        lines(&format!("{name} {}  {}", clean(&side.path, 500), of.join("  ")), Mark::Good);
    }
    let (same, mark) = match comparison.same_workload {
        true => (format!("workload equal (digest {}…)", short(&comparison.a.workload)), Mark::Good),
        false => {
            let (a, b) = (short(&comparison.a.workload), short(&comparison.b.workload));
            (format!("! workload differs (digests {a}… and {b}…): changes may come from it"), Mark::Doubt)
        }
    };
    lines(&same, mark);
    if !comparison.differs.is_empty() {
        lines(&format!("differs: {}", differences(&comparison.differs)), Mark::Good);
    }
    for folder in &comparison.unmatched {
        lines(&format!("! {} is in one run only", clean(folder, 500)), Mark::Doubt);
    }
    for point in &comparison.points {
        out.push('\n');
        out.push_str(&at(point, width, style));
    }
    out
}

fn short(digest: &str) -> String {
    digest.chars().take(6).collect()
}

fn differences(differs: &[Difference]) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or("unset".to_owned(), |value| clean(value, 60));
    let mut shown: Vec<String> = differs
        .iter()
        .take(LISTED)
        .map(|difference| format!("{} {} → {}", difference.flag, value(&difference.a), value(&difference.b)))
        .collect();
    if differs.len() > LISTED {
        shown.push(format!("{} more", differs.len() - LISTED));
    }
    shown.join(", ")
}

/// One load point.
fn at(point: &PointComparison, width: usize, style: Style) -> String {
    let repeat = if point.repeat > 1 { format!(", run {}", point.repeat) } else { String::new() };
    // Requests in flight are whole, rates need not be.
    let whole = point.level.fract() == 0.0;
    let level = if whole { count(point.level as u64) } else { figure(Some(point.level)) };
    let title = format!("at {level} {}{repeat}", point.unit);
    let mut rows = vec![["", "A", "B", "change", "95 % interval"].map(str::to_owned)];
    rows.extend(point.changes.iter().map(cells));
    let rows: Vec<[String; 5]> = rows.into_iter().map(|row| row.map(|cell| style.plain(&cell))).collect();
    let widths: Vec<usize> = (0..5).map(|at| rows.iter().map(|row| columns_of(&row[at])).max().unwrap_or(0)).collect();
    let mut out = format!("{}  {}\n", style.bold(&title), style.dim(&style.plain(&standings(point))));
    for (index, row) in rows.iter().enumerate() {
        let mut line = format!("{}{}", row[0], " ".repeat(widths[0] - columns_of(&row[0])));
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line.push_str(&format!("  {}{cell}", " ".repeat(width - columns_of(cell))));
        }
        let told = index.checked_sub(1).and_then(|index| point.changes.get(index)).map(|change| change.told);
        match told {
            None => out.push_str(&style.dim(line.trim_end())),
            Some(told) => {
                let mark = if told == Told::Worse { Mark::Doubt } else { Mark::Good };
                out.push_str(&format!("{line}  {}", style.mark(mark, told.words())));
            }
        }
        out.push('\n');
    }
    for gate in &point.gates {
        let (word, mark) = match gate.state {
            GateState::Passed => ("passed", Mark::Good),
            GateState::Failed => ("failed", Mark::Bad),
            GateState::Undecided => ("undecided", Mark::Doubt),
        };
        for line in wrap(&style.plain(&format!("gate \"{}\" {word}: {}", clean(&gate.gate, 60), gate.why)), width) {
            out.push_str(&format!("{}\n", style.mark(mark, &line)));
        }
    }
    out
}

/// What a reader must know of both before the figures.
fn standings(point: &PointComparison) -> String {
    let words = |standing: &Standing| {
        let verdict = standing.verdict.map_or("no verdict", Verdict::name);
        match standing.status {
            Some(Status::Complete) | None => verdict.to_owned(),
            Some(Status::Interrupted) => format!("{verdict}, interrupted"),
            Some(Status::Aborted) => format!("{verdict}, aborted"),
            Some(Status::Recovered) => format!("{verdict}, recovered"),
        }
    };
    let (a, b) = (words(&point.a), words(&point.b));
    if a == b { format!("both {a}") } else { format!("A {a}, B {b}") }
}

/// Name, both values, change and interval of a figure.
fn cells(change: &Change) -> [String; 5] {
    let name = match change.figure.split_once(' ') {
        Some((stat, latency)) => format!("{} {stat} ms", latency.to_uppercase()),
        None => change.figure.clone(),
    };
    let percent = change.percent.map_or("—".to_owned(), |percent| format!("{} %", signed(percent)));
    let interval = change.percent_ci.map_or("—".to_owned(), |ci| format!("{} … {}", signed(ci.low), signed(ci.high)));
    [name, figure(change.a), figure(change.b), percent, interval]
}

/// A percentage with its sign and one decimal.
fn signed(value: f64) -> String {
    let text = format!("{:.1}", value.abs());
    let sign = match value {
        _ if text == "0.0" => "",
        value if value < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Side;
    use crate::stats::{GateResult, Interval};

    fn change(figure: &str, a: f64, b: f64, ci: Option<(f64, f64)>, told: Told) -> Change {
        let percent_ci = ci.map(|(low, high)| Interval { low, high });
        Change {
            figure: figure.to_owned(),
            a: Some(a),
            b: Some(b),
            percent: Some(100.0 * (b - a) / a),
            percent_ci,
            difference: Some(b - a),
            difference_ci: None,
            told,
        }
    }

    fn example() -> Comparison {
        let side = |path: &str| Side {
            path: path.to_owned(),
            tool: Some("evalscope 0.1.0".to_owned()),
            model: Some("qwen2.5-7b-instruct".to_owned()),
            workload: "9f3c61d2aa0b11c7".to_owned(),
        };
        let standing = |verdict| Standing {
            folder: "parallel_32_number_1000".to_owned(),
            requests: 1000,
            status: Some(Status::Complete),
            verdict: Some(verdict),
        };
        Comparison {
            format_version: 1,
            a: side("outputs/20261120_221000/qwen"),
            b: side("outputs/20261121_031500/qwen"),
            same_workload: true,
            differs: vec![Difference { flag: "--url".to_owned(), a: Some("http://a".to_owned()), b: None }],
            points: vec![PointComparison {
                level: 32.0,
                unit: "in flight".to_owned(),
                repeat: 1,
                a: standing(Verdict::Valid),
                b: standing(Verdict::Valid),
                changes: vec![
                    change("tok/s", 2410.0, 2640.0, Some((7.9, 11.2)), Told::Better),
                    change("p50 ttft", 101.0, 96.0, Some((-7.7, -2.1)), Told::Better),
                    change("p99 ttft", 209.0, 214.0, Some((-9.8, 15.1)), Told::NotApart),
                    change("p99 itl", 20.0, 25.0, None, Told::NotApart),
                    change("p50 e2e", 3000.0, 3300.0, Some((8.0, 12.0)), Told::Worse),
                ],
                gates: vec![GateResult {
                    gate: "p99 ttft +5%".to_owned(),
                    state: GateState::Undecided,
                    why: "interval reaches +15.1 %, needs n ≈ 24,000".to_owned(),
                }],
            }],
            unmatched: Vec::new(),
        }
    }

    #[test]
    fn at_80() {
        insta::assert_snapshot!(comparison(&example(), 80, Style { color: false, ascii: false }));
    }

    #[test]
    fn in_a_pipe_with_doubts() {
        let mut example = example();
        example.same_workload = false;
        example.b.workload = "0011223344556677".to_owned();
        example.points[0].b.verdict = Some(Verdict::Degraded);
        example.points[0].gates[0].state = GateState::Failed;
        example.unmatched.push("outputs/x/parallel_8_number_100".to_owned());
        let text = comparison(&example, 100, Style { color: false, ascii: true });
        assert!(text.chars().all(|c| c.is_ascii() || c == '—'), "{text}");
        insta::assert_snapshot!(text);
    }
}
