//! Extractors: how an answer is taken from a reply.
//!
//! | file | noun |
//! |---|---|
//! | here | answers behind markers, letters |
//! | `benchmarks` | answers of single benchmarks |
//! | `structured` | calls, JSON, programs, grids, boxes and points |

mod benchmarks;
mod structured;

use regex::Regex;
use serde::Deserialize;
use toml::Table;

use super::super::choice::{
    Bare, BbhForm, Labels, LettersRule, Marker, Occurrence, PhraseRule, Right, Shots, Until, VerdictRule, Words,
    after_phrase, air_bench_letter, answer_line, bbh_answer, letters, maritime_bench_letter, mmau_letter, phyx_letter,
    safety_bench_letter, super_gpqa_letter, verdict,
};
use super::super::sample::Sample;
use super::case::{Case, Reply, Taken};
use super::params::{none, read};
use crate::error::known;

/// Takes an answer from a reply.
pub trait Extract: Send + Sync {
    /// The answer.
    fn take(&self, case: &Case<'_>) -> Taken;

    /// A text from which this answer is taken.
    fn give(&self, answer: &str, sample: &Sample) -> String;

    /// A reply from which this answer is taken: a text, unless a text cannot say it.
    fn reply(&self, answer: &str, sample: &Sample) -> Reply {
        Reply::text(self.give(answer, sample))
    }
}

type Made = Result<Box<dyn Extract>, String>;

/// A family of extractors: its names, and what makes one of them.
type Family = (&'static [&'static str], fn(&str, &Table) -> Made);

/// Families in files of their own.
const FAMILIES: &[Family] = &[(benchmarks::NAMES, benchmarks::extractor), (structured::NAMES, structured::extractor)];

/// Extractors of this file by name.
const NAMES: [&str; 16] = [
    "whole",
    "choice",
    "answer-line",
    "verdict",
    "maths",
    "phrase",
    "regex",
    "own",
    "bbh",
    "safety-bench",
    "super-gpqa",
    "maritime-bench",
    "mmau",
    "air-bench",
    "phyx-mc",
    "boxed",
];

/// The extractor of a name.
pub fn extractor(name: &str, params: &Table) -> Made {
    let bare = |made: Box<dyn Extract>| none(name, params).map(|()| made);
    if let Some((_, make)) = FAMILIES.iter().find(|(names, _)| names.contains(&name)) {
        return make(name, params);
    }
    match name {
        "whole" | "own" => bare(whole()),
        "choice" => Ok(Box::new(read::<Choice>(name, params)?)),
        "answer-line" => Ok(Box::new(read::<Line>(name, params)?)),
        "verdict" => Ok(Box::new(read::<Judgement>(name, params)?)),
        "maths" => bare(Box::new(Maths)),
        "boxed" => bare(Box::new(Boxed)),
        "phrase" => Ok(Box::new(read::<Phrase>(name, params)?)),
        "regex" => Ok(Box::new(Pattern::of(read(name, params)?)?)),
        "bbh" => Ok(Box::new(read::<Bbh>(name, params)?)),
        "safety-bench" => bare(Box::new(Letter {
            take: |reply, sample| safety_bench_letter(reply, &sample.choices),
            give: |answer| answer.to_owned(),
        })),
        "super-gpqa" => bare(Box::new(SuperGpqa)),
        "maritime-bench" => bare(Box::new(Letter {
            take: |reply, _| maritime_bench_letter(reply),
            give: |answer| format!("[{answer}]"),
        })),
        "mmau" => {
            bare(Box::new(Letter { take: |reply, _| mmau_letter(reply), give: |answer| format!("ANSWER: {answer}") }))
        }
        "air-bench" => {
            bare(Box::new(Letter { take: |reply, _| air_bench_letter(reply), give: |answer| answer.to_owned() }))
        }
        "phyx-mc" => bare(Box::new(Phyx)),
        _ => {
            let all = NAMES.iter().chain(FAMILIES.iter().flat_map(|(names, _)| names.iter()));
            Err(format!("{name:?}: no such extractor; known are {}", known(all)))
        }
    }
}

/// The reply as it is.
pub fn whole() -> Box<dyn Extract> {
    Box::new(Whole)
}

struct Whole;

impl Extract for Whole {
    fn take(&self, case: &Case<'_>) -> Taken {
        Taken::text(case.reply.text.as_str())
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        answer.to_owned()
    }
}

/// Language of a marker.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    #[default]
    En,
    Zh,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Choice {
    language: Language,
    several: bool,
}

impl Extract for Choice {
    fn take(&self, case: &Case<'_>) -> Taken {
        let marker = if let Language::Zh = self.language { Marker::Chinese } else { Marker::English };
        let right = if self.several { Right::Several } else { Right::One };
        let chosen = letters(&case.reply.text, Labels::of(case.sample.choices.len()), LettersRule { marker, right });
        Taken { text: chosen.joined(), via: Some(chosen.via.name()) }
    }

    fn give(&self, answer: &str, sample: &Sample) -> String {
        let marker = if let Language::Zh = self.language { "答案：" } else { "ANSWER: " };
        if !self.several {
            return format!("{marker}{answer}");
        }
        // A set of letters may be written without commas, unless labels have several characters.
        let labels = sample.labels();
        let list: Vec<String> = match labels.iter().any(|label| label == answer) {
            true => vec![answer.to_owned()],
            false => answer.chars().filter(|c| c.is_alphanumeric()).map(String::from).collect(),
        };
        format!("{marker}{}", list.join(","))
    }
}

/// What is taken where the marker is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Otherwise {
    #[default]
    Whole,
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Line {
    otherwise: Otherwise,
    lower: bool,
}

