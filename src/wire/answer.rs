//! A whole reply taken apart: what is read of it by whoever wants more than its length and its stamps.

use serde_json::{Map, Value, json};

use super::{Decoder, decode_reply};
use crate::target::Dialect;

/// Stands behind the data of each event where a streamed reply is kept; JSON has no place for it.
pub const PART: char = '\u{1e}';

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    /// The model was done.
    Stop,
    /// It was cut at the most tokens it may have.
    Length,
    /// It wants tools to be called.
    Calls,
    /// A filter cut it.
    Filter,
    /// The server did not say, or in words that are not known.
    #[default]
    Unknown,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Call {
    /// The name the server gave it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as the model wrote them, which need not be JSON.
    pub arguments: String,
}

/// The first choice of a reply.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The server's name of the reply.
    pub id: Option<String>,
    /// The model that the server says has answered.
    pub model: Option<String>,
    /// What a user sees, without reasoning.
    pub text: String,
    /// Reasoning that the server gave apart.
    pub reasoning: String,
    /// Calls of tools, in order.
    pub calls: Vec<Call>,
    /// Why it ended.
    pub ended: Ended,
    /// Log-probabilities as the server gave them.
    pub logprobs: Option<Value>,
    /// The whole reply of a decision server, whose text is what it holds for likeliest.
    pub decision: Option<Value>,
}

/// Takes a reply apart that was kept as it came: a body, or the data of its events with [`PART`] behind each. What is not
/// understood is passed over: that the reply is sound was found out when it was received.
pub fn answer(dialect: &Dialect, reply: &str) -> Answer {
    let mut answer = Answer::default();
    let documents: Vec<Value> = reply
        .split(PART)
        .filter(|part| !part.trim().is_empty())
        .filter_map(|part| serde_json::from_str(part).ok())
        .collect();
    for document in &documents {
        match dialect {
            Dialect::Messages => answer.message(document),
            Dialect::Responses => answer.response(document),
            Dialect::DashScope => answer.dashscope(document),
            Dialect::SystemOne | Dialect::AutoTrust => answer.decide(document),
            _ => answer.chat(document),
        }
    }
    if let Dialect::Custom(_) = dialect {
        answer.text = described(dialect, reply);
    }
    answer
}

/// The visible text of a reply of an API that a file describes.
fn described(dialect: &Dialect, reply: &str) -> String {
    if !reply.contains(PART) {
        return decode_reply(dialect, reply.as_bytes()).unwrap_or_default().visible;
    }
    let (mut decoder, mut visible) = (Decoder::of(dialect), String::new());
    for part in reply.split(PART) {
        let mut piece = String::new();
        if decoder.decode("", part, &mut piece).is_ok_and(|delta| delta.is_visible()) {
            visible.push_str(&piece);
        }
    }
    visible
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// The text of a field that is text or a list of parts with text.
fn said(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().map(|part| text(&part["text"])).collect(),
        other => text(other).to_owned(),
    }
}

impl Answer {
    fn name(&mut self, document: &Value) {
        let named = |value: &Value| value.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        self.id = self.id.take().or_else(|| named(&document["id"]));
        self.model = self.model.take().or_else(|| named(&document["model"]));
    }

    fn end(&mut self, reason: &Value) {
        self.ended = match text(reason) {
            "" => return,
            "stop" | "end_turn" | "stop_sequence" | "completed" | "eos_token" => Ended::Stop,
            "length" | "max_tokens" | "max_output_tokens" | "model_length" => Ended::Length,
            "tool_calls" | "tool_use" | "function_call" => Ended::Calls,
            "content_filter" | "refusal" => Ended::Filter,
            _ => Ended::Unknown,
        };
    }

    /// The call at a place of the list; places that servers skip are not made up.
    fn call(&mut self, index: Option<u64>) -> Option<&mut Call> {
        let next = self.calls.len();
        let at = index.and_then(|index| usize::try_from(index).ok()).unwrap_or(next.saturating_sub(1)).min(next);
        if at == next {
            self.calls.push(Call::default());
        }
        self.calls.get_mut(at)
    }

