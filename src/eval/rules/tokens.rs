//! Words and signs of English text after the conventions of the Penn Treebank: signs stand alone, contractions are two.

use super::pattern::Fixed;
use super::sentences::sentences;
use super::text::{is_space, is_word};

/// A pattern and what takes its place.
type Step = (Fixed, &'static str);

/// Quotes that open, before all else.
static OPENING: [Step; 4] = [
    (Fixed::new(r"([«“‘„]|`+)"), " $1 "),
    (Fixed::new("^\""), "``"),
    (Fixed::new("(``)"), " $1 "),
    (Fixed::new(r#"([ (\[{<])("|'{2})"#), "$1 `` "),
];

/// Signs inside and at the end of a sentence, then brackets and dashes.
static SIGNS: [Step; 9] = [
    (Fixed::new(r#"([^.])(\.)([\])}>"'»”’ ]*)[\s\x1c-\x1f]*$"#), "$1 $2 $3 "),
    (Fixed::new(r"([:,])([^\d])"), " $1 $2"),
    (Fixed::new(r"([:,])$"), " $1 "),
    (Fixed::new(r"(\.{2,}|[;@#$%&])"), " $1 "),
    (Fixed::new(r"([?!])"), " $1 "),
    (Fixed::new(r"([^'])' "), "$1 ' "),
    (Fixed::new(r"([*])"), " $1 "),
    (Fixed::new(r"([\]\[(){}<>])"), " $1 "),
    (Fixed::new("--"), " -- "),
];

/// Quotes that close, endings with an apostrophe, and words that are two.
static CLOSING: [Step; 8] = [
    (Fixed::new("([»”’])"), " $1 "),
    (Fixed::new("''|\""), " '' "),
    (Fixed::new(r"[\s\x1c-\x1f]+"), " "),
    (Fixed::new("([^' ])('[sSmMdD]|') "), "$1 $2 "),
    (Fixed::new("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) "), "$1 $2 "),
    (Fixed::new(r"(?i)\b(can|gim|gon|got|lem|d|more)(not|me|na|ta|'ye|'n)\b"), " $1 $2 "),
    (Fixed::new(r"(?i)\b(wan)(na) "), " $1 $2  "),
    (Fixed::new(r"(?i) ('t)(is|was)\b"), " $1 $2 "),
];

/// Second halves of the words that are two.
const HALVES: [(&str, &str); 7] =
    [("can", "not"), ("gim", "me"), ("gon", "na"), ("got", "ta"), ("lem", "me"), ("d", "'ye"), ("more", "'n")];

/// The words and signs of a text, sentence by sentence.
pub(super) fn tokens(text: &str) -> Vec<String> {
    sentences(text).into_iter().flat_map(of_sentence).collect()
}

fn of_sentence(sentence: &str) -> Vec<String> {
    let apply = |text: String, steps: &[Step]| steps.iter().fold(text, |text, step| step.0.replaced(&text, step.1));
    let text = apply(opened(&apply(sentence.to_owned(), &OPENING)), &SIGNS);
    let (joined, halved) = CLOSING.split_at(5);
    let text = apply(format!(" {text} "), joined);
    let text = halves(&text, halved);
    text.split(is_space).filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// Puts a space behind an apostrophe that opens a quote of one letter.
fn opened(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (index, c) in letters.iter().enumerate() {
        out.push(*c);
        let next = letters.get(index + 1).copied().unwrap_or(' ');
        let is_lone = is_word(next) && !letters.get(index + 2).copied().is_some_and(is_word);
        // 's, 'm, 't, 'd and 'n are endings rather than quotes.
        if *c == '\'' && is_lone && !"mtsdn".contains(next.to_ascii_lowercase()) {
            out.push(' ');
        }
    }
    out
}

/// Splits the words that are two; other pairs of the same halves (`dome`) stay whole.
fn halves(text: &str, steps: &[Step]) -> String {
    let [pairs, others @ ..] = steps else { return text.to_owned() };
    let text = match pairs.0.regex() {
        Some(regex) => regex.replace_all(text, |found: &regex::Captures<'_>| {
            let half = |index| found.get(index).map_or("", |half| half.as_str());
            let (first, second) = (half(1), half(2));
            let is_pair = HALVES.iter().any(|(a, b)| a.eq_ignore_ascii_case(first) && b.eq_ignore_ascii_case(second));
            if is_pair { format!(" {first} {second} ") } else { format!("{first}{second}") }
        }),
        None => text.into(),
    };
    others.iter().fold(text.into_owned(), |text, step| step.0.replaced(&text, step.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gives(text: &str, expected: &str) {
        assert_eq!(tokens(text).join(" "), expected, "{text}");
    }

    #[test]
    fn signs_stand_alone() {
        gives("Hello, WORLD! It's 3.50, or so.", "Hello , WORLD ! It 's 3.50 , or so .");
        gives("He said \"NO\" (twice)...", "He said `` NO '' ( twice ) ...");
        gives("I can't; we CANNOT -- they'll", "I ca n't ; we CAN NOT -- they 'll");
        gives("The U.S. won. A-B C/D", "The U.S. won . A-B C/D");
        gives("DON'T *STOP*", "DO N'T * STOP *");
    }

    #[test]
    fn patterns_are_patterns() {
        for (pattern, _) in OPENING.iter().chain(&SIGNS).chain(&CLOSING) {
            assert!(pattern.regex().is_some());
        }
    }
}
