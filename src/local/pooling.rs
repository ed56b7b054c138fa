//! Embeddings, scores and rankings: bodies in the spellings of OpenAI, Cohere, Jina and vLLM, and their replies.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::backend::{EmbeddingRequest, Embeddings, Refusal, ScoreRequest, Scores};
use super::fields::{Fields, invalid, object};

/// A body of `/v1/embeddings`.
#[derive(Debug)]
pub struct EmbeddingBody {
    /// Name of the model.
    pub model: String,
    /// What goes to the backend.
    pub request: EmbeddingRequest,
    /// Whether vectors are told as bytes in base64 rather than as numbers.
    base64: bool,
    dimensions: Option<usize>,
}

impl EmbeddingBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object or a field has a value that cannot be served.
    pub fn read(bytes: &[u8], received: Instant) -> Result<Self, Refusal> {
        let map = object(bytes)?;
        let fields = Fields(&map);
        let base64 = match fields.text("encoding_format")? {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => return Err(invalid("encoding_format", "must be float or base64")),
        };
        Ok(EmbeddingBody {
            model: fields.required("model")?.to_owned(),
            request: EmbeddingRequest { input: fields.inputs("input")?, received },
            base64,
            dimensions: fields.integer("dimensions", 1)?,
        })
    }

    /// The reply of this number, made at `created`, in seconds since 1970.
    ///
    /// # Errors
    /// When vectors of another length were asked for than the model gives.
    pub fn reply(&self, found: &Embeddings, number: u64, created: u64) -> Result<Value, Refusal> {
        let length = found.vectors.first().map_or(0, Vec::len);
        if self.dimensions.is_some_and(|wanted| wanted != length) {
            return Err(invalid("dimensions", format!("must be {length}, the length of the model's vectors")));
        }
        let spelled = |vector: &Vec<f32>| match self.base64 {
            true => STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()).into(),
            false => Value::from(vector.as_slice()),
        };
        let data = found.vectors.iter().enumerate();
        let data =
            data.map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": spelled(vector)}));
        Ok(json!({
            "id": format!("embd-{created:x}{number:08x}"),
            "object": "list",
            "created": created,
            "model": self.model,
            "data": data.collect::<Vec<_>>(),
            "usage": usage(found.prompt_tokens),
        }))
    }
}

/// A body of `/v1/rerank`.
#[derive(Debug)]
pub struct RerankBody {
    /// Name of the model.
    pub model: String,
    /// What goes to the backend.
    pub request: ScoreRequest,
    /// Most documents in the reply.
    most: usize,
    /// Whether the reply holds their texts.
    texts: bool,
}

impl RerankBody {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is no JSON object or a field has a value that cannot be served.
    pub fn read(bytes: &[u8], received: Instant) -> Result<Self, Refusal> {
        let map = object(bytes)?;
        let fields = Fields(&map);
        let items = fields.get("documents").and_then(Value::as_array).filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| invalid("documents", "must be a list of texts, at least one"))?;
        let text = |item: &Value| item.as_str().or_else(|| item.get("text")?.as_str()).map(str::to_owned);
        let documents: Option<Vec<String>> = items.iter().map(text).collect();
        let documents = documents.ok_or_else(|| invalid("documents", "each must be a text, or an object with text"))?;
        // vLLM means all of them by 0.
        let most = fields.integer("top_n", 0)?.filter(|most| *most > 0).unwrap_or(documents.len());
        Ok(RerankBody {
            model: fields.required("model")?.to_owned(),
            request: ScoreRequest { query: fields.required("query")?.to_owned(), documents, received },
            most,
            texts: fields.flag_or("return_documents", true)?,
        })
    }

    /// The reply of this number, made at `created`, in seconds since 1970: the documents by falling score, equal ones as
    /// they came.
    pub fn reply(&self, found: &Scores, number: u64, created: u64) -> Value {
        let mut ranked: Vec<(usize, f32)> = found.scores.iter().copied().enumerate().collect();
        ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
        let results = ranked.into_iter().take(self.most).map(|(index, score)| {
            let mut result = json!({"index": index, "relevance_score": score});
            if let (true, Some(text)) = (self.texts, self.request.documents.get(index)) {
                result["document"] = json!({"text": text});
            }
            result
        });
        json!({
            "id": format!("rerank-{created:x}{number:08x}"),
            "model": self.model,
            "results": results.collect::<Vec<_>>(),
            "usage": usage(found.prompt_tokens),
        })
    }
}

