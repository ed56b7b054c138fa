//! An API as a file describes it: where requests go, how a body is made, and where things stand in what comes back.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use super::{Place, is_secret_header};
use crate::error::{Failure, Result, known};
use crate::template::Jinja;

/// Descriptions that are built in.
const BUILT_IN: [(&str, &str); 2] = [
    ("llama-cpp", include_str!("../../profiles/apis/llama-cpp.toml")),
    ("tgi", include_str!("../../profiles/apis/tgi.toml")),
];

/// What a body template may ask for beside the fields of sampling.
const VARIABLES: [&str; 11] = [
    "model",
    "messages",
    "prompt",
    "tokens",
    "inputs",
    "query",
    "documents",
    "max_tokens",
    "stream",
    "temperature",
    "extra",
];

/// How a streamed reply is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// A JSON document a line.
    Lines,
}

/// Where things stand in an event or a reply; of several places for one thing the first at which something is counts.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the file, explained in the built-in descriptions")]
pub struct Places {
    pub text: Vec<Place>,
    pub reasoning: Vec<Place>,
    pub finish: Vec<Place>,
    pub error: Vec<Place>,
    pub prompt_tokens: Vec<Place>,
    pub completion_tokens: Vec<Place>,
    pub cached_tokens: Vec<Place>,
    pub reasoning_tokens: Vec<Place>,
}

/// An API that is none of the built-in ones, checked and compiled.
#[derive(Debug, Clone)]
pub struct CustomApi {
    /// What it was read from; two descriptions are equal when their texts are.
    source: String,
    /// The path of its endpoint.
    pub path: Option<String>,
    /// `POST`, `PUT` or `PATCH`.
    pub method: Method,
    /// Headers sent with each request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The header that carries the key as it is; `Authorization: Bearer` where there is none.
    pub key_header: Option<HeaderName>,
    /// How a streamed reply is cut; `None` where nothing is streamed.
    pub framing: Option<Framing>,
    /// Data of the event after the last one.
    pub end: Option<String>,
    /// Makes a body.
    pub body: Jinja,
    /// The body has a place of its own for extra arguments.
    pub places_extra: bool,
    /// Where things stand in an event.
    pub event: Places,
    /// Where things stand in a reply that is not streamed.
    pub reply: Places,
}

