//! What a line of a dataset stands for.

use serde_json::{Map, Value};

use super::lines::Place;
use super::pictures::Pictures;
use super::remarks::Reason;
use super::trajectories::Trajectories;
use super::{messages, turns};
use crate::error::{Failure, Result, known};
use crate::prompt::{Content, Conversation, Prompt};

/// Fields of which a body must have one; without any of them a server would be asked nothing.
const BODY_FIELDS: [&str; 4] = ["messages", "prompt", "input", "query"];
/// Fields that hold the text of a prompt beside columns that are none of the server's business.
const TEXT_FIELDS: [&str; 2] = ["question", "text"];

/// How rows are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Format {
    /// A JSON object with the text in this field.
    Field(&'static str),
    /// Anything that is JSON as JSON, all else as text.
    LineByLine,
    /// Text.
    Text,
    /// A prompt, messages or a body in JSON.
    Jsonl,
    /// A conversation as one request that ends in its last question.
    Request,
    /// A conversation of at most so many turns.
    Turns(Option<u32>),
    /// A request of OpenAI's batch files.
    Batch,
    /// A text to embed, as it stands or in JSON.
    Embedding,
    /// A query with documents.
    Ranking,
    /// A state and a question on it.
    Decision,
    /// A conversation whose turns are made already, or a trajectory to make them of.
    Trajectory(Trajectories),
    /// An image with a text, files looked for in this folder.
    Picture(Pictures),
}

/// Which text of a conversation has the length that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    /// The first turn, where it is text.
    Text,
    /// The last message of the only turn.
    LastUser,
    /// None of them.
    Nothing,
}

impl Measured {
    /// That text.
    pub(super) fn text(self, conversation: &Conversation) -> Option<&str> {
        match (self, &conversation.turns.first()?.content) {
            (Measured::Text, Content::Text(text)) => Some(text),
            (Measured::Text, Content::Inputs(texts)) => texts.first().map(String::as_str),
            (Measured::LastUser, Content::Messages(list)) => list.last()?.get("content")?.as_str(),
            _ => None,
        }
    }

    /// Puts another in its place.
    pub(super) fn replace(self, content: &mut Content, text: String) {
        match (self, content) {
            (Measured::Text, Content::Text(old)) => *old = text,
            (Measured::LastUser, Content::Messages(list)) => {
                if let Some(old) = list.last_mut().and_then(|message| message.get_mut("content")) {
                    *old = text.into();
                }
            }
            _ => {}
        }
    }
}

/// What a line turned out to be.
#[derive(Debug)]
pub(super) struct Row {
    /// What is asked.
    pub(super) conversation: Conversation,
    /// Whether the line looks like JSON and is not, and is taken as text for that reason.
    pub(super) unparsed: bool,
}

impl Format {
    /// The format of a prompt list, told by its first line that is not blank.
    pub(super) fn detect(line: &str) -> Format {
        if looks_like_json(line) { Format::Jsonl } else { Format::Text }
    }

    /// Which text has a length.
    pub(super) fn measured(&self) -> Measured {
        match self {
            Format::Request => Measured::LastUser,
            Format::Batch | Format::Ranking | Format::Decision | Format::Picture(_) | Format::Trajectory(_) => {
                Measured::Nothing
            }
            _ => Measured::Text,
        }
    }

    /// Reads a row that is not blank; one that holds nothing to send gives the reason.
    pub(super) fn row(&self, line: &str, place: Place<'_>) -> Result<std::result::Result<Row, Reason>> {
        let mut unparsed = false;
        let plain = |content: Content| Ok(Prompt::new(content).into());
        let found: std::result::Result<Conversation, Reason> = match self {
            Format::Text => plain(Content::Text(line.to_owned())),
            Format::Field(name) => plain(field(line, name, place)?),
            Format::Jsonl => plain(entry(line, place)?),
            Format::LineByLine => plain(match serde_json::from_str(line) {
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
            }),
            Format::Request => {
                turns::messages_of(json(line, place)?).and_then(turns::as_request).map_err(|why| place.refuse(why))?
            }
            Format::Turns(most) => turns::messages_of(json(line, place)?)
                .and_then(|list| turns::as_turns(list, *most))
                .map_err(|why| place.refuse(why))?,
            Format::Batch => Ok(batch(line, place)?.into()),
            Format::Embedding => plain(embedding(line, place)?),
            Format::Ranking => plain(ranking(line, place)?),
            Format::Decision => plain(decision(line, place)?),
            Format::Trajectory(trajectories) => trajectories.conversation(json(line, place)?, place)?,
            Format::Picture(pictures) => pictures.prompt(json(line, place)?, place)?,
        };
        Ok(found.map(|conversation| Row { conversation, unparsed }))
    }
}

