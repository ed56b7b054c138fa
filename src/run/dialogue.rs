//! Conversations as requests: the first turn made ahead, the later ones as the replies come in.

use std::sync::Arc;

use serde_json::{Value, json};

use super::spelling::Spelling;
use crate::engine::{Request, Said, Turn, Turns};
use crate::error::{Failure, Result};
use crate::prompt::{Content, Conversation, Prompt};

/// The first request of a conversation, which brings the others with it.
///
/// # Errors
/// When it has no turn, or its turns cannot be put behind each other.
pub(super) fn request(spelling: &Arc<Spelling>, conversation: Conversation) -> Result<Request> {
    let mut turns = conversation.turns.into_iter();
    let first = turns.next().ok_or_else(|| Failure::bug("a conversation has no turn"))?;
    let mut request = spelling.request(&first)?;
    if turns.len() > 0 {
        if let Some(odd) = turns.as_slice().iter().find(|turn| !joins(&first.content, &turn.content)) {
            return Err(Failure::bug(format!("turns of different kinds in a conversation: {:?}", odd.content)));
        }
        let said = first.content;
        request.then = Some(Box::new(Dialogue { spelling: Arc::clone(spelling), said, turns }));
    }
    Ok(request)
}

/// Whether the second can be said after the first.
fn joins(first: &Content, second: &Content) -> bool {
    match (first, second) {
        (Content::Text(_), Content::Text(_)) | (Content::Messages(_), Content::Messages(_)) => true,
        (Content::Body(first), Content::Body(second)) => {
            [first, second].iter().all(|body| body.get("messages").is_some_and(Value::is_array))
        }
        _ => false,
    }
}

/// What was said so far, and the turns that are left.
struct Dialogue {
    spelling: Arc<Spelling>,
    said: Content,
    turns: std::vec::IntoIter<Prompt>,
}

impl Dialogue {
    /// Puts the reply and what is new behind what was said.
    fn say(&mut self, reply: &str, new: Content) {
        match (&mut self.said, new) {
            (Content::Text(said), Content::Text(new)) => {
                said.push_str(reply);
                said.push_str(&new);
            }
            (Content::Messages(said), Content::Messages(new)) => {
                said.push(assistant(reply));
                said.extend(new);
            }
            // Fields of the newer body win; its messages are those that are new.
            (Content::Body(said), Content::Body(new)) => {
                for (name, value) in new {
                    match (said.get_mut("messages"), value) {
                        (Some(Value::Array(messages)), Value::Array(new)) if name == "messages" => {
                            messages.push(assistant(reply));
                            messages.extend(new);
                        }
                        (_, value) => drop(said.insert(name, value)),
                    }
                }
            }
            (_, new) => self.said = new,
        }
    }
}

/// A reply as the server is reminded of it.
fn assistant(reply: &str) -> Value {
    json!({"role": "assistant", "content": reply})
}

impl Turns for Dialogue {
    /// A turn that failed ends the conversation.
    fn next(&mut self, said: Said<'_>) -> Result<Option<Turn>> {
        let Some(turn) = said.record.is_ok().then(|| self.turns.next()).flatten() else { return Ok(None) };
        let Prompt { content, max_tokens, pause, headers, id, .. } = turn;
        self.say(said.text, content);
        // The history moves into the prompt and back, for it may be long. Its length is not known before it is sent.
        let content = std::mem::replace(&mut self.said, Content::Messages(Vec::new()));
        let prompt = Prompt { max_tokens, headers, id, ..Prompt::new(content) };
        let request = self.spelling.request(&prompt);
        self.said = prompt.content;
        Ok(Some(Turn { request: request?, pause }))
    }

    fn left(&self) -> u32 {
        self.turns.len() as u32
    }
}

