//! Short answers to questions on pictures.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use toml::Table;

use super::super::super::sample::Sample;
use super::super::super::text::anls::{AnlsRule, anls};
use super::super::super::text::number::python_float;
use super::super::super::text::pattern::pattern;
use super::super::super::text::rouge::{Stemming, rouge_score};
use super::super::case::{Case, Marks, Taken};
use super::super::params::{none, read};
use super::{Made, NONSENSE, Score};

pub(super) const NAMES: &[&str] = &[
    "relaxed",
    "anls",
    "count-qa",
    "ocr-bench",
    "slake",
    "vqav2",
    "vtcbench",
    "vlms-are-biased",
    "visualoverload",
];

pub(super) fn scorer(name: &str, params: &Table) -> Made {
    if name == "relaxed" {
        return Ok(Box::new(read::<Relaxed>(name, params)?));
    }
    if name == "anls" {
        return Ok(Box::new(Anls(read(name, params)?)));
    }
    none(name, params)?;
    Ok(match name {
        "count-qa" => Box::new(CountQa),
        "ocr-bench" => Box::new(OcrBench),
        "slake" => Box::new(Slake),
        "vqav2" => Box::new(Vqa),
        "vtcbench" => Box::new(Vtc),
        "vlms-are-biased" => Box::new(Biased),
        _ => Box::new(Present),
    })
}

fn first(sample: &Sample) -> Option<String> {
    sample.targets().into_iter().next()
}

/// Numbers within a share of the reference, other texts equal but for case: ChartQA's measure.
///
/// N. Methani and others, PlotQA: reasoning over scientific plots, WACV 2020.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Relaxed {
    /// The share of the reference by which a number may differ.
    tolerance: f64,
}

impl Default for Relaxed {
    fn default() -> Self {
        Relaxed { tolerance: 0.05 }
    }
}

/// A number as Python reads it; a percent sign at its end makes hundredths of it.
fn percentage(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(_) => python_float(text.trim_end_matches('%')).map(|number| number / 100.0),
        None => python_float(text),
    }
}

impl Relaxed {
    fn is_right(&self, answer: &str, target: &str) -> bool {
        match (percentage(answer), percentage(target)) {
            (Some(answer), Some(0.0)) => answer == 0.0,
            (Some(answer), Some(target)) => (answer - target).abs() / target.abs() <= self.tolerance,
            _ => answer.to_lowercase() == target.to_lowercase(),
        }
    }
}

impl Score for Relaxed {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let is_right = case.sample.targets().iter().any(|target| self.is_right(&taken.text, target));
        Marks::one("relaxed_acc", f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Similarity by edit distance.
struct Anls(AnlsRule);

impl Score for Anls {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("anls", anls(&taken.text, &case.sample.targets(), self.0))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("~".to_owned())
    }
}

/// A count, exact and within 5 %.
struct CountQa;

impl Score for CountQa {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let Ok(right) = case.sample.target_text().trim().parse::<u64>() else {
            return Marks::excluded("the reference is no count");
        };
        let counted: Option<f64> = taken.text.parse().ok();
        let exact = counted == Some(right as f64);
        let near = counted.is_some_and(|counted| (counted - right as f64).abs() <= 0.05 * right as f64);
        Marks::of([("accuracy", f64::from(exact)), ("relaxed_acc", f64::from(near))])
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("987654".to_owned())
    }
}

/// The reply holds one of the references; formulas are compared without blanks.
struct OcrBench;

impl OcrBench {
    fn form(text: &str, formula: bool) -> String {
        let line = text.trim().replace('\n', " ");
        if formula { line.replace(' ', "") } else { line.to_lowercase() }
    }
}

impl Score for OcrBench {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let formula = case.sample.meta.get("dataset").and_then(Value::as_str) == Some("HME100k");
        let answer = Self::form(&taken.text, formula);
        let is_right = case.sample.targets().iter().any(|target| answer.contains(&Self::form(target, formula)));
        Marks::one("accuracy", f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("~".to_owned())
    }
}