fn looks_like_json(line: &str) -> bool {
    line.trim_start().starts_with(['{', '['])
}

pub(super) fn json(line: &str, place: Place<'_>) -> Result<Value> {
    serde_json::from_str(line).map_err(|error| {
        // The parser sees one line and would call it line 1.
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        place.refuse(format_args!("column {}: not JSON: {why}", error.column()))
    })
}

fn object(line: &str, place: Place<'_>) -> Result<Map<String, Value>> {
    match json(line, place)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(place.refuse("must be a JSON object")),
    }
}

fn field(line: &str, name: &str, place: Place<'_>) -> Result<Content> {
    match json(line, place)? {
        Value::Object(mut fields) => match fields.remove(name) {
            Some(Value::String(text)) => Ok(Content::Text(text)),
            Some(_) => Err(place.refuse(format_args!("`{name}` must be a string"))),
            None => Err(place
                .refuse(format_args!("`{name}` is missing"))
                .hint(format!("this dataset reads {{\"{name}\": \"...\"}}"))),
        },
        _ => Err(place.refuse(format_args!("must be a JSON object with `{name}`"))),
    }
}

/// A line of OpenAI's batch API: the body is the request, `custom_id` its name.
fn batch(line: &str, place: Place<'_>) -> Result<Prompt> {
    let mut fields = object(line, place)?;
    if fields.get("method").is_some_and(|method| method != "POST") {
        return Err(place.refuse("`method` must be POST"));
    }
    let id = match fields.remove("custom_id") {
        Some(Value::String(id)) => Some(id),
        None | Some(Value::Null) => None,
        Some(_) => return Err(place.refuse("`custom_id` must be a string")),
    };
    match fields.remove("body") {
        Some(Value::Object(fields)) => Ok(Prompt { id, ..Prompt::new(body(fields, place)?) }),
        _ => Err(place
            .refuse("`body` must be an object")
            .hint("a line is {\"custom_id\": \"1\", \"method\": \"POST\", \"url\": \"...\", \"body\": {...}}")),
    }
}

/// Fields that hold a text to embed, in EvalScope's order, and documents to rank.
const EMBEDDED: [&str; 4] = ["text", "input", "sentence", "content"];
const DOCUMENTS: [&str; 3] = ["documents", "passages", "texts"];

fn embedding(line: &str, place: Place<'_>) -> Result<Content> {
    if !line.trim_start().starts_with(['{', '"']) {
        return Ok(Content::Inputs(vec![line.to_owned()]));
    }
    match json(line, place)? {
        Value::String(text) => Ok(Content::Inputs(vec![text])),
        Value::Object(mut fields) => match EMBEDDED.iter().find_map(|name| fields.remove(*name)) {
            Some(Value::String(text)) => Ok(Content::Inputs(vec![text])),
            Some(_) => Err(place.refuse("the text must be a string")),
            None => Err(place.refuse(format_args!("needs one of: {}", known(EMBEDDED)))),
        },
        _ => Err(place.refuse("must be a text or an object with one")),
    }
}

fn ranking(line: &str, place: Place<'_>) -> Result<Content> {
    let mut fields = object(line, place)?;
    let Some(Value::String(query)) = fields.remove("query") else {
        return Err(place.refuse("`query` must be a string"));
    };
    let Some(Value::Array(list)) = DOCUMENTS.iter().find_map(|name| fields.remove(*name)) else {
        return Err(place.refuse(format_args!("needs a list in one of: {}", known(DOCUMENTS))));
    };
    let text = |document: Value| match document {
        Value::String(text) => Some(text),
        Value::Object(mut fields) => match fields.remove("text") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    };
    match list.into_iter().map(text).collect::<Option<Vec<_>>>() {
        Some(documents) if !documents.is_empty() => Ok(Content::Ranking { query, documents }),
        Some(_) => Err(place.refuse("there are no documents")),
        None => Err(place.refuse("a document must be a string or an object with `text`")),
    }
}