/// What later turns add, as bytes that tell one workload from another: their pause in nanoseconds and their content.
pub(super) fn later(conversation: &Conversation) -> Vec<(u64, Vec<u8>)> {
    let spell = |turn: &Prompt| {
        let content = match &turn.content {
            Content::Text(text) => json!(text),
            Content::Tokens(ids) => json!(ids),
            Content::Messages(messages) => json!(messages),
            Content::Body(body) => json!(body),
            Content::Inputs(texts) => json!(texts),
            Content::Ranking { query, documents } => json!({"query": query, "documents": documents}),
        };
        let told = json!({"content": content, "max_tokens": turn.max_tokens});
        (turn.pause.as_nanos() as u64, told.to_string().into_bytes())
    };
    conversation.turns.iter().skip(1).map(spell).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Map;

    use super::*;
    use crate::prompt::Sampling;
    use crate::record::{Outcome, Record};

    type TestResult = std::result::Result<(), Box<dyn std::error::Error>>;

    fn spelling() -> Arc<Spelling> {
        let sampling = Sampling {
            max_tokens: Some((9, 9)),
            stream: true,
            temperature: Some(0.0),
            fields: Map::new(),
            extra: Map::new(),
        };
        Arc::new(Spelling::chat(sampling))
    }

    fn body(request: &Request) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&request.body)
    }

    fn user(text: &str) -> Content {
        Content::Messages(vec![json!({"role": "user", "content": text})])
    }

    /// The turn after a reply of this text.
    fn after(turns: &mut Box<dyn Turns>, text: &str) -> Result<Turn, Box<dyn std::error::Error>> {
        let mut record = Record::due("r".to_owned(), 0, 0, 0);
        record.outcome = Outcome::Ok;
        Ok(turns.next(Said { record: &record, text })?.ok_or("the conversation is over")?)
    }

    #[test]
    fn later_turns_hold_what_was_said_before_them() -> TestResult {
        let pause = Duration::from_millis(7);
        let turns = vec![
            Prompt { tokens: Some(3), ..Prompt::new(user("a")) },
            Prompt { pause, max_tokens: Some(2), ..Prompt::new(user("b")) },
            Prompt::new(user("c")),
        ];
        let mut request = request(&spelling(), Conversation { turns, due_ns: None })?;
        assert_eq!(
            (request.prompt_tokens, body(&request)?["messages"].clone()),
            (Some(3), json!([{"role": "user", "content": "a"}]))
        );
        let mut then = request.then.take().ok_or("no turn follows")?;
        let second = after(&mut then, "A")?;
        assert_eq!((second.pause, then.left(), second.request.prompt_tokens), (pause, 1, None));
        let told = body(&second.request)?;
        assert_eq!(told["max_tokens"], 2);
        let third = body(&after(&mut then, "B")?.request)?;
        let roles: Vec<&str> =
            third["messages"].as_array().into_iter().flatten().filter_map(|m| m["content"].as_str()).collect();
        assert_eq!((roles, &third["max_tokens"]), (vec!["a", "A", "b", "B", "c"], &json!(9)));
        assert_eq!(then.left(), 0);
        assert!(after(&mut then, "C").is_err());
        let failed = Record::due("r".to_owned(), 0, 0, 0);
        assert!(then.next(Said { record: &failed, text: "" })?.is_none());
        Ok(())
    }

    #[test]
    fn text_and_bodies_grow_as_well() -> TestResult {
        let turns = vec![Prompt::text("a"), Prompt::text("b")];
        let mut grown = request(&spelling(), Conversation { turns, due_ns: None })?.then.ok_or("no turn follows")?;
        assert_eq!(body(&after(&mut grown, "A")?.request)?["prompt"], "aAb");
        let whole = |text: &str, more: Value| {
            let mut body = json!({"messages": [{"role": "user", "content": text}]});
            body["top_k"] = more;
            Prompt::new(Content::Body(body.as_object().cloned().unwrap_or_default()))
        };
        let turns = vec![whole("a", json!(1)), whole("b", json!(2))];
        let mut grown = request(&spelling(), Conversation { turns, due_ns: None })?.then.ok_or("no turn follows")?;
        let told = body(&after(&mut grown, "A")?.request)?;
        assert_eq!((told["messages"].as_array().map(Vec::len), &told["top_k"]), (Some(3), &json!(2)));
        let mixed = Conversation { turns: vec![Prompt::text("a"), Prompt::new(user("b"))], due_ns: None };
        assert!(request(&spelling(), mixed).is_err());
        Ok(())
    }
}
