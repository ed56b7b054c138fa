//! The ids that random prompts are drawn from.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::rng::{self, Purpose};
use crate::error::{Failure, Result};
use crate::tokenizer::Tokenizer;

/// Fewest words that make a vocabulary; below that prompts would repeat themselves.
const FEWEST: usize = 64;
/// Sequences that are tried on a vocabulary, and their length.
const PROBES: u64 = 16;
const PROBE_LENGTH: usize = 64;

/// Ids to draw from.
///
/// Where a tokenizer has them, these are whole words: letters with a blank before them. Words never melt together when
/// their texts are joined, so each id that is drawn is one that the server sees, each as likely as any other, and the
/// length is exact without repair. The first id has no blank before it, because chat templates trim what they are
/// given, and the count would change. Other tokenizers get every id whose text comes back as that id.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Ids that may begin a text.
    starts: Vec<u32>,
    /// Ids that may follow.
    words: Vec<u32>,
    /// How each id is written, where texts are joined by writing one after the other: at the start, and after others.
    written: Option<Written>,
}

/// How ids are written, by id.
#[derive(Debug, Default)]
struct Written {
    start: Vec<Box<str>>,
    word: Vec<Box<str>>,
}

impl Vocabulary {
    /// Chooses the ids. Special tokens, single bytes, broken characters and controls never are among them.
    pub(super) fn of(tokenizer: &Tokenizer) -> Result<Self> {
        // A large vocabulary takes a second to look through, so all threads of the caller's pool share it.
        let ids = 0..u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
        let kinds: Vec<(u32, Kind)> = ids
            .into_par_iter()
            .filter_map(|id| Kind::of(tokenizer, id).map(|kind| kind.map(|kind| (id, kind))).transpose())
            .collect::<Result<_>>()?;
        let those =
            |wanted: fn(&Kind) -> bool| kinds.iter().filter(|(_, kind)| wanted(kind)).map(|(id, _)| *id).collect();
        let starts: Vec<u32> = those(|kind| kind.start);
        let words: Vec<u32> = those(|kind| kind.word);
        let whole: Vec<u32> = those(|kind| kind.whole);
        let readable: Vec<u32> = those(|_| true);
        let spaced = Some(" ");
        let classes = [
            (starts.clone(), words.clone(), spaced),
            (starts.clone(), words, None),
            (starts.clone(), starts.clone(), spaced),
            (starts.clone(), starts, None),
            (whole.clone(), whole, None),
        ];
        for (starts, words, blank) in classes {
            if words.len() < FEWEST || starts.is_empty() {
                continue;
            }
            let written = blank.map(|blank| Written::of(tokenizer, &starts, &words, blank)).transpose()?;
            let vocabulary = Vocabulary { starts, words, written };
            if vocabulary.holds(tokenizer)? {
                return Ok(vocabulary);
            }
        }
        if readable.is_empty() {
            return Err(Failure::usage(format!("tokenizer {}: has no text to draw from", tokenizer.name()))
                .hint("name another with --tokenizer-path, or leave it out for the one that is built in"));
        }
        // Where no choice holds, each prompt is repaired until its length is right.
        Ok(Vocabulary { starts: readable.clone(), words: readable, written: None })
    }

