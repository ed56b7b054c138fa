//! Tokens as bytes, and the special ones among them.

use std::collections::HashMap;

use crate::tokenizer::Tokenizer;

/// Spellings of tokens that end a text, where the vocabulary has them.
const ENDS: [&str; 2] = ["<|endoftext|>", "<|im_end|>"];

/// What the model knows of its tokens.
#[derive(Debug)]
pub struct Vocabulary {
    bytes: Vec<Box<[u8]>>,
    ends: Vec<u32>,
    barred: Vec<u32>,
}

impl Vocabulary {
    /// The vocabulary of a tokenizer.
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let count = u32::try_from(tokenizer.vocab_size()).unwrap_or(u32::MAX);
        let letters = letters();
        let bytes = (0..count).map(|id| spelled(&tokenizer.spelling(id).unwrap_or_default(), &letters)).collect();
        let ends: Vec<u32> = ENDS.iter().filter_map(|spelling| tokenizer.id_of(spelling)).collect();
        let barred = (0..count)
            .filter(|id| !ends.contains(id) && (tokenizer.is_special(*id) || tokenizer.spelling(*id).is_none()));
        Vocabulary { barred: barred.collect(), bytes, ends }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a token, which may be a part of a character.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], |bytes| bytes)
    }

    /// Tokens that end a text.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Special tokens that do not end a text. They are never generated: they belong to templates.
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

/// The bytes of a spelling. One that is not byte-level, such as that of a special token, is taken as text.
fn spelled(spelling: &str, letters: &HashMap<char, u8>) -> Box<[u8]> {
    let bytes: Option<Box<[u8]>> = spelling.chars().map(|letter| letters.get(&letter).copied()).collect();
    bytes.unwrap_or_else(|| spelling.as_bytes().into())
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

    proptest! {
        #[test]
        fn ids_give_the_text_that_the_tokenizer_gives(seeds in proptest::collection::vec(any::<u32>(), 0..40)) {
            let tokenizer = Tokenizer::built_in().map_err(|failure| TestCaseError::fail(failure.to_string()))?;
            let vocabulary = Vocabulary::of(&tokenizer);
            let ids: Vec<u32> = seeds.iter().map(|seed| seed % vocabulary.len() as u32).collect();
            let mut utf8 = Utf8::default();
            let mut text = String::new();
            for id in &ids {
                text += &utf8.push(vocabulary.bytes(*id));
            }
            text += &utf8.finish();
            let whole = tokenizer.decode(&ids).map_err(|failure| TestCaseError::fail(failure.to_string()))?;
            prop_assert_eq!(text, whole);
        }
    }
}
