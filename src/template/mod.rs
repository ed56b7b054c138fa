//! Text made from a template: the bodies of described APIs, and chats as a model is used to read them.
//!
//! | file | noun |
//! |---|---|
//! | `jinja` | a template in Jinja's language, compiled once |
//! | `chat` | a model's chat template: messages to the text that it continues |

mod chat;
mod jinja;

pub use chat::{ChatTemplate, Tokens};
pub use jinja::{Jinja, python_json};
