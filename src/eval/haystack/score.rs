//! The reply against the needles, and the mean of each cell of the grid.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::eval::forms::pattern::Pattern;

static ARTICLE: Pattern = Pattern::new(r"\b(a|an|the)\b");

/// What came out for one text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// 1 where the reply is the needles, joined by line breaks, after normalisation.
    pub accuracy: f64,
    /// Share of the needles that stand in the reply after normalisation; our own figure, because a reply that says
    /// more than the needle is no failure to find it.
    pub contains: f64,
}

/// Lower case, without ASCII punctuation and English articles, white space made single.
pub fn normalized(text: &str) -> String {
    let bare: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    ARTICLE.replace(&bare, " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Scores a reply by rule. A judge's 0 to 10, where one is asked instead, counts a tenth of it.
pub fn score(reply: &str, needles: &[String]) -> Verdict {
    let given = normalized(reply);
    let wanted = normalized(&needles.join("\n"));
    let found = needles.iter().filter(|needle| {
        let needle = normalized(needle);
        let needle = needle.trim_end_matches('。');
        !needle.is_empty() && given.contains(needle)
    });
    Verdict {
        accuracy: f64::from(u8::from(!given.is_empty() && given == wanted)),
        contains: if needles.is_empty() { 0.0 } else { found.count() as f64 / needles.len() as f64 },
    }
}

/// The mean of the texts of one length and depth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cell {
    /// Tokens.
    pub context_length: u32,
    /// Percent.
    pub depth_percent: u32,
    /// Mean score, 0 to 1.
    pub score: f64,
    /// Over how many texts.
    pub count: usize,
}

/// Means of scores by length and depth, in this order.
pub fn cells(scores: impl IntoIterator<Item = (u32, u32, f64)>) -> Vec<Cell> {
    let mut sums = BTreeMap::<(u32, u32), (f64, usize)>::new();
    for (context_length, depth_percent, score) in scores {
        let (sum, count) = sums.entry((context_length, depth_percent)).or_default();
        *sum += score;
        *count += 1;
    }
    let cell = |((context_length, depth_percent), (sum, count)): ((u32, u32), (f64, usize))| Cell {
        context_length,
        depth_percent,
        score: sum / count as f64,
        count,
    };
    sums.into_iter().map(cell).collect()
}
