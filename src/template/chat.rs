//! A model's chat template: messages to the text that it continues, and that to token ids.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Jinja;
use crate::error::{Failure, Result};
use crate::prompt::{Content, Prompt};
use crate::tokenizer::Tokenizer;

/// Special tokens that a template may name.
const NAMED: [&str; 4] = ["bos_token", "eos_token", "unk_token", "pad_token"];

/// How a model is used to read a chat, as it stands beside its tokenizer in Hugging Face's formats.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    jinja: Jinja,
    special: Map<String, Value>,
    /// The file it came from.
    name: String,
}

impl ChatTemplate {
    /// Reads the template beside a tokenizer: `chat_template.jinja`, else `chat_template` of `tokenizer_config.json`,
    /// of several the one named `default`. `None` where there is neither.
    ///
    /// # Errors
    /// When a file cannot be read or the template is none.
    pub fn beside(tokenizer: &Path) -> Result<Option<Self>> {
        let folder = if tokenizer.is_dir() { tokenizer } else { tokenizer.parent().unwrap_or(Path::new("")) };
        let read = |name: &str| -> Result<Option<(String, String)>> {
            let path = folder.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok(Some((text, path.display().to_string()))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Failure::files(format!("{}: cannot be read", path.display())).because(error)),
            }
        };
        let config: Value = match read("tokenizer_config.json")? {
            Some((text, name)) => serde_json::from_str(&text)
                .map_err(|error| Failure::files(format!("{name}: not JSON")).because(error))?,
            None => Value::Null,
        };
        let named = |list: &Vec<Value>| {
            let found = list.iter().find(|one| one["name"] == "default").or(list.first())?;
            found["template"].as_str().map(str::to_owned)
        };
        let inside = match &config["chat_template"] {
            Value::String(text) => Some(text.clone()),
            Value::Array(list) => named(list),
            _ => None,
        };
        let inside = inside.map(|text| (text, folder.join("tokenizer_config.json").display().to_string()));
        let Some((text, name)) = read("chat_template.jinja")?.or(inside) else { return Ok(None) };
        let special = NAMED.into_iter().filter_map(|name| {
            let token = &config[name];
            let token = token.as_str().or_else(|| token["content"].as_str())?;
            Some((name.to_owned(), json!(token)))
        });
        Self::new(text, special.collect(), name).map(Some)
    }

    /// Compiles a template. `special` are the special tokens that it may name, `name` says where it came from.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: String, special: Map<String, Value>, name: String) -> Result<Self> {
        let jinja = Jinja::new(text).map_err(|why| Failure::files(format!("{name}: chat template: {why}")))?;
        Ok(ChatTemplate { jinja, special, name })
    }

    /// The text of a chat, up to where the assistant begins to speak.
    ///
    /// # Errors
    /// When the template cannot take these messages; it says why.
    pub fn render(&self, messages: &[Value]) -> Result<String> {
        self.render_with(messages, Map::from_iter([("add_generation_prompt".to_owned(), Value::Bool(true))]))
    }

    /// The text of a chat, with further values for the template.
    ///
    /// # Errors
    /// When the template cannot take these messages; it says why.
    pub fn render_with(&self, messages: &[Value], further: Map<String, Value>) -> Result<String> {
        let mut values = self.special.clone();
        values.insert("messages".to_owned(), Value::Array(messages.to_vec()));
        values.extend(further);
        self.jinja.render(values).map_err(|why| {
            Failure::usage(format!("{}: the chat template does not take these messages: {why}", self.name))
        })
    }
}

/// Prompts as token ids of the server's own vocabulary, for `--tokenize-prompt`. Clones share tokenizer and template.
#[derive(Clone)]
pub struct Tokens {
    tokenizer: Tokenizer,
    /// Looked for when the first chat comes, for plain text needs none.
    template: Option<ChatTemplate>,
    place: String,
}

impl Tokens {
    /// Takes a tokenizer and the chat template beside the file or folder that it was read from.
    ///
    /// # Errors
    /// When the template cannot be read.
    pub fn beside(tokenizer: Tokenizer, path: &Path) -> Result<Self> {
        Ok(Tokens { tokenizer, template: ChatTemplate::beside(path)?, place: path.display().to_string() })
    }

