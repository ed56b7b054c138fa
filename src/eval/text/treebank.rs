//! Words and marks of English texts as NLTK's `word_tokenize` splits them.
//!
//! The rules are those of the Penn Treebank, as NLTK extends them. NLTK finds sentences with a model that was trained
//! on a corpus; here a sentence ends at a stop, question mark or exclamation mark before a blank and a character that
//! is no lower-case letter, unless the stop belongs to a common abbreviation, an initial, or a number in a list.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern::pattern;
use super::words::words;

type Rule = (Regex, &'static str);

fn rules(list: &[(&str, &'static str)]) -> Vec<Rule> {
    list.iter().map(|(text, replacement)| (pattern(text), *replacement)).collect()
}

static BEFORE_QUOTES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[("([«“‘„]|[`]+)", " ${1} "), (r#"^""#, "``"), ("(``)", " ${1} "), (r#"([ (\[{<])("|'{2})"#, "${1} `` ")])
});

static MARKS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r#"([^.])(\.)([\])}>"'»”’ ]*)\s*$"#, "${1} ${2} ${3} "),
        (r"([:,])([^\p{Nd}])", " ${1} ${2}"),
        (r"([:,])$", " ${1} "),
        (r"\.{2,}", " ${0} "),
        ("[;@#$%&]", " ${0} "),
    ])
});

static LATER_MARKS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        ("[?!]", " ${0} "),
        ("([^'])' ", "${1} ' "),
        ("[*]", " ${0} "),
        (r"[\]\[(){}<>]", " ${0} "),
        ("--", " -- "),
    ])
});

static AFTER_QUOTES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        ("([»”’])", " ${1} "),
        ("''", " '' "),
        ("\"", " '' "),
        (r"([^' ])('[sS]|'[mM]|'[dD]|') ", "${1} ${2} "),
        (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "${1} ${2} "),
    ])
});

static CONTRACTIONS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"(?i)\b(can)(not)\b", " ${1} ${2} "),
        (r"(?i)\b(d)('ye)\b", " ${1} ${2} "),
        (r"(?i)\b(gim)(me)\b", " ${1} ${2} "),
        (r"(?i)\b(gon)(na)\b", " ${1} ${2} "),
        (r"(?i)\b(got)(ta)\b", " ${1} ${2} "),
        (r"(?i)\b(lem)(me)\b", " ${1} ${2} "),
        (r"(?i)\b(more)('n)\b", " ${1} ${2} "),
        (r"(?i)\b(wan)(na)(\s)", " ${1} ${2} ${3}"),
        (r"(?i) ('t)(is)\b", " ${1} ${2} "),
        (r"(?i) ('t)(was)\b", " ${1} ${2} "),
    ])
});

fn apply(rules: &[Rule], text: String) -> String {
    rules.iter().fold(text, |text, (form, replacement)| form.replace_all(&text, *replacement).into_owned())
}

/// The words and marks of a text.
pub fn word_tokens(text: &str) -> Vec<String> {
    sentences(text).into_iter().flat_map(of_sentence).collect()
}

fn of_sentence(sentence: &str) -> Vec<String> {
    let text = apply(&BEFORE_QUOTES, sentence.to_owned());
    let text = apply(&MARKS, text);
    let text = apply(&LATER_MARKS, text);
    let text = format!(" {text} ");
    let text = apply(&AFTER_QUOTES, text);
    let text = apply(&CONTRACTIONS, text);
    words(&text).map(str::to_owned).collect()
}

const ABBREVIATIONS: [&str; 41] = [
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "e.g", "i.e", "inc", "ltd", "co", "corp", "no",
    "fig", "vol", "gen", "col", "sen", "rep", "gov", "capt", "lt", "sgt", "rev", "hon", "mt", "jan", "feb", "aug",
    "sept", "oct", "nov", "dec", "u.s", "u.k", "a.m", "p.m",
];

/// The sentences of a text, without the blanks between them.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if !matches!(c, '.' | '!' | '?') {
            continue;
        }
        // Marks that close belong to the sentence.
        while characters
            .next_if(|(_, next)| matches!(next, '.' | '!' | '?' | '"' | '\'' | ')' | ']' | '”' | '’'))
            .is_some()
        {}
        let end = characters.peek().map_or(text.len(), |(index, _)| *index);
        let rest = text.get(end..).unwrap_or_default();
        let next = rest.trim_start();
        let boundary = next.len() < rest.len() && next.starts_with(|c: char| !c.is_lowercase());
        let before = text.get(start..at).unwrap_or_default();
        if boundary && !(c == '.' && is_abbreviated(before)) {
            found.push(text.get(start..end).unwrap_or_default());
            start = text.len() - next.len();
        }
    }
    found.push(text.get(start..).unwrap_or_default());
    found.into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

fn is_abbreviated(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let word = word.trim_start_matches(['(', '[', '"', '\'']);
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    initial && word != "I" || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests say what they need and stop there")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eval::agreement::{Agreement, cases};
    use crate::eval::text::words::has_chinese;

    #[test]
    fn golden_tokens() {
        let mut agreement = Agreement::new("text_metrics", "bleu_nltk.tokens");
        for case in cases("text_metrics").iter().filter(|case| case["kind"] == "bleu_nltk") {
            for field in ["prediction", "reference"] {
                let text = case[field].as_str().unwrap();
                if has_chinese(text) {
                    continue;
                }
                let expected = case[&format!("{field}_tokens")].as_array().unwrap();
                let expected: Vec<&str> = expected.iter().map(|token| token.as_str().unwrap()).collect();
                let ours = word_tokens(text);
                agreement.row(case["id"].as_str().unwrap(), &ours.iter().map(String::as_str).collect(), &expected);
            }
        }
        agreement.check(1.0);
    }

    #[test]
    fn words_and_marks() {
        for (text, expected) in [
            ("They'll say \"no\", won't they?", "They 'll say `` no '' , wo n't they ?"),
            ("I can't pay $3.50 (or 1,000).", "I ca n't pay $ 3.50 ( or 1,000 ) ."),
            ("Dr. Smith left. He cannot come...", "Dr. Smith left . He can not come ..."),
            ("the dog's tail -- a 'quote'", "the dog 's tail -- a 'quote '"),
        ] {
            assert_eq!(word_tokens(text).join(" "), expected);
        }
    }

    #[test]
    fn sentence_ends() {
        assert_eq!(sentences("One. Two! \"Three?\" four. 5"), ["One.", "Two!", "\"Three?\" four.", "5"]);
        assert_eq!(sentences("Mr. A. Smith is here."), ["Mr. A. Smith is here."]);
        assert_eq!(sentences(" "), Vec::<&str>::new());
    }

    proptest! {
        #[test]
        fn no_character_is_lost(text in "\\PC{0,60}") {
            let plain = |text: &str| text.chars().filter(|c| !super::super::words::is_blank(*c) && !"\"'`".contains(*c)).collect::<String>();
            prop_assert_eq!(plain(&word_tokens(&text).concat()), plain(&text));
        }
    }
}
