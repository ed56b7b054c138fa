//! Answers with a grammar of their own: grids, tables, programs, ratings, lines, assignments.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;

use super::super::super::forms::{arc_agi, eq_bench, finqa, perspective_gap, process_bench, sparc, zebra_logic};
use super::super::super::sample::{Sample, spelled};
use super::super::case::{Case, Marks, Taken};
use super::super::params::{none, read};
use super::{Made, NONSENSE, Score, noted, noted_as, noted_text};

pub(super) const NAMES: &[&str] =
    &["zebralogicbench", "eq-bench", "process-bench", "finqa", "arc-agi-2", "sparc", "perspective-gap"];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    if name == "perspective-gap" {
        return Ok(Box::new(read::<Perspectives>(name, params)?));
    }
    none(name, params)?;
    Ok(match name {
        "zebralogicbench" => Box::new(Zebra),
        "eq-bench" => Box::new(EqBench),
        "process-bench" => Box::new(ProcessBench),
        "finqa" => Box::new(FinQa),
        "arc-agi-2" => Box::new(ArcAgi),
        _ => Box::new(Sparc),
    })
}

/// Whether all cells of a table are right, and the share of those that are.
struct Zebra;

impl Score for Zebra {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer: Option<Value> = serde_json::from_str(&taken.text).ok();
        let Some(verdict) = zebra_logic::score(answer.as_ref(), &case.sample.target) else {
            return Marks::excluded("the record has no solution with `header` and `rows`");
        };
        let share = if verdict.cells == 0 { 0.0 } else { verdict.right_cells as f64 / verdict.cells as f64 };
        Marks::of([("puzzle_acc", f64::from(verdict.solved)), ("cell_acc", share)])
            .noting("verdict", serde_json::to_value(&verdict).unwrap_or_default())
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let header = sample.target.get("header")?.as_array()?;
        let mut houses = serde_json::Map::new();
        for (place, row) in sample.target.get("rows")?.as_array()?.iter().enumerate() {
            let cells = header.iter().zip(row.as_array()?).skip(1);
            let cells: serde_json::Map<String, Value> =
                cells.map(|(name, cell)| (spelled(name), cell.clone())).collect();
            houses.insert(format!("House {}", place + 1), Value::Object(cells));
        }
        Some(json!({"reasoning": "By the clues.", "solution": houses}).to_string())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(json!({"reasoning": "A guess.", "solution": {"House 1": {"Name": NONSENSE}}}).to_string())
    }
}

/// Four feelings rated; a reply that does not rate exactly these has no score.
struct EqBench;

impl Score for EqBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        match eq_bench::score(&taken.text, &case.sample.target) {
            Ok(score) => Marks::one("eq_bench_score", score),
            Err(why) => Marks::excluded(why.to_string()),
        }
    }

    fn right(&self, _: &Sample) -> Option<String> {
        None
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        None
    }
}

/// The number of the first paragraph with an error, or -1.
struct ProcessBench;

impl Score for ProcessBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Ok(label) = case.sample.target_text().trim().parse::<i64>() else {
            return Marks::excluded("the record has no label");
        };
        Marks::one(process_bench::metric(label), process_bench::score(taken.text.trim().parse().ok(), label))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, sample: &Sample) -> Option<String> {
        Some(if sample.target_text().trim() == "-1" { "7" } else { "-1" }.to_owned())
    }
}

/// A program that is run, and compared with the gold program.
struct FinQa;

impl Score for FinQa {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let table: Vec<Vec<String>> =
            noted(case.sample, "table").and_then(Value::as_array).map_or_else(Vec::new, |rows| {
                rows.iter().map(|row| row.as_array().into_iter().flatten().map(spelled).collect()).collect()
            });
        let none = Value::Null;
        let answer = noted(case.sample, "answer").unwrap_or(&none);
        let verdict = finqa::score(Some(&taken.text), &case.sample.target_text(), answer, &table);
        Marks::of([("execution_accuracy", verdict.execution_accuracy), ("program_accuracy", verdict.program_accuracy)])
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("add(987654, 1)".to_owned())
    }
}