impl Extract for Line {
    fn take(&self, case: &Case<'_>) -> Taken {
        let text = &case.reply.text;
        let found = answer_line(text);
        let via = Some(if found.is_some() { "marker" } else { "none" });
        let otherwise = if self.otherwise == Otherwise::Whole { text.trim().to_owned() } else { String::new() };
        let taken = found.unwrap_or(otherwise);
        Taken { text: if self.lower { taken.to_lowercase() } else { taken }, via }
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        format!("ANSWER: {}", answer.replace('\n', " "))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Judgement {
    words: Vec<String>,
    /// Whether a reply that is nothing but the word may be in lower case.
    lenient: Option<bool>,
    /// Take the ANSWER line where there is one, else the whole reply.
    line: bool,
}

impl Extract for Judgement {
    fn take(&self, case: &Case<'_>) -> Taken {
        let words = if self.words.iter().any(|word| word == "MAYBE") { Words::YesNoMaybe } else { Words::YesNo };
        let bare = if self.lenient == Some(false) { Bare::Capital } else { Bare::LowerCase };
        let text = match self.line {
            true => answer_line(&case.reply.text).unwrap_or_else(|| case.reply.text.clone()),
            false => case.reply.text.clone(),
        };
        Taken::text(verdict(&text, VerdictRule { words, bare }).map_or("", |verdict| verdict.name()))
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        if self.line { format!("ANSWER: {answer}") } else { answer.to_owned() }
    }
}

/// The scorer of mathematics reads the reply itself.
struct Maths;

impl Extract for Maths {
    fn take(&self, case: &Case<'_>) -> Taken {
        Taken::text(case.reply.text.as_str())
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        format!("So it is \\boxed{{{answer}}}.")
    }
}

/// What the last box holds.
struct Boxed;

impl Extract for Boxed {
    fn take(&self, case: &Case<'_>) -> Taken {
        Taken::text(super::super::boxed::boxed(&case.reply.text).unwrap_or_default())
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        format!("\\boxed{{{answer}}}")
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Which {
    First,
    #[default]
    Last,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrase {
    after: String,
    #[serde(default)]
    which: Which,
    #[serde(default)]
    otherwise: Otherwise,
    #[serde(default)]
    until: Until,
}

impl Extract for Phrase {
    fn take(&self, case: &Case<'_>) -> Taken {
        let occurrence = if self.which == Which::First { Occurrence::First } else { Occurrence::Last };
        let rule = PhraseRule { phrase: self.after.clone(), occurrence, until: self.until };
        let text = &case.reply.text;
        let found = after_phrase(text, &rule);
        let via = Some(if found.is_some() { "marker" } else { "none" });
        let otherwise = if self.otherwise == Otherwise::Whole { text.trim() } else { "" };
        Taken { text: found.unwrap_or(otherwise).to_owned(), via }
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        format!("{} {answer}", self.after)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternParams {
    pattern: String,
    #[serde(default)]
    group: usize,
    #[serde(default)]
    which: Which,
    /// A reply with `{answer}` in it, from which the pattern takes the answer.
    #[serde(default)]
    example: Option<String>,
}

struct Pattern {
    regex: Regex,
    params: PatternParams,
}

impl Pattern {
    fn of(params: PatternParams) -> Result<Self, String> {
        let regex = Regex::new(&params.pattern).map_err(|error| format!("regex: pattern: {error}"))?;
        if params.group >= regex.captures_len() {
            return Err(format!("regex: group {}: the pattern has {}", params.group, regex.captures_len() - 1));
        }
        Ok(Pattern { regex, params })
    }
}

impl Extract for Pattern {
    fn take(&self, case: &Case<'_>) -> Taken {
        let mut all = self.regex.captures_iter(&case.reply.text);
        let found = if self.params.which == Which::First { all.next() } else { all.last() };
        let text = found.and_then(|found| found.get(self.params.group)).map(|part| part.as_str().to_owned());
        let via = Some(if text.is_some() { "marker" } else { "none" });
        Taken { text: text.unwrap_or_default(), via }
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        match &self.params.example {
            Some(example) => example.replace("{answer}", answer),
            None => answer.to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bbh {
    /// Whether the answer is one of lettered options, or free.
    form: BbhForm,
}

impl Extract for Bbh {
    fn take(&self, case: &Case<'_>) -> Taken {
        Taken::text(bbh_answer(&case.reply.text, self.form))
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        match self.form {
            BbhForm::Choice => format!("So the answer is ({answer})."),
            BbhForm::Free => format!("So the answer is {answer}."),
        }
    }
}

/// Labels and texts of options. Behind examples a model may go on and make up further questions, which are cut off.
struct SuperGpqa;

impl Extract for SuperGpqa {
    fn take(&self, case: &Case<'_>) -> Taken {
        let shots = if case.sample.shots > 0 { Shots::Some } else { Shots::Zero };
        let chosen = super_gpqa_letter(&case.reply.text, &case.sample.choices, shots);
        Taken { text: chosen.joined(), via: Some(chosen.via.name()) }
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        format!("ANSWER: {answer}")
    }
}

/// A letter by rules of one benchmark.
struct Letter {
    take: fn(&str, &Sample) -> super::super::choice::Chosen,
    give: fn(&str) -> String,
}

impl Extract for Letter {
    fn take(&self, case: &Case<'_>) -> Taken {
        let chosen = (self.take)(&case.reply.text, case.sample);
        Taken { text: chosen.joined(), via: Some(chosen.via.name()) }
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        (self.give)(answer)
    }
}

/// Letters of PhyX, or what stands in their place.
struct Phyx;

impl Extract for Phyx {
    fn take(&self, case: &Case<'_>) -> Taken {
        Taken::text(phyx_letter(&case.reply.text))
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        format!("ANSWER: {answer}")
    }
}