    /// The same prompt as token ids: messages by the chat template, text without special tokens. Complete bodies and
    /// what is not text stay as they are.
    ///
    /// # Errors
    /// When there are messages and no template, or either of the two refuses them.
    pub fn of(&self, prompt: &Prompt) -> Result<Prompt> {
        let text = match &prompt.content {
            Content::Text(text) => text.clone(),
            Content::Messages(messages) => {
                let template = self.template.as_ref().ok_or_else(|| {
                    Failure::usage(format!("--tokenize-prompt: no chat template beside {}", self.place)).hint(
                        "put chat_template.jinja or tokenizer_config.json beside the tokenizer, or send plain text with --no-apply-chat-template",
                    )
                })?;
                template.render(messages)?
            }
            _ => return Ok(prompt.clone()),
        };
        let ids = self.tokenizer.encode(&text)?;
        Ok(Prompt { tokens: u32::try_from(ids.len()).ok(), content: Content::Tokens(ids), ..prompt.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT_ML: &str = "{%- for message in messages %}\n    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n";

    fn folder(files: &[(&str, &str)]) -> std::io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        files.iter().try_for_each(|(name, text)| std::fs::write(folder.path().join(name), text))?;
        Ok(folder)
    }

    fn asked() -> Vec<Value> {
        vec![json!({"role": "system", "content": "Be brief."}), json!({"role": "user", "content": "Hi"})]
    }

    #[test]
    fn a_chat_is_written_as_the_model_reads_it() -> Result<(), Box<dyn std::error::Error>> {
        let expected =
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
        let config = json!({"chat_template": CHAT_ML}).to_string();
        let several = json!({"chat_template": [{"name": "tool_use", "template": "x"},
            {"name": "default", "template": CHAT_ML}]});
        for files in [
            &[("chat_template.jinja", CHAT_ML), ("tokenizer_config.json", r#"{"chat_template": "not this"}"#)]
                as &[_],
            &[("tokenizer_config.json", config.as_str())],
            &[("tokenizer_config.json", several.to_string().as_str())],
        ] {
            let folder = folder(files)?;
            for path in [folder.path().to_owned(), folder.path().join("tokenizer.json")] {
                assert_eq!(ChatTemplate::beside(&path)?.ok_or("none")?.render(&asked())?, expected);
            }
        }
        Ok(())
    }

    #[test]
    fn special_tokens_have_their_names() -> Result<(), Box<dyn std::error::Error>> {
        let config = json!({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": null,
            "chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{% if pad_token %}p{% endif %}"});
        let folder = folder(&[("tokenizer_config.json", &config.to_string())])?;
        assert_eq!(ChatTemplate::beside(folder.path())?.ok_or("none")?.render(&asked())?, "<s>Be brief.</s>");
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> Result<(), Box<dyn std::error::Error>> {
        assert!(ChatTemplate::beside(folder(&[])?.path())?.is_none());
        for (name, text, words) in [
            ("tokenizer_config.json", "{", "not JSON"),
            ("chat_template.jinja", "{% for %}", "line 1"),
            ("chat_template.jinja", "{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ] {
            let made = ChatTemplate::beside(folder(&[(name, text)])?.path());
            let failure = made.and_then(|made| made.map_or(Ok(String::new()), |made| made.render(&asked()))).err();
            let message = failure.map(|failure| failure.message).unwrap_or_default();
            assert!(message.contains(name) && message.contains(words), "{message}");
        }
        Ok(())
    }

    #[test]
    fn prompts_become_ids() -> Result<(), Box<dyn std::error::Error>> {
        let tokenizer = include_str!("../../datasets/tokenizer/tokenizer.json");
        let folder = folder(&[("tokenizer.json", tokenizer), ("chat_template.jinja", CHAT_ML)])?;
        let tokens = Tokens::beside(Tokenizer::open(folder.path())?, folder.path())?;
        let plain = Tokenizer::built_in()?;
        let text = tokens.of(&Prompt::text("hello there"))?;
        assert_eq!(text.content, Content::Tokens(plain.encode("hello there")?));
        let chat = tokens.of(&Prompt::new(Content::Messages(asked())))?;
        let Content::Tokens(ids) = &chat.content else { return Err("not ids".into()) };
        assert!(plain.decode(ids)?.ends_with("<|im_start|>assistant\n"));
        assert_eq!(chat.tokens, Some(u32::try_from(ids.len())?));
        let body = Prompt::new(Content::Body(Map::new()));
        assert_eq!(tokens.of(&body)?, body);
        Ok(())
    }
}