impl PartialEq for CustomApi {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    path: Option<String>,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    key_header: Option<String>,
    stream: Option<String>,
    end: Option<String>,
    body: String,
    event: Option<WrittenPlaces>,
    reply: Option<WrittenPlaces>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WrittenPlaces {
    text: Option<OneOrMany>,
    reasoning: Option<OneOrMany>,
    finish: Option<OneOrMany>,
    error: Option<OneOrMany>,
    prompt_tokens: Option<OneOrMany>,
    completion_tokens: Option<OneOrMany>,
    cached_tokens: Option<OneOrMany>,
    reasoning_tokens: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A request that a template is tried on: every variable has a value.
#[derive(Serialize)]
struct Sample {
    model: &'static str,
    messages: [BTreeMap<&'static str, &'static str>; 1],
    prompt: &'static str,
    tokens: [u32; 1],
    inputs: [&'static str; 1],
    query: &'static str,
    documents: [&'static str; 1],
    max_tokens: u32,
    stream: bool,
    temperature: f64,
    extra: BTreeMap<&'static str, u32>,
}

impl CustomApi {
    /// Reads a description: one that is built in, else a file. `fields` are the sampling fields that a body may use.
    ///
    /// # Errors
    /// When there is none of this name, or something in it cannot be used; file and field are named.
    pub fn open(name: &str, fields: &[&str]) -> Result<Self> {
        let names = || BUILT_IN.map(|(name, _)| name);
        let text = match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (*text).to_owned(),
            None => std::fs::read_to_string(name).map_err(|error| {
                Failure::files(format!("--api-file {name}: cannot be read"))
                    .because(error)
                    .hint(format!("built-in descriptions: {}; or give a TOML file", known(names())))
            })?,
        };
        Self::parse(name, text, fields)
    }

    fn parse(name: &str, text: String, fields: &[&str]) -> Result<Self> {
        let wrong = |what: String| Failure::usage(format!("--api-file {name}: {what}"));
        let written: Written = toml::from_str(&text).map_err(|error| {
            wrong(error.to_string().split_whitespace().collect::<Vec<_>>().join(" ").replace('`', ""))
                .hint("profiles/apis/llama-cpp.toml explains every key")
        })?;
        let framing = match written.stream.as_deref() {
            None | Some("none") => None,
            Some("sse") => Some(Framing::Events),
            Some("lines") => Some(Framing::Lines),
            Some(other) => {
                return Err(wrong(format!("stream = {other:?}: no such kind")).hint("known kinds: sse, lines, none"));
            }
        };
        let method = match written.method.as_deref().unwrap_or("POST") {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            other => {
                return Err(
                    wrong(format!("method = {other:?}: carries no body")).hint("known methods: POST, PUT, PATCH")
                );
            }
        };
        if let Some(path) = written.path.as_deref()
            && (!path.starts_with('/') || path.contains(['?', '#']) || path.parse::<http::Uri>().is_err())
        {
            return Err(wrong(format!("path = {path:?}: not a path"))
                .hint("write it as \"/v1/generate\", queries belong to --url"));
        }
        let body = Jinja::new(written.body).map_err(|why| wrong(format!("body: not a template: {why}")))?;
        let asked = body.variables();
        if let Some(unknown) = asked.iter().find(|one| !VARIABLES.iter().chain(fields).any(|known| known == one)) {
            return Err(wrong(format!("body: no variable {unknown}"))
                .hint(format!("known variables: {}", known(VARIABLES.iter().chain(fields)))));
        }
        let api = CustomApi {
            path: written.path,
            method,
            headers: headers(written.headers).map_err(&wrong)?,
            key_header: written
                .key_header
                .map(|name| name.parse().map_err(|_| wrong(format!("key-header = {name:?}: not a header name"))))
                .transpose()?,
            framing,
            end: written.end,
            places_extra: asked.contains("extra"),
            body,
            event: Places::default(),
            reply: Places::default(),
            source: text,
        };
        api.try_body().map_err(|why| {
            wrong(format!("body: {why}")).hint("it must give a JSON object; put values in with {{ prompt | tojson }}")
        })?;
        let places = |section: &str, written: Option<WrittenPlaces>| {
            written.map(|written| Places::read(section, written).map_err(&wrong)).transpose()
        };
        let (event, reply) = (places("event", written.event)?, places("reply", written.reply)?);
        let (event, reply) = match (event, reply) {
            (None, None) => {
                return Err(wrong("no [event] and no [reply]".to_owned())
                    .hint("say where the text of a reply stands: [reply] text = \"choices[0].text\""));
            }
            (Some(one), None) | (None, Some(one)) => (one.clone(), one),
            (Some(event), Some(reply)) => (event, reply),
        };
        Ok(CustomApi { event, reply, ..api })
    }

    /// Fills the body in once, so that a fault ends the command and not a request.
    fn try_body(&self) -> Result<(), String> {
        let sample = Sample {
            model: "m",
            messages: [BTreeMap::from([("role", "user"), ("content", "say \"hi\"\n")])],
            prompt: "say \"hi\"\n",
            tokens: [1],
            inputs: ["say \"hi\"\n"],
            query: "say \"hi\"\n",
            documents: ["say \"hi\"\n"],
            max_tokens: 1,
            stream: true,
            temperature: 0.0,
            extra: BTreeMap::new(),
        };
        let text = self.body.render(sample)?;
        let made: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| format!("does not give JSON: {error}"))?;
        if made.is_object() { Ok(()) } else { Err("does not give a JSON object".to_owned()) }
    }
}

impl Places {
    fn read(section: &str, written: WrittenPlaces) -> Result<Self, String> {
        let read = |key: &str, places: Option<OneOrMany>| -> Result<Vec<Place>, String> {
            let places = match places {
                None => Vec::new(),
                Some(OneOrMany::One(place)) => vec![place],
                Some(OneOrMany::Many(places)) => places,
            };
            let parse = |place: &String| {
                Place::parse(place).map_err(|why| format!("{section}.{key} = {place:?}: not a place: {why}"))
            };
            places.iter().map(parse).collect()
        };
        let places = Places {
            text: read("text", written.text)?,
            reasoning: read("reasoning", written.reasoning)?,
            finish: read("finish", written.finish)?,
            error: read("error", written.error)?,
            prompt_tokens: read("prompt-tokens", written.prompt_tokens)?,
            completion_tokens: read("completion-tokens", written.completion_tokens)?,
            cached_tokens: read("cached-tokens", written.cached_tokens)?,
            reasoning_tokens: read("reasoning-tokens", written.reasoning_tokens)?,
        };
        if places.text.is_empty() && places.reasoning.is_empty() {
            return Err(format!("{section}: neither text nor reasoning has a place"));
        }
        Ok(places)
    }
}

fn headers(written: BTreeMap<String, String>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let header = |(name, value): (String, String)| {
        if is_secret_header(&name) {
            return Err(format!(
                "headers.{name}: keys do not belong in a file; set key-header and pass the key with EVALSCOPE_API_KEY"
            ));
        }
        let parsed: HeaderName = name.parse().map_err(|_| format!("headers: {name:?} is not a header name"))?;
        let value = value.parse().map_err(|_| format!("headers.{name}: a header cannot carry this value"))?;
        Ok((parsed, value))
    };
    written.into_iter().map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 6] = ["top_p", "top_k", "seed", "stop", "repetition_penalty", "n"];

    fn message(text: &str) -> String {
        let failure = CustomApi::parse("my.toml", text.to_owned(), &FIELDS).err();
        failure.map(|failure| format!("{failure} {}", failure.hint.as_deref().unwrap_or(""))).unwrap_or_default()
    }

    #[test]
    fn built_in_descriptions_can_be_used() -> Result<()> {
        for (name, _) in BUILT_IN {
            let api = CustomApi::open(name, &FIELDS)?;
            assert!(api.framing == Some(Framing::Events) && !api.event.text.is_empty() && !api.places_extra);
        }
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() {
        let body = "body = '{\"p\": {{ prompt | tojson }}}'\n";
        let reply = "[reply]\ntext = 'text'\n";
        for (text, words) in [
            (format!("{body}pth = '/x'\n{reply}"), &["my.toml", "pth", "path"] as &[&str]),
            (format!("{body}[reply]\ntxet = 'a'"), &["txet", "text"]),
            (reply.to_owned(), &["body"]),
            (format!("body = '{{{{ promt }}}}'\n{reply}"), &["body: no variable promt", "known variables: model"]),
            (format!("body = '{{{{ prompt'\n{reply}"), &["body: not a template: line 1"]),
            (format!("body = '{{\"p\": \"{{{{ prompt }}}}\"}}'\n{reply}"), &["does not give JSON", "tojson"]),
            (format!("body = '[1]'\n{reply}"), &["does not give a JSON object"]),
            (format!("{body}[reply]\ntext = 'a..b'"), &["reply.text", "not a place"]),
            (format!("{body}[event]\nfinish = 'a'"), &["event: neither text nor reasoning"]),
            (body.to_owned(), &["no [event] and no [reply]"]),
            (format!("{body}stream = 'grpc'\n{reply}"), &["sse, lines, none"]),
            (format!("{body}method = 'GET'\n{reply}"), &["POST, PUT, PATCH"]),
            (format!("{body}path = 'x'\n{reply}"), &["path"]),
            (format!("{body}{reply}[headers]\nAuthorization = 'Bearer sk'"), &["headers.Authorization", "key-header"]),
            (format!("{body}{reply}[headers]\n'a b' = 'x'"), &["not a header name"]),
        ] {
            let message = message(&text);
            assert!(words.iter().all(|words| message.contains(words)), "{text}\n{message}");
        }
        assert!(message(&format!("{body}{reply}")).is_empty());
    }
}
