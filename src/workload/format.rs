//! What a line of a dataset stands for.

use serde_json::{Map, Value};

use super::lines::Place;
use super::messages;
use crate::error::{Failure, Result, known};
use crate::prompt::Content;

/// Fields of which a body must have one; without any of them a server would be asked nothing.
const BODY_FIELDS: [&str; 4] = ["messages", "prompt", "input", "query"];
/// Fields that hold the text of a prompt beside columns that are none of the server's business.
const TEXT_FIELDS: [&str; 2] = ["question", "text"];

/// How lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A JSON object with `question`.
    OpenQa,
    /// Anything that is JSON as JSON, all else as text.
    LineByLine,
    /// Text.
    Text,
    /// A prompt, messages or a body in JSON.
    Jsonl,
}

/// What a line turned out to be.
#[derive(Debug)]
pub(super) struct Row {
    /// What is asked.
    pub(super) content: Content,
    /// Whether the line looks like JSON and is not, and is taken as text for that reason.
    pub(super) unparsed: bool,
}

impl Format {
    /// The format of a prompt list, told by its first line that is not blank.
    pub(super) fn detect(line: &str) -> Format {
        if looks_like_json(line) { Format::Jsonl } else { Format::Text }
    }

    /// Reads a line that is not blank.
    pub(super) fn row(self, line: &str, place: Place<'_>) -> Result<Row> {
        let mut unparsed = false;
        let content = match self {
            Format::Text => Content::Text(line.to_owned()),
            Format::OpenQa => question(line, place)?,
            Format::Jsonl => entry(line, place)?,
            Format::LineByLine => match serde_json::from_str(line) {
                Ok(Value::String(text)) => Content::Text(text),
                Ok(Value::Array(list)) if !list.is_empty() && list.iter().all(Value::is_object) => chat(list, place)?,
                // The line is a whole body, whatever the server it is meant for calls its fields.
                Ok(Value::Object(fields)) => body(fields, place)?,
                // EvalScope passes 42 or true on as a number or a truth value, which no server takes for a prompt.
                Ok(_) => Content::Text(line.to_owned()),
                Err(_) => {
                    unparsed = looks_like_json(line);
                    Content::Text(line.to_owned())
                }
            },
        };
        Ok(Row { content, unparsed })
    }
}

fn looks_like_json(line: &str) -> bool {
    line.trim_start().starts_with(['{', '['])
}

fn json(line: &str, place: Place<'_>) -> Result<Value> {
    serde_json::from_str(line).map_err(|error| {
        // The parser sees one line and would call it line 1.
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        place.refuse(format_args!("column {}: not JSON: {why}", error.column()))
    })
}

fn question(line: &str, place: Place<'_>) -> Result<Content> {
    match json(line, place)? {
        Value::Object(mut fields) => match fields.remove("question") {
            Some(Value::String(text)) => Ok(Content::Text(text)),
            Some(_) => Err(place.refuse("`question` must be a string")),
            None => Err(place.refuse("`question` is missing").hint("--dataset openqa reads {\"question\": \"...\"}")),
        },
        _ => Err(place.refuse("must be a JSON object with `question`")),
    }
}

fn entry(line: &str, place: Place<'_>) -> Result<Content> {
    let value = json(line, place).map_err(|failure: Failure| {
        failure.hint("the file begins with { or [ and is read as JSONL; --dataset line_by_line takes text among JSON")
    })?;
    match value {
        Value::String(text) => Ok(Content::Text(text)),
        Value::Array(list) => chat(list, place),
        Value::Object(mut fields) => {
            if fields.len() == 1
                && let Some(Value::String(text)) = fields.get_mut("prompt")
            {
                return Ok(Content::Text(std::mem::take(text)));
            }
            if fields.len() == 1
                && let Some(Value::Array(list)) = fields.get_mut("messages")
            {
                return chat(std::mem::take(list), place);
            }
            if !BODY_FIELDS.iter().any(|field| fields.contains_key(*field)) {
                let Some(field) = TEXT_FIELDS.into_iter().find(|field| fields.contains_key(*field)) else {
                    return Err(place
                        .refuse("the object asks nothing")
                        .hint(format!("it needs one of: {}", known(BODY_FIELDS.iter().chain(&TEXT_FIELDS)))));
                };
                return match fields.remove(field) {
                    Some(Value::String(text)) => Ok(Content::Text(text)),
                    _ => Err(place.refuse(format_args!("`{field}` must be a string"))),
                };
            }
            body(fields, place)
        }
        _ => Err(place.refuse("must be a JSON object, an array of messages or a string")),
    }
}