/// English words for small numbers.
const COUNTED: [(&str, &str); 12] = [
    ("none", "0"),
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
];
/// Chinese characters for small numbers.
const COUNTED_CHINESE: [(&str, &str); 12] = [
    ("零", "0"),
    ("一", "1"),
    ("两", "2"),
    ("二", "2"),
    ("三", "3"),
    ("四", "4"),
    ("五", "5"),
    ("六", "6"),
    ("七", "7"),
    ("八", "8"),
    ("九", "9"),
    ("十", "10"),
];
const ARTICLES: [&str; 3] = ["a", "an", "the"];

fn looked_up<'a>(table: &[(&str, &'a str)], word: &str) -> Option<&'a str> {
    table.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// Answers of SLAKE, with yes, no, X-ray and small numbers in one form for both languages.
struct Slake;

static ASIDE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([^)]*\)|（[^）]*）"));
const CHINESE_MARKS: &str = "！？。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～、《》【】";
const YES: [&str; 12] = ["yes", "yeah", "yep", "true", "是", "是的", "有", "包含", "存在", "可以", "能", "会"];
const NO: [&str; 13] =
    ["no", "nope", "false", "否", "不是", "没有", "无", "不包含", "不存在", "不可以", "不能", "不会", "不正常"];
const XRAY: [&str; 6] = ["x ray", "xray", "x光", "x 光", "x射线", "x 射线"];

impl Slake {
    fn form(text: &str) -> String {
        let text = text.trim().to_lowercase();
        let text = ASIDE.replace_all(&text, " ");
        let blank = |c: char| if c.is_ascii_punctuation() || CHINESE_MARKS.contains(c) { ' ' } else { c };
        let text: String = text.chars().map(blank).collect();
        let words: Vec<String> =
            text.split_whitespace().map(Self::word).filter(|word| !ARTICLES.contains(&word.as_str())).collect();
        let text = words.join(" ");
        let is = |list: &[&str]| list.contains(&text.as_str());
        match () {
            () if is(&XRAY) => "xray".to_owned(),
            () if is(&YES) => "yes".to_owned(),
            () if is(&NO) => "no".to_owned(),
            () => text,
        }
    }

    /// A number as digits, also with the Chinese word that counts things behind it.
    fn word(word: &str) -> String {
        let number = |word: &str| looked_up(&COUNTED, word).or_else(|| looked_up(&COUNTED_CHINESE, word)).map(str::to_owned);
        let counted = word.strip_suffix('个').and_then(|bare| {
            let digits = !bare.is_empty() && bare.chars().all(char::is_numeric);
            number(bare).or_else(|| digits.then(|| bare.to_owned()))
        });
        counted.or_else(|| number(word)).unwrap_or_else(|| word.to_owned())
    }
}

impl Score for Slake {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = Self::form(&taken.text);
        let is_right = !answer.is_empty() && case.sample.targets().iter().any(|target| Self::form(target) == answer);
        Marks::one("accuracy", f64::from(is_right))
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// VQAv2's soft accuracy: three of the other annotators who agree make an answer right, averaged over leaving each of them
/// out in turn.
///
/// S. Antol and others, VQA: visual question answering, ICCV 2015.
struct Vqa;

impl Vqa {
    fn form(text: &str) -> String {
        let text = text.to_lowercase();
        let letters: Vec<char> = text.trim().chars().collect();
        let digit = |place: Option<usize>| place.and_then(|place| letters.get(place)).is_some_and(|c| c.is_numeric());
        let plain: String = letters
            .iter()
            .enumerate()
            // A comma between digits divides thousands.
            .filter(|(place, c)| !(**c == ',' && digit(place.checked_sub(1)) && digit(Some(place + 1))))
            .map(|(_, c)| if c.is_ascii_punctuation() && *c != ':' { ' ' } else { *c })
            .collect();
        let words = plain.split_whitespace().map(|word| looked_up(&COUNTED, word).unwrap_or(word));
        words.filter(|word| !ARTICLES.contains(word)).collect::<Vec<_>>().join(" ")
    }

