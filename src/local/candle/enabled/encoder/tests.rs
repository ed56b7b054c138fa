//! Encoders held to what sentence-transformers computes, to themselves, and to candle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use serde::Deserialize;
use serde_json::{Value, json};

use super::config::Config;
use super::model::Model;
use super::network::Encoder;
use super::open::find;
use super::parts::{Folder, Part, Source};
use super::text::Text;
use crate::local::backend::{
    Backend, Chat, Draw, EmbeddingRequest, GenerationRequest, Input, Limits, Refusal, ScoreRequest,
};
use crate::local::candle::chosen::checkpoint::{Checkpoint, safetensors};
use crate::local::candle::chosen::kernel::{Kind, Team};
use crate::local::candle::chosen::machine::Machine;
use crate::plan::{EmbeddedSpec, EngineSpec};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What `tests/golden/local/make_encoders.py` wrote.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    pairs: Vec<(String, String)>,
    vectors: BTreeMap<String, Vec<Vec<f32>>>,
    pooled: BTreeMap<String, Vec<Vec<f32>>>,
    scores: BTreeMap<String, Vec<f32>>,
}

fn golden() -> Outcome<Golden> {
    Ok(serde_json::from_slice(&std::fs::read(folder("encoders.json"))?)?)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/local").join(name)
}

fn spec(model: impl Into<String>, engine: EngineSpec) -> EmbeddedSpec {
    EmbeddedSpec { model: model.into(), served_name: Some("m".to_owned()), engine, ..EmbeddedSpec::default() }
}

fn opened(model: &Path, engine: EngineSpec) -> Outcome<Model> {
    let spec = spec(model.display().to_string(), engine);
    Ok(Model::start(&spec, find(&spec)?.ok_or("no encoder")?.open(&spec)?)?)
}

fn inputs(texts: &[String]) -> EmbeddingRequest {
    EmbeddingRequest { input: texts.iter().cloned().map(Input::Text).collect(), received: Instant::now() }
}

fn embedded(model: &Model, texts: &[String]) -> Outcome<Vec<Vec<f32>>> {
    Ok(model.embed(inputs(texts))?.blocking_recv()??.vectors)
}

fn scored(model: &Model, query: &str, documents: &[&str]) -> Outcome<Vec<f32>> {
    let documents = documents.iter().map(|document| (*document).to_owned()).collect();
    let request = ScoreRequest { query: query.to_owned(), documents, received: Instant::now() };
    Ok(model.score(request)?.blocking_recv()??.scores)
}

/// The greatest difference of two tables of one shape.
fn far(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let each = ours.iter().zip(theirs).flat_map(|(ours, theirs)| {
        assert_eq!(ours.len(), theirs.len());
        ours.iter().zip(theirs).map(|(a, b)| (a - b).abs())
    });
    each.fold(0.0, f32::max)
}

#[test]
fn texts_become_what_sentence_transformers_makes_of_them() -> Outcome {
    let golden = golden()?;
    assert_eq!(golden.vectors.len(), 4);
    for (name, expected) in &golden.vectors {
        let ours = embedded(&opened(&folder(name), EngineSpec::default())?, &golden.texts)?;
        let far = far(&ours, expected);
        assert!(far < 1e-4, "{name}: {far}");
    }
    Ok(())
}

/// A copy of a folder with further files.
fn copy(name: &str, files: &[(&str, Value)]) -> Outcome<tempfile::TempDir> {
    let copy = tempfile::tempdir()?;
    for entry in std::fs::read_dir(folder(name))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
        }
    }
    for (name, content) in files {
        let path = copy.path().join(name);
        std::fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        std::fs::write(path, content.to_string())?;
    }
    Ok(copy)
}

#[test]
fn rows_are_pooled_as_sentence_transformers_pools_them() -> Outcome {
    let golden = golden()?;
    assert_eq!(golden.pooled.len(), 6);
    let modules = json!([{"type": "models.Transformer", "path": ""}, {"type": "models.Pooling", "path": "1_Pooling"}]);
    for (mode, expected) in &golden.pooled {
        let pooling = ("1_Pooling/config.json", json!({"pooling_mode": mode}));
        let copy = copy("xlm-roberta", &[("modules.json", modules.clone()), pooling])?;
        let far = far(&embedded(&opened(copy.path(), EngineSpec::default())?, &golden.texts)?, expected);
        assert!(far < 1e-4, "{mode}: {far}");
    }
    Ok(())
}

