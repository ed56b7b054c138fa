//! Golden vectors of EvalScope and Math-Verify.

#![expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]

use serde_json::Value;

use super::{Verdict, answer, equal};
use crate::eval::agreement::{self, Agreement};

fn verdict(row: &Value) -> Verdict {
    let text = answer(row["prediction"].as_str().unwrap()).map(|answer| answer.text).unwrap_or_default();
    equal(row["gold"].as_str().unwrap(), &text)
}

fn against_intended(part: &str, least: f64, choose: impl Fn(&Value) -> bool) {
    let mut agreement = Agreement::new("math_equal", part);
    for row in agreement::cases("math_equal") {
        let Some(intended) = row["intended"].as_bool() else { continue };
        if choose(&row) {
            let ours = verdict(&row).is_equal();
            let text = answer(row["prediction"].as_str().unwrap());
            agreement.judged(row["id"].as_str().unwrap(), ours == intended, || {
                format!("ours {ours} from {text:?}, intended {intended}, gold {}", row["gold"])
            });
        }
    }
    agreement.check(least);
}

#[test]
fn rows_that_must_pass() {
    against_intended("must", 1.0, |row| row["agree"] == true);
}

#[test]
fn delimited_rows_are_as_intended() {
    against_intended("delimited", 0.97, |row| row["delimited"] == true);
}

#[test]
fn all_rows_are_as_intended() {
    against_intended("intended", 0.99, |_| true);
}

/// Rows of which the maker gave no verdict are compared with what EvalScope says.
#[test]
fn debatable_rows_follow_the_other_implementation() {
    let mut agreement = Agreement::new("math_equal", "debatable");
    for row in agreement::cases("math_equal") {
        if !row["intended"].is_null() || row["agree"] != true {
            continue;
        }
        let theirs = row["evalscope"]["acc"] == true;
        let ours = verdict(&row).is_equal();
        let text = answer(row["prediction"].as_str().unwrap());
        agreement.judged(row["id"].as_str().unwrap(), ours == theirs, || {
            format!("ours {ours} from {text:?}, theirs {theirs}, gold {}", row["gold"])
        });
    }
    agreement.check(0.7);
}

#[test]
fn replies_to_word_problems() {
    let mut agreement = Agreement::new("numeric_extract", "evalscope_acc");
    for row in agreement::cases("numeric_extract") {
        let Some(theirs) = row["expected"]["evalscope_acc"].as_bool() else { continue };
        let text = answer(row["output"].as_str().unwrap());
        let ours = equal(row["gold"].as_str().unwrap(), text.as_ref().map_or("", |answer| &answer.text)).is_equal();
        agreement.judged(row["id"].as_str().unwrap(), ours == theirs, || {
            format!("ours {ours} from {text:?}, theirs {theirs}, gold {}, {}", row["gold"], row["output"])
        });
    }
    agreement.check(0.7);
}