    fn soft(hits: &[bool]) -> f64 {
        let agreed = hits.iter().filter(|hit| **hit).count();
        match hits.len() {
            0 => 0.0,
            1 => agreed as f64 / 3.0,
            all => {
                let without = |hit: &bool| ((agreed - usize::from(*hit)) as f64 / 3.0).min(1.0);
                hits.iter().map(without).sum::<f64>() / all as f64
            }
        }
    }
}

impl Score for Vqa {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = Self::form(&taken.text);
        let hits: Vec<bool> =
            case.sample.targets().iter().map(|target| !answer.is_empty() && Self::form(target) == answer).collect();
        // As in EvalScope an empty answer is an exact match of an empty reference.
        let exact = case.sample.targets().iter().any(|target| Self::form(target) == answer);
        Marks::of([("vqa_score", Self::soft(&hits)), ("exact_match", f64::from(exact))])
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let targets = sample.targets();
        let count = |form: &str| targets.iter().filter(|target| Self::form(target) == form).count();
        targets.iter().max_by_key(|target| count(&Self::form(target))).cloned()
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// The share of the references that the reply holds; for its memory of talks the best ROUGE-L.
struct Vtc;

static THOUGHT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<think>.*?</think>"));

impl Score for Vtc {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = THOUGHT.replace_all(&taken.text, "").trim().to_lowercase();
        let targets: Vec<String> = case.sample.targets().iter().map(|target| target.trim().to_lowercase()).collect();
        if targets.is_empty() {
            return Marks::excluded("there is no reference");
        }
        let held = targets.iter().filter(|target| answer.contains(target.as_str())).count();
        let all = held as f64 / targets.len() as f64;
        let rouge = targets.iter().map(|target| rouge_score(&answer, target, Stemming::Porter).longest.f1).fold(0.0, f64::max);
        let memory = case.sample.meta.get("subset").and_then(Value::as_str) == Some("Memory");
        Marks::of([("normalized_score", if memory { rouge } else { all }), ("contains_all", all), ("rouge_l", rouge)])
            .noting("contains_any", f64::from(held > 0))
            .taking(answer)
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        let memory = sample.meta.get("subset").and_then(Value::as_str) == Some("Memory");
        if memory { first(sample) } else { Some(sample.targets().join(", ")) }
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some("~".to_owned())
    }
}

/// What is in the picture, and what is commonly known but not in the picture.
struct Biased;

/// An answer without outer blanks and braces, lowered.
pub(crate) fn unbraced(text: &str) -> String {
    text.trim().to_lowercase().trim_matches(['{', '}']).trim().to_owned()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

impl Score for Biased {
    fn score(&self, case: &Case<'_>, taken: &Taken) -> Marks {
        let answer = unbraced(&taken.text);
        let right = unbraced(&case.sample.target_text());
        let bias = match case.sample.meta.get("expected_bias") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(unbraced(text)),
            Some(other) => Some(unbraced(&other.to_string())),
        };
        let (mut is_right, mut is_biased) = (answer == right, bias.as_ref() == Some(&answer));
        let number = digits(&answer);
        if !is_right && !is_biased && !number.is_empty() {
            is_right = digits(&right) == number;
            is_biased = bias.as_ref().is_some_and(|bias| digits(bias) == number);
        }
        let mut marks = Marks::one("accuracy", f64::from(is_right));
        if bias.is_some() {
            marks.values.push(("bias_ratio".to_owned(), f64::from(is_biased)));
        }
        marks
    }

    fn right(&self, sample: &Sample) -> Option<String> {
        first(sample)
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(NONSENSE.to_owned())
    }
}

/// Whether there is a reply: the answers are kept by the makers of the benchmark.
struct Present;

impl Score for Present {
    fn score(&self, _: &Case<'_>, taken: &Taken) -> Marks {
        Marks::one("response_present", f64::from(!taken.text.trim().is_empty()))
    }

    fn right(&self, _: &Sample) -> Option<String> {
        Some("A".to_owned())
    }

    fn wrong(&self, _: &Sample) -> Option<String> {
        Some(String::new())
    }
}