    /// Whether sequences come back as they were drawn.
    fn holds(&self, tokenizer: &Tokenizer) -> Result<bool> {
        for probe in 0..PROBES {
            let ids = self.draw(&mut rng::stream(0, Purpose::Probe, probe), true, PROBE_LENGTH);
            let text = self.spell(true, &ids).map_or_else(|| tokenizer.decode(&ids), Ok)?;
            if tokenizer.encode(&text)? != ids {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The text of ids that were drawn from here, without asking the tokenizer; `None` where it must be asked, or an id
    /// is not from here.
    pub(super) fn spell(&self, begin: bool, ids: &[u32]) -> Option<String> {
        let written = self.written.as_ref()?;
        let mut text = String::with_capacity(ids.len() * 8);
        for (index, id) in ids.iter().enumerate() {
            let table = if begin && index == 0 { &written.start } else { &written.word };
            let word = table.get(*id as usize).filter(|word| !word.is_empty())?;
            text.push_str(word);
        }
        Some(text)
    }

    /// How many texts of so many ids there are.
    pub(super) fn texts(&self, length: u32) -> f64 {
        let more = i32::try_from(length.saturating_sub(1)).unwrap_or(i32::MAX);
        self.starts.len() as f64 * (self.words.len() as f64).powi(more)
    }

    /// Whether texts can be written one after the other, each id staying what it is.
    pub(super) fn joins(&self) -> bool {
        self.written.is_some()
    }

    /// Draws ids independently of each other; the first one begins a text if asked to.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng, begin: bool, count: usize) -> Vec<u32> {
        (0..count)
            .filter_map(|index| rng::pick(rng, if begin && index == 0 { &self.starts } else { &self.words }))
            .collect()
    }
}

impl Written {
    /// The text of each id with a blank before it, except at the start.
    fn of(tokenizer: &Tokenizer, starts: &[u32], words: &[u32], blank: &str) -> Result<Self> {
        let size = tokenizer.vocab_size();
        let mut written = Written { start: vec!["".into(); size], word: vec!["".into(); size] };
        for (table, ids, blank) in [(&mut written.start, starts, ""), (&mut written.word, words, blank)] {
            for id in ids {
                let text = tokenizer.decode(&[*id])?;
                if let Some(place) = table.get_mut(*id as usize) {
                    *place = format!("{blank}{}", text.trim_start_matches(' ')).into();
                }
            }
        }
        Ok(written)
    }
}

/// What an id is good for.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Its text is read as this id.
    whole: bool,
    /// Whole, and letters alone.
    start: bool,
    /// Whole, and letters with a blank before them.
    word: bool,
}

impl Kind {
    /// The kind of an id, `None` for one that no prompt may hold.
    fn of(tokenizer: &Tokenizer, id: u32) -> Result<Option<Kind>> {
        let Some(spelling) = tokenizer.spelling(id) else { return Ok(None) };
        let text = tokenizer.decode(&[id])?;
        if is_byte(&spelling) || !is_readable(&text) || tokenizer.is_special(id) {
            return Ok(None);
        }
        // An id whose text is read as other ids needs its neighbours.
        let whole = tokenizer.encode(&text)? == [id];
        // Byte-level BPE marks the blank with one sign, SentencePiece with another and hides it when decoding.
        let marked = spelling.starts_with(['Ġ', '▁', ' ']);
        let word = whole && marked && letters(text.strip_prefix(' ').unwrap_or(&text));
        Ok(Some(Kind { whole, start: whole && letters(&text), word }))
    }
}

/// Whether it is the spelling of a single byte, such as `<0x0A>`.
pub(super) fn is_byte(spelling: &str) -> bool {
    let hex = spelling.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    hex.is_some_and(|hex| hex.len() == 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a prompt may hold the text, and end with it: what is blank at the end is trimmed by chat templates.
fn is_readable(text: &str) -> bool {
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    !text.is_empty() && !text.ends_with(char::is_whitespace) && !text.contains(odd)
}

fn letters(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestResult;
    use super::*;

    #[test]
    fn the_built_in_tokenizer_has_words() -> TestResult {
        let tokenizer = Tokenizer::built_in()?;
        let vocabulary = Vocabulary::of(&tokenizer)?;
        assert!(vocabulary.words.len() > 1000, "{} words", vocabulary.words.len());
        assert!(vocabulary.starts.len() > 500, "{} starts", vocabulary.starts.len());
        let text = tokenizer.decode(&vocabulary.draw(&mut rng::stream(1, Purpose::Prompt, 0), true, 50))?;
        assert_eq!(text.trim(), text);
        assert_eq!(text.split(' ').count(), 50, "{text}");
        Ok(())
    }

    #[test]
    fn bytes_are_told_by_their_spelling() {
        assert!(is_byte("<0x0A>"));
        assert!(!is_byte("<0xZZ>"));
        assert!(!is_byte("<0x>"));
        assert!(!is_byte("0x0A"));
    }
}
