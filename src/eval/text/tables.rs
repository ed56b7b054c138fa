//! Answers about tables: TAT-QA with the scale of a number, and TableBench.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::assign::best_assignment;
use super::number::{python_float, python_repr, round_half_even};
use super::pattern::pattern;
use super::rouge::{Stemming, rouge_score};
use super::squad::{ExactAndF1, token_f1, without_articles};
use super::words::{squeezed, words};

/// How an answer to TAT-QA was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TatKind {
    /// A text of the passage.
    #[default]
    Span,
    /// Several texts.
    MultiSpan,
    /// A number that was computed.
    Arithmetic,
    /// A number that was counted.
    Count,
}

/// An answer to TAT-QA: texts, and the scale of the numbers among them (`thousand`, `million`, `billion`, `percent` or
/// none).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TatAnswer {
    /// The texts.
    pub spans: Vec<String>,
    /// The scale, empty for none.
    pub scale: String,
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"[+-]?[0-9]+(?:\.[0-9]+)?"));
static NEGATIVE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([0-9.\s]+\)"));
static PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]+(?:\.[0-9]+)?\s*%"));

fn scale_factor(word: &str) -> f64 {
    match word.to_lowercase().as_str() {
        "hundred" => 100.0,
        "thousand" | "thousands" => 1e3,
        "million" | "millions" => 1e6,
        "billion" | "billions" => 1e9,
        "percent" => 0.01,
        _ => 1.0,
    }
}

fn without_signs(text: &str) -> String {
    text.chars().filter(|c| !",$£€¥%()".contains(*c)).collect()
}

/// Whether a text is a number, perhaps with a scale after it.
fn is_number(text: &str) -> bool {
    let plain = without_signs(text);
    let mut parts = words(&plain);
    let number = parts.next().and_then(python_float).is_some_and(|number| !number.is_nan());
    number && parts.next().is_none_or(|scale| scale_factor(scale) != 1.0)
}

/// The number in a text: brackets make it negative, a percent sign and a word of scale change it; four decimals.
fn number_in(text: &str) -> Option<f64> {
    let plain = text.replace([',', '$', '£', '€', '¥'], "");
    let number: f64 = NUMBER.find(&plain)?.as_str().parse().ok()?;
    let sign = if NEGATIVE.is_match(&plain) { -1.0 } else { 1.0 };
    let percent = if PERCENT.is_match(&plain) { 0.01 } else { 1.0 };
    let scale = words(&plain).map(scale_factor).find(|factor| *factor != 1.0).unwrap_or(1.0);
    Some(round_half_even(number * scale * sign * percent, 4))
}