/// A body of `/v1/score`.
#[derive(Debug)]
pub struct ScoreBody {
    /// Name of the model.
    pub model: String,
    /// What goes to the backend: one query with all documents, or a query for each document.
    pub requests: Vec<ScoreRequest>,
}

impl ScoreBody {
    /// Reads a body: `text_1` is a query, or as many of them as there are texts in `text_2`.
    ///
    /// # Errors
    /// When it is no JSON object or a field has a value that cannot be served.
    pub fn read(bytes: &[u8], received: Instant) -> Result<Self, Refusal> {
        let map = object(bytes)?;
        let fields = Fields(&map);
        let (mut queries, documents) = (texts(&fields, "text_1")?, texts(&fields, "text_2")?);
        let request = |query, documents| ScoreRequest { query, documents, received };
        let requests = match (queries.len(), documents.len()) {
            (1, _) => queries.pop().map(|query| request(query, documents)).into_iter().collect(),
            (many, same) if many == same => {
                queries.into_iter().zip(documents).map(|(query, document)| request(query, vec![document])).collect()
            }
            _ => return Err(invalid("text_1", "must be one text, or as many as there are in text_2")),
        };
        Ok(ScoreBody { model: fields.required("model")?.to_owned(), requests })
    }

    /// The reply of this number to the scores of its requests in order, made at `created`, in seconds since 1970.
    pub fn reply(&self, found: &[Scores], number: u64, created: u64) -> Value {
        let scores = found.iter().flat_map(|found| &found.scores).enumerate();
        let data = scores.map(|(index, score)| json!({"index": index, "object": "score", "score": score}));
        json!({
            "id": format!("score-{created:x}{number:08x}"),
            "object": "list",
            "created": created,
            "model": self.model,
            "data": data.collect::<Vec<_>>(),
            "usage": usage(found.iter().map(|found| found.prompt_tokens).sum()),
        })
    }
}

