//! Items to prompts: chat or text, request template, wished reply length.

use serde_json::{Map, Value, json};

use super::Item;
use super::rng::{self, Purpose};
use crate::plan::WorkloadSpec;
use crate::prompt::{Content, Prompt};

/// Template fields that the command line overwrites in EvalScope. A body is only filled in later, so they must go
/// first; the usage option follows `stream`.
const OVERWRITTEN: [&str; 5] = ["model", "max_tokens", "stream", "stream_options", "temperature"];

/// How an item becomes a prompt.
pub(super) struct Shape {
    chat: bool,
    template: Option<Map<String, Value>>,
    max_tokens: (u32, u32),
    seed: u64,
}

impl Shape {
    pub(super) fn new(spec: &WorkloadSpec) -> Self {
        let template = spec.template.clone().map(|mut body| {
            for field in OVERWRITTEN {
                body.shift_remove(field);
            }
            body
        });
        Shape { chat: spec.chat, template, max_tokens: spec.max_tokens, seed: spec.seed }
    }

    /// The prompt of item `index`. The reply length is drawn for each item, also where one prompt serves all of them
    /// (EvalScope draws once there), unless the item brings its own.
    pub(super) fn prompt(&self, index: u64, item: Item) -> Prompt {
        let (min, max) = self.max_tokens;
        let draw = || rng::within(&mut rng::stream(self.seed, Purpose::MaxTokens, index), min, max);
        let max_tokens = item.max_tokens.unwrap_or_else(draw);
        let content = match item.content {
            Content::Text(text) if self.chat => Content::Messages(vec![json!({"role": "user", "content": text})]),
            other => other,
        };
        Prompt { max_tokens: Some(max_tokens), tokens: item.tokens, ..Prompt::new(self.fill(content)) }
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
    use crate::plan::Source;

    fn text() -> Item {
        Item { content: Content::Text("hi".to_owned()), tokens: Some(1), max_tokens: None }
    }

    fn template(template: Value, chat: bool) -> Content {
        let mut spec = spec(Source::Fixed(String::new()));
        spec.chat = chat;
        spec.template = template.as_object().cloned();
        Shape::new(&spec).prompt(0, text()).content
    }

    #[test]
    fn text_becomes_a_user_message_in_a_chat_alone() {
        let mut spec = spec(Source::Fixed(String::new()));
        let prompt = Shape::new(&spec).prompt(0, text());
        assert_eq!(prompt, Prompt { max_tokens: Some(16), tokens: Some(1), ..Prompt::new(text().content) });
        spec.chat = true;
        let prompt = Shape::new(&spec).prompt(0, text());
        assert_eq!(prompt.content, Content::Messages(vec![json!({"role": "user", "content": "hi"})]));
    }

    #[test]
    fn the_reply_length_is_drawn_for_each_item() {
        let mut spec = spec(Source::Fixed(String::new()));
        spec.max_tokens = (3, 6);
        let shape = Shape::new(&spec);
        let drawn: Vec<_> = (0..200).filter_map(|index| shape.prompt(index, text()).max_tokens).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        assert_eq!(Shape::new(&spec).prompt(150, text()).max_tokens, drawn.get(150).copied());
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
        let item = Item { content: body.clone(), tokens: None, max_tokens: None };
        assert_eq!(Shape::new(&spec).prompt(0, item).content, body);
    }
}
