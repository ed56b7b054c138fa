//! Documents ranked by how well they answer a query.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::embedding::Counts;
use super::parts::plain;
use super::{Reply, ServerError};
use crate::prompt::Content;

/// The query and its documents. Of a list of texts the first is the query; one text alone is ranked against itself, for
/// a request must have a document.
pub(super) fn content(content: &Content) -> Option<Map<String, Value>> {
    let (query, documents) = match content {
        Content::Ranking { query, documents } => (json!(query), json!(documents)),
        Content::Inputs(texts) => match texts.as_slice() {
            [] => return None,
            [one] => (json!(one), json!([one])),
            [query, documents @ ..] => (json!(query), json!(documents)),
        },
        Content::Text(text) => (json!(text), json!([text])),
        Content::Messages(messages) => {
            let text = plain(messages);
            (json!(text), json!([text]))
        }
        Content::Tokens(_) | Content::Body(_) => return None,
    };
    Some(Map::from_iter([("query".to_owned(), query), ("documents".to_owned(), documents)]))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Object { results: Option<Vec<IgnoredAny>>, data: Option<Vec<IgnoredAny>>, usage: Option<Counts> },
    // The spelling of Hugging Face's text-embeddings-inference.
    List(Vec<IgnoredAny>),
}

/// Reads a reply.
pub(super) fn reply(body: &[u8]) -> Result<Reply, ServerError> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|_| ServerError::Malformed("the reply is no list of results".to_owned()))?;
    let (results, usage) = match body {
        Body::Object { results, data, usage } => (results.or(data).unwrap_or_default(), usage),
        Body::List(results) => (results, None),
    };
    if results.is_empty() {
        return Err(ServerError::Malformed("the reply has no results".to_owned()));
    }
    Ok(Reply { usage: usage.map(Counts::usage), ..Reply::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Usage;

    #[test]
    fn results_are_read_in_the_shapes_servers_use() {
        for (body, prompt_tokens) in [
            (r#"{"id":"r","results":[{"index":0,"relevance_score":0.9}],"usage":{"total_tokens":7}}"#, Some(7)),
            (r#"{"results":[{"index":0}],"usage":{"prompt_tokens":6,"total_tokens":7}}"#, Some(6)),
            (r#"[{"index":0,"score":0.9}]"#, None),
        ] {
            let reply = reply(body.as_bytes()).unwrap_or_default();
            assert_eq!(reply.usage.unwrap_or_default(), Usage { prompt_tokens, ..Usage::default() }, "{body}");
        }
        assert!(reply(br#"{"results":[]}"#).is_err());
        assert!(reply(br#"{"choices":[]}"#).is_err());
    }

    #[test]
    fn a_query_comes_with_documents() {
        let fields = |given: Content| content(&given).map(Value::Object);
        let ranked = json!({"query": "q", "documents": ["a", "b"]});
        let ranking = Content::Ranking { query: "q".to_owned(), documents: vec!["a".to_owned(), "b".to_owned()] };
        assert_eq!(fields(ranking), Some(ranked.clone()));
        assert_eq!(fields(Content::Inputs(["q", "a", "b"].map(str::to_owned).to_vec())), Some(ranked));
        assert_eq!(fields(Content::Text("q".to_owned())), Some(json!({"query": "q", "documents": ["q"]})));
        assert_eq!(fields(Content::Tokens(vec![1])), None);
    }
}
