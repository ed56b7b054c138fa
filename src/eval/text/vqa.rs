//! Short answers about images that are judged by rule.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{digits_of, python_float};
use super::pattern::pattern;
use super::rouge::{Stemming, rouge_score};
use super::words::words;

static MARKER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)ANSWER:\s*(.*)"));

/// What stands behind the last `ANSWER:`, without quotation marks; else the whole reply, without these marks around it.
pub fn marked_or_reply(reply: &str, around: &[char]) -> String {
    match MARKER.captures_iter(reply).last().and_then(|found| found.get(1)) {
        Some(found) => found.as_str().trim().trim_matches(['"', '\'']).to_owned(),
        None => reply.trim().trim_matches(around).to_owned(),
    }
}

static THOUSANDS: LazyLock<Regex> = LazyLock::new(|| pattern("([0-9]),([0-9])"));

/// VQA's form of an answer: lowered, punctuation but the colon as blanks, number words in digits, without articles.
pub fn vqa_form(answer: &str) -> String {
    // Twice, since a digit may stand between two commas.
    let text = THOUSANDS.replace_all(&answer.to_lowercase(), "${1}${2}").into_owned();
    let text = THOUSANDS.replace_all(&text, "${1}${2}").into_owned();
    let spaced: String = text.chars().map(|c| if c.is_ascii_punctuation() && c != ':' { ' ' } else { c }).collect();
    let in_digits = words(&spaced).map(|word| digits_of(word).unwrap_or(word));
    let kept = in_digits.filter(|word| !matches!(*word, "a" | "an" | "the"));
    kept.collect::<Vec<_>>().join(" ")
}

/// VQA's soft accuracy: a third for every other person who gave the same answer, 1 at most, averaged over leaving out each
/// person in turn. A single answer counts a third.
///
/// S. Antol and others, VQA: visual question answering, ICCV 2015.
pub fn vqa_soft_accuracy(prediction: &str, answers: &[String]) -> f64 {
    let prediction = vqa_form(prediction);
    if prediction.is_empty() {
        return 0.0;
    }
    let hits: Vec<bool> = answers.iter().map(|answer| vqa_form(answer) == prediction).collect();
    let same = hits.iter().filter(|hit| **hit).count();
    let without = |hit: &bool| ((same - usize::from(*hit)) as f64 / 3.0).min(1.0);
    match hits.len() {
        0 => 0.0,
        1 => same as f64 / 3.0,
        all => hits.iter().map(without).sum::<f64>() / all as f64,
    }
}

/// 1 where any person gave the same answer, else 0.
pub fn vqa_exact_match(prediction: &str, answers: &[String]) -> f64 {
    let prediction = vqa_form(prediction);
    f64::from(answers.iter().any(|answer| vqa_form(answer) == prediction))
}

/// ChartQA's relaxed accuracy: numbers within a share of the reference (5 % by default), other texts equal but for
/// case.
///
/// A. Masry and others, ChartQA, Findings of ACL 2022, section 5.1. A percent sign divides by 100.
pub fn relaxed_accuracy(prediction: &str, reference: &str, tolerance: f64) -> f64 {
    let number = |text: &str| match text.strip_suffix('%') {
        Some(_) => python_float(text.trim_end_matches('%')).map(|number| number / 100.0),
        None => python_float(text),
    };
    f64::from(match (number(prediction), number(reference)) {
        (Some(found), Some(0.0)) => found == 0.0,
        (Some(found), Some(right)) => (found - right).abs() / right.abs() <= tolerance,
        _ => prediction.to_lowercase() == reference.to_lowercase(),
    })
}

static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern("[0-9]+"));

/// The count in a reply: its first whole number.
pub fn count_in(reply: &str) -> Option<u128> {
    DIGITS.find(reply)?.as_str().parse().ok()
}

/// CountQA: whether the count is right, and whether it is within 5 %.
pub fn count_scores(count: Option<u128>, reference: u128) -> (f64, f64) {
    let exact = count == Some(reference);
    let near = count.is_some_and(|count| count.abs_diff(reference) as f64 <= 0.05 * reference as f64);
    (f64::from(exact), f64::from(exact || reference > 0 && near))
}

/// OCRBench: 1 where a reference is contained in the reply, lowered and with line breaks as blanks, else 0.
pub fn contained(reply: &str, references: &[String]) -> f64 {
    let form = |text: &str| text.to_lowercase().trim().replace('\n', " ");
    let reply = form(reply);
    f64::from(references.iter().any(|reference| reply.contains(&form(reference))))
}

/// The same for written mathematics (HME100k): without any blank, and case counts.
pub fn contained_without_blanks(reply: &str, references: &[String]) -> f64 {
    let form = |text: &str| text.trim().replace(['\n', ' '], "");
    let reply = form(reply);
    f64::from(references.iter().any(|reference| reply.contains(&form(reference))))
}

/// An answer of "VLMs are biased": lowered, without braces.
pub fn braced_form(answer: &str) -> String {
    answer.trim().to_lowercase().trim_matches(['{', '}']).trim().to_owned()
}