/// A row of OpenDecisions: fields of the question without a value are those of other kinds of questions.
fn decision(line: &str, place: Place<'_>) -> Result<Content> {
    let mut fields = object(line, place)?;
    let (Some(state), Some(Value::Object(question))) = (fields.remove("state"), fields.remove("question")) else {
        return Err(place
            .refuse("needs `state`, and `question` as an object")
            .hint("a row is {\"state\": \"...\", \"question\": {\"type\": \"noul\", \"instructions\": \"...\"}}"));
    };
    let question: Map<String, Value> = question.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let questions = Map::from_iter([("answer".to_owned(), Value::Object(question))]);
    let body = [("state".to_owned(), state), ("questions".to_owned(), Value::Object(questions))];
    Ok(Content::Body(Map::from_iter(body)))
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
        let row = match format.row(line, PLACE) {
            Ok(Ok(row)) => row,
            Ok(Err(reason)) => return format!("{reason:?}"),
            Err(failure) => return failure.message,
        };
        match &row.conversation.turns[0].content {
            Content::Text(text) => format!("text{} {text}", if row.unparsed { "?" } else { "" }),
            Content::Messages(list) => format!("messages {}", list.len()),
            Content::Body(fields) => format!("body {}", fields.len()),
            Content::Inputs(texts) => format!("inputs {texts:?}"),
            Content::Ranking { query, documents } => format!("{query} {documents:?}"),
            other => format!("{other:?}"),
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
        assert_eq!(kind(Format::Field("question"), "{\"question\":\"why?\",\"id\":1}"), "text why?");
        assert_eq!(kind(Format::Field("question"), "{\"q\":\"why?\"}"), "a.jsonl: line 3: `question` is missing");
        assert_eq!(kind(Format::Field("question"), "{\"question\":1}"), "a.jsonl: line 3: `question` must be a string");
        assert_eq!(kind(Format::Field("question"), "[]"), "a.jsonl: line 3: must be a JSON object with `question`");
        Ok(())
    }

    #[test]
    fn batches_embeddings_and_rankings_are_read() {
        let batch = "{\"custom_id\":\"r\",\"method\":\"POST\",\"url\":\"/v1/x\",\"body\":{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}}";
        for (format, line, expected) in [
            (Format::Batch, batch, "body 1"),
            (Format::Batch, "{\"method\":\"GET\",\"body\":{}}", "a.jsonl: line 3: `method` must be POST"),
            (Format::Batch, "{\"custom_id\":\"r\"}", "a.jsonl: line 3: `body` must be an object"),
            (Format::Embedding, "plain", "inputs [\"plain\"]"),
            (Format::Embedding, "\"quoted\"", "inputs [\"quoted\"]"),
            (Format::Embedding, "{\"id\":1,\"sentence\":\"s\"}", "inputs [\"s\"]"),
            (Format::Embedding, "{\"id\":1}", "a.jsonl: line 3: needs one of: text, input, sentence, content"),
            (Format::Ranking, "{\"query\":\"q\",\"documents\":[\"a\",\"b\"]}", "q [\"a\", \"b\"]"),
            (Format::Ranking, "{\"query\":\"q\",\"passages\":[{\"text\":\"a\"}]}", "q [\"a\"]"),
            (Format::Ranking, "{\"query\":\"q\",\"texts\":[]}", "a.jsonl: line 3: there are no documents"),
            (Format::Turns(None), "{\"conversation\":[{\"human\":\"\",\"assistant\":\"x\"}]}", "NoUser"),
        ] {
            assert_eq!(kind(format, line), expected, "{line}");
        }
        let row = Format::Batch.row(batch, PLACE).ok().and_then(std::result::Result::ok);
        assert_eq!(row.and_then(|row| row.conversation.turns[0].id.clone()).as_deref(), Some("r"));
    }
}