fn chat(list: Vec<Value>, place: Place<'_>) -> Result<Content> {
    messages::check(&list).map_err(|why| place.refuse(why))?;
    Ok(Content::Messages(list))
}

fn body(fields: Map<String, Value>, place: Place<'_>) -> Result<Content> {
    match fields.get("messages") {
        Some(Value::Array(list)) => messages::check(list).map_err(|why| place.refuse(why))?,
        Some(_) => return Err(place.refuse("`messages` must be an array")),
        None => {}
    }
    Ok(Content::Body(fields))
}

#[cfg(test)]
mod tests {
    use super::super::testing::TestResult;
    use super::*;

    const PLACE: Place<'static> = Place { file: "a.jsonl", line: 3 };

    /// The kind of content, and its text where it is text.
    fn kind(format: Format, line: &str) -> String {
        match format.row(line, PLACE) {
            Ok(Row { content: Content::Text(text), unparsed }) => {
                format!("text{} {text}", if unparsed { "?" } else { "" })
            }
            Ok(Row { content: Content::Messages(list), .. }) => format!("messages {}", list.len()),
            Ok(Row { content: Content::Body(fields), .. }) => format!("body {}", fields.len()),
            Ok(Row { content, .. }) => format!("{content:?}"),
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn a_line_is_json_where_it_can_be() {
        for (line, expected) in [
            ("plain text", "text plain text"),
            ("\"quoted \\u00e9\"", "text quoted é"),
            ("42", "text 42"),
            ("true", "text true"),
            ("null", "text null"),
            ("[1, 2]", "text [1, 2]"),
            ("[]", "text []"),
            ("{broken", "text? {broken"),
            ("[{\"role\":\"user\",\"content\":\"hi\"}]", "messages 1"),
            ("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0.6}", "body 2"),
            ("{\"state\":1}", "body 1"),
            ("[{\"content\":\"hi\"}]", "a.jsonl: line 3: messages[0].role: is missing"),
            ("{\"messages\":5}", "a.jsonl: line 3: `messages` must be an array"),
        ] {
            assert_eq!(kind(Format::LineByLine, line), expected, "{line}");
        }
    }

    #[test]
    fn a_prompt_list_takes_what_its_fields_say() {
        for (line, expected) in [
            ("\"hi\"", "text hi"),
            ("{\"prompt\":\"hi\"}", "text hi"),
            ("{\"question\":\"hi\",\"answer\":\"ho\"}", "text hi"),
            ("{\"text\":\"hi\"}", "text hi"),
            ("[{\"role\":\"user\",\"content\":\"hi\"}]", "messages 1"),
            ("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", "messages 1"),
            ("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"n\":2}", "body 2"),
            ("{\"prompt\":\"hi\",\"max_tokens\":5}", "body 2"),
            ("{\"prompt\":[1,2]}", "body 1"),
            ("{\"input\":\"hi\",\"text\":{}}", "body 2"),
            ("{\"text\":1}", "a.jsonl: line 3: `text` must be a string"),
            ("{\"promt\":\"hi\"}", "a.jsonl: line 3: the object asks nothing"),
            ("7", "a.jsonl: line 3: must be a JSON object, an array of messages or a string"),
            ("{\"prompt\": \"hi\"", "a.jsonl: line 3: column 15: not JSON: EOF while parsing an object"),
        ] {
            assert_eq!(kind(Format::Jsonl, line), expected, "{line}");
        }
    }

    #[test]
    fn questions_need_their_field() -> TestResult {
        assert_eq!(kind(Format::OpenQa, "{\"question\":\"why?\",\"id\":1}"), "text why?");
        assert_eq!(kind(Format::OpenQa, "{\"q\":\"why?\"}"), "a.jsonl: line 3: `question` is missing");
        assert_eq!(kind(Format::OpenQa, "{\"question\":1}"), "a.jsonl: line 3: `question` must be a string");
        assert_eq!(kind(Format::OpenQa, "[]"), "a.jsonl: line 3: must be a JSON object with `question`");
        Ok(())
    }
}
