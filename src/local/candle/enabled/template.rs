//! A chat to the text that the model continues.

use std::fmt::Write;

use crate::local::backend::ChatMessage;
use crate::tokenizer::Tokenizer;

/// How a chat is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// ChatML: each message between `<|im_start|>` with its role and `<|im_end|>`.
    ChatMl,
    /// One line a message, for vocabularies without those tokens.
    Plain,
}

impl Template {
    /// The template that a tokenizer has the tokens for.
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let has = |spelling| tokenizer.id_of(spelling).is_some();
        if has("<|im_start|>") && has("<|im_end|>") { Template::ChatMl } else { Template::Plain }
    }

    /// The text of a chat, up to where the assistant begins to speak.
    pub fn render(self, messages: &[ChatMessage]) -> String {
        let mut text = String::new();
        for ChatMessage { role, content } in messages {
            // Writing to a string cannot fail.
            let _ = match self {
                Template::ChatMl => writeln!(text, "<|im_start|>{role}\n{content}<|im_end|>"),
                Template::Plain => writeln!(text, "{role}: {content}"),
            };
        }
        text.push_str(match self {
            Template::ChatMl => "<|im_start|>assistant\n",
            Template::Plain => "assistant:",
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_written_as_its_template_says() {
        let message = |role: &str, content: &str| ChatMessage { role: role.to_owned(), content: content.to_owned() };
        let chat = [message("system", "Be brief."), message("user", "Hi")];
        assert_eq!(
            Template::ChatMl.render(&chat),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(Template::Plain.render(&chat), "system: Be brief.\nuser: Hi\nassistant:");
    }
}
