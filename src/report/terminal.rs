//! The sweep on a console: trust, remarks, table, and what to do next, never wider than asked.

use super::answer;
use super::bounds::bounds;
use super::notice::notices;
use super::performance::by_load;
use super::pooled::pooled_table;
use super::stages::brief;
use super::sweep::sweep;
use super::table::{Mark, Row, Table};
use super::trust::{Badge, Judgement, judgement};
use crate::run::RunResult;

/// No console is narrower.
const LEAST: usize = 24;
/// Below this width each metric has a line of its own.
const NARROW: usize = 60;
/// From this width on the table has all its columns.
pub(super) const WIDE: usize = 120;
/// Width of the words that begin the lines below the table.
const LABEL: usize = 7;

/// How a console shows text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Escape codes for weight and colour.
    pub color: bool,
    /// Signs of ASCII only, for pipes and old consoles; `—` for missing stays, because nothing else means it.
    pub ascii: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn mark(self, mark: Mark, text: &str) -> String {
        match mark {
            Mark::Good => text.to_owned(),
            Mark::Doubt => self.paint("33", text),
            Mark::Bad => self.paint("31", text),
        }
    }

    fn glyph(self, mark: Mark) -> &'static str {
        match mark {
            Mark::Bad if self.ascii => "x",
            mark => mark.glyph(),
        }
    }

    pub(super) fn plain(self, text: &str) -> String {
        if !self.ascii {
            return text.to_owned();
        }
        let text = text.replace(['✗', '×'], "x").replace('✓', "+").replace(['–', '−', '·'], "-").replace('±', "+-");
        let text = text.replace('≤', "<=").replace('≥', ">=").replace(['“', '”'], "\"");
        text.replace('≈', "~").replace('→', "->").replace('…', "..")
    }
}

/// The final table of a run, with the remarks that must be read before it and the lines that follow it.
pub fn sweep_table(run: &RunResult, width: usize, style: Style) -> String {
    let width = width.max(LEAST);
    let mut out = trust(run, width, style);
    for notice in notices(run) {
        let glyph = if notice.mark == Mark::Good { "·" } else { style.glyph(notice.mark) };
        let glyph = if style.ascii && notice.mark == Mark::Good { "-" } else { glyph };
        for (index, line) in wrap(&style.plain(&notice.text), width - 2).iter().enumerate() {
            let head = if index == 0 { style.mark(notice.mark, glyph) } else { " ".to_owned() };
            out.push_str(&format!("{head} {line}\n"));
        }
    }
    let table = sweep(run);
    let table = if width >= WIDE { table } else { table.narrow() };
    out.push_str(&laid_out(&table, width, style));
    notes(&table.notes, width, style, &mut out);
    if !run.pooled.is_empty() {
        let table = pooled_table(&run.pooled);
        out.push_str(&format!("\n{}", laid_out(&table, width, style)));
        notes(&table.notes, width, style, &mut out);
    }
    let bounds = bounds(run);
    if !bounds.is_empty() {
        out.push('\n');
    }
    for table in &bounds {
        out.push_str(&laid_out(table, width, style));
        notes(&table.notes, width, style, &mut out);
    }
    for (word, text) in answer::lines(run) {
        let text = style.plain(&text);
        // Paths and commands stay whole, so that they can be copied.
        let lines = if matches!(word, "saved" | "next") { vec![text] } else { wrap(&text, width - LABEL) };
        for (index, line) in lines.iter().enumerate() {
            let head = if index == 0 { word } else { "" };
            let line = if word == "best" { style.bold(line) } else { line.clone() };
            out.push_str(&format!("{head:LABEL$}{line}\n"));
        }
    }
    out
}

/// Remarks below a table.
pub(super) fn notes(notes: &[String], width: usize, style: Style, out: &mut String) {
    for line in notes.iter().flat_map(|note| wrap(&style.plain(note), width)) {
        out.push_str(&format!("{}\n", style.dim(&line)));
    }
}

