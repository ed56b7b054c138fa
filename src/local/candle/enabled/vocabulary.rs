//! Tokens as bytes, and the special ones among them.

use std::collections::{BTreeSet, HashMap};

use crate::tokenizer::Tokenizer;

/// Spellings of tokens that end a text, where the vocabulary has them.
const ENDS: [&str; 2] = ["<|endoftext|>", "<|im_end|>"];

/// What SentencePiece writes for a blank.
const BLANK: char = '\u{2581}';

/// What the model knows of its tokens.
#[derive(Debug)]
pub struct Vocabulary {
    bytes: Vec<Box<[u8]>>,
    ends: Vec<u32>,
    special: BTreeSet<u32>,
    barred: Vec<u32>,
}

impl Vocabulary {
    /// The vocabulary of a model whose weights are drawn. Special tokens that do not end a text belong to templates, so
    /// they are never generated.
    pub fn drawing(tokenizer: &Tokenizer) -> Self {
        let ends = ENDS.iter().filter_map(|spelling| tokenizer.id_of(spelling)).collect();
        let mut vocabulary = Self::of(tokenizer, ends);
        let Vocabulary { special, ends, .. } = &vocabulary;
        vocabulary.barred = special.iter().filter(|id| !ends.contains(id)).copied().collect();
        vocabulary
    }

    /// The vocabulary of a model, with the tokens that end its replies. Special tokens have no text.
    pub fn of(tokenizer: &Tokenizer, ends: Vec<u32>) -> Self {
        let count = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
        let is_special = |id: &u32| tokenizer.is_special(*id) || tokenizer.spelling(*id).is_none();
        let special: BTreeSet<u32> = (0..count).filter(is_special).collect();
        let letters = letters();
        let pieces = tokenizer.id_of("<0x00>").is_some();
        let bytes = (0..count).map(|id| {
            let spelling = tokenizer.spelling(id).unwrap_or_default();
            match special.contains(&id) {
                true => Box::default(),
                false if pieces => piece(&spelling),
                false => spelled(&spelling, &letters),
            }
        });
        Vocabulary { bytes: bytes.collect(), ends, special, barred: Vec::new() }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a token, which may be a part of a character. A special token has none.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], |bytes| bytes)
    }

    /// Whether a token stands for text.
    pub fn is_text(&self, id: u32) -> bool {
        !self.special.contains(&id) && !self.bytes(id).is_empty()
    }

    /// Tokens that end a text.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Tokens that are never generated.
    pub fn barred(&self) -> &[u32] {
        &self.barred
    }
}

/// Byte-level vocabularies spell each byte as a letter: those that print as themselves, the others as the letters from
/// 256 on.
fn letters() -> HashMap<char, u8> {
    let prints = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let others = (0..=255u8).filter(|byte| !prints(*byte)).zip('\u{100}'..).map(|(byte, letter)| (letter, byte));
    (0..=255u8).filter(|byte| prints(*byte)).map(|byte| (char::from(byte), byte)).chain(others).collect()
}

/// The bytes of a spelling. One that is not byte-level, such as that of an added token, is taken as text.
fn spelled(spelling: &str, letters: &HashMap<char, u8>) -> Box<[u8]> {
    let bytes: Option<Box<[u8]>> = spelling.chars().map(|letter| letters.get(&letter).copied()).collect();
    bytes.unwrap_or_else(|| spelling.as_bytes().into())
}

/// The bytes of a piece of SentencePiece: one byte as `<0xAB>`, else text with its own sign for blanks.
fn piece(spelling: &str) -> Box<[u8]> {
    let digits =
        spelling.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>')).filter(|digits| digits.len() == 2);
    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => Box::new([byte]),
        None => spelling.replace(BLANK, " ").into_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::local::candle::chosen::text::Utf8;

    #[test]
    fn letters_stand_for_all_bytes() {
        let letters = letters();
        assert_eq!(letters.len(), 256);
        assert_eq!((letters[&'Ġ'], letters[&'Ċ'], letters[&'a']), (b' ', b'\n', b'a'));
    }

    #[test]
    fn pieces_are_bytes_or_text_with_blanks() {
        assert_eq!((&*piece("<0xE4>"), &*piece("▁a▁"), &*piece("<0xE4")), (&[0xe4][..], &b" a "[..], &b"<0xE4"[..]));
    }

    proptest! {
        #[test]
        fn ids_give_the_text_that_the_tokenizer_gives(seeds in proptest::collection::vec(any::<u32>(), 0..40)) {
            let tokenizer = Tokenizer::built_in().map_err(|failure| TestCaseError::fail(failure.to_string()))?;
            let vocabulary = Vocabulary::drawing(&tokenizer);
            let ids: Vec<u32> = seeds.iter().map(|seed| seed % vocabulary.len() as u32).collect();
            let mut utf8 = Utf8::default();
            let mut text = String::new();
            for id in ids.iter().filter(|id| vocabulary.is_text(**id)) {
                text += &utf8.push(vocabulary.bytes(*id));
            }
            text += &utf8.finish();
            let plain: Vec<u32> = ids.into_iter().filter(|id| vocabulary.is_text(*id)).collect();
            let whole = tokenizer.decode(&plain).map_err(|failure| TestCaseError::fail(failure.to_string()))?;
            prop_assert_eq!(text, whole);
        }
    }
}
