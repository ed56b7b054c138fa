//! Groups: rows of a report that are means over subsets, and over other groups.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// How the members of a group are averaged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mean {
    /// Each member with samples counts alike.
    Plain,
    /// Each member counts by its samples.
    BySize,
    /// Each member with samples counts by its share, the shares of those that ran made to add up to 1.
    Shares(Vec<f64>),
    /// Like shares, but the group is there only if every member ran.
    WholeShares(Vec<f64>),
}

/// A mean over subsets and over groups that stand before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name, by which later groups refer to it.
    pub name: String,
    /// Its members by name.
    pub members: Vec<String>,
    /// How they are averaged.
    pub mean: Mean,
    /// The name of its row in the report; without one it has none.
    #[serde(default)]
    pub row: Option<String>,
}

/// A row: a name, a mean score and how many samples it is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The mean score.
    pub score: f64,
    /// The number of samples.
    pub num: u64,
}

/// The rows of groups over the rows of subsets, in the order of the groups. A group none of whose members ran has no row.
pub fn rows(groups: &[Group], subsets: &[Row]) -> Vec<Row> {
    let mut known: HashMap<&str, (f64, u64)> =
        subsets.iter().map(|row| (row.name.as_str(), (row.score, row.num))).collect();
    let mut found = Vec::new();
    for group in groups {
        let Some((score, num)) = mean(group, &known) else { continue };
        known.insert(&group.name, (score, num));
        found.extend(group.row.iter().map(|name| Row { name: name.clone(), score, num }));
    }
    found
}

fn mean(group: &Group, known: &HashMap<&str, (f64, u64)>) -> Option<(f64, u64)> {
    let members: Vec<(usize, f64, u64)> = group
        .members
        .iter()
        .enumerate()
        .filter_map(|(index, name)| known.get(name.as_str()).map(|(score, num)| (index, *score, *num)))
        .filter(|(_, _, num)| *num > 0)
        .collect();
    let weight = |index: usize, num: u64| match &group.mean {
        Mean::Plain => 1.0,
        Mean::BySize => num as f64,
        Mean::Shares(shares) | Mean::WholeShares(shares) => shares.get(index).copied().unwrap_or(0.0),
    };
    let lacks = matches!(group.mean, Mean::WholeShares(_)) && members.len() < group.members.len();
    let total: f64 = members.iter().map(|(index, _, num)| weight(*index, *num)).sum();
    if lacks || total <= 0.0 {
        return None;
    }
    let sum: f64 = members.iter().map(|(index, score, num)| weight(*index, *num) * score).sum();
    Some((sum / total, members.iter().map(|(_, _, num)| num).sum()))
}

fn group(name: &str, row: Option<&str>, mean: Mean, members: &[&str]) -> Group {
    let members = members.iter().map(|member| (*member).to_owned()).collect();
    Group { name: name.to_owned(), members, mean, row: row.map(str::to_owned) }
}

/// The groups of version 3 of the Berkeley leaderboard.
pub fn bfcl_v3() -> Vec<Group> {
    let augmented = ["multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context"];
    vec![
        group("simple_ast", None, Mean::Plain, &["simple", "java", "javascript"]),
        group("ast_non_live", None, Mean::Plain, &["simple_ast", "multiple", "parallel", "parallel_multiple"]),
        group("ast_live", None, Mean::BySize, &LIVE),
        group("hallucination_live", None, Mean::BySize, &["live_irrelevance", "live_relevance"]),
        group("multi_turn_augmented", None, Mean::BySize, &augmented),
        group("non_live", Some("NON_LIVE"), Mean::Plain, &["ast_non_live", "irrelevance"]),
        group("live", Some("LIVE"), Mean::BySize, &["ast_live", "hallucination_live"]),
        group("multi_turn", Some("MULTI_TURN"), Mean::Plain, &["multi_turn_base", "multi_turn_augmented"]),
        group("overall", Some("OVERALL"), Mean::Plain, &["non_live", "live", "multi_turn"]),
    ]
}

const LIVE: [&str; 4] = ["live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"];

/// The groups of version 4 of the Berkeley leaderboard. The overall row is there only if all of its parts ran, since the
/// parts that this program runs are three tenths of it.
pub fn bfcl_v4() -> Vec<Group> {
    let turns = ["multi_turn_base", "multi_turn_miss_func", "multi_turn_miss_param", "multi_turn_long_context"];
    let parts = ["agentic", "multi_turn", "non_live", "live", "hallucination"];
    let shares = Mean::WholeShares(vec![0.4, 0.3, 0.1, 0.1, 0.1]);
    vec![
        group("simple_ast", None, Mean::Plain, &["simple_python", "simple_java", "simple_javascript"]),
        group("web_search", None, Mean::Plain, &["web_search_base", "web_search_no_snippet"]),
        group("memory", None, Mean::Plain, &["memory_kv", "memory_vector", "memory_rec_sum"]),
        group("agentic", Some("AGENTIC"), Mean::Plain, &["web_search", "memory"]),
        group("multi_turn", Some("MULTI_TURN"), Mean::Plain, &turns),
        group("non_live", Some("NON_LIVE"), Mean::Plain, &["simple_ast", "multiple", "parallel", "parallel_multiple"]),
        group("live", Some("LIVE"), Mean::BySize, &LIVE),
        group("hallucination", Some("HALLUCINATION"), Mean::Plain, &["live_irrelevance", "irrelevance"]),
        group("overall", Some("OVERALL"), shares, &parts),
    ]
}

