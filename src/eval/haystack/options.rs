//! What a run may set, and the grid that follows from it.

use serde::{Deserialize, Serialize};

/// Parameters, under EvalScope's names.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What is asked; unset, the question of the language.
    pub retrieval_question: Option<String>,
    /// The sentences that are hidden; unset or empty, the one of the language.
    pub needles: Option<Vec<String>>,
    /// Shortest text, in tokens.
    pub context_lengths_min: u32,
    /// Longest text, in tokens.
    pub context_lengths_max: u32,
    /// How many lengths.
    pub context_lengths_num_intervals: u32,
    /// Least depth of the first needle, in percent.
    pub document_depth_percent_min: u32,
    /// Greatest depth of the first needle, in percent.
    pub document_depth_percent_max: u32,
    /// How many depths.
    pub document_depth_percent_intervals: u32,
    /// Which tokenizer counts; a name or a folder.
    pub tokenizer_path: Option<String>,
    /// Whether the heat map has numbers in its cells.
    pub show_score: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retrieval_question: None,
            needles: None,
            context_lengths_min: 1_000,
            context_lengths_max: 32_000,
            context_lengths_num_intervals: 10,
            document_depth_percent_min: 0,
            document_depth_percent_max: 100,
            document_depth_percent_intervals: 10,
            tokenizer_path: None,
            show_score: true,
        }
    }
}

impl Options {
    /// The lengths of the grid, in tokens.
    pub fn lengths(&self) -> Vec<u32> {
        spaced(self.context_lengths_min, self.context_lengths_max, self.context_lengths_num_intervals)
    }

    /// The depths of the grid, in percent.
    pub fn depths(&self) -> Vec<u32> {
        spaced(self.document_depth_percent_min, self.document_depth_percent_max, self.document_depth_percent_intervals)
    }

    /// Every cell of the grid, a length and a depth: all depths of the first length, then those of the next.
    pub fn grid(&self) -> Vec<(u32, u32)> {
        let depths = self.depths();
        self.lengths().into_iter().flat_map(|length| depths.iter().map(move |depth| (length, *depth))).collect()
    }

    /// What is wrong with the values, naming the parameter.
    pub fn problem(&self) -> Option<String> {
        let number = |name: &str, count: u32| {
            (!(1..=1_000).contains(&count)).then(|| format!("{name} is not within 1 and 1000"))
        };
        let order = |name: &str, min: u32, max: u32| (min > max).then(|| format!("{name}_min exceeds {name}_max"));
        order("context_lengths", self.context_lengths_min, self.context_lengths_max)
            .or_else(|| {
                order("document_depth_percent", self.document_depth_percent_min, self.document_depth_percent_max)
            })
            .or_else(|| number("context_lengths_num_intervals", self.context_lengths_num_intervals))
            .or_else(|| number("document_depth_percent_intervals", self.document_depth_percent_intervals))
            .or_else(|| {
                (self.document_depth_percent_max > 100).then(|| "document_depth_percent_max exceeds 100".to_owned())
            })
    }
}

/// So many numbers at equal distances from one to the other, both included, rounded half to even; the first alone where
/// one is wanted.
fn spaced(from: u32, to: u32, count: u32) -> Vec<u32> {
    let step = if count > 1 { (f64::from(to) - f64::from(from)) / f64::from(count - 1) } else { 0.0 };
    let place = |index: u32| {
        if index + 1 == count && count > 1 { f64::from(to) } else { f64::from(index) * step + f64::from(from) }
    };
    (0..count).map(|index| place(index).round_ties_even() as u32).collect()
}
