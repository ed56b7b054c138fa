//! One event of a streamed reply, as the chunk log keeps it.

use serde::{Deserialize, Serialize};

/// What was seen of one event. In rows it is a list of six numbers, the last one null where unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Mark {
    /// Arrival in ns since the run's epoch: the stamp of the read that completed the event.
    pub at_ns: u64,
    /// How long its last bytes waited between the kernel and our code, in ns.
    pub lag_ns: u32,
    /// Length of the event's data in bytes.
    pub bytes: u32,
    /// Bytes of text that it added to the reply: content, reasoning and tool calls.
    pub text: u32,
    /// What it carries: a sum of the constants below.
    pub flags: u16,
    /// Completion tokens so far, where the event says so.
    pub tokens: Option<u32>,
}

impl Mark {
    /// It has at least one choice, whatever that carries.
    pub const CHOICES: u16 = 1;
    /// It names the role of the speaker.
    pub const ROLE: u16 = 2;
    /// It carries reasoning that is not empty.
    pub const REASONING: u16 = 4;
    /// It carries visible text that is not empty.
    pub const CONTENT: u16 = 8;
    /// It carries a part of a tool call.
    pub const TOOL: u16 = 16;
    /// A choice ended here.
    pub const FINISH: u16 = 32;
    /// It carries token counts.
    pub const USAGE: u16 = 64;
    /// It is the `[DONE]` at the end.
    pub const DONE: u16 = 128;

    /// Whether all of these flags are set.
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// Whether it carries a non-empty token of any kind.
    pub fn is_token(&self) -> bool {
        self.flags & (Self::REASONING | Self::CONTENT | Self::TOOL) != 0
    }
}

type Row = (u64, u32, u32, u32, u16, Option<u32>);

impl From<Row> for Mark {
    fn from((at_ns, lag_ns, bytes, text, flags, tokens): Row) -> Self {
        Mark { at_ns, lag_ns, bytes, text, flags, tokens }
    }
}

impl From<Mark> for Row {
    fn from(mark: Mark) -> Self {
        (mark.at_ns, mark.lag_ns, mark.bytes, mark.text, mark.flags, mark.tokens)
    }
}
