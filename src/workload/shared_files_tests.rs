//! Every trace and chat file of the shared folder of public data, where that folder is there.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::testing::{TestResult, set};
use super::*;
use crate::plan::dataset::Set;
use crate::plan::{Lengths, Turns};

/// The folder; `None` where it is not there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/datasets").join(name);
    path.exists().then_some(path)
}

#[test]
fn traces_have_as_many_requests_as_their_list_says() -> TestResult {
    for (name, kind, count) in [
        ("mooncake/traces/conversation_trace.jsonl", Set::Mooncake, 10_226),
        ("mooncake/traces/synthetic_trace.jsonl", Set::Mooncake, 3_394),
        ("azure_llm_2023/AzureLLMInferenceTrace_code.csv", Set::Azure, 7_496),
        ("azure_llm_2023/AzureLLMInferenceTrace_conv.csv", Set::Azure, 16_461),
        ("burstgpt/BurstGPT_1.head3.csv", Set::BurstGpt, 3),
        ("vidur/arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv", Set::Lengths, 28_257),
    ] {
        let Some(path) = shared(name) else { continue };
        let mut spec = set(kind, Some(path), json!({}))?;
        spec.lengths = Lengths { min: 0, max: 1 << 24 };
        let found = survey(&spec, u64::MAX)?.ok_or("no survey")?;
        assert_eq!(found.count, count, "{name}");
        let hits = found.hits.and_then(|hits| hits.ratio());
        assert_eq!(hits.is_some(), kind == Set::Mooncake, "{name}");
        assert!(hits.is_none_or(|hits| (0.05..0.95).contains(&hits)), "{name}: {hits:?}");
        let mut workload = open(&spec, 8)?;
        let asked = workload.conversations(0, 4)?;
        assert!(asked.iter().all(|item| item.turns[0].tokens > Some(0)), "{name}");
        assert_eq!(workload.remarks().inexact, 0, "{name}");
    }
    Ok(())
}

#[test]
fn clients_have_as_many_windows_as_their_list_says() -> TestResult {
    let Some(folder) = shared("servegen/language/m-small") else { return Ok(()) };
    let spec = set(Set::ServeGen, Some(folder), json!({"from": 0, "to": 1200}))?;
    let found = survey(&spec, u64::MAX)?.ok_or("no survey")?;
    // Only chunk 14 sends at the beginning: 19.053 and 14.16 requests a second.
    assert_eq!(found.count, 11_432 + 8_496);
    Ok(())
}

#[test]
fn every_span_of_the_agents_is_a_request() -> TestResult {
    let Some(folder) = shared("otel_traces") else { return Ok(()) };
    let spec = set(Set::Otel, Some(folder), json!({}))?;
    let found = survey(&spec, u64::MAX)?.ok_or("no survey")?;
    assert_eq!(found.count, 15 + 9 + 4 + 12 + 5 + 7 + 15 + 3 + 3);
    Ok(())
}

#[test]
fn chats_have_as_many_rows_as_their_list_says() -> TestResult {
    for (name, kind, count) in [
        ("sharegpt/dummy_conversation.json", Set::ShareGptEn, 500),
        ("sharegpt/dummy_conversation.json", Set::ShareGptEnMultiTurn, 500),
        ("sharegpt/chat.json", Set::ShareGptEn, 2),
        ("sharegpt/chat.json", Set::CustomMultiTurn, 2),
        ("mt_bench/mt_bench/question.jsonl", Set::CustomMultiTurn, 80),
        ("mt_bench/vicuna_bench/question.jsonl", Set::CustomMultiTurn, 80),
        ("custom_samples/evalscope/text/rerank/example.jsonl", Set::Rerank, 10),
        ("custom_samples/evalscope/text/retrieval/corpus.jsonl", Set::Embedding, 10),
        ("gsm8k/test.jsonl", Set::OpenQa, 1_121),
        ("arena_hard/arena-hard-v2.0/question.jsonl", Set::LineByLine, 750),
        ("alpaca_eval/outputs.json", Set::LongAlpaca, 805),
    ] {
        let Some(path) = shared(name) else { continue };
        let mut spec = set(kind, Some(path), json!({}))?;
        spec.turns = Turns { min: 1, max: None };
        let mut workload = open(&spec, count + 1)?;
        workload.conversations(0, count + 1)?;
        assert_eq!(workload.remarks().repeats_after, Some(count), "{name}");
        assert_eq!(workload.remarks().skipped, [], "{name}");
    }
    let Some(path) = shared("sharegpt/chat.json") else { return Ok(()) };
    let mut workload = open(&set(Set::ShareGptEnMultiTurn, Some(path), json!({}))?, 2)?;
    let turns: Vec<usize> = workload.conversations(0, 2)?.iter().map(|item| item.turns.len()).collect();
    assert_eq!(turns, [6, 1], "questions of 12 and 3 messages, one of which is the system's");
    Ok(())
}