/// The groups of ACEBench, with the official shares of its three families.
pub fn acebench() -> Vec<Group> {
    let atoms =
        ["bool", "enum", "number", "list", "object_deep", "object_short"].map(|kind| format!("normal_atom_{kind}"));
    let atoms: Vec<&str> = atoms.iter().map(String::as_str).collect();
    let single = ["normal_single_turn_single_function", "normal_single_turn_parallel_function"];
    let turns = ["normal_multi_turn_user_adjust", "normal_multi_turn_user_switch"];
    let normal = [&single[..], &turns, &["normal_similar_api", "normal_preference"], &atoms].concat();
    let special = ["special_incomplete", "special_error_param", "special_irrelevant"];
    vec![
        group("atom", Some("ATOM"), Mean::Plain, &atoms),
        group("single_turn", Some("SINGLE_TURN"), Mean::Plain, &single),
        group("multi_turn", Some("MULTI_TURN"), Mean::Plain, &turns),
        group("normal", Some("NORMAL"), Mean::Plain, &normal),
        group("special", Some("SPECIAL"), Mean::Plain, &special),
        group("agent", Some("AGENT"), Mean::Plain, &["agent_multi_step", "agent_multi_turn"]),
        group("overall", Some("OVERALL"), Mean::Shares(vec![0.578, 0.2676, 0.1545]), &["normal", "special", "agent"]),
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use super::*;

    fn ran(subsets: &[(&str, f64, u64)]) -> Vec<Row> {
        subsets.iter().map(|(name, score, num)| Row { name: (*name).to_owned(), score: *score, num: *num }).collect()
    }

    fn shown(groups: &[Group], subsets: &[(&str, f64, u64)]) -> Vec<(String, f64, u64)> {
        let rounded = |score: f64| (score * 1e6).round() / 1e6;
        rows(groups, &ran(subsets)).into_iter().map(|row| (row.name, rounded(row.score), row.num)).collect()
    }

    fn row(name: &str, score: f64, num: u64) -> (String, f64, u64) {
        (name.to_owned(), score, num)
    }

    #[test]
    fn single_turns_alone_have_no_row_of_several() {
        let subsets = [
            ("simple", 1.0, 4),
            ("java", 0.5, 2),
            ("multiple", 0.5, 2),
            ("irrelevance", 0.25, 4),
            ("live_simple", 0.5, 2),
            ("live_multiple", 1.0, 6),
            ("live_relevance", 0.0, 2),
            ("parallel", 0.0, 0),
        ];
        let expected = [row("NON_LIVE", 0.4375, 12), row("LIVE", 0.7, 10), row("OVERALL", 0.56875, 22)];
        assert_eq!(shown(&bfcl_v3(), &subsets), expected);
    }

    #[test]
    fn the_fourth_version_is_whole_or_has_no_overall_row() {
        let some = [("simple_python", 1.0, 2), ("live_simple", 0.5, 2), ("irrelevance", 0.5, 2)];
        let names = |rows: Vec<(String, f64, u64)>| rows.into_iter().map(|(name, _, _)| name).collect::<Vec<_>>();
        assert_eq!(names(shown(&bfcl_v4(), &some)), ["NON_LIVE", "LIVE", "HALLUCINATION"]);
        let all = [&some[..], &[("memory_kv", 1.0, 1), ("multi_turn_base", 0.0, 1)]].concat();
        assert_eq!(shown(&bfcl_v4(), &all).last(), Some(&row("OVERALL", 0.6, 8)));
    }

    #[test]
    fn shares_are_those_of_what_ran() {
        let rows = shown(&acebench(), &[("normal_atom_bool", 1.0, 3), ("special_irrelevant", 0.0, 1)]);
        assert_eq!(rows.last(), Some(&row("OVERALL", 0.683538, 4)));
        assert_eq!(rows.first(), Some(&row("ATOM", 1.0, 3)));
        assert!(shown(&acebench(), &[]).is_empty());
    }

    #[test]
    fn a_card_may_hold_groups() {
        #[derive(Deserialize)]
        struct Card {
            groups: Vec<Group>,
        }
        let text = "[[groups]]\nname = 'all'\nmembers = ['a', 'b']\nmean = { shares = [1.0, 3.0] }\nrow = 'ALL'\n";
        let card: Card = toml::from_str(text).unwrap();
        assert_eq!(shown(&card.groups, &[("a", 1.0, 1), ("b", 0.0, 1)]), [row("ALL", 0.25, 2)]);
    }
}
