//! VisFactor: tests of visual cognition. An item counts only where every variant of it is right.

use std::collections::BTreeMap;

use super::pattern::{Pattern, group};

static ANSWER: Pattern = Pattern::new(r#"\{\s*"answer"\s*:\s*(.+?)\s*\}"#);
static NUMBER: Pattern = Pattern::new(r"[0-9]+");
static ADDITIONAL: Pattern = Pattern::new(r"<ADDITIONAL_([0-9]+)>");

/// How the answers of a test are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Truth,
    Words,
    LastNumber,
    LastTwoNumbers,
    LastCapital,
}

/// The form of a test (`category_id`); `VZ3` asks for a letter where `additional` is a number, else for a truth value.
fn form(category: &str, additional: &str) -> Option<Form> {
    let is_number = !additional.is_empty() && additional.chars().all(char::is_numeric);
    Some(match category {
        "CF1" | "CF2" | "MV1" | "MV2" | "MV3" | "P3" | "RL2" | "S1" | "S2" | "SS2" | "VZ1" | "VZ2" => Form::Truth,
        "VZ3" if !is_number => Form::Truth,
        "VZ3" => Form::LastCapital,
        "CS1" | "CS2" | "CS3" => Form::Words,
        "CF3" => Form::LastTwoNumbers,
        "I3" | "MA1" | "SS3" => Form::LastNumber,
        _ => return None,
    })
}

/// The question for the prompt: line breaks for `<br>`, and the parts of `additional`, which `;` separates, for
/// `<ADDITIONAL_0>` and so on.
pub fn question(question: &str, additional: &str) -> String {
    let question = question.replace("<br>", "\n");
    if additional.is_empty() {
        return question;
    }
    let additional = additional.replace("<br>", "\n");
    let parts: Vec<&str> = additional.split(';').collect();
    let filled = |found: &regex::Captures| {
        let part = group(found, 1).parse::<usize>().ok().and_then(|number| parts.get(number));
        part.map_or_else(|| group(found, 0).to_owned(), |part| (*part).to_owned())
    };
    ADDITIONAL.regex().replace_all(&question, filled).into_owned()
}

/// The value of the last `{"answer": …}` of the reply, without quotes; empty where there is none.
fn answer(reply: &str) -> String {
    let Some(found) = ANSWER.last(reply) else { return String::new() };
    let text = group(&found, 1).trim();
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text).to_owned()
}

/// The answer of a reply in the form of its test; empty where there is none.
pub fn extract(category: &str, reply: &str, additional: &str) -> String {
    let Some(form) = form(category, additional) else { return String::new() };
    let answer = answer(reply);
    let candidate = if answer.is_empty() { reply } else { &answer };
    let numbers = || NUMBER.all(candidate).map(|found| group(&found, 0).to_owned()).collect::<Vec<_>>();
    match form {
        Form::Truth => match answer.to_lowercase().as_str() {
            "t" | "y" | "1" | "true" | "yes" => "T".to_owned(),
            "f" | "n" | "0" | "false" | "no" => "F".to_owned(),
            _ => String::new(),
        },
        Form::Words => answer,
        Form::LastCapital => candidate.chars().rev().find(|c| c.is_uppercase()).map(String::from).unwrap_or_default(),
        Form::LastNumber => numbers().pop().unwrap_or_default(),
        Form::LastTwoNumbers => match numbers().as_slice() {
            [.., first, second] => format!("({first}, {second})"),
            _ => String::new(),
        },
    }
}

/// 1 where the extracted answer is the true one, else 0. For words any of the answers that commas separate does, in any
/// case.
pub fn score(category: &str, extracted: &str, truth: &str) -> f64 {
    let right = if form(category, "") == Some(Form::Words) {
        let extracted = extracted.trim().to_lowercase();
        truth.split(',').any(|accepted| accepted.trim().to_lowercase() == extracted)
    } else {
        extracted == truth
    };
    f64::from(u8::from(right))
}

/// Accuracy by test, with the number of items, from the scores of variants by test and item (`eval_index`). The figure
/// of the benchmark is the mean over tests.
pub fn accuracies<'a>(scores: impl IntoIterator<Item = (&'a str, i64, f64)>) -> BTreeMap<&'a str, (f64, usize)> {
    let mut items = BTreeMap::<(&str, i64), bool>::new();
    for (category, item, score) in scores {
        *items.entry((category, item)).or_insert(true) &= score != 0.0;
    }
    let mut tests = BTreeMap::<&str, (f64, usize)>::new();
    for ((category, _), right) in items {
        let (sum, count) = tests.entry(category).or_default();
        *sum += f64::from(u8::from(right));
        *count += 1;
    }
    tests.into_iter().map(|(category, (sum, count))| (category, (sum / count as f64, count))).collect()
}
