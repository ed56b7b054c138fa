//! What Multi-IF (He and others, 2024, <https://arxiv.org/abs/2410.15553>) changes of IFEval's rules, so that they hold in
//! its eleven languages: sentences and words are counted by the language of the reply, and other quotes are quotes.
//!
//! Chinese and Japanese words are letters, and their sentences and those of Hindi end at their own marks. Thai has no
//! spaces between words; the published program looks them up in a dictionary, here they are estimated from lengths.

use super::arguments::Relation;
use super::ifbench::{count_emoji, without_emoji};
use super::language::language;
use super::pattern::Fixed;
use super::text::{is_space, split, strip, words};
use super::{Given, Rule};

/// The rules that differ.
pub(super) const RULES: [(&str, Rule); 3] = [
    ("length_constraints:number_sentences", number_sentences),
    ("length_constraints:number_words", number_words),
    ("startend:quotation", quotation),
];

/// Letters of a Thai word, marks included, as a mean over running text.
const THAI_WORD: f64 = 4.5;
/// Letters from which on a part between spaces is a sentence of Thai.
const THAI_SENTENCE: usize = 20;

static EAST_SENTENCE: Fixed = Fixed::new(r"[^!?。.！？．\n]+[!?。.！？．\n]?");
static EAST_SIGN: Fixed =
    Fixed::new("[\\\\.!?．/_,{}<>:;$%^&*(+\"'—！，。？、`~@#￥…（）：；《》“”)\\[\\]»〔〕\\-「」]+");
static EAST_LETTER: Fixed =
    Fixed::new(r"[\x{4e00}-\x{9fff}\x{3400}-\x{4dbf}\x{3040}-\x{309f}\x{30a0}-\x{30ff}\x{ac00}-\x{d7af}]");

/// How a language is counted in.
enum Counting {
    Spaces,
    East,
    Hindi,
    Thai,
}

fn counting(reply: &str) -> Counting {
    match language(reply) {
        Some("zh-cn" | "zh-tw" | "ja") => Counting::East,
        Some("hi") => Counting::Hindi,
        Some("th") => Counting::Thai,
        _ => Counting::Spaces,
    }
}

fn number_sentences(given: &Given<'_>) -> Option<bool> {
    let relation = Relation::named(given.arguments.text("relation")?)?;
    let reply = given.reply;
    let lines =
        || reply.split(['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}']);
    let count = match counting(reply) {
        Counting::Spaces => super::sentences::sentences(reply).len(),
        Counting::East => lines().map(|line| EAST_SENTENCE.count(strip(line))).sum(),
        Counting::Hindi => reply.split_inclusive(['।', '!', '?']).filter(|part| !strip(part).is_empty()).count(),
        Counting::Thai => lines().map(thai_sentences).sum(),
    };
    Some(relation.holds(count, given.arguments.number("num_sentences")?))
}

fn number_words(given: &Given<'_>) -> Option<bool> {
    let relation = Relation::named(given.arguments.text("relation")?)?;
    let count = match counting(given.reply) {
        Counting::East => east_words(given.reply),
        Counting::Thai => thai_words(given.reply),
        Counting::Spaces | Counting::Hindi => words(given.reply).count(),
    };
    Some(relation.holds(count, given.arguments.number("num_words")?))
}

/// Letters of the east, emoji, and what else spaces part; signs are gone before.
fn east_words(reply: &str) -> usize {
    let text = EAST_SIGN.replaced(reply, "");
    let plain = without_emoji(&text);
    EAST_LETTER.count(&plain) + count_emoji(&text) + split(&EAST_LETTER.replaced(&plain, " ")).count()
}

fn is_thai(c: char) -> bool {
    ('\u{e00}'..='\u{e7f}').contains(&c)
}

/// Parts between spaces that are long enough; what is too short goes with the next.
fn thai_sentences(line: &str) -> usize {
    let mut count = 0;
    let mut letters = 0;
    for part in split(line) {
        letters += part.chars().count();
        if letters >= THAI_SENTENCE {
            (count, letters) = (count + 1, 0);
        }
    }
    if letters > 0 { count.max(1) } else { count }
}

/// Words by the length of each run of Thai; spaces and other words count one each, as the dictionary's tokens do.
fn thai_words(reply: &str) -> usize {
    let kind = |c: char| if is_thai(c) { 0 } else { 1 + u8::from(is_space(c)) };
    let letters: Vec<char> = reply.chars().collect();
    let of_run = |run: &[char]| match run.first() {
        Some(first) if is_thai(*first) => (run.len() as f64 / THAI_WORD).round().max(1.0) as usize,
        _ => 1,
    };
    letters.chunk_by(|a, b| kind(*a) == kind(*b)).map(of_run).sum()
}

fn quotation(given: &Given<'_>) -> Option<bool> {
    let reply = strip(given.reply);
    let is_quoted = |(open, close)| reply.starts_with(open) && reply.ends_with(close);
    Some(reply.chars().nth(1).is_some() && [('"', '"'), ('“', '”'), ('「', '」')].into_iter().any(is_quoted))
}

#[cfg(test)]
mod tests {
    use super::super::{Edition, follow_in};
    use serde_json::{Value, json};

    fn holds(id: &str, kwargs: Value, reply: &str) -> bool {
        follow_in(Edition::MultiIf, &[id], &[kwargs], "", reply).is_ok_and(|followed| followed.prompt_strict)
    }

    fn at_least(id: &str, name: &str, count: usize, reply: &str) {
        let kwargs = |count: usize| json!({name: count, "relation": "at least"});
        assert!(holds(id, kwargs(count), reply), "{id}: {count} in {reply}");
        assert!(!holds(id, kwargs(count + 1), reply), "{id}: no more than {count} in {reply}");
    }

    #[test]
    fn sentences_end_at_the_marks_of_the_language() {
        let id = "length_constraints:number_sentences";
        at_least(id, "num_sentences", 3, "城里的天气又冷又刮风。人们仍然在公园里散步！谈论着他们的假期计划");
        at_least(id, "num_sentences", 2, "街の天気は寒くて風が強かった。人々は公園を歩いていた。");
        at_least(id, "num_sentences", 2, "शहर का मौसम ठंडा और हवादार था। लोग पार्क में घूम रहे थे।");
        at_least(id, "num_sentences", 2, "The weather was cold. People walked through the park.");
    }

    #[test]
    fn words_are_those_of_the_language() {
        let id = "length_constraints:number_words";
        at_least(id, "num_words", 12, "城里的天气，又冷又刮风 ok😀");
        at_least(id, "num_words", 5, "Das Wetter war sehr kalt.");
        let thai = "อากาศในเมืองหนาวและมีลมแรง แต่ผู้คนก็เดินเล่นในสวนสาธารณะและพูดคุยเกี่ยวกับแผนการวันหยุดของพวกเขา";
        let words = super::thai_words(thai);
        assert!((18..=26).contains(&words), "{words} of 22");
        assert_eq!(super::thai_sentences(thai), 2);
    }

    #[test]
    fn other_quotes_are_quotes() {
        assert!(holds("startend:quotation", json!({}), "“好的”") && holds("startend:quotation", json!({}), "「はい」"));
        assert!(!holds("startend:quotation", json!({}), "“好的\""));
        assert!(holds("punctuation:no_comma", json!({}), "unchanged"));
    }
}
