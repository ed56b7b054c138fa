//! The tokenizer inside a GGUF file, as a `tokenizer.json` has it.
//!
//! A file holds the tokens and, for byte-level BPE (`gpt2`), its merges and the name of the expression that cuts a text
//! beforehand; for SentencePiece (`llama`) it holds scores, out of which the merges follow.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::checkpoint::Gguf;
use crate::error::{Failure, Result, known};
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// What `tokenizer.ggml.token_type` says of a token.
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;

/// How Llama 3 cuts a text.
const LLAMA: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The expressions that cut a text, by the names that llama.cpp has for them.
const CUTS: [(&str, &str); 4] = [
    ("llama-bpe", LLAMA),
    ("llama3", LLAMA),
    (
        "qwen2",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        "tekken",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
];

/// The tokenizer of a file.
///
/// # Errors
/// When the file has none, or one of a kind that is not read.
pub fn tokenizer(gguf: &Gguf) -> Result<Tokenizer> {
    let place = gguf.checkpoint.place();
    let made =
        described(gguf).map_err(|why| Failure::files(format!("{place}: its tokenizer cannot be read: {why}")))?;
    Tokenizer::parse(made.to_string().as_bytes(), place.to_owned())
        .map_err(|error| Failure::files(format!("{place}: its tokenizer cannot be read")).because(error))
}

/// The chat template of a file, where it has one.
///
/// # Errors
/// When it is no template.
pub fn template(gguf: &Gguf) -> Result<Option<ChatTemplate>> {
    let Some(text) = gguf.text("tokenizer.chat_template") else { return Ok(None) };
    let token = |name: &str| spelling(gguf, name).map(|text| (format!("{name}_token"), Value::from(text)));
    let special = ["bos", "eos", "unk"].into_iter().filter_map(token).collect();
    ChatTemplate::new(text.to_owned(), special, gguf.checkpoint.place().to_owned()).map(Some)
}

/// The spelling of a token that the file names by what it does.
fn spelling<'a>(gguf: &'a Gguf, name: &str) -> Option<&'a str> {
    let names = match name {
        "unk" => "unknown",
        other => other,
    };
    let id = gguf.settings.get(&format!("tokenizer.ggml.{names}_token_id"))?.as_u64()?;
    gguf.list("tokenizer.ggml.tokens")?.get(usize::try_from(id).ok()?)?.as_str()
}

