//! A table with typed cells: what a document holds and every renderer shows in its own way.

use crate::units::{count, figure};

/// One cell. Renderers ask it for its text; only the document decides what a missing value means.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words, set to the left.
    Words(String),
    /// A figure with its interval, or the words that stand for it, spelled already; set to the right.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A measured number with three significant digits; missing is `—`.
    Figure(Option<f64>),
    /// A number of tokens, shown as a whole number; `weak` as for [`Cell::Weak`].
    Tokens {
        /// The number.
        value: f64,
        /// From too few values for a 95 % interval.
        weak: bool,
    },
    /// A quantile from too few values for a 95 % interval: shown with `~`.
    Weak(f64),
    /// A lag in ms with two decimals, which is as fine as it is known; missing is `—`, `weak` as for [`Cell::Weak`].
    Lag {
        /// Milliseconds.
        value: Option<f64>,
        /// From too few values for a 95 % interval.
        weak: bool,
    },
    /// A share in percent with one decimal; missing is `—`.
    Percent(Option<f64>),
}

impl Cell {
    /// Words from anything that is text.
    pub fn words(text: impl Into<String>) -> Self {
        Cell::Words(text.into())
    }

    /// The cell as people read it.
    pub fn text(&self) -> String {
        match self {
            Cell::Words(text) | Cell::Text(text) => text.clone(),
            Cell::Count(value) => count(*value),
            Cell::Figure(value) => figure(*value),
            Cell::Weak(value) => format!("~{}", figure(Some(*value))),
            Cell::Tokens { value, weak } => {
                let sign = if *weak { "~" } else { "" };
                format!("{sign}{}", count(value.round().max(0.0) as u64))
            }
            Cell::Lag { value, weak } => {
                let sign = if *weak { "~" } else { "" };
                match value.filter(|value| value.is_finite()) {
                    Some(0.0) => "0".to_owned(),
                    Some(value) if value < 0.005 => "<0.01".to_owned(),
                    Some(value) if value < 1000.0 => format!("{sign}{value:.2}"),
                    Some(value) => format!("{sign}{}", count(value.round() as u64)),
                    None => "—".to_owned(),
                }
            }
            Cell::Percent(value) => match value.filter(|value| value.is_finite()) {
                Some(value) => format!("{value:.1} %"),
                None => "—".to_owned(),
            },
        }
    }

    /// The number in the cell, if it holds one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Cell::Words(_) | Cell::Text(_) => None,
            Cell::Count(value) => Some(*value as f64),
            Cell::Figure(value) | Cell::Percent(value) | Cell::Lag { value, .. } => *value,
            Cell::Weak(value) | Cell::Tokens { value, .. } => Some(*value),
        }
    }

    fn is_words(&self) -> bool {
        matches!(self, Cell::Words(_))
    }
}

/// The head of a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    /// What neighbouring columns share, such as `TTFT ms`; empty when the column stands alone.
    pub group: String,
    /// The column's own name, such as `p99`.
    pub name: String,
    /// Shown only where there is room.
    pub wide: bool,
}

impl Column {
    /// A column that stands alone.
    pub fn alone(name: impl Into<String>) -> Self {
        Column { name: name.into(), ..Column::default() }
    }

    /// A column below a shared head.
    pub fn of(group: impl Into<String>, name: impl Into<String>) -> Self {
        Column { group: group.into(), name: name.into(), wide: false }
    }

    /// Shown only where there is room.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    #[default]
    Good,
    /// Something that the reader must know.
    Doubt,
    /// There is no result.
    Bad,
}

impl Mark {
    /// The sign that stands for it; colour only repeats it.
    pub fn glyph(self) -> &'static str {
        match self {
            Mark::Good => "",
            Mark::Doubt => "!",
            Mark::Bad => "✗",
        }
    }
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What is wrong with it.
    pub mark: Mark,
    /// One cell a column.
    pub cells: Vec<Cell>,
    /// Words behind it, such as `knee`.
    pub words: Vec<String>,
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Row { cells, ..Row::default() }
    }
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Heads.
    pub columns: Vec<Column>,
    /// Rows in order.
    pub rows: Vec<Row>,
    /// Remarks below it.
    pub notes: Vec<String>,
    /// The rows have different units, so that decimal points need not stand in one line.
    pub mixed: bool,
}