/// All texts of an answer, sorted, numbers with their scale multiplied in.
fn tat_text(answer: &TatAnswer) -> String {
    let mut spans: Vec<&str> = answer.spans.iter().map(String::as_str).collect();
    spans.sort_unstable();
    let with_scale =
        |span: &str| if answer.scale.is_empty() { span.to_owned() } else { format!("{span} {}", answer.scale) };
    let texts = spans.into_iter().map(|span| match is_number(span).then(|| number_in(span)).flatten() {
        Some(number) if span.contains('%') => format!("{number:.4}"),
        Some(number) => format!("{:.4}", round_half_even(number, 2) * scale_factor(&answer.scale)),
        None => with_scale(span),
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// Exact match and F1 with scale. A prediction without a scale may also be the share that a percentage means. For
/// numbers F1 is the exact match.
///
/// F. Zhu and others, TAT-QA: a question answering benchmark on a hybrid of tabular and textual content, ACL 2021.
pub fn tat_qa(prediction: &TatAnswer, gold: &TatAnswer, kind: TatKind) -> ExactAndF1 {
    if prediction.spans.iter().all(|span| span.trim().is_empty()) || gold.spans.is_empty() {
        return ExactAndF1::default();
    }
    let mut forms = vec![tat_text(prediction)];
    if let ([span], "") = (prediction.spans.as_slice(), prediction.scale.as_str())
        && !span.contains('%')
        && is_number(span)
        && let Some(number) = number_in(span)
    {
        forms.push(format!("{number:.4}"));
    }
    let right = tat_normalized(&tat_text(gold));
    let mut best = ExactAndF1::default();
    for form in forms.iter().map(|form| tat_normalized(form)) {
        best.exact_match = best.exact_match.max(f64::from(form == right));
        best.f1 = best.f1.max(bag_f1(&form, &right));
    }
    match kind {
        TatKind::Arithmetic | TatKind::Count => ExactAndF1 { f1: best.exact_match, ..best },
        TatKind::Span | TatKind::MultiSpan => best,
    }
}

fn tat_normalized(text: &str) -> String {
    let part = |part: &str| {
        let lower = part.to_lowercase();
        match is_number(&lower).then(|| number_in(&lower)).flatten() {
            Some(number) => python_repr(number),
            None => {
                let plain: String = lower.chars().filter(|c| !c.is_ascii_punctuation()).collect();
                squeezed(&without_articles(&plain))
            }
        }
    };
    words(text).map(part).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// F1 of sets of words, rounded to two decimals; 0 where the right one has numbers and none of them is predicted.
fn bag_f1(prediction: &str, gold: &str) -> f64 {
    let set = |text: &str| words(text).map(str::to_owned).collect::<BTreeSet<_>>();
    let (predicted, right) = (set(prediction), set(gold));
    let numbers: Vec<&String> = right.iter().filter(|word| python_float(word).is_some()).collect();
    if !numbers.is_empty() && !numbers.iter().any(|number| predicted.contains(*number)) {
        return 0.0;
    }
    let (predicted, right): (Vec<_>, Vec<_>) = (predicted.into_iter().collect(), right.into_iter().collect());
    round_half_even(token_f1(&predicted, &right), 2)
}

/// The answer in a reply: the last object with `answer` and perhaps `scale`, else the lines after `Answer:` and
/// `Scale:`, else the whole reply. Texts of a line are separated by semicolons.
pub fn tat_answer(reply: &str) -> TatAnswer {
    if let Some(answer) = last_object(reply) {
        return answer;
    }
    let line = |marker: &str| crate::eval::choice::after_phrase(reply, &crate::eval::choice::PhraseRule::last(marker));
    let texts = line("answer:").unwrap_or_else(|| reply.trim());
    let scale = line("scale:").unwrap_or_default().trim_matches(['"', '\'', '.', '*']).to_lowercase();
    let known = ["thousand", "million", "billion", "percent"].contains(&scale.as_str());
    let spans = texts.split(';').map(|span| span.trim().trim_matches('*').to_owned());
    TatAnswer {
        spans: spans.filter(|span| !span.is_empty()).collect(),
        scale: if known { scale } else { String::new() },
    }
}

fn last_object(reply: &str) -> Option<TatAnswer> {
    let (end, _) = reply.rmatch_indices('}').next()?;
    let body = reply.get(..=end)?;
    // Objects of answers are flat: the last opening brace begins one.
    let (start, _) = body.rmatch_indices('{').next()?;
    let object: Value = serde_json::from_str(body.get(start..)?).ok()?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let spans = match object.get("answer")? {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    };
    let scale = object.get("scale").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    Some(TatAnswer { spans, scale })
}

/// How an answer to TableBench is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableJudgement {
    /// Equal lists.
    Exact,
    /// Equal lists, numbers within 10 %.
    Within10Percent,
    /// ROUGE-L of the texts.
    RougeL,
}

impl TableJudgement {
    /// By the type and sub-type of a question: facts and numbers exactly, analyses of figures within 10 %, descriptions
    /// by overlap.
    pub fn of(kind: &str, sub_kind: &str) -> Self {
        match (kind, sub_kind) {
            ("DataAnalysis", "CorrelationAnalysis" | "TrendForecasting" | "StatisticalAnalysis") => {
                Self::Within10Percent
            }
            ("DataAnalysis", "ImpactAnalysis") => Self::Exact,
            ("DataAnalysis", _) => Self::RougeL,
            _ => Self::Exact,
        }
    }
}

/// TableBench's figure of an answer after "Final Answer:", 0 to 1.
///
/// X. Wu and others, TableBench: a comprehensive and complex benchmark for table question answering, AAAI 2025.
pub fn table_bench(prediction: &str, reference: &str, judgement: TableJudgement) -> f64 {
    match judgement {
        TableJudgement::Exact => f64::from(same_list(prediction, reference, 0.0)),
        TableJudgement::Within10Percent => f64::from(same_list(prediction, reference, 0.1)),
        TableJudgement::RougeL => rouge_score(prediction, reference, Stemming::Off).longest.f1,
    }
}

/// Whether the items between commas can be paired so that each is equal, numbers within a tolerance.
fn same_list(prediction: &str, reference: &str, tolerance: f64) -> bool {
    let items = |text: &str| -> Vec<String> {
        let item = |item: &str| squeezed(&item.to_lowercase()).trim_matches(['.', '"', '\'', '*', ' ']).to_owned();
        text.split(", ").map(item).filter(|item| !item.is_empty()).collect()
    };
    let (predicted, right) = (items(prediction), items(reference));
    if predicted.len() != right.len() || right.is_empty() {
        return false;
    }
    let row = |right: &String| predicted.iter().map(|item| f64::from(same_item(item, right, tolerance))).collect();
    let scores: Vec<Vec<f64>> = right.iter().map(row).collect();
    let pairs = best_assignment(&scores).into_iter().zip(&scores);
    pairs.filter(|(column, row)| column.and_then(|column| row.get(column)) == Some(&1.0)).count() == right.len()
}

fn same_item(item: &str, right: &str, tolerance: f64) -> bool {
    let number = |text: &str| {
        let plain = text.replace(',', "");
        python_float(plain.strip_suffix('%').unwrap_or(&plain))
    };
    match (number(item), number(right)) {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance * b.abs() + 1e-9,
        _ => item == right,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(spans: &[&str], scale: &str) -> TatAnswer {
        TatAnswer { spans: spans.iter().map(|span| (*span).to_owned()).collect(), scale: scale.to_owned() }
    }

    #[test]
    fn numbers_with_scale() {
        let gold = answer(&["23.42"], "percent");
        for (prediction, expected) in [
            (answer(&["23.42"], "percent"), 1.0),
            (answer(&["23.42%"], ""), 1.0),
            (answer(&["0.2342"], ""), 1.0),
            (answer(&["23.42"], ""), 0.0),
        ] {
            let ours = tat_qa(&prediction, &gold, TatKind::Arithmetic);
            assert_eq!((ours.exact_match, ours.f1), (expected, expected), "{prediction:?}");
        }
        assert_eq!(
            tat_qa(&answer(&["$1.2 million"], ""), &answer(&["1.2"], "million"), TatKind::Span).exact_match,
            1.0
        );
        assert_eq!(tat_qa(&answer(&["(5)"], ""), &answer(&["-5"], ""), TatKind::Arithmetic).exact_match, 1.0);
    }

    #[test]
    fn spans() {
        let gold = answer(&["net sales", "gross margin"], "");
        assert_eq!(tat_qa(&answer(&["the gross margin", "Net sales"], ""), &gold, TatKind::MultiSpan).f1, 1.0);
        assert_eq!(tat_qa(&answer(&["net sales"], ""), &gold, TatKind::MultiSpan).f1, 0.67);
        assert_eq!(tat_qa(&answer(&[""], ""), &gold, TatKind::Span), ExactAndF1::default());
    }

    #[test]
    fn answers_in_replies() {
        assert_eq!(tat_answer("So {\"answer\": [\"a\", 3], \"scale\": \"million\"}."), answer(&["a", "3"], "million"));
        assert_eq!(tat_answer("Answer: x; y\nScale: Percent"), answer(&["x", "y"], "percent"));
        assert_eq!(tat_answer(" 12 "), answer(&["12"], ""));
    }

    #[test]
    fn table_bench_by_type() {
        let exact = TableJudgement::of("FactChecking", "MatchBased");
        assert_eq!(table_bench("Paris, 3.0", "3, paris", exact), 1.0);
        assert_eq!(table_bench("95", "100", exact), 0.0);
        let near = TableJudgement::of("DataAnalysis", "TrendForecasting");
        assert_eq!(table_bench("95", "100", near), 1.0);
        assert_eq!(table_bench("1,000", "1000", exact), 1.0);
        assert_eq!(TableJudgement::of("DataAnalysis", "CausalAnalysis"), TableJudgement::RougeL);
        assert_eq!(table_bench("it rose", "it rose", TableJudgement::RougeL), 1.0);
    }

    proptest! {
        #[test]
        fn any_reply_is_judged(reply in "(\\PC|[0-9.,%()]|million|answer:|[{}\"]){0,40}", gold in "[0-9a,.% ]{0,12}") {
            let figures = tat_qa(&tat_answer(&reply), &tat_answer(&gold), TatKind::Span);
            prop_assert!((0.0..=1.0).contains(&figures.f1));
            let _ = table_bench(&reply, &gold, TableJudgement::Within10Percent);
        }
    }
}
