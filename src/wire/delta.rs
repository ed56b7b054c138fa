//! One event of a streamed reply.

use super::Usage;
use crate::mark::Mark;
use crate::target::Dialect;

/// What one event says. Text itself goes into the buffer that [`Decoder::decode`](super::Decoder::decode) is given.
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

/// Whether a stream that ended properly held a whole reply: `done` is that its mark of the end came, `finished` that a
/// choice ended, and `usage` what was counted.
pub fn is_whole(dialect: &Dialect, done: bool, finished: bool, usage: Option<&Usage>) -> bool {
    match dialect {
        // Servers that send no mark and no reason send their counts last.
        Dialect::Chat
        | Dialect::Completion
        | Dialect::Embedding
        | Dialect::Rerank
        | Dialect::SystemOne
        | Dialect::AutoTrust => done || finished || usage.is_some(),
        // These count with the first events already.
        Dialect::Responses | Dialect::Messages | Dialect::DashScope => done || finished,
        Dialect::Custom(api) => done || finished || (api.end.is_none() && api.event.finish.is_empty()),
    }
}

/// Whether streams of this dialect end with a mark, so that it is worth a remark when none came.
pub fn marks_its_end(dialect: &Dialect) -> bool {
    match dialect {
        Dialect::DashScope => false,
        Dialect::Custom(api) => api.end.is_some(),
        _ => true,
    }
}
