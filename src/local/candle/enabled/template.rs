//! A chat to the text that the model continues.

use std::fmt::Write;

use crate::local::backend::{Chat, Refusal};
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// How a chat is written.
#[derive(Debug, Clone)]
pub enum Template {
    /// As the model's own template has it.
    Own(Box<ChatTemplate>),
    /// ChatML: each message between `<|im_start|>` with its role and `<|im_end|>`.
    ChatMl,
    /// One line a message, for vocabularies without those tokens.
    Plain,
    /// The model has no template: it takes no chats.
    Nowhere,
}

impl Template {
    /// The template that a tokenizer has the tokens for, for a model whose weights are drawn.
    pub fn drawing(tokenizer: &Tokenizer) -> Self {
        let has = |spelling| tokenizer.id_of(spelling).is_some();
        if has("<|im_start|>") && has("<|im_end|>") { Template::ChatMl } else { Template::Plain }
    }

    /// The template of a model, where it has one.
    pub fn of(own: Option<ChatTemplate>) -> Self {
        own.map_or(Template::Nowhere, |own| Template::Own(Box::new(own)))
    }

    /// The text of a chat, up to where the assistant begins to speak if that is asked for.
    ///
    /// # Errors
    /// When the model has no template, or it does not take this chat.
    pub fn render(&self, chat: &Chat) -> Result<String, Refusal> {
        let marks = match self {
            Template::Own(own) => {
                let mut further = chat.extra.clone();
                further.insert("add_generation_prompt".to_owned(), chat.add_generation_prompt.into());
                if let Some(tools) = &chat.tools {
                    further.insert("tools".to_owned(), tools.clone());
                }
                let rendered = own.render_with(&chat.messages, further);
                return rendered.map_err(|failure| Refusal::Invalid { field: "messages", message: failure.message });
            }
            Template::Nowhere => {
                return Err(Refusal::Unserved(
                    "this model has no chat template, so it takes no chats; send plain text to /v1/completions"
                        .to_owned(),
                ));
            }
            Template::ChatMl => true,
            Template::Plain => false,
        };
        let mut text = String::new();
        for message in &chat.messages {
            let [role, content] = ["role", "content"].map(|field| message[field].as_str().unwrap_or_default());
            // Writing to a string cannot fail.
            let _ = match marks {
                true => writeln!(text, "<|im_start|>{role}\n{content}<|im_end|>"),
                false => writeln!(text, "{role}: {content}"),
            };
        }
        if chat.add_generation_prompt {
            text.push_str(if marks { "<|im_start|>assistant\n" } else { "assistant:" });
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn chat() -> Chat {
        Chat {
            messages: vec![json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": "Hi"})],
            tools: Some(json!([{"name": "clock"}])),
            extra: Map::from_iter([("enable_thinking".to_owned(), Value::Bool(false))]),
            add_generation_prompt: true,
        }
    }

    #[test]
    fn a_chat_is_written_as_its_template_says() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(
            Template::ChatMl.render(&chat())?,
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(Template::Plain.render(&chat())?, "system: Be brief.\nuser: Hi\nassistant:");
        assert_eq!(
            Template::Plain.render(&Chat { add_generation_prompt: false, ..chat() })?,
            "system: Be brief.\nuser: Hi\n"
        );
        let text = "{{ messages[1].content }}|{{ tools[0].name }}|{{ enable_thinking }}|{{ add_generation_prompt }}";
        let own = ChatTemplate::new(text.to_owned(), Map::new(), "t".to_owned())?;
        assert_eq!(Template::of(Some(own)).render(&chat())?, "Hi|clock|False|True");
        assert!(matches!(Template::of(None).render(&chat()), Err(Refusal::Unserved(_))));
        Ok(())
    }
}
