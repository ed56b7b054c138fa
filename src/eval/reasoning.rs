//! Reasoning of a model, told from its answer.

/// What a model thought and what it answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thought {
    /// What it thought; empty where it shows nothing.
    pub reasoning: String,
    /// What it answered.
    pub answer: String,
    /// Whether it was cut while it still thought, so that there is no answer.
    pub unfinished: bool,
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Splits a reply. Reasoning that the server gave apart is taken as it is; else what stands before the last closing tag is
/// reasoning, for a model may write of the tag while it thinks. A tag that is opened and never closed leaves no answer.
pub fn thought(text: &str, apart: &str) -> Thought {
    let (mut reasoning, answer) = match text.rsplit_once(CLOSE) {
        Some((before, after)) => {
            let before = before.trim_start();
            (before.strip_prefix(OPEN).unwrap_or(before).trim().to_owned(), after.trim_start().to_owned())
        }
        None => match text.trim_start().strip_prefix(OPEN) {
            Some(rest) => {
                let reasoning = joined(apart, rest.trim());
                return Thought { reasoning, answer: String::new(), unfinished: true };
            }
            None => (String::new(), text.to_owned()),
        },
    };
    reasoning = joined(apart, &reasoning);
    Thought { reasoning, answer, unfinished: false }
}

fn joined(apart: &str, inside: &str) -> String {
    match (apart.is_empty(), inside.is_empty()) {
        (true, _) => inside.to_owned(),
        (_, true) => apart.to_owned(),
        _ => format!("{apart}\n{inside}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_told_from_the_answer() {
        for (text, apart, reasoning, answer, unfinished) in [
            ("ANSWER: A", "", "", "ANSWER: A", false),
            ("ANSWER: A", "B?", "B?", "ANSWER: A", false),
            ("<think>\nB? no\n</think>\n\nANSWER: A", "", "B? no", "ANSWER: A", false),
            ("so </think> is a tag</think>A", "", "so </think> is a tag", "A", false),
            ("<think>on and on", "", "on and on", "", true),
            ("1 <think> 2", "", "", "1 <think> 2", false),
        ] {
            let thought = thought(text, apart);
            assert_eq!(
                (thought.reasoning.as_str(), thought.answer.as_str(), thought.unfinished),
                (reasoning, answer, unfinished),
                "{text}"
            );
        }
    }
}
