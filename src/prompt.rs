//! What is asked of a model, before any wire format.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// What one request asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Plain text. A chat dialect wraps it into one user message.
    Text(String),
    /// Token ids of the server's own vocabulary, for completions.
    Tokens(Vec<u32>),
    /// A chat: objects with `role` and `content`, kept as they came so that tools and images survive.
    Messages(Vec<Value>),
    /// A complete request body. Only the fields it lacks are filled in.
    Body(Map<String, Value>),
    /// Texts to be embedded, one vector each.
    Inputs(Vec<String>),
    /// Documents to be ranked by how well they answer a query.
    Ranking {
        /// What is looked for.
        query: String,
        /// What is ranked.
        documents: Vec<String>,
    },
}

/// One request, free of any wire format.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// What is asked.
    pub content: Content,
    /// Most tokens to generate, drawn for this request; `None` leaves it to the sampling of the plan.
    pub max_tokens: Option<u32>,
    /// Prompt length in tokens, where it was counted before the run.
    pub tokens: Option<u32>,
    /// Wait between the end of the reply before and this turn; nothing for a first turn.
    pub pause: Duration,
    /// Headers of this request alone; those of the target win over them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The name this request goes by, where its source gives one.
    pub id: Option<String>,
}

impl Prompt {
    /// A prompt of plain text with nothing else wished.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    /// A prompt with nothing but its content.
    pub fn new(content: Content) -> Self {
        Prompt { content, max_tokens: None, tokens: None, pause: Duration::ZERO, headers: Vec::new(), id: None }
    }
}

/// A list of prompts that belong together. A conversation of one turn is a plain request.
///
/// A later turn holds only what is new in it: before it is sent, everything that was said so far is put in front of it,
/// the replies that really came included.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// The turns in order, at least one.
    pub turns: Vec<Prompt>,
    /// When it begins, in nanoseconds after the first conversation of its source; known of recorded traffic alone.
    pub due_ns: Option<u64>,
}

impl From<Prompt> for Conversation {
    fn from(prompt: Prompt) -> Self {
        Conversation { turns: vec![prompt], due_ns: None }
    }
}

/// How a model is asked to generate. Each field is sent only when set, apart from the three that always are.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Fewest and most tokens that `max_tokens` is drawn from, inclusive; `None` leaves it to the server.
    pub max_tokens: Option<(u32, u32)>,
    /// Whether the reply is streamed.
    pub stream: bool,
    /// Sent as EvalScope does; `None` leaves it to the server.
    pub temperature: Option<f64>,
    /// Further body fields in EvalScope's order, ready to be sent: `min_tokens`, `top_p`, `seed` and so on.
    pub fields: Map<String, Value>,
    /// Merged into the body last.
    pub extra: Map<String, Value>,
}

impl Sampling {
    /// Most tokens that a prompt asks for: its own bound, else that of all.
    pub fn most(&self, prompt: &Prompt) -> Option<u32> {
        prompt.max_tokens.or(self.max_tokens.map(|(_, most)| most))
    }
}