/// A grid, right only where every cell is.
struct ArcAgi;

impl Score for ArcAgi {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer: Option<Value> = serde_json::from_str(&taken.text).ok();
        Marks::one("accuracy", arc_agi::score(answer.as_ref(), &case.sample.target_text()))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        Some(sample.target_text())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("[[10]]".to_owned())
    }
}

/// A line through a grid. Whether it keeps all rules, known solution or not, is noted beside.
struct Sparc;

impl Score for Sparc {
    fn score(&self, case: &Case<'_>, _: &Taken) -> Marks {
        let Some(puzzle) = noted_as::<sparc::Puzzle>(case.sample, "puzzle") else {
            return Marks::excluded("the puzzle of the record cannot be read");
        };
        let verdict = sparc::score(&case.reply.text, &puzzle);
        let path = sparc::extract(&case.reply.text, &puzzle).unwrap_or_default();
        Marks::of([("accuracy", verdict.accuracy), ("invalid_path_rate", verdict.invalid_path_rate)])
            .noting("path_analysis", serde_json::to_value(&verdict).unwrap_or_default())
            .taking(sparc::written(&path))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let puzzle = noted_as::<sparc::Puzzle>(sample, "puzzle")?;
        let path: Vec<sparc::Place> = puzzle.solutions.first()?.path.iter().map(|step| (step.x, step.y)).collect();
        Some(format!("So the line is:\n#### {}", sparc::written(&path)))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("#### (9,9), (9,8)".to_owned())
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PerspectiveTask {
    PromptWriting,
    RoleAssignment,
}

/// Which role is given which piece of information. Texts are cut into words; the official scorer cuts them into the tokens
/// of one model, so that shares may differ a little.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Perspectives {
    task: PerspectiveTask,
    #[serde(default)]
    thresholds: perspective_gap::Options,
}

impl Score for Perspectives {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let sample = case.sample;
        let needs: Option<BTreeMap<String, BTreeSet<String>>> = serde_json::from_value(sample.target.clone()).ok();
        let Some(needs) = needs else { return Marks::excluded("the record does not say what the roles need") };
        let distractor = Some(noted_text(sample, "distractor_id")).filter(|id| !id.is_empty());
        let verdict = match self.task {
            PerspectiveTask::RoleAssignment => perspective_gap::role_assignment(&taken.text, &needs, distractor),
            PerspectiveTask::PromptWriting => {
                let fragments = noted_as::<Vec<perspective_gap::Fragment>>(sample, "fragments").unwrap_or_default();
                let words = &perspective_gap::words;
                perspective_gap::prompt_writing(&taken.text, &fragments, &needs, distractor, words, self.thresholds)
            }
        };
        Marks::of([
            ("strict_pass", verdict.strict_pass),
            ("net_match_score", verdict.net_match_score),
            ("required_coverage", verdict.required_coverage),
            ("boundary_precision", verdict.boundary_precision),
            ("distractor_leakage", verdict.distractor_leakage),
        ])
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let PerspectiveTask::PromptWriting = self.task else { return Some(sample.target.to_string()) };
        let fragments = noted_as::<Vec<perspective_gap::Fragment>>(sample, "fragments")?;
        let needs: BTreeMap<String, BTreeSet<String>> = serde_json::from_value(sample.target.clone()).ok()?;
        let section = |(role, needed): (&String, &BTreeSet<String>)| {
            let told = fragments.iter().filter(|fragment| needed.contains(&fragment.id));
            format!("# {role}\n{}", told.map(|fragment| fragment.text.as_str()).collect::<Vec<_>>().join("\n"))
        };
        Some(needs.iter().map(section).collect::<Vec<_>>().join("\n\n"))
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("I cannot do that.".to_owned())
    }
}
