//! Items to prompts: chat or text, request template, wished reply length.

use serde_json::{Map, Value, json};

use super::messages;
use super::rng::{self, Purpose};
use super::salt::{salt, trim};
use crate::error::Result;
use crate::plan::dataset::Args;
use crate::plan::{Source, WorkloadSpec};
use crate::prompt::{Content, Conversation, Prompt};
use crate::tokenizer::Tokenizer;

/// Template fields that the command line overwrites in EvalScope. A body is only filled in later, so they must go
/// first; the usage option follows `stream`.
const OVERWRITTEN: [&str; 5] = ["model", "max_tokens", "stream", "stream_options", "temperature"];

/// How an item becomes a prompt.
pub(super) struct Shape {
    chat: bool,
    template: Option<Map<String, Value>>,
    max_tokens: (u32, u32),
    seed: u64,
    /// Put words of its own before each conversation.
    salted: bool,
    /// Counts what was salted.
    tokenizer: Option<Tokenizer>,
    /// Tokens that a prompt was brought to, and keeps.
    target: Option<u32>,
}

impl Shape {
    pub(super) fn new(spec: &WorkloadSpec, tokenizer: Option<Tokenizer>) -> Self {
        let template = spec.template.clone().map(|mut body| {
            for field in OVERWRITTEN {
                body.shift_remove(field);
            }
            body
        });
        // What is made here has tokens of its own already, and the length that was asked for.
        let made = matches!(&spec.source, Source::Set(set) if set.makes_texts());
        let salted = spec.cache_bust && !made;
        let target = match &spec.args {
            Args::Text(args) => args.target_input_len,
            _ => None,
        };
        Shape { chat: spec.chat, template, max_tokens: spec.max_tokens, seed: spec.seed, salted, tokenizer, target }
    }

    /// Item `index` as it is sent.
    pub(super) fn conversation(&self, index: u64, mut item: Conversation) -> Result<Conversation> {
        if self.salted {
            salt(&mut item, self.seed, index);
            if let (Some(tokenizer), Some(target)) = (&self.tokenizer, self.target) {
                trim(&mut item, target as usize, tokenizer)?;
            }
            if let (Some(tokenizer), Some(first)) = (&self.tokenizer, item.turns.first_mut()) {
                first.tokens = messages::tokens(&first.content, tokenizer)?;
            }
        }
        let turns = (0_u64..).zip(item.turns).map(|(turn, prompt)| self.prompt(index, turn, prompt)).collect();
        Ok(Conversation { turns, due_ns: item.due_ns })
    }

    /// A turn of item `index`. The reply length is drawn for each, also where one prompt serves all of them (EvalScope
    /// draws once there), unless the turn brings its own.
    fn prompt(&self, index: u64, turn: u64, prompt: Prompt) -> Prompt {
        let (min, max) = self.max_tokens;
        // Further turns have streams that no item has.
        let stream = index ^ turn.reverse_bits();
        let draw = || rng::within(&mut rng::stream(self.seed, Purpose::MaxTokens, stream), min, max);
        // A recorded body has its own limit, or none.
        let max_tokens = prompt.max_tokens.unwrap_or_else(draw);
        let content = match prompt.content {
            Content::Text(text) if self.chat => Content::Messages(vec![json!({"role": "user", "content": text})]),
            other => other,
        };
        Prompt { max_tokens: Some(max_tokens), content: self.fill(content), ..prompt }
    }

    /// Puts the content where the template has its own, and takes away the other place a prompt can have. A complete
    /// body needs no template.
    fn fill(&self, content: Content) -> Content {
        let Some(template) = &self.template else { return content };
        let (field, value) = match content {
            Content::Text(text) => ("prompt", Value::String(text)),
            Content::Tokens(ids) => ("prompt", json!(ids)),
            Content::Messages(messages) => ("messages", Value::Array(messages)),
            Content::Inputs(texts) => ("input", json!(texts)),
            whole @ (Content::Body(_) | Content::Ranking { .. }) => return whole,
        };
        let field = if template.contains_key("input") { "input" } else { field };
        let mut body = template.clone();
        for other in ["messages", "prompt"] {
            if other != field {
                body.shift_remove(other);
            }
        }
        body.insert(field.to_owned(), value);
        Content::Body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::spec;
    use super::*;

    fn text() -> Prompt {
        Prompt { tokens: Some(1), ..Prompt::text("hi") }
    }

    fn template(template: Value, chat: bool) -> Content {
        let mut spec = spec(Source::Fixed(String::new()));
        spec.chat = chat;
        spec.template = template.as_object().cloned();
        Shape::new(&spec, None).prompt(0, 0, text()).content
    }

    #[test]
    fn text_becomes_a_user_message_in_a_chat_alone() {
        let mut spec = spec(Source::Fixed(String::new()));
        let prompt = Shape::new(&spec, None).prompt(0, 0, text());
        assert_eq!(prompt, Prompt { max_tokens: Some(16), tokens: Some(1), ..Prompt::new(text().content) });
        spec.chat = true;
        let prompt = Shape::new(&spec, None).prompt(0, 0, text());
        assert_eq!(prompt.content, Content::Messages(vec![json!({"role": "user", "content": "hi"})]));
    }

    #[test]
    fn the_reply_length_is_drawn_for_each_item() {
        let mut spec = spec(Source::Fixed(String::new()));
        spec.max_tokens = (3, 6);
        let shape = Shape::new(&spec, None);
        let drawn: Vec<_> = (0..200).filter_map(|index| shape.prompt(index, 0, text()).max_tokens).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        assert_eq!(Shape::new(&spec, None).prompt(150, 0, text()).max_tokens, drawn.get(150).copied());
    }

    #[test]
    fn a_template_gives_way_to_the_prompt_and_to_the_flags() {
        let given = json!({"tools": [], "messages": [], "model": "x", "max_tokens": 1, "stream": false,
            "stream_options": {}, "temperature": 2, "top_p": 0.5});
        let expected = json!({"tools": [], "messages": [{"role": "user", "content": "hi"}], "top_p": 0.5});
        assert_eq!(Some(template(given.clone(), true)), expected.as_object().cloned().map(Content::Body));
        let expected = json!({"tools": [], "top_p": 0.5, "prompt": "hi"});
        assert_eq!(Some(template(given, false)), expected.as_object().cloned().map(Content::Body));
        let expected = json!({"input": "hi"});
        assert_eq!(Some(template(json!({"input": 0}), false)), expected.as_object().cloned().map(Content::Body));
    }

    #[test]
    fn a_complete_body_needs_no_template() {
        let mut spec = spec(Source::Fixed(String::new()));
        spec.template = json!({"top_p": 0.5}).as_object().cloned();
        let body = Content::Body(json!({"prompt": "a"}).as_object().cloned().unwrap_or_default());
        assert_eq!(Shape::new(&spec, None).prompt(0, 0, Prompt::new(body.clone())).content, body);
    }
}
