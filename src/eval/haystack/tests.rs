//! Grid, placement and score against EvalScope 1.14.1, and what is promised of any text.
#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::eval::agreement::{Agreement, cases};

/// A token is a character.
struct Characters;

impl Coder for Characters {
    fn encode(&self, text: &str) -> Vec<u32> {
        text.chars().map(u32::from).collect()
    }

    fn decode(&self, tokens: &[u32]) -> String {
        tokens.iter().filter_map(|token| char::from_u32(*token)).collect()
    }
}

fn of_kind(kind: &'static str) -> impl Iterator<Item = Value> {
    cases("forms").into_iter().filter(move |case| case["kind"] == kind)
}

fn options(case: &Value) -> Options {
    serde_json::from_value(case["options"].clone()).unwrap()
}

#[test]
fn grids_are_spaced_alike() {
    let mut agreement = Agreement::new("forms", "needle_grid");
    for case in of_kind("needle_grid") {
        let options = options(&case);
        assert_eq!(options.problem(), None);
        let ours = json!([options.lengths(), options.depths()]);
        agreement.row(case["id"].as_str().unwrap(), &ours, &case["expected"]);
    }
    agreement.check(1.0);
}

#[test]
fn needles_go_where_they_go_there() {
    let mut agreement = Agreement::new("forms", "needle_text");
    for case in of_kind("needle_text") {
        let needles: Vec<String> = serde_json::from_value(case["needles"].clone()).unwrap();
        let number = |name: &str| case[name].as_u64().unwrap() as u32;
        let haystack = Haystack::new(&Characters, case["corpus"].as_str().unwrap(), &needles, number("longest"));
        let text = haystack.text(number("length"), number("depth"));
        agreement.row(case["id"].as_str().unwrap(), &text.as_str(), &case["expected"].as_str().unwrap());
    }
    agreement.check(1.0);
}

#[test]
fn replies_are_normalised_alike() {
    let mut agreement = Agreement::new("forms", "needle_score");
    for case in of_kind("needle_score") {
        let needles: Vec<String> = serde_json::from_value(case["needles"].clone()).unwrap();
        let verdict = score(case["reply"].as_str().unwrap(), &needles);
        agreement.near(case["id"].as_str().unwrap(), verdict.accuracy, case["expected"].as_f64().unwrap(), 0.0);
    }
    agreement.check(1.0);
}

#[test]
fn the_share_of_needles_is_counted() {
    let needles = ["The key is under the stone.".to_owned(), "钥匙在石板底下。".to_owned()];
    assert_eq!(score("It says the key is under a stone!", &needles), Verdict { accuracy: 0.0, contains: 0.5 });
    assert_eq!(score("key is under stone, and 钥匙在石板底下", &needles).contains, 1.0);
    assert_eq!(score("", &needles), Verdict { accuracy: 0.0, contains: 0.0 });
    assert_eq!(score("anything", &[]), Verdict { accuracy: 0.0, contains: 0.0 });
}

#[test]
fn the_needle_of_a_language_is_not_in_its_corpus_and_fits_the_question() {
    for (language, corpus) in [
        (Language::English, include_str!("../../../datasets/needle_haystack/sample/english.txt")),
        (Language::Chinese, include_str!("../../../datasets/needle_haystack/sample/chinese.txt")),
    ] {
        assert!((8_000..13_000).contains(&corpus.len()), "{}", corpus.len());
        let needle = &needles(language)[0];
        assert_eq!(score(corpus, &needles(language)).contains, 0.0);
        let text = Haystack::new(&Characters, corpus, &needles(language), 20_000).text(20_000, 30);
        assert_eq!(text.matches(needle.as_str()).count(), 1);
        assert_eq!(text.chars().count(), 20_000 - 150);
        let before = text.split(needle.as_str()).next().unwrap();
        assert!(before.ends_with(['.', '。']));
        let prompt = prompt(language, &text, question(language));
        assert!(prompt.contains(question(language)) && !system_prompt(language).is_empty());
    }
}

#[test]
fn parameters_are_checked() {
    assert_eq!(Options::default().problem(), None);
    assert_eq!(Options::default().grid().len(), 100);
    let wrong = Options { document_depth_percent_max: 101, ..Options::default() };
    assert_eq!(wrong.problem().unwrap(), "document_depth_percent_max exceeds 100");
    let wrong = Options { context_lengths_min: 2, context_lengths_max: 1, ..Options::default() };
    assert_eq!(wrong.problem().unwrap(), "context_lengths_min exceeds context_lengths_max");
    assert!(serde_json::from_value::<Options>(json!({"depth": 3})).is_err());
}

fn grid() -> Vec<Cell> {
    let scores = (0..10).flat_map(|length| (0..10).map(move |depth| (length, depth)));
    cells(scores.map(|(length, depth)| (1000 + length * 3444, depth * 11, f64::from(length * depth) / 81.0)))
}

#[test]
fn the_map_is_drawn_in_both_themes() {
    let drawn = svg("needle_haystack, english", &grid(), true).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"));
    assert!(drawn.contains("var(--heat-ink)") && drawn.contains("prefers-color-scheme:dark"));
    assert!(!drawn.contains("#01000") && drawn.contains("0.89") && drawn.contains("11332"));
    let bare = svg("needle_haystack, english", &grid(), false).unwrap();
    assert!(bare.len() < drawn.len() && !bare.contains("0.89"));
    assert_eq!(png("t", &grid(), true).unwrap()[..4], [0x89, b'P', b'N', b'G']);
    assert!(png("nothing", &[], true).is_ok() && svg("nothing", &[], true).is_ok());
    let large = cells((0..1000).map(|length| (length, 0, f64::NAN)));
    assert!(png("many", &large, true).is_ok());
}

proptest! {
    #[test]
    fn every_needle_is_in_the_text(corpus in "[a-z .]{1,80}", length in 0_u32..600, depth in 0_u32..=100, count in 0_usize..4) {
        let needles: Vec<String> = (0..count).map(|number| format!("<{number}>")).collect();
        let text = Haystack::new(&Characters, &corpus, &needles, length).text(length, depth);
        for needle in &needles {
            prop_assert!(text.contains(needle.as_str()));
        }
        prop_assert!(text.len() <= (length.saturating_sub(150) as usize).max(needles.len() * 3));
    }

    #[test]
    fn no_reply_is_refused(reply in "\\PC{0,60}", needle in "\\PC{0,20}") {
        let verdict = score(&reply, &[needle]);
        prop_assert!((0.0..=1.0).contains(&verdict.contains));
    }
}
