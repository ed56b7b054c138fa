//! The events of one reply.

use super::{Delta, chat, custom, dashscope, messages, responses};
use crate::target::Dialect;

/// Reads the events of one reply. The events of a chat are alike but for a piece of text; one that differs from the last
/// that was parsed in nothing but that is read by comparing it.
pub struct Decoder<'a> {
    dialect: &'a Dialect,
    shape: Option<Shape>,
}

/// An event around its only text.
pub(super) struct Shape {
    /// Up to the opening quote of the text, that included.
    pub(super) before: String,
    /// From its closing quote on.
    pub(super) after: String,
    /// What such an event carries; its text is not empty.
    pub(super) flags: u16,
}

impl Shape {
    /// The text of an event of this shape. With the same bytes around it, and neither a quote, a backslash nor a control
    /// character in it, it is the same JSON with another text.
    fn text<'d>(&self, data: &'d str) -> Option<&'d str> {
        let text = data.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let plain = text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        (plain && !text.is_empty()).then_some(text)
    }
}

impl<'a> Decoder<'a> {
    /// For a reply of this dialect.
    pub fn of(dialect: &'a Dialect) -> Self {
        Decoder { dialect, shape: None }
    }

    /// Reads one event, of this name where it has one; the text of all choices, reasoning included, is appended to
    /// `text`.
    ///
    /// # Errors
    /// When the data is not JSON of the expected shape.
    #[inline]
    pub fn decode(&mut self, name: &str, data: &str, text: &mut String) -> Result<Delta, serde_json::Error> {
        if let Some(shape) = &self.shape
            && let Some(piece) = shape.text(data)
        {
            text.push_str(piece);
            return Ok(Delta { flags: shape.flags, ..Delta::default() });
        }
        match self.dialect {
            // No event of the last two is ever streamed; a server that does so is not understood.
            Dialect::Chat
            | Dialect::Completion
            | Dialect::Embedding
            | Dialect::Rerank
            | Dialect::SystemOne
            | Dialect::AutoTrust => {
                let (delta, shape) = chat::decode(data, text)?;
                self.shape = shape.or(self.shape.take());
                Ok(delta)
            }
            // In these no two events of a reply need be alike.
            Dialect::Responses => responses::decode(data, text),
            Dialect::Messages => messages::decode(data, text),
            Dialect::DashScope => dashscope::decode(name, data, text),
            Dialect::Custom(api) => custom::decode(api, data, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Reads the same events one by one, each by a decoder of its own, which has nothing to compare with.
    fn parsed(events: &[String]) -> (Vec<Option<Delta>>, String) {
        let mut text = String::new();
        let deltas = events.iter().map(|data| Decoder::of(&Dialect::Chat).decode("", data, &mut text).ok()).collect();
        (deltas, text)
    }

    fn compared(events: &[String]) -> (Vec<Option<Delta>>, String) {
        let mut text = String::new();
        let mut decoder = Decoder::of(&Dialect::Chat);
        (events.iter().map(|data| decoder.decode("", data, &mut text).ok()).collect(), text)
    }

    fn event(field: &str, text: &str, more: u64) -> String {
        let mut event =
            json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": null}], "usage": null});
        match field {
            "text" => event["choices"][0]["text"] = json!(text),
            "tool" => event["choices"][0]["delta"] = json!({"tool_calls": [{"function": {"arguments": text}}]}),
            "two" => event["choices"][0]["delta"] = json!({"content": text, "refusal": text}),
            "parts" => event["choices"][0]["delta"] = json!({"content": [{"text": text}]}),
            field => event["choices"][0]["delta"][field] = json!(text),
        }
        match more {
            1 => event["usage"] = json!({"completion_tokens": 3}),
            2 => event["choices"][0]["finish_reason"] = json!("stop"),
            3 => event["error"] = json!({"message": text}),
            4 => event["choices"][0]["delta"]["role"] = json!("assistant"),
            _ => {}
        }
        event.to_string()
    }

    #[test]
    fn an_event_like_the_one_before_is_read_by_comparing() {
        let mut decoder = Decoder::of(&Dialect::Chat);
        let mut text = String::new();
        for piece in ["a", "b c", "é"] {
            assert!(decoder.decode("", &event("content", piece, 0), &mut text).is_ok());
        }
        let shape = decoder.shape.as_ref();
        assert_eq!(
            shape.and_then(|shape| shape.text(&event("content", "x", 0)).map(str::to_owned)).as_deref(),
            Some("x")
        );
        for other in
            [event("content", "", 0), event("content", "a\"b", 0), event("content", "\n", 0), event("text", "x", 0)]
        {
            assert_eq!(shape.and_then(|shape| shape.text(&other)), None, "{other}");
        }
        assert_eq!(text, "ab cé");
    }

    proptest! {
        #[test]
        fn comparing_reads_what_parsing_reads(
            events in prop::collection::vec(
                (
                    prop::sample::select(vec!["content", "text", "reasoning", "reasoning_content", "refusal", "tool", "two", "parts"]),
                    "[ab \\\\\"\n{}:,é]{0,6}",
                    0u64..6,
                ),
                1..12,
            ),
            broken in prop::option::of(0usize..12),
        ) {
            let mut events: Vec<String> = events.iter().map(|(field, text, more)| event(field, text, *more)).collect();
            if let Some(event) = broken.and_then(|at| events.get_mut(at)) {
                event.pop();
            }
            prop_assert_eq!(compared(&events), parsed(&events));
        }
    }
}