fn texts(fields: &Fields<'_>, field: &'static str) -> Result<Vec<String>, Refusal> {
    let texts = match fields.get(field) {
        Some(Value::String(text)) => Some(vec![text.clone()]),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let texts = texts.filter(|texts| !texts.is_empty());
    texts.ok_or_else(|| invalid(field, "must be a text or a list of texts, at least one"))
}

fn usage(prompt_tokens: usize) -> Value {
    json!({"prompt_tokens": prompt_tokens, "completion_tokens": 0, "total_tokens": prompt_tokens})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::backend::Input;

    fn bytes(body: &Value) -> Vec<u8> {
        body.to_string().into_bytes()
    }

    #[test]
    fn vectors_are_told_as_numbers_or_as_bytes() -> Result<(), Refusal> {
        let found = Embeddings { vectors: vec![vec![1.0, -0.5], vec![0.0, 2.0]], prompt_tokens: 7 };
        for (format, expected) in [("float", json!([1.0, -0.5])), ("base64", json!("AACAPwAAAL8="))] {
            let body = json!({"model": "m", "input": ["a", "b"], "encoding_format": format, "dimensions": 2});
            let body = EmbeddingBody::read(&bytes(&body), Instant::now())?;
            assert_eq!(body.request.input.len(), 2);
            let reply = body.reply(&found, 1, 2)?;
            assert_eq!(reply["data"][0], json!({"object": "embedding", "index": 0, "embedding": expected}));
            assert_eq!((&reply["data"][1]["index"], &reply["usage"]["total_tokens"]), (&json!(1), &json!(7)));
        }
        let body = json!({"model": "m", "input": [1, 2], "dimensions": 3});
        let body = EmbeddingBody::read(&bytes(&body), Instant::now())?;
        assert_eq!(body.request.input, [Input::Tokens(vec![1, 2])]);
        let refused = body.reply(&found, 1, 2).err().map(|refusal| refusal.to_string());
        assert_eq!(refused.as_deref(), Some("dimensions: must be 2, the length of the model's vectors"));
        Ok(())
    }

    #[test]
    fn documents_are_ranked_by_their_scores() -> Result<(), Refusal> {
        let found = Scores { scores: vec![0.25, 0.75, 0.5, 0.75], prompt_tokens: 9 };
        let mut body = json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c", "d"], "top_n": 3});
        let read = RerankBody::read(&bytes(&body), Instant::now())?;
        assert_eq!(read.request.documents, ["a", "b", "c", "d"]);
        let reply = read.reply(&found, 1, 2);
        assert_eq!(reply["results"][0], json!({"index": 1, "relevance_score": 0.75, "document": {"text": "b"}}));
        assert_eq!(reply["results"][1]["index"], 3);
        assert_eq!(reply["results"].as_array().map(Vec::len), Some(3));
        body["return_documents"] = false.into();
        body["top_n"] = Value::Null;
        let reply = RerankBody::read(&bytes(&body), Instant::now())?.reply(&found, 1, 2);
        assert_eq!(reply["results"][3], json!({"index": 0, "relevance_score": 0.25}));
        Ok(())
    }

    #[test]
    fn scores_are_of_one_query_or_of_pairs() -> Result<(), Refusal> {
        let read = |body: Value| ScoreBody::read(&bytes(&body), Instant::now());
        let one = read(json!({"model": "m", "text_1": "q", "text_2": ["a", "b"]}))?;
        assert_eq!((one.requests.len(), one.requests[0].documents.len()), (1, 2));
        let pairs = read(json!({"model": "m", "text_1": ["q", "r"], "text_2": ["a", "b"]}))?;
        assert_eq!((pairs.requests.len(), pairs.requests[1].query.as_str()), (2, "r"));
        let found = [0.5, 0.25].map(|score| Scores { scores: vec![score], prompt_tokens: 2 });
        let reply = pairs.reply(&found, 1, 2);
        assert_eq!(reply["data"][1], json!({"index": 1, "object": "score", "score": 0.25}));
        assert_eq!(reply["usage"]["total_tokens"], 4);
        Ok(())
    }

    #[test]
    fn each_complaint_names_its_field() {
        let now = Instant::now();
        let refused = |result: Option<Refusal>| result.map(|refusal| refusal.to_string()).unwrap_or_default();
        for (body, words) in [
            (json!({"input": "a"}), "model: is required"),
            (json!({"model": "m"}), "input: is required"),
            (json!({"model": "m", "input": []}), "input: must be"),
            (json!({"model": "m", "input": "a", "encoding_format": "int8"}), "encoding_format: must be"),
        ] {
            assert!(refused(EmbeddingBody::read(&bytes(&body), now).err()).starts_with(words), "{body}");
        }
        for (body, words) in [
            (json!({"model": "m", "documents": ["a"]}), "query: is required"),
            (json!({"model": "m", "query": "q"}), "documents: must be"),
            (json!({"model": "m", "query": "q", "documents": [1]}), "documents: each must be"),
        ] {
            assert!(refused(RerankBody::read(&bytes(&body), now).err()).starts_with(words), "{body}");
        }
        for (body, words) in [
            (json!({"model": "m", "text_1": "q"}), "text_2: must be"),
            (json!({"model": "m", "text_1": ["q", "r"], "text_2": ["a"]}), "text_1: must be one text"),
        ] {
            assert!(refused(ScoreBody::read(&bytes(&body), now).err()).starts_with(words), "{body}");
        }
    }
}