#[test]
fn pairs_are_scored_as_sentence_transformers_scores_them() -> Outcome {
    let golden = golden()?;
    assert_eq!(golden.scores.len(), 2);
    for (name, expected) in &golden.scores {
        let model = opened(&folder(name), EngineSpec::default())?;
        for ((query, document), expected) in golden.pairs.iter().zip(expected) {
            let ours = scored(&model, query, &[document])?;
            assert!((ours[0] - expected).abs() < 1e-4, "{name}, {query:?}: {ours:?} is not {expected}");
        }
        // The last three are longer than the model takes.
        let page = model.metrics().ok_or("no metrics")?.page();
        assert!(page.contains("evalscope:pair_truncated_total{engine=\"0\",model_name=\"m\"} 3"), "{name}: {page}");
    }
    // A model may say that its logits are not to be brought between 0 and 1.
    let mut config: Value = serde_json::from_slice(&std::fs::read(folder("bert-reranker").join("config.json"))?)?;
    config["sbert_ce_default_activation_function"] = "torch.nn.modules.linear.Identity".into();
    let copy = copy("bert-reranker", &[("config.json", config)])?;
    let (query, document) = &golden.pairs[2];
    let logit = scored(&opened(copy.path(), EngineSpec::default())?, query, &[document])?[0];
    let expected = golden.scores["bert-reranker"][2];
    assert!((1.0 / (1.0 + (-logit).exp()) - expected).abs() < 1e-4, "{logit}");
    Ok(())
}

/// The real all-MiniLM-L6-v2, where a variable names its folder: its weights are too large to be kept here.
#[test]
fn the_real_minilm_agrees() -> Outcome {
    #[derive(Deserialize)]
    struct Real {
        texts: Vec<String>,
        vectors: Vec<Vec<f32>>,
    }
    let Some(place) = std::env::var_os("EVALSCOPE_TEST_MINILM") else { return Ok(()) };
    let real: Real = serde_json::from_slice(&std::fs::read(folder("minilm.json"))?)?;
    let far = far(&embedded(&opened(Path::new(&place), EngineSpec::default())?, &real.texts)?, &real.vectors);
    assert!(far < 1e-4, "{far}");
    Ok(())
}

fn kernels(threads: usize) -> Outcome<Machine> {
    Ok(Machine::Kernels(std::sync::Arc::new(Team::new(threads)?)))
}

fn encoder(name: &str, kind: Option<Kind>, machine: Machine) -> Outcome<Encoder> {
    let config = Config::of_folder(&folder(name))?.ok_or("no encoder")?;
    let checkpoint = safetensors::open(&folder(name))?;
    Ok(Encoder::new(&config, &Folder::new(&checkpoint, &config.shape), kind, machine)?)
}

/// Texts of some lengths.
fn texts(lengths: &[usize]) -> Vec<Text> {
    let text = |(index, length): (usize, &usize)| {
        let tokens = (0..*length).map(|at| ((at + 7 * index) * 37 % 180) as u32).collect();
        Text { tokens, types: vec![0; *length] }
    };
    lengths.iter().enumerate().map(text).collect()
}

#[test]
fn the_kernels_and_candle_agree() -> Outcome {
    let texts = texts(&[1, 16, 37, 90]);
    for name in ["bert", "roberta", "xlm-roberta", "distilbert", "bert-reranker", "roberta-reranker"] {
        for (kind, bound) in [(Kind::F32, 1e-4), (Kind::Q8_0, 0.2)] {
            let ours = encoder(name, Some(kind), kernels(1)?)?.forward(&texts)?;
            let theirs = encoder(name, Some(kind), Machine::Candle(Device::Cpu))?.forward(&texts)?;
            let far = far(&ours, &theirs);
            assert!(far < bound, "{name}, {kind:?}: {far}");
        }
    }
    Ok(())
}

#[test]
fn company_and_threads_change_not_a_bit() -> Outcome {
    let texts = texts(&[5, 16, 1, 90, 33]);
    for (name, kind) in
        [("bert", Kind::F32), ("distilbert", Kind::F16), ("bert", Kind::BF16), ("bert-reranker", Kind::Q8_0)]
    {
        let whole = encoder(name, Some(kind), kernels(1)?)?.forward(&texts)?;
        assert_eq!(whole, encoder(name, Some(kind), kernels(3)?)?.forward(&texts)?, "{name}, {kind:?}");
        let encoder = encoder(name, Some(kind), kernels(2)?)?;
        for (text, vector) in texts.iter().zip(&whole) {
            assert_eq!(&encoder.forward(std::slice::from_ref(text))?[0], vector, "{name}, {kind:?}");
        }
    }
    Ok(())
}

