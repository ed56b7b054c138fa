//! The ids that random prompts are drawn from.

use rand_chacha::ChaCha8Rng;

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
}

impl Vocabulary {
    /// Chooses the ids. Special tokens, added tokens and single bytes never are among them.
    pub(super) fn of(tokenizer: &Tokenizer) -> Result<Self> {
        let (mut whole, mut starts, mut words) = (Vec::new(), Vec::new(), Vec::new());
        for id in 0..u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX) {
            let Some(spelling) = tokenizer.spelling(id) else { continue };
            if tokenizer.is_special(id) || is_byte(&spelling) {
                continue;
            }
            let text = tokenizer.decode(&[id])?;
            // An id whose text is read as other ids is half a character or a word that needs its neighbours.
            if text.trim().is_empty() || tokenizer.encode(&text)? != [id] {
                continue;
            }
            whole.push(id);
            if letters(&text) {
                starts.push(id);
            }
            // Byte-level BPE marks the blank with one sign, SentencePiece with another and hides it when decoding.
            if spelling.strip_prefix(['Ġ', '▁', ' ']).is_some() && letters(text.strip_prefix(' ').unwrap_or(&text)) {
                words.push(id);
            }
        }
        let classes = [(starts.clone(), words), (starts.clone(), starts), (whole.clone(), whole)];
        for (starts, words) in classes {
            let vocabulary = Vocabulary { starts, words };
            if vocabulary.words.len() >= FEWEST && !vocabulary.starts.is_empty() && vocabulary.holds(tokenizer)? {
                return Ok(vocabulary);
            }
        }
        Self::fallback(tokenizer)
    }

    /// Every id that has a text, where no better choice holds; prompts are then repaired until their length is right.
    fn fallback(tokenizer: &Tokenizer) -> Result<Self> {
        let mut ids = Vec::new();
        for id in 0..u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX) {
            let usable = |spelling: String| !tokenizer.is_special(id) && !is_byte(&spelling);
            if tokenizer.spelling(id).is_some_and(usable) && !tokenizer.decode(&[id])?.trim().is_empty() {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return Err(Failure::usage(format!("tokenizer {}: has no text to draw from", tokenizer.name()))
                .hint("name another with --tokenizer-path, or leave it out for the one that is built in"));
        }
        Ok(Vocabulary { starts: ids.clone(), words: ids })
    }

    /// Whether sequences come back as they were drawn.
    fn holds(&self, tokenizer: &Tokenizer) -> Result<bool> {
        for probe in 0..PROBES {
            let ids = self.draw(&mut rng::stream(0, Purpose::Probe, probe), true, PROBE_LENGTH);
            if tokenizer.encode(&tokenizer.decode(&ids)?)? != ids {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Draws ids independently of each other; the first one begins a text if asked to.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng, begin: bool, count: usize) -> Vec<u32> {
        (0..count)
            .filter_map(|index| rng::pick(rng, if begin && index == 0 { &self.starts } else { &self.words }))
            .collect()
    }
}

/// Whether it is the spelling of a single byte, such as `<0x0A>`.
fn is_byte(spelling: &str) -> bool {
    let hex = spelling.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    hex.is_some_and(|hex| hex.len() == 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
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