fn described(gguf: &Gguf) -> std::result::Result<Value, String> {
    let list = |name: &str| gguf.list(&format!("tokenizer.ggml.{name}"));
    let tokens: Vec<&str> = list("tokens")
        .ok_or("tokenizer.ggml.tokens is missing")?
        .iter()
        .map(|token| token.as_str().ok_or("tokenizer.ggml.tokens holds something that is no text"))
        .collect::<std::result::Result<_, _>>()?;
    let types: Vec<u64> =
        list("token_type").unwrap_or_default().iter().map(|type_| type_.as_u64().unwrap_or(0)).collect();
    let kind = |id: usize| types.get(id).copied().unwrap_or(0);
    let added: Vec<Value> = tokens
        .iter()
        .enumerate()
        .filter(|(id, _)| matches!(kind(*id), CONTROL | USER_DEFINED))
        .map(|(id, token)| {
            json!({"id": id, "content": token, "special": kind(id) == CONTROL, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false})
        })
        .collect();
    let vocabulary: Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
    let flag = |name: &str| gguf.settings.get(&format!("tokenizer.ggml.{name}")).and_then(Value::as_bool);
    let model = gguf.text("tokenizer.ggml.model").unwrap_or_default();
    let (parts, begins) = match model {
        "gpt2" => (byte_level(gguf, vocabulary, list("merges").ok_or("tokenizer.ggml.merges is missing")?)?, false),
        "llama" => {
            let scores = list("scores").ok_or("tokenizer.ggml.scores is missing")?;
            let scores: Vec<f64> = scores.iter().map(|score| score.as_f64().unwrap_or(0.0)).collect();
            let unknown = (0..tokens.len()).find(|id| kind(*id) == UNKNOWN).map(|id| tokens[id]);
            (pieces(&tokens, &scores, vocabulary, unknown, flag("add_space_prefix").unwrap_or(true)), true)
        }
        other => {
            return Err(format!("tokenizer.ggml.model: {other:?} is not read; known: {}", known(["gpt2", "llama"])));
        }
    };
    let mut made = Map::from_iter([("version".to_owned(), "1.0".into()), ("added_tokens".to_owned(), added.into())]);
    made.extend(parts);
    let begins = flag("add_bos_token").unwrap_or(begins);
    if let Some((token, id)) = spelling(gguf, "bos")
        .filter(|_| begins)
        .and_then(|token| tokens.iter().position(|other| *other == token).map(|id| (token, id)))
    {
        let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
        let first = json!({"SpecialToken": {"id": token, "type_id": 0}});
        let processor = json!({"type": "TemplateProcessing", "single": [first, text("A")],
            "pair": [first, text("A"), text("B")],
            "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]}}});
        made.insert("post_processor".to_owned(), processor);
    }
    Ok(made.into())
}

/// Byte-level BPE.
fn byte_level(
    gguf: &Gguf,
    vocabulary: Map<String, Value>,
    merges: &[Value],
) -> std::result::Result<Map<String, Value>, String> {
    let name = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    let bytes = |by_itself: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": by_itself});
    let cut = match (name, CUTS.iter().find(|(known, _)| *known == name)) {
        ("default" | "gpt-2", _) => bytes(true),
        (_, Some((_, expression))) => {
            let split =
                json!({"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false});
            json!({"type": "Sequence", "pretokenizers": [split, bytes(false)]})
        }
        _ => {
            let names = ["default", "gpt-2"].into_iter().chain(CUTS.iter().map(|(name, _)| *name));
            return Err(format!("tokenizer.ggml.pre: {name:?} is not read; known: {}", known(names)));
        }
    };
    // Some files hold merges of what are no tokens. They can never be made, and the library takes none of them.
    let is_token = |text: &str| vocabulary.contains_key(text);
    let can_be = |merge: &&Value| {
        let parts = merge.as_str().and_then(|merge| merge.split_once(' '));
        parts.is_some_and(|(left, right)| is_token(left) && is_token(right) && is_token(&format!("{left}{right}")))
    };
    let usable: Vec<&Value> = merges.iter().filter(can_be).collect();
    if usable.len() < merges.len() {
        let place = gguf.checkpoint.place();
        tracing::warn!("{place}: {} merges are of what are no tokens and were left out", merges.len() - usable.len());
    }
    let normal = if name == "qwen2" { json!({"type": "NFC"}) } else { Value::Null };
    let whole = name.starts_with("llama") || name == "tekken";
    let model = json!({"type": "BPE", "vocab": vocabulary, "merges": usable, "ignore_merges": whole,
        "byte_fallback": false, "fuse_unk": false, "dropout": null, "unk_token": null,
        "continuing_subword_prefix": null, "end_of_word_suffix": null});
    Ok(Map::from_iter([
        ("normalizer".to_owned(), normal),
        ("pre_tokenizer".to_owned(), cut),
        ("decoder".to_owned(), bytes(true)),
        ("model".to_owned(), model),
    ]))
}

/// SentencePiece's BPE: two pieces are merged when both and the whole are tokens, the whole of the highest score first.
fn pieces(
    tokens: &[&str],
    scores: &[f64],
    vocabulary: Map<String, Value>,
    unknown: Option<&str>,
    begins_with_blank: bool,
) -> Map<String, Value> {
    let ids: HashMap<&str, usize> = tokens.iter().enumerate().map(|(id, token)| (*token, id)).collect();
    let mut merges: Vec<(f64, usize, usize, &str, &str)> = Vec::new();
    for (token, score) in tokens.iter().zip(scores) {
        let mut halves: Vec<(usize, usize, &str, &str)> = token
            .char_indices()
            .skip(1)
            .filter_map(|(at, _)| {
                let (left, right) = token.split_at(at);
                Some((*ids.get(left)?, *ids.get(right)?, left, right))
            })
            .collect();
        halves.sort_unstable();
        let length = |text: &str| text.chars().count();
        merges.extend(halves.into_iter().map(|(_, _, left, right)| (*score, length(left), length(right), left, right)));
    }
    // As transformers orders them: by score, then by the lengths, the greater first; equal ones stay as they came.
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
    let merges: Vec<Value> = merges.into_iter().map(|(_, _, _, left, right)| json!([left, right])).collect();
    let blanks = json!({"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"});
    let normal = match begins_with_blank {
        true => json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u{2581}"}, blanks]}),
        false => blanks,
    };
    let model = json!({"type": "BPE", "vocab": vocabulary, "merges": merges, "ignore_merges": false,
        "byte_fallback": true, "fuse_unk": true, "dropout": null, "unk_token": unknown,
        "continuing_subword_prefix": null, "end_of_word_suffix": null});
    let decoder = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
    Map::from_iter([
        ("normalizer".to_owned(), normal),
        ("pre_tokenizer".to_owned(), Value::Null),
        ("decoder".to_owned(), decoder),
        ("model".to_owned(), model),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::local::candle::chosen::checkpoint::Checkpoint;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    fn gguf(settings: Value) -> Gguf {
        let map = if let Value::Object(map) = settings { map } else { Map::new() };
        let settings = map.into_iter().map(|(name, value)| (format!("tokenizer.{name}"), value)).collect();
        Gguf { settings, checkpoint: Checkpoint::new("m.gguf".to_owned(), BTreeMap::new()) }
    }

    #[test]
    fn byte_level_gives_the_ids_of_its_tokenizer_json() -> Outcome {
        let text = include_str!("../../../../datasets/tokenizer/tokenizer.json");
        let whole: Value = serde_json::from_str(text)?;
        let plain = Tokenizer::built_in()?;
        let count = u32::try_from(plain.vocab_size())?;
        let tokens: Vec<String> = (0..count).map(|id| plain.spelling(id).unwrap_or_default()).collect();
        let types: Vec<u64> = (0..count).map(|id| if plain.is_special(id) { CONTROL } else { 1 }).collect();
        let pairs: Vec<[String; 2]> = serde_json::from_value(whole["model"]["merges"].clone())?;
        let merges: Vec<String> = pairs.iter().map(|pair| pair.join(" ")).collect();
        let made = tokenizer(&gguf(json!({"ggml.model": "gpt2", "ggml.pre": "default", "ggml.tokens": tokens,
            "ggml.token_type": types, "ggml.merges": merges})))?;
        for text in ["Hello there, how are you?", "  two  blanks\n\n", "日本語 ünïcode 123456", "<|im_start|>user\nhi"]
        {
            assert_eq!(made.encode(text)?, plain.encode(text)?, "{text}");
            assert_eq!(made.decode(&made.encode(text)?)?, text);
        }
        Ok(())
    }

    #[test]
    fn merges_of_what_are_no_tokens_are_left_out() -> Outcome {
        let gguf =
            gguf(json!({"ggml.model": "gpt2", "ggml.tokens": ["a", "b", "ab"], "ggml.merges": ["a c", "a b", "ab"]}));
        assert_eq!(tokenizer(&gguf)?.encode("ab")?, [2]);
        Ok(())
    }

    #[test]
    fn pieces_are_merged_by_their_scores() -> Outcome {
        let tokens = ["<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "▁", "a", "b", "c", "ab", "bc", "▁a", "▁ab", "abc"];
        let scores = [0.0, 0.0, 0.0, 0.0, 0.0, -9.0, -9.0, -9.0, -9.0, -2.0, -1.0, -3.0, -4.0, -5.0];
        let types = [2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        let gguf = gguf(json!({"ggml.model": "llama", "ggml.tokens": tokens, "ggml.scores": scores,
            "ggml.token_type": types, "ggml.bos_token_id": 1, "ggml.eos_token_id": 2,
            "chat_template": "{{ bos_token }}{{ messages[0].content }}"}));
        let made = tokenizer(&gguf)?;
        // "bc" has the highest score, so "▁abc" becomes "▁a" and "bc" and not "▁ab" and "c".
        assert_eq!(made.encode("abc")?, [11, 10]);
        assert_eq!(made.encode_whole("abé")?, [1, 12, 3, 4]);
        assert_eq!(made.decode(&[12, 3, 4])?, "abé");
        let template = template(&gguf)?.ok_or("none")?;
        assert_eq!(template.render(&[json!({"content": "x"})])?, "<s>x");
        Ok(())
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (settings, words) in [
            (json!({}), "tokenizer.ggml.tokens is missing"),
            (json!({"ggml.tokens": ["a"], "ggml.model": "bert"}), "\"bert\" is not read; known: gpt2, llama"),
            (json!({"ggml.tokens": ["a"], "ggml.model": "gpt2"}), "tokenizer.ggml.merges is missing"),
            (
                json!({"ggml.tokens": ["a"], "ggml.model": "gpt2", "ggml.merges": [], "ggml.pre": "mine"}),
                "tokenizer.ggml.pre: \"mine\" is not read; known: default, gpt-2, llama-bpe",
            ),
        ] {
            let failure = tokenizer(&gguf(settings)).err().map(|failure| failure.message).unwrap_or_default();
            assert!(failure.contains(words), "{failure}");
        }
    }
}
