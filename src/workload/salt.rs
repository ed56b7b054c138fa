//! `--cache-bust` for prompts that come from files: a few words of their own before each conversation.

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::maker::SALT;
use super::messages;
use super::rng::{self, Purpose};
use crate::error::Result;
use crate::prompt::{Content, Conversation};
use crate::tokenizer::Tokenizer;

/// Short common words, each one token or two in any tokenizer; sixty-four of them, so that eight are 48 bits.
const WORDS: [&str; 64] = [
    "air", "arm", "art", "bag", "bar", "bed", "bird", "boat", "book", "box", "boy", "bus", "car", "cat", "city", "cup",
    "day", "dog", "door", "ear", "egg", "end", "eye", "face", "fish", "foot", "game", "girl", "gold", "hand", "hat",
    "home", "ice", "iron", "job", "key", "king", "lake", "land", "leg", "life", "line", "man", "map", "milk", "moon",
    "name", "nose", "oil", "page", "park", "rain", "ring", "road", "rock", "room", "sea", "ship", "sky", "snow", "son",
    "star", "sun", "tree",
];

/// Puts words of its own before what a conversation asks first. Later turns follow them and share their history alone.
pub(super) fn salt(conversation: &mut Conversation, seed: u64, index: u64) {
    let Some(first) = conversation.turns.first_mut() else { return };
    let words = words(&mut rng::stream(seed, Purpose::Salt, index));
    match &mut first.content {
        Content::Text(text) => *text = format!("{words}\n{text}"),
        Content::Messages(list) => lead(list, &words),
        Content::Body(body) => body_lead(body, &words),
        Content::Inputs(texts) => {
            for text in texts {
                *text = format!("{words}\n{text}");
            }
        }
        Content::Ranking { query, .. } => *query = format!("{words}\n{query}"),
        // Ids are of a vocabulary that is not known here; whoever draws them makes them differ.
        Content::Tokens(_) => return,
    }
    first.tokens = None;
}

/// Cuts the last text of a conversation's first turn until the turn has no more than so many tokens.
pub(super) fn trim(conversation: &mut Conversation, target: usize, tokenizer: &Tokenizer) -> Result<()> {
    let Some(first) = conversation.turns.first_mut() else { return Ok(()) };
    for _ in 0..SALT {
        let over = match messages::tokens(&first.content, tokenizer)? {
            Some(tokens) if tokens as usize > target => tokens as usize - target,
            _ => return Ok(()),
        };
        let Some(text) = last_text(&mut first.content) else { return Ok(()) };
        let ids = tokenizer.encode(text)?;
        let kept = ids.get(..ids.len().saturating_sub(over)).unwrap_or_default();
        // A character that was cut in two is no text.
        *text = tokenizer.decode(kept)?.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned();
    }
    Ok(())
}

fn last_text(content: &mut Content) -> Option<&mut String> {
    match content {
        Content::Text(text) => Some(text),
        Content::Messages(list) => match list.last_mut()?.get_mut("content")? {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn words(rng: &mut ChaCha8Rng) -> String {
    let draw = |_| WORDS[rng::within(rng, 0, WORDS.len() as u32 - 1) as usize];
    (0..SALT).map(draw).collect::<Vec<_>>().join(" ")
}

/// Before the text of the first message, or of its first part that is text.
fn lead(list: &mut [Value], words: &str) {
    let Some(content) = list.first_mut().and_then(|message| message.get_mut("content")) else { return };
    let text = match content {
        Value::Array(parts) => parts.iter_mut().find_map(|part| part.get_mut("text")),
        content => Some(content),
    };
    if let Some(Value::String(text)) = text {
        *text = format!("{words}\n{text}");
    }
}

fn body_lead(body: &mut Map<String, Value>, words: &str) {
    if let Some(Value::Array(list)) = body.get_mut("messages") {
        return lead(list, words);
    }
    for name in ["prompt", "input", "query"] {
        if let Some(Value::String(text)) = body.get_mut(name) {
            *text = format!("{words}\n{text}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prompt::Prompt;

    fn salted(content: Content, index: u64) -> Content {
        let mut conversation: Conversation = Prompt::new(content).into();
        salt(&mut conversation, 7, index);
        conversation.turns.remove(0).content
    }

    #[test]
    fn each_conversation_begins_with_words_of_its_own() {
        let text = |index| match salted(Content::Text("hi".to_owned()), index) {
            Content::Text(text) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(text(3), text(3));
        assert_ne!(text(3), text(4));
        assert!(text(3).ends_with("\nhi") && text(3).split_whitespace().count() == SALT + 1);
    }

    #[test]
    fn every_form_is_salted() {
        let chat = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]);
        let parts = json!([{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "u"}]}]);
        for list in [chat, parts] {
            let list = list.as_array().cloned().unwrap_or_default();
            assert_ne!(salted(Content::Messages(list.clone()), 1), Content::Messages(list.clone()));
            let body = Map::from_iter([("messages".to_owned(), Value::Array(list))]);
            assert_ne!(salted(Content::Body(body.clone()), 1), Content::Body(body));
        }
        let body = Map::from_iter([("prompt".to_owned(), json!("x"))]);
        assert_ne!(salted(Content::Body(body.clone()), 1), Content::Body(body));
        let inputs = Content::Inputs(vec!["a".to_owned()]);
        assert_ne!(salted(inputs.clone(), 1), inputs);
    }

    #[test]
    fn a_length_that_was_asked_for_is_kept() -> Result<()> {
        let tokenizer = Tokenizer::built_in()?;
        let long = "the people of the state know what to do and how to do it today ".repeat(4);
        let chat = json!([{"role": "system", "content": "be kind"}, {"role": "user", "content": long}]);
        let list = chat.as_array().cloned().unwrap_or_default();
        for content in [Content::Text(long), Content::Messages(list)] {
            let mut conversation: Conversation = Prompt::new(content).into();
            salt(&mut conversation, 7, 3);
            trim(&mut conversation, 40, &tokenizer)?;
            assert_eq!(messages::tokens(&conversation.turns[0].content, &tokenizer)?, Some(40));
        }
        Ok(())
    }
}
