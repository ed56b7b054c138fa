//! OpenAI's embeddings.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::parts::plain;
use super::{Reply, ServerError, Usage};
use crate::prompt::{Content, Sampling};

/// The texts as `input`: one text, or a list of them, or token ids.
pub(super) fn content(content: &Content) -> Option<Map<String, Value>> {
    let input = match content {
        Content::Text(text) => json!(text),
        Content::Messages(messages) => json!(plain(messages)),
        Content::Tokens(ids) => json!(ids),
        Content::Inputs(texts) => match texts.as_slice() {
            [one] => json!(one),
            several => json!(several),
        },
        Content::Ranking { .. } | Content::Body(_) => return None,
    };
    Some(Map::from_iter([("input".to_owned(), input)]))
}

/// Everything but the texts.
pub(super) fn options(sampling: &Sampling, model: &str) -> Map<String, Value> {
    let mut wished = Map::from_iter([("model".to_owned(), json!(model))]);
    wished.extend(sampling.extra.clone());
    wished
}

#[derive(Deserialize)]
struct Body {
    // The vectors are not kept: they may be megabytes.
    data: Option<Vec<IgnoredAny>>,
    usage: Option<Counts>,
}

/// Token counts of replies without generated text.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
pub(super) struct Counts {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl Counts {
    pub(super) fn usage(self) -> Usage {
        Usage { prompt_tokens: self.prompt_tokens.or(self.total_tokens), ..Usage::default() }
    }
}

/// Reads a reply.
pub(super) fn reply(body: &[u8]) -> Result<Reply, ServerError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| ServerError::Malformed(error.to_string()))?;
    if body.data.is_none_or(|data| data.is_empty()) {
        return Err(ServerError::Malformed("the reply has no embeddings".to_owned()));
    }
    Ok(Reply { usage: body.usage.map(Counts::usage), ..Reply::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_the_prompt() {
        for usage in [r#"{"prompt_tokens":5,"total_tokens":5}"#, r#"{"total_tokens":5}"#] {
            let body = format!(r#"{{"object":"list","data":[{{"index":0,"embedding":[0.1,0.2]}}],"usage":{usage}}}"#);
            let usage = Usage { prompt_tokens: Some(5), ..Usage::default() };
            assert_eq!(reply(body.as_bytes()), Ok(Reply { usage: Some(usage), ..Reply::default() }));
        }
        assert!(reply(br#"{"data":[]}"#).is_err());
    }

    #[test]
    fn texts_go_where_they_belong() {
        let input = |given: Content| content(&given).and_then(|fields| fields.get("input").cloned());
        assert_eq!(input(Content::Inputs(vec!["a".to_owned()])), Some(json!("a")));
        assert_eq!(input(Content::Inputs(vec!["a".to_owned(), "b".to_owned()])), Some(json!(["a", "b"])));
        assert_eq!(input(Content::Messages(vec![json!({"role": "user", "content": "a"})])), Some(json!("a")));
        assert_eq!(input(Content::Tokens(vec![1, 2])), Some(json!([1, 2])));
    }
}
