//! The form of English transcripts that Whisper's authors compare.
//!
//! A. Radford and others, Robust speech recognition via large-scale weak supervision, 2022, appendix C.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::forms::{BRACKETS, PARENTHESES};
use super::number_words::numbers_in_digits;
use super::spelling::american;
use crate::eval::text::pattern::pattern;
use crate::eval::text::words::words;

/// Words that are written out, in the order in which they are looked for.
const WHOLE: [(&str, &str); 35] = [
    ("won't", "will not"),
    ("can't", "can not"),
    ("let's", "let us"),
    ("ain't", "aint"),
    ("y'all", "you all"),
    ("wanna", "want to"),
    ("gotta", "got to"),
    ("gonna", "going to"),
    ("i'ma", "i am going to"),
    ("imma", "i am going to"),
    ("woulda", "would have"),
    ("coulda", "could have"),
    ("shoulda", "should have"),
    ("ma'am", "madam"),
    ("mr", "mister "),
    ("mrs", "missus "),
    ("st", "saint "),
    ("dr", "doctor "),
    ("prof", "professor "),
    ("capt", "captain "),
    ("gov", "governor "),
    ("ald", "alderman "),
    ("gen", "general "),
    ("sen", "senator "),
    ("rep", "representative "),
    ("pres", "president "),
    ("rev", "reverend "),
    ("hon", "honorable "),
    ("asst", "assistant "),
    ("assoc", "associate "),
    ("lt", "lieutenant "),
    ("col", "colonel "),
    ("jr", "junior "),
    ("sr", "senior "),
    ("esq", "esquire "),
];

/// Ends of words that are written out after that.
const ENDS: [(&str, &str); 14] = [
    ("'d been", " had been"),
    ("'s been", " has been"),
    ("'d gone", " had gone"),
    ("'s gone", " has gone"),
    ("'d done", " had done"),
    ("'s got", " has got"),
    ("n't", " not"),
    ("'re", " are"),
    ("'s", " is"),
    ("'d", " would"),
    ("'ll", " will"),
    ("'t", " not"),
    ("'ve", " have"),
    ("'m", " am"),
];

/// Letters that keep their strokes when they are taken apart.
const STROKES: [(char, &str); 16] = [
    ('œ', "oe"),
    ('Œ', "OE"),
    ('ø', "o"),
    ('Ø', "O"),
    ('æ', "ae"),
    ('Æ', "AE"),
    ('ß', "ss"),
    ('ẞ', "SS"),
    ('đ', "d"),
    ('Đ', "D"),
    ('ð', "d"),
    ('Ð', "D"),
    ('þ', "th"),
    ('Þ', "th"),
    ('ł', "l"),
    ('Ł', "L"),
];

static SOUNDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:hmm|mm|mhm|mmm|uh|um)\b"));
static BEFORE_APOSTROPHE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s+'"));
static WRITTEN_OUT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let whole = WHOLE.iter().map(|(short, long)| (pattern(&format!(r"\b{short}\b")), *long));
    whole.chain(ENDS.iter().map(|(short, long)| (pattern(&format!(r"{short}\b")), *long))).collect()
});
static COMMA: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]),([0-9])"));
static STOP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.([^0-9]|$)"));
static LONE_SIGN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[.$¢€£]([^0-9])"));
static LONE_PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"([^0-9])%"));
static BLANKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s+"));
static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\p{Mn}"));
static SYMBOL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[\p{M}\p{S}\p{P}]"));

/// Lowered, contractions and titles written out, numbers in digits, American spelling, without marks.
pub fn english_form(text: &str) -> String {
    let text = text.to_lowercase();
    let text = BRACKETS.replace_all(&text, "");
    let text = PARENTHESES.replace_all(&text, "");
    let text = SOUNDS.replace_all(&text, "");
    let mut text = BEFORE_APOSTROPHE.replace_all(&text, "'").into_owned();
    for (short, long) in WRITTEN_OUT.iter() {
        text = short.replace_all(&text, *long).into_owned();
    }
    let text = COMMA.replace_all(&text, "${1}${2}");
    let text = STOP.replace_all(&text, " ${1}");
    let text = numbers_in_digits(&without_marks(&text));
    let text = words(&text).map(american).collect::<Vec<_>>().join(" ");
    let text = LONE_SIGN.replace_all(&text, " ${1}");
    let text = LONE_PERCENT.replace_all(&text, "${1} ");
    BLANKS.replace_all(&text, " ").into_owned()
}

/// Without accents; symbols and marks become blanks, except those that stand with numbers.
fn without_marks(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.nfkd() {
        let stroke = STROKES.iter().find(|(letter, _)| *letter == c);
        let mut buffer = [0; 4];
        let character: &str = c.encode_utf8(&mut buffer);
        match stroke {
            _ if ".%$¢€£".contains(c) => plain.push(c),
            Some((_, letters)) => plain.push_str(letters),
            None if MARK.is_match(character) => {}
            None if SYMBOL.is_match(character) => plain.push(' '),
            None => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, expected) in [
            ("Mr. Neil won't pay $20 million!", "mister neil will not pay $20000000"),
            ("It's 3.5 percent of 1,234 (about)", "it is 3.5% of 1234"),
            ("Uh, she'd been to the Théâtre [laughs] twice.", "she had been to the theater twice"),
            ("the twenty-first colour", "the 21st color"),
            ("$2 and 7 cents", "$2.07"),
            ("one of them", "one of them"),
            ("weiß", "weiss"),
        ] {
            assert_eq!(english_form(text).trim(), expected, "{text}");
        }
    }
}
