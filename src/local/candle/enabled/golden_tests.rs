//! Checkpoints of each family, whole, against what transformers computes with them. How they were made is told by
//! `make_decoders.py` beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::decoder_tests::{Outcome, logits};
use super::{Model, open, start};
use crate::local::backend::{Backend, Chat, Draw, Event, GenerationRequest, Input, Limits, Refusal};
use crate::plan::{EmbeddedSpec, EngineSpec};

#[derive(Deserialize)]
struct Golden {
    name: String,
    /// The context that is asked for.
    context: Option<usize>,
    prompt: Vec<u32>,
    greedy: Vec<u32>,
    logits: Vec<Vec<f32>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/local")
}

fn goldens() -> Outcome<Vec<Golden>> {
    let text = fs::read_to_string(folder().join("decoders.jsonl"))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn spec(path: &Path, context: Option<usize>) -> EmbeddedSpec {
    let engine = EngineSpec { threads: Some(1), max_model_len: context, ..EngineSpec::default() };
    EmbeddedSpec { model: path.display().to_string(), engine, ..EmbeddedSpec::default() }
}

fn greedy(model: &Model, prompt: &[u32], most: usize) -> Outcome<Vec<u32>> {
    let request = GenerationRequest {
        model: String::new(),
        input: Input::Tokens(prompt.to_vec()),
        draw: Draw { temperature: 0.0, ..Draw::default() },
        limits: Limits { max_tokens: Some(most), ignore_eos: true, ..Limits::default() },
        logprobs: None,
        constraint: None,
        received: Instant::now(),
    };
    let mut generation = model.submit(request)?;
    let mut tokens = Vec::new();
    while let Some(event) = generation.events.blocking_recv() {
        match event {
            Event::Token { id, .. } => tokens.extend(id),
            Event::End { .. } => break,
            Event::Failed(why) => return Err(why.into()),
        }
    }
    Ok(tokens)
}

/// How far logits may be, the greatest difference and the mean square one as a share of the logits' own. Weights of 32 bits
/// are computed as transformers does; what is remembered of keys and values beside weights of 16 bits has 16 bits; blocks are
/// multiplied with rows of 8 bits.
fn bounds(name: &str) -> (f32, f64) {
    match name {
        "f16.gguf" => (1e-2, 1e-3),
        _ if name.ends_with(".gguf") => (0.3, 0.02),
        _ => (1e-3, 1e-4),
    }
}

#[test]
fn logits_are_those_of_transformers() -> Outcome {
    let square = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|number| f64::from(number).powi(2)).sum::<f64>();
    for golden in goldens()? {
        let opened = open::open(&spec(&folder().join(&golden.name), golden.context))?;
        for chunk in [golden.prompt.len(), 7] {
            let ours = logits(&opened.decoder, &golden.prompt, chunk)?;
            let theirs = golden.logits.iter().flatten();
            let differences: Vec<f32> = ours.iter().flatten().zip(theirs.clone()).map(|(a, b)| (a - b).abs()).collect();
            assert_eq!(differences.len(), theirs.clone().count());
            let most = differences.iter().copied().fold(0.0f32, f32::max);
            let share = (square(&mut differences.into_iter()) / square(&mut theirs.copied())).sqrt();
            let (greatest, mean) = bounds(&golden.name);
            assert!(most <= greatest && share <= mean, "{}: {most}, {share}", golden.name);
        }
    }
    Ok(())
}

#[test]
fn greedy_tokens_are_those_of_transformers() -> Outcome {
    for golden in goldens()? {
        let model = start(&spec(&folder().join(&golden.name), golden.context))?;
        assert_eq!(greedy(&model, &golden.prompt, golden.greedy.len())?, golden.greedy, "{}", golden.name);
    }
    Ok(())
}