/// Whether the run can be believed, which stands above everything that depends on it.
fn trust(run: &RunResult, width: usize, style: Style) -> String {
    let Judgement { badges, reasons, lags, bars, hints, .. } = judgement(run);
    let mut out = verdicts(&badges, width, style);
    reasons.iter().for_each(|reason| out.push_str(&told("  ", reason, width, style)));
    let brief = brief(&lags, &by_load(run));
    if !brief.rows.is_empty() {
        out.push_str(&laid_out(&brief, width, style));
    }
    bars.iter().for_each(|bar| out.push_str(&told("  ", bar, width, style)));
    hints.iter().for_each(|hint| out.push_str(&told("hint: ", hint, width, style)));
    if !badges.is_empty() {
        out.push('\n');
    }
    out
}

/// Words behind a head, further lines below the words.
pub(super) fn told(head: &str, text: &str, width: usize, style: Style) -> String {
    let room = columns_of(head);
    let lines = wrap(&style.plain(text), width - room);
    let inside = " ".repeat(room);
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| format!("{}{line}\n", if index == 0 { head } else { &inside }))
        .collect()
}

/// The verdicts with their loads, in one line where there is room.
fn verdicts(badges: &[Badge], width: usize, style: Style) -> String {
    let texts: Vec<String> = badges
        .iter()
        .map(|badge| style.plain(&format!("{} {} at {}", badge.glyph(), badge.word(), badge.loads)))
        .collect();
    let one = texts.join("     ");
    let paint = |badge: &Badge, text: &str| {
        let named = style.plain(&format!("{} {}", badge.glyph(), badge.word()));
        match text.strip_prefix(&named) {
            Some(rest) => format!("{}{rest}", style.mark(badge.mark(), &named)),
            None => text.to_owned(),
        }
    };
    if !badges.is_empty() && LABEL + columns_of(&one) <= width {
        let painted: Vec<String> = badges.iter().zip(&texts).map(|(badge, text)| paint(badge, text)).collect();
        return format!("{:LABEL$}{}\n", "trust", painted.join("     "));
    }
    let mut out = String::new();
    for (badge, text) in badges.iter().zip(&texts) {
        for (index, line) in wrap(text, width - LABEL).iter().enumerate() {
            let head = if index == 0 && out.is_empty() { "trust" } else { "" };
            out.push_str(&format!("{head:LABEL$}{}\n", if index == 0 { paint(badge, line) } else { line.clone() }));
        }
    }
    out
}

/// The table in columns, else one metric a line. Wide gaps read best; where the room is short they shrink first. A table
/// whose rows stand for themselves is cut into two before it is listed.
pub(super) fn laid_out(table: &Table, width: usize, style: Style) -> String {
    let fitting = |table: &Table| [(3, 2), (2, 2), (2, 1)].into_iter().find_map(|gaps| grid(table, width, gaps, style));
    let cut = || {
        let [first, second] = table.halves();
        Some(format!("{}{}", fitting(&first)?, fitting(&second)?))
    };
    let grid = fitting(table).or_else(|| if table.mixed { cut() } else { None });
    grid.unwrap_or_else(|| list(table, width, style))
}

