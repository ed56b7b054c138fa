//! Blocks between fences of three back-ticks.

/// A fenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The word after the opening fence, as it was written; empty where there is none.
    pub language: &'a str,
    /// What stands between, without the white space at both ends.
    pub body: &'a str,
}

const FENCE: &str = "```";

/// The complete blocks of a text, in order. A block may stand within one line. A fence that is never closed opens
/// nothing.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut parts = text.split(FENCE).skip(1);
    let mut rest = text.matches(FENCE).count();
    while rest >= 2 {
        let Some(inner) = parts.next() else { break };
        let (language, body) = divided(inner);
        found.push(Block { language, body: body.trim() });
        // What follows the closing fence is prose.
        parts.next();
        rest -= 2;
    }
    found
}

/// The word that names the language, if white space follows it, and the rest.
fn divided(inner: &str) -> (&str, &str) {
    let of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '+' | '-' | '#' | '.');
    let end = inner.find(|c| !of_word(c)).unwrap_or(inner.len());
    let (word, rest) = inner.split_at(end);
    if rest.starts_with(char::is_whitespace) { (word, rest) } else { ("", inner) }
}

/// The first block.
pub fn first(text: &str) -> Option<&str> {
    blocks(text).first().map(|block| block.body)
}

/// The last block.
pub fn last(text: &str) -> Option<&str> {
    blocks(text).last().map(|block| block.body)
}

/// The first block whose language is one of these, in any case.
pub fn first_of<'a>(text: &'a str, languages: &[&str]) -> Option<&'a str> {
    let named = |block: &Block| languages.iter().any(|language| language.eq_ignore_ascii_case(block.language));
    blocks(text).into_iter().find(named).map(|block| block.body)
}

/// The lines between the last two lines that hold a fence, wherever in the line it stands; `None` where fewer than two
/// lines do.
pub fn between_last_lines(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut fenced = lines.iter().enumerate().rev().filter(|(_, line)| line.contains(FENCE)).map(|(at, _)| at);
    let (end, start) = (fenced.next()?, fenced.next()?);
    Some(lines.get(start + 1..end)?.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_are_cut_out() {
        let text = "Before\n```python\nx = 1\n```\nbetween ```[1]``` and\n```JSON\n{}\n```\nopen ```never";
        let block = |language, body| Block { language, body };
        assert_eq!(blocks(text), [block("python", "x = 1"), block("", "[1]"), block("JSON", "{}")]);
        assert_eq!((first(text), last(text)), (Some("x = 1"), Some("{}")));
        assert_eq!(first_of(text, &["json"]), Some("{}"));
        assert_eq!(first_of(text, &["rust"]), None);
        assert_eq!(first("no fence"), None);
        assert_eq!(blocks("```\n```"), [block("", "")]);
    }

    #[test]
    fn the_lines_between_the_last_two_fences() {
        assert_eq!(between_last_lines("```\na\n```\n```py\nb\nc\n``` end").as_deref(), Some("b\nc"));
        assert_eq!(between_last_lines("```x```"), None);
        assert_eq!(between_last_lines(""), None);
    }

    proptest! {
        #[test]
        fn no_text_is_refused(text in "[a`\n {]{0,40}") {
            prop_assert!(blocks(&text).len() <= text.matches(FENCE).count() / 2);
            let _ = between_last_lines(&text);
        }
    }
}