#[test]
fn weights_are_found_under_all_their_names() -> Outcome {
    let checkpoint = safetensors::open(&folder("bert"))?;
    let mut renamed = BTreeMap::new();
    for name in ["embeddings", "encoder.layer.0", "encoder.layer.1"].iter().flat_map(|start| {
        let within: &[&str] = match *start {
            "embeddings" => &["word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"],
            _ => &[
                "attention.self.query",
                "attention.self.key",
                "attention.self.value",
                "attention.output.dense",
                "attention.output.LayerNorm",
                "intermediate.dense",
                "output.dense",
                "output.LayerNorm",
            ],
        };
        within.iter().flat_map(move |within| ["weight", "bias"].map(|end| format!("{start}.{within}.{end}")))
    }) {
        let Some(dims) = checkpoint.dims(&name).map(<[usize]>::to_vec) else { continue };
        let other = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        renamed.insert(format!("bert.{other}"), checkpoint.take(&name, &dims)?);
    }
    let renamed = Checkpoint::new("renamed".to_owned(), renamed);
    let config = Config::of_folder(&folder("bert"))?.ok_or("no encoder")?;
    let other = Encoder::new(&config, &Folder::new(&renamed, &config.shape), None, kernels(1)?)?;
    let texts = texts(&[9]);
    assert_eq!(other.forward(&texts)?, encoder("bert", None, kernels(1)?)?.forward(&texts)?);
    let missing = Folder::new(&renamed, &config.shape).matrix(Part::Pooler, 0, 32, 32).err().ok_or("found")?;
    assert!(missing.message.ends_with("the tensor bert.pooler.dense.weight is missing"), "{missing}");
    Ok(())
}

fn refused<T>(result: Result<T, Refusal>) -> String {
    result.err().map(|refusal| refusal.to_string()).unwrap_or_default()
}

#[test]
fn what_a_model_is_not_for_is_refused_with_what_it_serves() -> Outcome {
    let (embedder, ranker) = (folder("bert"), folder("bert-reranker"));
    let [embedder, ranker] = [embedder, ranker].map(|folder| opened(&folder, EngineSpec::default()));
    let (embedder, ranker) = (embedder?, ranker?);
    let generation = || GenerationRequest {
        model: "m".to_owned(),
        input: Input::Text("a".to_owned()),
        draw: Draw::default(),
        limits: Limits::default(),
        logprobs: None,
        constraint: None,
        received: Instant::now(),
    };
    let scoring = || ScoreRequest { query: "a".to_owned(), documents: vec!["b".to_owned()], received: Instant::now() };
    let told = "m is an embedding model and writes no text; it serves /v1/embeddings";
    assert_eq!(refused(embedder.submit(generation())), told);
    assert!(refused(embedder.score(scoring())).contains("does not score documents"));
    let told = "m is a reranker and does not give embeddings; it serves /v1/rerank and /v1/score";
    assert_eq!(refused(ranker.embed(inputs(&["a".to_owned()]))), told);
    assert!(refused(ranker.submit(generation())).contains("writes no text"));
    let ask = |input: Vec<Input>| refused(embedder.embed(EmbeddingRequest { input, received: Instant::now() }));
    let long = ask(vec![Input::Text("a".to_owned()), Input::Tokens(vec![5; 121])]);
    assert_eq!(long, "input: text 1: has 121 tokens, but the model takes at most 120; shorten it");
    assert_eq!(ask(vec![Input::Tokens(vec![])]), "input: must not be empty");
    assert_eq!(ask(vec![Input::Tokens(vec![3, 180])]), "input: token 180 is not below 180");
    let chat = Chat { messages: vec![], tools: None, extra: serde_json::Map::new(), add_generation_prompt: true };
    assert!(ask(vec![Input::Chat(chat)]).contains("no template for chats"));
    assert_eq!(embedder.models()[0].context, Some(120));
    Ok(())
}

