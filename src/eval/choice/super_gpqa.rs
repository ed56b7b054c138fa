//! Letters from replies to SuperGPQA: shapes of a labelled answer, then of the text of an option.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::{Chosen, Labels, Via};
use crate::eval::text::pattern::pattern;

/// Whether worked examples stood in the prompt, after which a model may go on to invent further questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shots {
    /// None did.
    #[default]
    Zero,
    /// Some did: the reply before the next `Question:` is read first.
    Some,
}

/// Signs that may open before an answer and close after it.
const OPEN: &str = r"(?:[*$\\{(\[\s]|(?:boxed|mathbf|mathrm|text)\{)*";
const CLOSE: &str = r"[\\})\]$]*(?:[\s:.*)]|$)";
/// What stands before the answer, in the order in which it is tried: "the answer is", "Answer:", nothing.
const BEFORE: [&str; 3] =
    [r"the\s+(?:\w+\s+)?(?:answer|option)(?:\w+\s+)?\s+is:?\s*", r"answer[*\s]*:\s*", r"^[^\w\r\n]*"];

static LABELS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| BEFORE.iter().map(|before| pattern(&format!("(?i){before}{OPEN}([A-J]){CLOSE}"))).collect());

/// The letter that a reply gives, by label or by the text of the option.
pub fn super_gpqa_letter(reply: &str, options: &[String], shots: Shots) -> Chosen {
    let part = match shots {
        Shots::Zero => reply,
        Shots::Some => reply.split("Question:").next().unwrap_or(reply),
    };
    let found = read(part, options).or_else(|| if part == reply { None } else { read(reply, options) });
    found.unwrap_or_else(Chosen::none)
}

fn read(text: &str, options: &[String]) -> Option<Chosen> {
    let text = text.trim_end();
    let last = text.rsplit('\n').next().unwrap_or(text);
    let label = [last, text].into_iter().find_map(|part| first_capture(&LABELS, part));
    if let Some(label) = label {
        return Some(Chosen::one(label.to_uppercase(), Via::Marker));
    }
    let forms = option_forms(options);
    let content = [last, text].into_iter().find_map(|part| first_capture(&forms, part))?;
    let index = options.iter().position(|option| option == content)?;
    Some(Chosen::one(Labels::label(index), Via::Fallback))
}

fn first_capture<'a>(forms: &[Regex], text: &'a str) -> Option<&'a str> {
    forms.iter().find_map(|form| Some(form.captures(text)?.get(1)?.as_str()))
}

/// The shapes with the texts of the options; none where the options are too long for an expression.
fn option_forms(options: &[String]) -> Vec<Regex> {
    if options.is_empty() || options.iter().any(String::is_empty) {
        return Vec::new();
    }
    let any: Vec<String> = options.iter().map(|option| regex::escape(option)).collect();
    let any = any.join("|");
    let forms = BEFORE.iter().map(|before| {
        RegexBuilder::new(&format!("{}{OPEN}({any}){CLOSE}", before.replacen("the", "[Tt]he", 1))).build()
    });
    forms.collect::<Result<_, _>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options() -> Vec<String> {
        ["silver", "gold (Au)", "copper"].map(str::to_owned).to_vec()
    }

    #[test]
    fn labels_in_three_shapes() {
        for reply in [
            "The correct answer is (C).",
            "so the answer is: $\\boxed{C}$.",
            "reasoning about A.\nAnswer: **C**",
            "(C)",
            "The final option is \\(\\boxed{\\text{C}}\\)\n\n",
            "A is wrong, B too.\nthe answer is C",
        ] {
            assert_eq!(super_gpqa_letter(reply, &options(), Shots::Zero), Chosen::one("C", Via::Marker), "{reply}");
        }
    }

    #[test]
    fn the_last_line_comes_first() {
        let reply = "The answer is A.\nNo, that was hasty.\nAnswer: B";
        assert_eq!(super_gpqa_letter(reply, &options(), Shots::Zero).joined(), "B");
    }

    #[test]
    fn the_text_of_an_option_counts_when_no_label_does() {
        let reply = "Surely the answer is gold (Au).";
        assert_eq!(super_gpqa_letter(reply, &options(), Shots::Zero), Chosen::one("B", Via::Fallback));
        assert_eq!(super_gpqa_letter("no idea", &options(), Shots::Zero), Chosen::none());
    }

    #[test]
    fn invented_questions_are_cut_off() {
        let reply = "The answer is A.\nQuestion: what next?\nThe answer is B.";
        assert_eq!(super_gpqa_letter(reply, &options(), Shots::Zero).joined(), "B");
        assert_eq!(super_gpqa_letter(reply, &options(), Shots::Some).joined(), "A");
    }

    proptest! {
        #[test]
        fn any_reply_is_read(reply in ".{0,60}", option in ".{0,20}") {
            let found = super_gpqa_letter(&reply, &[option], Shots::Some);
            prop_assert!(found.labels.len() <= 1);
        }
    }
}
