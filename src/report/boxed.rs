//! Boxed text tables, for the files and consoles that EvalScope's users know.

use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

/// Columns of a boxed text.
pub const WIDTH: u16 = 120;

/// Thin lines with round corners, one under the head and none between rows.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('╭', '─', '┬', '╮'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('╰', '─', '┴', '╯'));

/// A table with a title above it; the first `left` columns are words, the others figures.
pub fn boxed(title: &str, header: &[&str], rows: Vec<Vec<String>>, left: usize) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty();
    if header.len() <= left {
        // Only words are of any length; wrapped figures could not be read.
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_cell_alignment(if index < left { CellAlignment::Left } else { CellAlignment::Right });
    }
    format!("{title}\n{}\n", table.trim_fmt())
}

/// A line of text in the middle of a box of 80 columns.
pub fn panel(title: &str) -> String {
    let inner = 78;
    let bar = "─".repeat(inner);
    format!("╭{bar}╮\n│{title:^inner$}│\n╰{bar}╯\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cell_is_wrapped_within_the_width() {
        let text = boxed("Paths", &[], vec![vec!["path".to_owned(), "outputs/".repeat(40)]], 2);
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
    }
}