/// The table in columns, if it fits the width. The gaps are those between groups and between columns of a group.
pub(super) fn grid(table: &Table, width: usize, gaps: (usize, usize), style: Style) -> Option<String> {
    if width < NARROW {
        return None;
    }
    let texts = |index| table.texts(index, ' ', ' ').iter().map(|text| style.plain(text)).collect();
    let columns: Vec<Vec<String>> = (0..table.columns.len()).map(texts).collect();
    let mut widths: Vec<usize> = columns
        .iter()
        .zip(&table.columns)
        .map(|(texts, column)| {
            let head = columns_of(&column.name);
            texts.iter().map(|text| columns_of(text)).max().unwrap_or(0).max(head)
        })
        .collect();
    let gap = |index: usize| if starts_group(table, index) { gaps.0 } else { gaps.1 };
    // A group must be wide enough for its own name.
    for (from, to) in groups(table) {
        let inside: usize = (from..to).map(|index| widths[index] + if index > from { gap(index) } else { 0 }).sum();
        let name = columns_of(&table.columns[from].group);
        widths[to - 1] += name.saturating_sub(inside);
    }
    let line = |cells: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        for (index, width) in widths.iter().enumerate() {
            let cell = cells(index);
            let pad = width.saturating_sub(columns_of(&cell)) + if index > 0 { gap(index) } else { 0 };
            text.push_str(&" ".repeat(pad));
            text.push_str(&cell);
        }
        text
    };
    let mut top = String::new();
    for (from, to) in groups(table) {
        let inside: usize = (from..to).map(|index| widths[index] + if index > from { gap(index) } else { 0 }).sum();
        if from > 0 {
            top.push_str(&" ".repeat(gap(from)));
        }
        let group = &table.columns[from].group;
        top.push_str(&if group.is_empty() {
            format!("{:>inside$}", table.columns[from].name)
        } else {
            format!("{group:^inside$}")
        });
    }
    let names = line(&|index| {
        let column = &table.columns[index];
        if column.group.is_empty() { String::new() } else { column.name.clone() }
    });
    let mut out = format!("  {}\n", style.dim(top.trim_end()));
    if !names.trim().is_empty() {
        out.push_str(&format!("  {}\n", style.dim(names.trim_end())));
    }
    let mut widest = columns_of(&top).max(columns_of(&names));
    for (index, row) in table.rows.iter().enumerate() {
        let text = line(&|column| columns[column].get(index).cloned().unwrap_or_default());
        let words = row.words.join(", ");
        widest = widest.max(columns_of(&text) + if words.is_empty() { 0 } else { 2 + columns_of(&words) });
        out.push_str(&row_line(row, &text, &words, style));
    }
    (widest + 2 <= width).then_some(out)
}

fn row_line(row: &Row, text: &str, words: &str, style: Style) -> String {
    let glyph = style.glyph(row.mark);
    let head = format!("{}{}", style.mark(row.mark, glyph), " ".repeat(2 - columns_of(glyph)));
    let best = row.words.iter().any(|word| word == "best");
    let text = if words.is_empty() { text.trim_end().to_owned() } else { format!("{text}  {words}") };
    format!("{head}{}\n", if best { style.bold(&text) } else { text })
}

/// Spans of columns that share a head; a column that stands alone is a span of one.
fn groups(table: &Table) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for index in 0..table.columns.len() {
        match groups.last_mut() {
            Some((_, to)) if !starts_group(table, index) => *to = index + 1,
            _ => groups.push((index, index + 1)),
        }
    }
    groups
}

fn starts_group(table: &Table, index: usize) -> bool {
    let group = &table.columns[index].group;
    index == 0 || group.is_empty() || *group != table.columns[index - 1].group
}

/// One metric a line.
pub(super) fn list(table: &Table, width: usize, style: Style) -> String {
    let mut out = String::new();
    for row in &table.rows {
        for (index, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
            if index == 0 {
                let glyph = style.glyph(row.mark);
                let title = style.plain(&format!("{} {} {}", column.group, column.name, cell.text()));
                let title = title.trim();
                let words = row.words.join(", ");
                let gap = match &words {
                    words if words.is_empty() => "",
                    words if columns_of(title) + columns_of(words) + 4 > width => "\n  ",
                    _ => "  ",
                };
                let head = if glyph.is_empty() { String::new() } else { format!("{} ", style.mark(row.mark, glyph)) };
                out.push_str(&format!("{head}{}{gap}{words}\n", style.bold(title)));
                continue;
            }
            let name = format!("{} {}", column.group, column.name);
            let text = style.plain(&format!("{:<13} {}", name.trim(), cell.text()));
            // What does not fit is wrapped, names are not kept in columns then.
            let lines = if columns_of(&text) + 2 <= width { vec![text] } else { wrap(&text, width - 2) };
            lines.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
        }
    }
    out
}

