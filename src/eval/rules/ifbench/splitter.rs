//! Sentences by their marks: a full stop, question or exclamation mark ends one, wherever it stands, but for full stops
//! of titles, initials, acronyms, numbers and addresses.

use super::super::pattern::Fixed;
use super::super::text::strip;

/// Stands for a full stop that ends nothing.
const DOT: char = '\u{f0000}';
/// Stands for the end of a sentence.
const END: char = '\u{f0001}';

/// What is done to full stops, in this order.
static STEPS: [(Fixed, &str); 11] = [
    (Fixed::new(r"(Mr|St|Mrs|Ms|Dr)\."), "${1}\u{f0000}"),
    (Fixed::new(r"\.(com|net|org|io|gov|edu|me)"), "\u{f0000}${1}"),
    (Fixed::new(r"([0-9])\.([0-9])"), "${1}\u{f0000}${2}"),
    (Fixed::new(r"Ph\.D\."), "Ph\u{f0000}D\u{f0000}"),
    (Fixed::new(r"[\s\x1c-\x1f]([A-Za-z])\. "), " ${1}\u{f0000} "),
    (
        // Titles and pronouns begin a sentence after an acronym or a company.
        Fixed::new(concat!(
            r"([A-Z]\.[A-Z]\.(?:[A-Z]\.)?) (Mr|Mrs|Ms|Dr|Prof|Capt|Cpt|Lt|",
            r"(?:He|She|It|They|Their|Our|We|But|However|That|This)[\s\x1c-\x1f]|Wherever)",
        )),
        "${1}\u{f0001} ${2}",
    ),
    (Fixed::new(r"([A-Za-z])\.([A-Za-z])\.([A-Za-z])\."), "${1}\u{f0000}${2}\u{f0000}${3}\u{f0000}"),
    (Fixed::new(r"([A-Za-z])\.([A-Za-z])\."), "${1}\u{f0000}${2}\u{f0000}"),
    (
        Fixed::new(concat!(
            r" (Inc|Ltd|Jr|Sr|Co)\. (Mr|Mrs|Ms|Dr|Prof|Capt|Cpt|Lt|",
            r"(?:He|She|It|They|Their|Our|We|But|However|That|This)[\s\x1c-\x1f]|Wherever)",
        )),
        " ${1}\u{f0001} ${2}",
    ),
    (Fixed::new(r" (Inc|Ltd|Jr|Sr|Co)\."), " ${1}\u{f0000}"),
    (Fixed::new(r" ([A-Za-z])\."), " ${1}\u{f0000}"),
];

/// The sentences of a text. Marks in a row end one each.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let (dots, others) = STEPS.split_at(3);
    let apply =
        |text: String, steps: &[(Fixed, &str)]| steps.iter().fold(text, |text, step| step.0.replaced(&text, step.1));
    let text = apply(format!(" {}  ", text.replace('\n', " ")), dots);
    let mut text = apply(rows_of_dots(&text), others);
    for (marks, swapped) in [(".”", "”."), (".\"", "\"."), ("!\"", "\"!"), ("?\"", "\"?")] {
        text = text.replace(marks, swapped);
    }
    for mark in ['.', '?', '!'] {
        text = text.replace(mark, &format!("{mark}{END}"));
    }
    let text = text.replace(DOT, ".");
    let mut found: Vec<String> = text.split(END).map(|sentence| strip(sentence).to_owned()).collect();
    if found.last().is_some_and(String::is_empty) {
        found.pop();
    }
    found
}

/// Two dots and more end a sentence together.
fn rows_of_dots(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("..") {
        let more = after.trim_start_matches('.');
        out.push_str(before);
        out.extend(std::iter::repeat_n(DOT, 2 + after.len() - more.len()));
        out.push(END);
        rest = more;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gives(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text), expected, "{text}");
    }

    #[test]
    fn marks_end_sentences() {
        gives("One. Two! Three?", &["One.", "Two!", "Three?"]);
        gives("Wow!! No", &["Wow!", "!", "No"]);
        gives("He said \"Go.\" Fine", &["He said \"Go\".", "Fine"]);
        gives("", &[]);
    }

    #[test]
    fn some_dots_do_not() {
        gives("Dr. Smith paid 3.50 at x.com. Yes", &["Dr. Smith paid 3.50 at x.com.", "Yes"]);
        gives("Wait... what. The U.S. He left.", &["Wait...", "what.", "The U.S.", "He left."]);
        gives("Acme Inc. sells. J. Doe", &["Acme Inc. sells.", "J. Doe"]);
    }
}