#[test]
fn tokenizer_template_and_settings_come_with_the_model() -> Outcome {
    for name in ["llama", "q8_0.gguf"] {
        let model = start(&spec(&folder().join(name), None))?;
        let messages = vec![json!({"role": "user", "content": "Hi!"}), json!({"role": "assistant", "content": "Yo"})];
        let chat = Chat { messages, tools: None, extra: serde_json::Map::new(), add_generation_prompt: true };
        let tokens = model.tokenize(&Input::Chat(chat), false)?;
        assert_eq!(model.detokenize(&tokens)?, "<|user|>Hi!<|end|><|model|>Yo<|end|><|model|>", "{name}");
        assert_eq!(tokens.len(), 10, "{name}: special tokens are one token each");
        assert_eq!(model.vocabulary.ends(), [tokens[4]], "{name}");
        assert_eq!(model.models()[0].context, Some(256));
        let usual = match name {
            "llama" => Draw { temperature: 0.7, top_k: Some(20), ..Draw::default() },
            _ => Draw::default(),
        };
        assert_eq!(model.usual_draw(), usual, "{name}");
    }
    Ok(())
}

/// A copy of a checkpoint that something was done to.
fn spoilt(name: &str, spoil: impl Fn(&Path) -> std::io::Result<()>) -> Outcome<tempfile::TempDir> {
    let copy = tempfile::tempdir()?;
    for entry in fs::read_dir(folder().join(name))? {
        let entry = entry?;
        fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
    }
    spoil(copy.path())?;
    Ok(copy)
}

fn described(folder: &Path, field: &str, value: Value) -> std::io::Result<()> {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path)?)?;
    config[field] = value;
    fs::write(path, config.to_string())
}

#[test]
fn a_bad_checkpoint_is_refused_in_words() -> Outcome {
    type Spoil = fn(&Path) -> std::io::Result<()>;
    let cases: [(&str, Spoil, &str); 8] = [
        (
            "llama",
            |at| described(at, "num_hidden_layers", 3.into()),
            "the tensor model.layers.2.self_attn.q_proj.weight is missing",
        ),
        (
            "llama",
            |at| described(at, "intermediate_size", 40.into()),
            "has the shape [48, 32], but the model's description asks for [40, 32]",
        ),
        (
            "phi3",
            |at| described(at, "num_key_value_heads", 4.into()),
            "the tensor model.layers.0.self_attn.qkv_proj.weight has the shape [64, 32]",
        ),
        ("llama", |at| described(at, "model_type", "mamba".into()), "model_type: \"mamba\" is not served"),
        ("qwen2", |at| fs::write(at.join("tokenizer.json"), "{}"), "not a tokenizer.json"),
        ("qwen2", |at| fs::remove_file(at.join("config.json")), "config.json: is not there"),
        ("qwen3", |at| fs::remove_file(at.join("model-00002-of-00008.safetensors")), "cannot be read"),
        (
            "mistral",
            |at| {
                let path = at.join("model.safetensors");
                let bytes = fs::read(&path)?;
                fs::write(path, &bytes[..bytes.len() / 2])
            },
            "not a whole safetensors file",
        ),
    ];
    let wide = spec(&folder().join("qwen3"), Some(300));
    let failure = open::check(&wide).err().ok_or("it was accepted")?;
    assert_eq!(failure.message, "--max-model-len 300: the model was trained for 256 tokens");
    for (name, spoil, words) in cases {
        let copy = spoilt(name, spoil)?;
        let failure = open::open(&spec(copy.path(), None)).err().ok_or("it opened")?;
        assert!(failure.message.contains(words), "{failure}");
    }
    Ok(())
}

#[test]
fn a_model_without_a_template_takes_no_chats() -> Outcome {
    let copy = spoilt("llama", |at| fs::write(at.join("tokenizer_config.json"), "{}"))?;
    let model = start(&spec(copy.path(), None))?;
    let chat = Chat {
        messages: vec![json!({"role": "user", "content": "Hi"})],
        tools: None,
        extra: serde_json::Map::new(),
        add_generation_prompt: true,
    };
    let refused = model.tokenize(&Input::Chat(chat), false).err().ok_or("it took one")?;
    assert!(matches!(refused, Refusal::Unserved(why) if why.contains("/v1/completions")));
    Ok(())
}