impl Table {
    /// The same table without the columns that need more room.
    #[must_use]
    pub fn narrow(&self) -> Table {
        self.only(|index| self.columns.get(index).is_none_or(|column| !column.wide))
    }

    /// The same table with some of its columns.
    #[must_use]
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Table {
        fn kept<T: Clone>(all: &[T], keep: impl Fn(usize) -> bool) -> Vec<T> {
            all.iter().enumerate().filter(|(index, _)| keep(*index)).map(|(_, one)| one.clone()).collect()
        }
        Table {
            columns: kept(&self.columns, &keep),
            rows: self.rows.iter().map(|row| Row { cells: kept(&row.cells, &keep), ..row.clone() }).collect(),
            ..self.clone()
        }
    }

    /// The same table in two, the first column in both.
    #[must_use]
    pub fn halves(&self) -> [Table; 2] {
        let middle = self.columns.len().div_ceil(2);
        let part = |from: usize, to: usize| self.only(|index| index == 0 || (from..to).contains(&index));
        [part(1, middle), part(middle, self.columns.len())]
    }

    /// Whether a column holds words and stands to the left.
    pub fn is_words(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.cells.get(column)).peekable();
        cells.peek().is_some() && cells.all(Cell::is_words)
    }

    /// Texts of a column, figures padded behind so that decimal points stand in one line when set to the right. `digit`
    /// pads for a digit and `point` for the decimal point.
    pub fn texts(&self, column: usize, digit: char, point: char) -> Vec<String> {
        let texts: Vec<String> =
            self.rows.iter().map(|row| row.cells.get(column).map_or_else(String::new, Cell::text)).collect();
        if self.mixed || self.is_words(column) {
            return texts;
        }
        let fraction = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.chars().count() + 1);
        let most = texts.iter().map(|text| fraction(text)).max().unwrap_or(0);
        let is_percent = |text: &str| text.ends_with('%');
        texts
            .into_iter()
            .map(|mut text| {
                if !is_percent(&text) {
                    for place in fraction(&text)..most {
                        text.push(if place == 0 { point } else { digit });
                    }
                }
                text
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_points_stand_in_one_line() {
        let rows = [Some(0.4812), Some(10.34), Some(2642.0), None];
        let table = Table {
            columns: vec![Column::alone("req/s")],
            rows: rows.into_iter().map(|value| vec![Cell::Figure(value)].into()).collect(),
            ..Table::default()
        };
        assert_eq!(table.texts(0, ' ', ' '), ["0.481", "10.3  ", "2,640    ", "—    "]);
    }

    #[test]
    fn weak_and_missing_say_so() {
        assert_eq!(Cell::Weak(41.0).text(), "~41.0");
        assert_eq!(Cell::Figure(Some(f64::NAN)).text(), "—");
        assert_eq!(Cell::Percent(Some(100.0)).text(), "100.0 %");
        assert_eq!(Cell::Percent(None).text(), "—");
        let lag = |value| Cell::Lag { value, weak: false }.text();
        assert_eq!([None, Some(0.0), Some(0.002), Some(0.05), Some(4.0)].map(lag), ["—", "0", "<0.01", "0.05", "4.00"]);
    }

    #[test]
    fn halves_share_the_first_column() {
        let cells = |numbers: [u64; 4]| Row::from(numbers.map(Cell::Count).to_vec());
        let columns = ["a", "b", "c", "d"].map(Column::alone).to_vec();
        let table = Table { columns, rows: vec![cells([1, 2, 3, 4])], ..Table::default() };
        let [first, second] = table.halves();
        assert_eq!(first.rows[0].cells, [Cell::Count(1), Cell::Count(2)]);
        assert_eq!(second.rows[0].cells, [Cell::Count(1), Cell::Count(3), Cell::Count(4)]);
        assert_eq!(second.columns.len(), 3);
    }

    #[test]
    fn narrow_tables_lose_their_wide_columns_only() {
        let table = Table {
            columns: vec![Column::alone("a"), Column::alone("b").wide(), Column::alone("c")],
            rows: vec![vec![Cell::Count(1), Cell::Count(2), Cell::Count(3)].into()],
            ..Table::default()
        };
        assert_eq!(table.narrow().rows[0].cells, [Cell::Count(1), Cell::Count(3)]);
    }
}
