//! The 25 instructions of IFEval (Zhou and others, 2023, <https://arxiv.org/abs/2311.07911>), by group.

mod content;
mod format;
mod keywords;
mod length;
mod place;

use super::Rule;

/// Ids and rules.
pub(super) static TABLES: [&[(&str, Rule)]; 5] =
    [&keywords::RULES, &length::RULES, &content::RULES, &format::RULES, &place::RULES];
