//! Letters in the shapes that single benchmarks look for.

use std::sync::LazyLock;

use regex::Regex;

use super::{Chosen, Via};
use crate::eval::text::pattern::pattern;

static SQUARE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([A-D])\]"));
static ANSWER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)ANSWER\s*:(.*)"));
static LONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([A-D])\b"));
static AIR_ANSWER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)answer\s*[:\-]?\s*([ABCD])"));
static PHYX_ANSWER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?:correct|answer|option|Answer|Option|Correct)\b[\s\S]*?([A-D])"));
static PHYX_LABEL: LazyLock<Regex> = LazyLock::new(|| pattern(r"([ABCD]):"));

fn group<'a>(form: &Regex, text: &'a str) -> Option<&'a str> {
    Some(form.captures(text)?.get(1)?.as_str())
}

fn last_group<'a>(form: &Regex, text: &'a str) -> Option<&'a str> {
    Some(form.captures_iter(text).last()?.get(1)?.as_str())
}

/// MaritimeBench: the last A to D in square brackets.
pub fn maritime_bench_letter(reply: &str) -> Chosen {
    last_group(&SQUARE, reply).map_or_else(Chosen::none, |letter| Chosen::one(letter, Via::Marker))
}

/// MMAU: the letter of the last line that has an `ANSWER:` with one letter after it, else a reply that is one letter.
pub fn mmau_letter(reply: &str) -> Chosen {
    let marked = reply.lines().rev().find_map(|line| {
        let mut letters = LONE.find_iter(last_group(&ANSWER, line)?);
        letters.next().filter(|_| letters.next().is_none())
    });
    if let Some(letter) = marked {
        return Chosen::one(letter.as_str(), Via::Marker);
    }
    match reply.trim_matches(|c: char| !c.is_alphanumeric()) {
        letter @ ("A" | "B" | "C" | "D") => Chosen::one(letter, Via::Fallback),
        _ => Chosen::none(),
    }
}

/// AIR-Bench Foundation: the letter after "answer", else the first lone A to D, else the first character in upper case.
pub fn air_bench_letter(reply: &str) -> Chosen {
    if let Some(letter) = group(&AIR_ANSWER, reply) {
        return Chosen::one(letter.to_uppercase(), Via::Marker);
    }
    let first = || reply.trim().chars().next().map(|c| c.to_uppercase().to_string());
    let guess = group(&LONE, reply).map(str::to_owned).or_else(first);
    guess.map_or_else(Chosen::none, |letter| Chosen::one(letter, Via::Fallback))
}

/// PhyX: the first A to D after "answer", "option" or "correct", else the last `X:`, else the whole reply.
pub fn phyx_letter(reply: &str) -> String {
    let reply = reply.trim();
    group(&PHYX_ANSWER, reply).or_else(|| last_group(&PHYX_LABEL, reply)).unwrap_or(reply).to_owned()
}

/// Whether a reply to PhyX is right: what [`phyx_letter`] found is the reference, or the reply marks the reference as
/// `X:`, `X**` or `**X`.
pub fn phyx_matches(extracted: &str, reply: &str, reference: &str) -> bool {
    let reference = reference.trim();
    let marked = || {
        let marks = [format!("{reference}:"), format!("{reference}**"), format!("**{reference}")];
        marks.iter().any(|mark| reply.contains(mark.as_str()))
    };
    extracted.trim().eq_ignore_ascii_case(reference) || marked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maritime() {
        assert_eq!(maritime_bench_letter("[A] or rather [C]").joined(), "C");
        assert_eq!(maritime_bench_letter("A"), Chosen::none());
    }

    #[test]
    fn mmau() {
        for (reply, expected) in [
            ("ANSWER: A\nbut\nanswer: (B)", "B"),
            ("ANSWER: C\nANSWER: A or B", "C"),
            ("**D**", "D"),
            ("I cannot hear it", ""),
        ] {
            assert_eq!(mmau_letter(reply).joined(), expected, "{reply}");
        }
    }

    #[test]
    fn air_bench() {
        for (reply, expected) in
            [("The Answer: b", "B"), ("It is (C), not D", "C"), ("dunno", "D"), ("violin", "V"), ("", "")]
        {
            assert_eq!(air_bench_letter(reply).joined(), expected, "{reply}");
        }
    }

    #[test]
    fn phyx() {
        assert_eq!(phyx_letter("The correct option is D"), "D");
        assert_eq!(phyx_letter("A: 3 m, so B: 4 m"), "B");
        assert_eq!(phyx_letter(" b "), "b");
        assert!(phyx_matches("b", "b", "B"));
        assert!(phyx_matches("C", "**B** holds", "B"));
        assert!(!phyx_matches("C", "C", "B"));
    }
}
