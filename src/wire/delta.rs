//! One event of a streamed reply.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Usage;
use crate::mark::Mark;

/// What one event says. Text itself goes into the buffer that [`decode`] is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// What it carries, as [`Mark`] spells it.
    pub flags: u16,
    /// Token counts.
    pub usage: Option<Usage>,
    /// The server reports an error.
    pub error: Option<String>,
}

impl Delta {
    /// Whether all of these flags of a [`Mark`] are set.
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// Whether its text is what a user sees and nothing else: neither reasoning nor a tool call.
    pub fn is_visible(&self) -> bool {
        self.flags & (Mark::CONTENT | Mark::REASONING | Mark::TOOL) == Mark::CONTENT
    }

    /// Whether it carries a non-empty token of any kind: content, reasoning, refusal or tool call.
    pub fn is_token(&self) -> bool {
        self.flags & (Mark::CONTENT | Mark::REASONING | Mark::TOOL) != 0
    }
}

/// Reads one event; the text of all choices, reasoning included, is appended to `text`.
///
/// # Errors
/// When the data is not JSON of the expected shape.
pub fn decode(data: &str, text: &mut String) -> Result<Delta, serde_json::Error> {
    let event: Event = serde_json::from_str(data)?;
    let flags = if event.usage.is_some() { Mark::USAGE } else { 0 };
    let mut delta = Delta { usage: event.usage, flags, ..Delta::default() };
    if event.error.is_some_and(|error| error.get() != "null") || event.object.as_deref() == Some("error") {
        delta.error = Some(super::server_message(data));
    }
    for choice in event.choices.unwrap_or_default() {
        delta.flags |= Mark::CHOICES;
        delta.flags |= if choice.finish_reason.is_some() { Mark::FINISH } else { 0 };
        let mut visible = |piece: Text| {
            text.push_str(&piece.0);
            if piece.0.is_empty() { 0 } else { Mark::CONTENT }
        };
        delta.flags |= visible(choice.text);
        let Some(parts) = choice.delta else { continue };
        delta.flags |= if parts.role.is_some() { Mark::ROLE } else { 0 };
        delta.flags |= visible(parts.content) | visible(parts.refusal);
        // Servers spell reasoning in two ways and some send both; one of them counts.
        let reasoning = if parts.reasoning_content.0.is_empty() { parts.reasoning } else { parts.reasoning_content };
        if !reasoning.0.is_empty() {
            text.push_str(&reasoning.0);
            delta.flags |= Mark::REASONING;
        }
        for call in parts.tool_calls.unwrap_or_default() {
            let call = call.function.unwrap_or_default();
            for piece in [call.name, call.arguments] {
                delta.flags |= if piece.0.is_empty() { 0 } else { Mark::TOOL };
                text.push_str(&piece.0);
            }
        }
    }
    Ok(delta)
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Usage>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Parts<'a>>,
    #[serde(borrow, default)]
    text: Text<'a>,
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Parts<'a> {
    role: Option<IgnoredAny>,
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    #[serde(borrow, default)]
    reasoning_content: Text<'a>,
    #[serde(borrow, default)]
    reasoning: Text<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize, Default)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    arguments: Text<'a>,
}

/// Text that may be a string, null, or a list of parts with a `text` each. Everything else is empty.
#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let mut joined = String::new();
                while let Some(part) = parts.next_element::<Text>()? {
                    joined.push_str(&part.0);
                }
                Ok(Text(Cow::Owned(joined)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                let mut found = Text::default();
                while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
                    if name == "text" {
                        found = fields.next_value()?;
                    } else {
                        fields.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> (Delta, String) {
        let mut text = String::new();
        (decode(data, &mut text).unwrap_or_default(), text)
    }

    #[test]
    fn role_only_and_empty_chunks_have_choices_and_no_token() {
        for data in [
            r#"{"choices":[{"delta":{"role":"assistant"}}]}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"delta":{"content":null}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":null}]}"#,
        ] {
            let delta = read(data).0;
            assert!(delta.has(Mark::CHOICES) && !delta.is_token() && !delta.has(Mark::FINISH), "{data}");
        }
    }

    #[test]
    fn every_kind_of_token_counts_and_only_content_is_visible() {
        for (data, visible, text) in [
            (r#"{"choices":[{"delta":{"content":"h\u00e9"}}]}"#, true, "hé"),
            (
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}"#,
                true,
                "ab",
            ),
            (r#"{"choices":[{"text":"x"}]}"#, true, "x"),
            (r#"{"choices":[{"delta":{"reasoning_content":"r"}}]}"#, false, "r"),
            (r#"{"choices":[{"delta":{"reasoning":"r","reasoning_content":"r"}}]}"#, false, "r"),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
                false,
                "f",
            ),
            (
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}"#,
                false,
                "{\"a\":",
            ),
        ] {
            let (delta, read) = read(data);
            assert_eq!((delta.is_token(), delta.has(Mark::CONTENT), read.as_str()), (true, visible, text), "{data}");
        }
    }

    #[test]
    fn usage_comes_with_or_without_choices() {
        let data = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8,
            "prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}"#;
        let usage = Usage {
            prompt_tokens: Some(3),
            completion_tokens: Some(5),
            cached_tokens: Some(2),
            reasoning_tokens: Some(1),
        };
        assert_eq!(read(data).0, Delta { usage: Some(usage), flags: Mark::USAGE, error: None });
        let data = r#"{"choices":[{"delta":{"content":"a"}}],"usage":null}"#;
        assert_eq!(read(data).0.usage, None);
    }

    #[test]
    fn errors_inside_a_stream_are_seen() {
        assert_eq!(
            read(r#"{"error":{"message":"out of memory","code":500}}"#).0.error.as_deref(),
            Some("out of memory")
        );
        assert_eq!(read(r#"{"object":"error","message":"too long"}"#).0.error.as_deref(), Some("too long"));
        assert_eq!(read(r#"{"choices":[],"error":null}"#).0.error, None);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        assert!(decode("ping", &mut String::new()).is_err());
        assert!(decode(r#"{"choices":[{"delta":{"content":"a"#, &mut String::new()).is_err());
    }
}
