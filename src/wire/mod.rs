//! Prompts to bytes and bytes to deltas, for each dialect. Pure: no socket, no clock, no file.
//!
//! | file | noun |
//! |---|---|
//! | `answer` | a whole reply taken apart: text, reasoning, calls of tools, why it ended |
//! | `body` | a prompt as the body of a request, in any dialect |
//! | `delta`, `reply` | one event of a stream; a reply that is not streamed |
//! | `decoder` | the events of one reply, most of which differ from the one before in their text alone |
//! | `frames`, `sse`, `lines` | bytes to events: server-sent ones, or a JSON document a line |
//! | `chat` | OpenAI's chat completions and completions |
//! | `responses` | OpenAI's Responses |
//! | `messages` | Anthropic's Messages |
//! | `dashscope` | DashScope's text generation |
//! | `embedding`, `rerank` | what has no text to generate |
//! | `decision`, `question` | probabilities over options, and what they are asked with |
//! | `custom` | an API that a file describes |
//! | `parts` | the content of chat messages, as each dialect writes it |
//! | `text`, `usage` | text and token counts in the shapes that servers give them |

mod answer;
mod body;
mod chat;
mod custom;
mod dashscope;
mod decision;
mod decoder;
mod delta;
mod embedding;
mod frames;
mod lines;
mod messages;
mod parts;
mod question;
mod reply;
mod rerank;
mod responses;
mod sse;
mod text;
mod usage;

pub use answer::{Answer, Call, Ended, PART, answer};
pub use body::{Encoded, encode};
pub use decision::rounding;
pub use decoder::Decoder;
pub use delta::{Delta, is_whole, marks_its_end};
pub use frames::Frames;
pub use question::Question;
pub use reply::{Reply, ServerError, decode_reply, server_message};
pub use sse::{Event, Events, Stamped};
pub use usage::Usage;
