//! The levels of a mixture of benchmarks as tables.

use super::boxed::boxed;
use super::table::{Cell, Column, Table};
use super::terminal::Style;
use crate::eval::aggregate::collection::{Level, Levels, Line};
use crate::units::clean;

/// Lines of a level beyond which a console says how many there are in place of them.
const MOST_LINES: usize = 40;

/// What a level is called.
fn title(level: &Level) -> &'static str {
    match level.name {
        "subset_level" => "By subset",
        "dataset_level" => "By data set",
        "task_level" => "By kind of task",
        "tag_level" => "By tag",
        _ => "By category",
    }
}

/// The columns behind the names.
fn figures(level: &Level) -> &'static [&'static str] {
    if level.has_means { &["Micro", "Macro", "Weighted", "Num"] } else { &["Mean", "Num"] }
}

/// The figures of a line. Values of several metrics are mixed, so they are numbers and no percentages.
fn values(level: &Level, line: &Line) -> Vec<String> {
    let means = if level.has_means { vec![line.micro, line.macro_mean, line.weighted] } else { vec![line.micro] };
    means.into_iter().map(|mean| format!("{mean:.4}")).chain([line.count.to_string()]).collect()
}

/// The levels that have lines.
fn told(levels: &Levels) -> impl Iterator<Item = Level> {
    levels.all().into_iter().filter(|level| !level.lines.is_empty())
}

/// The levels on a console, one below the other.
pub fn levels_table(levels: &Levels, style: Style) -> String {
    let table = |level: Level| {
        if level.lines.len() > MOST_LINES {
            return format!("{}: {} lines in collection_detailed_report.json\n", title(&level), level.lines.len());
        }
        let header: Vec<&str> =
            level.columns.iter().map(String::as_str).chain(figures(&level).iter().copied()).collect();
        let row = |line: &Line| {
            let names = line.of.iter().map(|part| clean(part, 60));
            names.chain(values(&level, line)).collect::<Vec<_>>()
        };
        boxed(title(&level), &header, level.lines.iter().map(row).collect(), level.columns.len())
    };
    style.plain(&told(levels).map(table).collect::<Vec<_>>().join("\n"))
}

/// The levels on a page.
pub(super) fn tables(levels: &Levels) -> Vec<Table> {
    let table = |level: Level| {
        let names = level.columns.iter().map(String::as_str).chain(figures(&level).iter().copied());
        let columns = names.map(Column::alone).collect();
        let row = |line: &Line| {
            let mut cells: Vec<Cell> = line.of.iter().map(|part| Cell::Words(clean(part, 200))).collect();
            cells.extend(values(&level, line).into_iter().map(Cell::Text));
            cells.into()
        };
        let rows = level.lines.iter().map(row).collect();
        Table { caption: title(&level).to_owned(), columns, rows, ..Table::default() }
    };
    told(levels).map(table).collect()
}