    /// A chunk or a whole reply of chat completions, or of completions. Of several choices the first counts.
    fn chat(&mut self, document: &Value) {
        self.name(document);
        let choices = document["choices"].as_array();
        let first = |choice: &&Value| choice["index"].as_u64().unwrap_or(0) == 0;
        for choice in choices.into_iter().flatten().filter(first).take(1) {
            self.end(&choice["finish_reason"]);
            if !choice["logprobs"].is_null() {
                self.log(&choice["logprobs"]);
            }
            self.text.push_str(text(&choice["text"]));
            let message = if choice["message"].is_object() { &choice["message"] } else { &choice["delta"] };
            self.text.push_str(&said(&message["content"]));
            self.text.push_str(text(&message["refusal"]));
            // Servers spell reasoning in two ways and some send both; one of them counts.
            let reasoning = said(&message["reasoning_content"]);
            self.reasoning.push_str(&if reasoning.is_empty() { said(&message["reasoning"]) } else { reasoning });
            for (place, piece) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
                let index = piece["index"].as_u64().unwrap_or(place as u64);
                let Some(call) = self.call(Some(index)) else { continue };
                if call.id.is_empty() {
                    call.id.push_str(text(&piece["id"]));
                }
                call.name.push_str(text(&piece["function"]["name"]));
                match &piece["function"]["arguments"] {
                    Value::Object(whole) => call.arguments.push_str(&json!(whole).to_string()),
                    piece => call.arguments.push_str(text(piece)),
                }
            }
        }
    }

    /// Log-probabilities come whole, or token by token in lists that are put behind each other.
    fn log(&mut self, piece: &Value) {
        let Some(Value::Object(all)) = &mut self.logprobs else {
            self.logprobs = Some(piece.clone());
            return;
        };
        for (name, value) in piece.as_object().into_iter().flatten() {
            match (all.get_mut(name), value) {
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more.iter().cloned()),
                (None | Some(Value::Null), value) => drop(all.insert(name.clone(), value.clone())),
                _ => {}
            }
        }
    }

    /// An event or a whole reply of Anthropic's Messages.
    fn message(&mut self, document: &Value) {
        let block = |answer: &mut Answer, block: &Value| match text(&block["type"]) {
            "text" => answer.text.push_str(text(&block["text"])),
            "thinking" => answer.reasoning.push_str(text(&block["thinking"])),
            "tool_use" => {
                // In a stream the input follows in pieces, and begins as an empty object.
                let input = block["input"].as_object().filter(|input| !input.is_empty());
                answer.calls.push(Call {
                    id: text(&block["id"]).to_owned(),
                    name: text(&block["name"]).to_owned(),
                    arguments: input.map(|input| json!(input).to_string()).unwrap_or_default(),
                });
            }
            _ => {}
        };
        match text(&document["type"]) {
            "message_start" => self.name(&document["message"]),
            "content_block_start" => block(self, &document["content_block"]),
            "content_block_delta" => {
                let delta = &document["delta"];
                self.text.push_str(text(&delta["text"]));
                self.reasoning.push_str(text(&delta["thinking"]));
                if let Some(call) = self.calls.last_mut() {
                    call.arguments.push_str(text(&delta["partial_json"]));
                }
            }
            "message_delta" => self.end(&document["delta"]["stop_reason"]),
            "message" => {
                self.name(document);
                document["content"].as_array().into_iter().flatten().for_each(|part| block(self, part));
                self.end(&document["stop_reason"]);
            }
            _ => {}
        }
    }

    /// An event or a whole reply of OpenAI's Responses. The event that ends a stream holds the whole reply again.
    fn response(&mut self, document: &Value) {
        let whole = match text(&document["type"]) {
            "response.completed" | "response.incomplete" | "response.failed" => &document["response"],
            "" if document["output"].is_array() => document,
            "response.output_text.delta" => return self.text.push_str(text(&document["delta"])),
            _ => return,
        };
        *self = Answer::default();
        self.name(whole);
        for item in whole["output"].as_array().into_iter().flatten() {
            match text(&item["type"]) {
                "message" => self.text.push_str(&said(&item["content"])),
                "reasoning" => {
                    for list in [&item["summary"], &item["content"]] {
                        self.reasoning.push_str(&said(list));
                    }
                }
                "function_call" => self.calls.push(Call {
                    id: text(&item["call_id"]).to_owned(),
                    name: text(&item["name"]).to_owned(),
                    arguments: text(&item["arguments"]).to_owned(),
                }),
                _ => {}
            }
        }
        let cut = &whole["incomplete_details"]["reason"];
        self.end(if cut.is_string() { cut } else { &whole["status"] });
        if !self.calls.is_empty() {
            self.ended = Ended::Calls;
        }
    }

    /// A reply of a decision server.
    fn decide(&mut self, document: &Value) {
        self.name(document);
        self.id = document["request_id"].as_str().map(str::to_owned);
        let answer = document.pointer("/answers/answer").unwrap_or(document);
        self.text = match (answer["choice"].as_str(), answer["noul"].as_f64(), answer["score"].as_f64()) {
            (Some(choice), ..) => choice.to_owned(),
            (None, Some(yes), _) => (if yes >= 0.5 { "yes" } else { "no" }).to_owned(),
            (None, None, score) => score.map(|score| score.to_string()).unwrap_or_default(),
        };
        self.ended = Ended::Stop;
        self.decision = Some(document.clone());
    }

    /// An event or a whole reply of DashScope's text generation.
    fn dashscope(&mut self, document: &Value) {
        let mut chat = Map::from_iter([("choices".to_owned(), document["output"]["choices"].clone())]);
        chat.insert("id".to_owned(), document["request_id"].clone());
        self.chat(&Value::Object(chat));
        self.text.push_str(text(&document["output"]["text"]));
        self.end(&document["output"]["finish_reason"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(events: &[Value]) -> String {
        events.iter().map(|event| format!("{event}{PART}")).collect()
    }

    #[test]
    fn a_chat_is_the_same_streamed_or_whole() {
        let whole = json!({"id": "c1", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "content": "Hello", "reasoning_content": "so", "tool_calls": [
                {"id": "a", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                {"id": "b", "function": {"name": "g", "arguments": "{}"}}]}}]});
        let delta = |delta: Value| json!({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
        let events = streamed(&[
            delta(json!({"role": "assistant", "content": null, "reasoning": "s", "reasoning_content": "s"})),
            delta(json!({"reasoning": "o"})),
            delta(json!({"content": "Hel"})),
            delta(json!({"content": "lo"})),
            delta(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]})),
            delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"x\""}}]})),
            delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]})),
            delta(json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]})),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
            json!({"choices": [], "usage": {}}),
        ]);
        let read = answer(&Dialect::Chat, &whole.to_string());
        assert_eq!(read, answer(&Dialect::Chat, &events));
        assert_eq!((read.text.as_str(), read.reasoning.as_str(), read.ended), ("Hello", "so", Ended::Calls));
        assert_eq!(read.calls[0].arguments, "{\"x\": 1}");
        assert_eq!((read.calls.len(), read.id.as_deref(), read.model.as_deref()), (2, Some("c1"), Some("m")));
    }

    #[test]
    fn other_dialects_say_the_same_in_their_words() {
        let messages = json!({"type": "message", "id": "m1", "model": "m", "stop_reason": "max_tokens", "content": [
            {"type": "thinking", "thinking": "so"}, {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}]});
        let read = answer(&Dialect::Messages, &messages.to_string());
        assert_eq!((read.text.as_str(), read.reasoning.as_str(), read.ended), ("Hello", "so", Ended::Length));
        assert_eq!(read.calls[0].arguments, r#"{"x":1}"#);
        let events = streamed(&[
            json!({"type": "message_start", "message": {"id": "m1", "model": "m"}}),
            json!({"type": "content_block_start", "content_block": {"type": "thinking", "thinking": ""}}),
            json!({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "so"}}),
            json!({"type": "content_block_start", "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello"}}),
            json!({"type": "content_block_start", "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}}}),
            json!({"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{\"x\":1}"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}),
        ]);
        assert_eq!(answer(&Dialect::Messages, &events), read);
        let output = json!([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{\"x\":1}"}]);
        let whole = json!({"id": "r1", "model": "m", "status": "completed", "output": output});
        let read = answer(&Dialect::Responses, &whole.to_string());
        assert_eq!((read.text.as_str(), read.reasoning.as_str(), read.ended), ("Hello", "so", Ended::Calls));
        let events = streamed(&[
            json!({"type": "response.output_text.delta", "delta": "Hel"}),
            json!({"type": "response.completed", "response": whole}),
        ]);
        assert_eq!(answer(&Dialect::Responses, &events), read);
        let dashscope = json!({"request_id": "d", "output": {"choices": [{"finish_reason": "stop", "message": {"content": "Hello"}}]}});
        let read = answer(&Dialect::DashScope, &dashscope.to_string());
        assert_eq!((read.text.as_str(), read.ended, read.id.as_deref()), ("Hello", Ended::Stop, Some("d")));
    }

    #[test]
    fn a_decision_is_kept_whole_and_its_likeliest_option_is_the_text() {
        for (answer, text) in [
            (json!({"type": "choice", "choice": "a", "probabilities": {"a": 1.0, "b": 0.0}}), "a"),
            (json!({"type": "noul", "noul": 0.5}), "yes"),
            (json!({"type": "score", "score": 1.5}), "1.5"),
        ] {
            let whole = json!({"model": "m", "request_id": "r", "answers": {"answer": answer}});
            let read = super::answer(&Dialect::SystemOne, &whole.to_string());
            assert_eq!((read.text.as_str(), read.ended, read.id.as_deref()), (text, Ended::Stop, Some("r")));
            assert_eq!(read.decision, Some(whole));
        }
        let native = json!({"model": "m", "kind": "choice", "options": ["x", "y"], "choice": "y", "choice_index": 1});
        assert_eq!(answer(&Dialect::AutoTrust, &native.to_string()).text, "y");
    }

    #[test]
    fn of_several_choices_the_first_counts_and_log_probabilities_are_joined() {
        let choice = |index: u64, text: &str| json!({"index": index, "text": text, "logprobs": {"tokens": [text]}});
        let events = streamed(&[
            json!({"choices": [choice(0, "a"), choice(1, "x")]}),
            json!({"choices": [choice(1, "y")]}),
            json!({"choices": [choice(0, "b")]}),
        ]);
        let read = answer(&Dialect::Completion, &events);
        assert_eq!((read.text.as_str(), read.logprobs), ("ab", Some(json!({"tokens": ["a", "b"]}))));
    }
}