#[test]
fn how_an_encoder_is_run_is_checked() -> Outcome {
    let check = |model: &str, engine: EngineSpec| {
        let spec = spec(model, engine);
        let found = find(&spec).ok().flatten().map(|found| found.check(&spec));
        found.and_then(Result::err).map(|failure| failure.message).unwrap_or_default()
    };
    let none = EngineSpec::default;
    let model = "random:minilm";
    assert_eq!(check(model, EngineSpec { max_model_len: Some(256), ..none() }), "");
    let long = check(model, EngineSpec { max_model_len: Some(257), ..none() });
    assert!(long.contains("--max-model-len 257"), "{long}");
    assert!(check(model, EngineSpec { kv_cache_bytes: Some(1), ..none() }).contains("--kv-cache-gib"));
    assert!(check(model, EngineSpec { dtype: Some("q2".to_owned()), ..none() }).contains("--dtype q2"));
    assert!(find(&spec("random:tiny", none()))?.is_none());
    let short = opened(&folder("bert"), EngineSpec { max_model_len: Some(4), ..none() })?;
    assert!(refused(short.embed(inputs(&["a longer text than that".to_owned()]))).contains("at most 4"));
    Ok(())
}

#[test]
fn requests_wait_are_cancelled_and_are_refused_beyond_their_number() -> Outcome {
    let engine = EngineSpec { max_num_seqs: Some(1), max_waiting: Some(1), ..EngineSpec::default() };
    let model = opened(&folder("bert"), engine)?;
    // More than one step of texts, so that the request is surely under way.
    let many: Vec<String> = (0..3000).map(|index| format!("text {index} of many")).collect();
    let first = model.embed(inputs(&many))?;
    let second = model.embed(inputs(&many[..1]))?;
    assert_eq!(refused(model.embed(inputs(&many[..1]))), Refusal::Busy { retry_after_s: 1 }.to_string());
    drop(second);
    let found = first.blocking_recv()??;
    assert_eq!(found.vectors.len(), many.len());
    assert_eq!(found.vectors[2999], embedded(&model, &many[2999..])?[0]);
    let page = model.metrics().ok_or("no metrics")?.page();
    let value = |name: &str| {
        let line = page.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    for (name, expected) in [
        ("evalscope:request_refused_total", 1.0),
        ("vllm:request_success_total{engine=\"0\",finished_reason=\"stop\"", 2.0),
        ("vllm:request_success_total{engine=\"0\",finished_reason=\"abort\"", 1.0),
        ("vllm:request_queue_time_seconds_count", 2.0),
        ("vllm:prefix_cache_queries_total", 0.0),
        ("vllm:num_requests_running", 0.0),
        ("vllm:num_requests_waiting", 0.0),
    ] {
        assert_eq!(value(name), Some(expected), "{name}\n{page}");
    }
    let last = model.embed(inputs(&many[2999..]))?.blocking_recv()??.prompt_tokens;
    assert_eq!(value("vllm:prompt_tokens_total"), Some((found.prompt_tokens + last) as f64));
    model.memory().ok_or("no meter")?.watch();
    assert!(model.memory().ok_or("no meter")?.seen()[0].1 > 20_000);
    Ok(())
}

#[test]
fn drawn_encoders_tell_texts_apart_and_repeat() -> Outcome {
    let start = |name: &str, seed| -> Outcome<Model> {
        let spec = EmbeddedSpec { model: name.to_owned(), seed, ..EmbeddedSpec::default() };
        Ok(Model::start(&spec, find(&spec)?.ok_or("no encoder")?.open(&spec)?)?)
    };
    let texts = ["one text", "quite another one", "and a third"].map(str::to_owned);
    let vectors = embedded(&start("random:minilm", 1)?, &texts)?;
    let alike = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    assert_eq!(vectors[0].len(), 384);
    assert!((alike(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5);
    assert!(alike(&vectors[0], &vectors[1]) < 0.9 && alike(&vectors[0], &vectors[2]) < 0.9);
    assert_eq!(vectors, embedded(&start("random:minilm", 1)?, &texts)?);
    assert_ne!(vectors, embedded(&start("random:minilm", 2)?, &texts)?);
    let scores = scored(&start("random:minilm-reranker", 1)?, "a query", &["one text", "quite another one"])?;
    assert!(scores.iter().all(|score| *score > 0.0 && *score < 1.0) && scores[0] != scores[1], "{scores:?}");
    Ok(())
}
