//! Extractors of single benchmarks.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};
use toml::Table;

use super::super::super::choice::{CmmmuKind, cmmmu_judgement, cmmmu_letters};
use super::super::super::maths::docmath;
use super::super::super::sample::Sample;
use super::super::super::text::measure::measure_answer;
use super::super::super::text::pattern::pattern;
use super::super::super::text::vqa::{braced_form, count_in, marked_or_reply};
use super::super::super::text::{drop, tat_qa};
use super::super::case::{Case, Taken};
use super::super::params::none;
use super::super::score::cmmmu_kind;
use super::{Extract, Made};

pub(super) const NAMES: &[&str] = &[
    "cmmmu",
    "count-qa",
    "docmath",
    "drop",
    "math-verse",
    "measure-bench",
    "slake",
    "tat-qa",
    "vlms-are-biased",
    "vqav2",
];

pub(super) fn extractor(name: &str, params: &Table) -> Made {
    none(name, params)?;
    let simple =
        |take: fn(&Case<'_>) -> Taken, give: fn(&str) -> String| Box::new(Simple { take, give }) as Box<dyn Extract>;
    let same = |answer: &str| answer.to_owned();
    Ok(match name {
        "cmmmu" => simple(cmmmu, same),
        "count-qa" => simple(count, same),
        "docmath" => simple(document, |answer| format!("Therefore, the answer is ({answer}).")),
        "drop" => simple(|case| Taken::text(drop::drop_answer(&case.reply.text)), |answer| format!("Answer: {answer}")),
        "math-verse" => simple(|case| Taken::text(clean_choice(&case.reply.text)), same),
        "measure-bench" => {
            simple(|case| Taken::text(measure_answer(&case.reply.text)), |answer| format!("Answer: {answer}"))
        }
        "slake" => {
            simple(|case| Taken::text(marked_or_reply(&case.reply.text, &[])), |answer| format!("ANSWER: {answer}"))
        }
        "tat-qa" => Box::new(TatQa),
        "vlms-are-biased" => {
            simple(|case| Taken::text(braced_form(&case.reply.text)), |answer| format!("{{{answer}}}"))
        }
        _ => simple(
            |case| Taken::text(marked_or_reply(&case.reply.text, &['"', '\''])),
            |answer| format!("ANSWER: {answer}"),
        ),
    })
}

/// What is taken, and a reply that it is taken from.
struct Simple {
    take: fn(&Case<'_>) -> Taken,
    give: fn(&str) -> String,
}

impl Extract for Simple {
    fn take(&self, case: &Case<'_>) -> Taken {
        (self.take)(case)
    }

    fn give(&self, answer: &str, _: &Sample) -> String {
        (self.give)(answer)
    }
}

/// By the type of the question: letters, `对` or `错`, or the whole reply.
fn cmmmu(case: &Case<'_>) -> Taken {
    let reply = &case.reply.text;
    match cmmmu_kind(case.sample) {
        CmmmuKind::Choice => {
            let chosen = cmmmu_letters(reply, &case.sample.choices);
            Taken { text: chosen.joined(), via: Some(chosen.via.name()) }
        }
        CmmmuKind::Judgement => Taken::text(cmmmu_judgement(reply).map_or("", |right| if right { "对" } else { "错" })),
        CmmmuKind::Blank => Taken::text(reply.as_str()),
    }
}

/// The first whole number.
fn count(case: &Case<'_>) -> Taken {
    let found = count_in(&case.reply.text);
    let via = Some(if found.is_some() { "marker" } else { "none" });
    Taken { text: found.map(|count| count.to_string()).unwrap_or_default(), via }
}

fn document(case: &Case<'_>) -> Taken {
    // A minus sign of Unicode would else be lost with other marks.
    let found = docmath::answer(&case.reply.text.replace('\u{2212}', "-"));
    Taken::text(found.map(|answer| answer.text).unwrap_or_default())
}

static LONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-E]\b"));

/// The last letter A to E that stands alone, whatever its case; else the reply without marks around it.
fn clean_choice(reply: &str) -> String {
    let bare =
        reply.trim_matches('\n').trim_end_matches('.').trim_end_matches('/').trim_matches(' ').trim_start_matches(':');
    let upper = bare.to_uppercase();
    let last = LONE.find_iter(&upper).last().map(|found| found.as_str().to_owned());
    last.unwrap_or_else(|| bare.trim().trim_matches('.').trim_end_matches('/').to_owned())
}

/// Spans and scale, as JSON.
struct TatQa;

impl Extract for TatQa {
    fn take(&self, case: &Case<'_>) -> Taken {
        let (spans, scale) = tat_qa::taken(&case.reply.text);
        Taken::text(json!({"answer": spans, "scale": scale}).to_string())
    }

    fn give(&self, answer: &str, sample: &Sample) -> String {
        let scale =
            sample.meta.get("scale").and_then(Value::as_str).filter(|scale| !scale.is_empty()).unwrap_or("none");
        format!("Answer: {answer}\nScale: {scale}")
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::super::super::case::Reply;
    use super::*;

    fn taken(name: &str, reply: &str) -> String {
        let sample = Sample::default();
        let extractor = extractor(name, &Table::new()).expect("a known name");
        extractor.take(&Case { sample: &sample, reply: &Reply::text(reply) }).text
    }

    #[test]
    fn answers_are_taken() {
        for (name, reply, answer) in [
            ("count-qa", "There are 012 of 20", "12"),
            ("count-qa", "none", ""),
            ("docmath", "Therefore, the answer is (\u{2212}3.5).", "-3.5"),
            ("math-verse", "I choose b.", "B"),
            ("math-verse", ": 12 cm.", "12 cm"),
            ("measure-bench", "It shows... Answer: 42.5 A", "42.5 A"),
            ("measure-bench", "So \\boxed{42} mm\nas seen", "42 mm"),
            ("measure-bench", "\\boxed{42", ""),
            ("slake", "ANSWER: no\nANSWER: \"Liver\"", "Liver"),
            ("vqav2", "'red'", "red"),
            ("vlms-are-biased", " {4} ", "4"),
        ] {
            assert_eq!(taken(name, reply), answer, "{name}: {reply}");
        }
    }

    proptest! {
        #[test]
        fn any_reply_is_read(reply in "(Answer:|ANSWER: |\\\\boxed\\{|[0-9{}.]|\\PC|\n){0,40}") {
            for name in NAMES {
                let _ = taken(name, &reply);
            }
        }
    }
}