/// Whether an answer is right, and whether it is the one that prior knowledge suggests; by its digits where neither
/// text is equal.
pub fn bias_scores(prediction: &str, reference: &str, biased: Option<&str>) -> (f64, Option<f64>) {
    let prediction = braced_form(prediction);
    let reference = braced_form(reference);
    let biased = biased.map(braced_form);
    let (mut right, mut bias) = (prediction == reference, biased.as_ref() == Some(&prediction));
    if !right && !bias {
        right = same_digits(&prediction, &reference);
        bias = biased.as_deref().is_some_and(|biased| same_digits(&prediction, biased));
    }
    (f64::from(right), biased.map(|_| f64::from(bias)))
}

fn same_digits(left: &str, right: &str) -> bool {
    let digits = |text: &str| text.chars().filter(|c| c.is_numeric()).collect::<String>();
    let left = digits(left);
    !left.is_empty() && left == digits(right)
}

static THOUGHT: LazyLock<Regex> = LazyLock::new(|| pattern("(?s)<think>.*?</think>"));

/// What VTCBench measures of one reply.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VtcScores {
    /// 1 where any reference is contained.
    pub contains_any: f64,
    /// The share of references that are contained.
    pub contains_all: f64,
    /// The best ROUGE-L, F1 of stemmed words.
    pub rouge_l: f64,
}

/// VTCBench's figures of a reply without its thoughts, lowered. Its task Memory reports ROUGE-L, the others the share
/// of references contained.
pub fn vtc_scores(reply: &str, references: &[String]) -> VtcScores {
    if references.is_empty() {
        return VtcScores::default();
    }
    let reply = THOUGHT.replace_all(reply, "").trim().to_lowercase();
    let references: Vec<String> = references.iter().map(|reference| reference.trim().to_lowercase()).collect();
    let found = references.iter().filter(|reference| reply.contains(reference.as_str())).count();
    let rouge = references.iter().map(|reference| rouge_score(&reply, reference, Stemming::Porter).longest.f1);
    VtcScores {
        contains_any: f64::from(found > 0),
        contains_all: found as f64 / references.len() as f64,
        rouge_l: rouge.fold(0.0, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn vqa() {
        assert_eq!(vqa_form("The two Dogs, 1,000,000!"), "2 dogs 1000000");
        let answers = list(&["yes", "Yes.", "no"]);
        // Two of three agree: leaving out one of them leaves one, leaving out the other person leaves two.
        assert!((vqa_soft_accuracy("the yes", &answers) - 4.0 / 9.0).abs() < 1e-12);
        let ten = [vec!["red".to_owned(); 3], vec!["blue".to_owned(); 7]].concat();
        assert!((vqa_soft_accuracy("red", &ten) - 0.9).abs() < 1e-12);
        assert_eq!(vqa_soft_accuracy("blue", &ten), 1.0);
        assert_eq!(vqa_soft_accuracy("", &list(&["", "", ""])), 0.0);
        assert_eq!(vqa_exact_match("no", &answers), 1.0);
        assert_eq!(marked_or_reply("ANSWER: no\nANSWER: \"red\"", &[]), "red");
        assert_eq!(marked_or_reply(" 'red' ", &['\'']), "red");
    }

    #[test]
    fn relaxed() {
        for (prediction, reference, expected) in [
            ("104", "100", 1.0),
            ("106", "100", 0.0),
            ("5%", "0.05", 1.0),
            ("0", "0", 1.0),
            ("0.001", "0", 0.0),
            ("Yes", "yes", 1.0),
            ("100", "a", 0.0),
        ] {
            assert_eq!(relaxed_accuracy(prediction, reference, 0.05), expected, "{prediction} {reference}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(count_in("There are **12**, not 13"), Some(12));
        assert_eq!(count_in(&"9".repeat(60)), None);
        assert_eq!(count_scores(Some(21), 20), (0.0, 1.0));
        assert_eq!(count_scores(Some(1), 0), (0.0, 0.0));
        assert_eq!(count_scores(Some(0), 0), (1.0, 1.0));
        assert_eq!(count_scores(None, 3), (0.0, 0.0));
    }

    #[test]
    fn contents() {
        assert_eq!(contained("It says\nSTOP here", &list(&["stop", "go"])), 1.0);
        assert_eq!(contained("nothing", &list(&["stop"])), 0.0);
        assert_eq!(contained_without_blanks("X + 1", &list(&["X +1"])), 1.0);
        let scores = vtc_scores("<think>Rome</think>Paris and Berlin", &list(&["paris", "rome"]));
        assert_eq!((scores.contains_any, scores.contains_all), (1.0, 0.5));
    }

    #[test]
    fn biases() {
        assert_eq!(bias_scores("{5}", "5", Some("4")), (1.0, Some(0.0)));
        assert_eq!(bias_scores("4 legs", "5", Some("4")), (0.0, Some(1.0)));
        assert_eq!(bias_scores("no", "5", None), (0.0, None));
    }
}