/// Columns of a console that text takes: Chinese, Japanese and Korean signs take two.
pub(super) fn columns_of(text: &str) -> usize {
    let wide = |c: char| matches!(c as u32, 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// Lines of whole words; a word that is longer than a line is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && columns_of(&line) + 1 + columns_of(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if columns_of(&line) + columns_of(c.encode_utf8(&mut [0; 4])) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Load};
    use super::*;

    const PIPE: Style = Style { color: false, ascii: true };
    const PLAIN: Style = Style { color: false, ascii: false };

    #[test]
    fn three_points_at_80() {
        insta::assert_snapshot!(sweep_table(&fixture::three(), 80, PLAIN));
    }

    #[test]
    fn three_points_at_140() {
        insta::assert_snapshot!(sweep_table(&fixture::three(), 140, PLAIN));
    }

    #[test]
    fn three_points_at_40() {
        insta::assert_snapshot!(sweep_table(&fixture::three(), 40, PLAIN));
    }

    #[test]
    fn a_doubted_run() {
        for width in [80, 100, 120] {
            insta::assert_snapshot!(format!("doubted_{width}"), sweep_table(&fixture::doubted(), width, PLAIN));
        }
        insta::assert_snapshot!("doubted_in_a_pipe", sweep_table(&fixture::doubted(), 100, PIPE));
    }

    #[test]
    fn an_open_loop() {
        for width in [80, 160] {
            insta::assert_snapshot!(format!("open_{width}"), sweep_table(&fixture::open(), width, PLAIN));
        }
    }

    #[test]
    fn repeats() {
        insta::assert_snapshot!(sweep_table(&fixture::repeated(), 80, PLAIN));
    }

    #[test]
    fn intervals_steady_parts_and_limits() {
        for width in [80, 140] {
            insta::assert_snapshot!(format!("goodput_{width}"), sweep_table(&fixture::with_goodput(), width, PLAIN));
        }
        insta::assert_snapshot!("pooled_in_a_pipe", sweep_table(&fixture::pooled_goodput(), 100, PIPE));
    }

    #[test]
    fn a_pipe_gets_no_sign_but_the_missing_one() {
        let runs = [
            fixture::doubted(),
            fixture::open(),
            fixture::unjudged(),
            fixture::with_gap(),
            fixture::hostile(),
            fixture::pooled_goodput(),
        ];
        for run in runs {
            let text = sweep_table(&run, 100, PIPE).replace('—', "");
            assert!(text.is_ascii(), "{text}");
        }
    }

    #[test]
    fn doubts_stand_in_the_first_lines() {
        let text = sweep_table(&fixture::doubted(), 80, PLAIN);
        let head = text.lines().take(24).collect::<Vec<_>>().join("\n");
        assert!(head.contains("DEGRADED") && head.contains("INVALID"));
    }

    #[test]
    fn a_gap_in_a_pipe() {
        insta::assert_snapshot!(sweep_table(&fixture::with_gap(), 100, PIPE));
    }

    #[test]
    fn nothing_succeeded() {
        insta::assert_snapshot!(sweep_table(&fixture::all_failed(), 80, PLAIN));
    }

    #[test]
    fn one_weak_request() {
        insta::assert_snapshot!(sweep_table(&fixture::one_request(), 80, PLAIN));
    }

    #[test]
    fn colours_are_of_the_sixteen() {
        let text = sweep_table(&fixture::three(), 80, Style { color: true, ascii: false });
        insta::assert_snapshot!(text.replace('\x1b', "^"));
    }

    #[test]
    fn no_line_is_wider_than_asked_and_no_escape_code_leaks() {
        let mut run = fixture::hostile();
        run.notices.push("模型".repeat(40));
        run.path = "outputs/x".to_owned();
        let doubted = [
            fixture::doubted(),
            fixture::open(),
            fixture::repeated(),
            fixture::unjudged(),
            fixture::pooled_goodput(),
            fixture::with_goodput(),
        ];
        let runs = [run, fixture::three(), fixture::with_gap(), fixture::eight(), fixture::run(&[])];
        for run in runs.into_iter().chain(doubted) {
            for width in [24, 40, 59, 60, 80, 100, 120, 200] {
                let text = sweep_table(&run, width, PLAIN);
                assert!(!text.contains('\x1b'));
                for line in text.lines().filter(|line| !line.starts_with("next") && !line.starts_with("saved")) {
                    assert!(columns_of(line) <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn a_weak_tail_carries_its_sign_and_a_firm_one_does_not() {
        let text = sweep_table(&fixture::run(&[Load::of(1, 60)]), 80, PLAIN);
        assert!(text.contains('~'));
        let text = sweep_table(&fixture::run(&[Load::of(1, 368)]), 80, PLAIN);
        assert!(!text.contains('~'), "{text}");
    }
}
