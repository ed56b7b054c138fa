//! Traces of every layout, their windows, their texts, and what a cache would hold of them.

use serde_json::{Value, json};

use super::row::Row;
use super::*;
use crate::plan::Lengths;
use crate::workload::testing::{TestResult, file, set, texts};
use crate::workload::{Reason, Workload, open, survey};

fn spec(set_: Set, text: &str, args: Value) -> TestResult<(tempfile::TempDir, WorkloadSpec)> {
    let (folder, path) = file("trace", text.as_bytes())?;
    let mut spec = set(set_, Some(path), args)?;
    spec.lengths = Lengths { min: 0, max: 1 << 24 };
    Ok((folder, spec))
}

fn shown(set: Set, text: &str, args: Value) -> TestResult<Vec<(u64, u32, u32)>> {
    let (_folder, spec) = spec(set, text, args)?;
    let mut rows = Recorded::new(&spec, set, None)?.rows;
    let mut found = Vec::new();
    rows.survey(u64::MAX, |row| found.push((row.due_ns / 1_000, row.input, row.output)))?;
    Ok(found)
}

const MOONCAKE: &str = concat!(
    "{\"timestamp\": 0, \"input_length\": 40, \"output_length\": 6, \"hash_ids\": [0, 1, 2]}\n",
    "{\"timestamp\": 250.5, \"input_length\": 36, \"output_length\": 9, \"hash_ids\": [0, 1, 3]}\n",
    "{\"timestamp\": 9000, \"input_length\": 70, \"output_length\": 4, \"hash_ids\": [0, 1, 3, 4, 5]}\n",
);

#[test]
fn every_layout_is_read() -> TestResult {
    let all = [(0, 40, 6), (250_500, 36, 9), (9_000_000, 70, 4)];
    assert_eq!(shown(Set::Mooncake, MOONCAKE, json!({}))?, all);
    assert_eq!(
        shown(
            Set::Bailian,
            "{\"chat_id\":1,\"timestamp\":1.5,\"input_length\":9,\"output_length\":2,\"hash_ids\":[]}\n{\"chat_id\":2,\"timestamp\":2,\"input_length\":8,\"output_length\":3,\"hash_ids\":[-7]}",
            json!({})
        )?,
        [(0, 9, 2), (500_000, 8, 3)]
    );
    let burst = "Timestamp,Session ID,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,a,ChatGPT,472,18,490,x\n7,b,GPT-4,3,0,3,x\n45,c,GPT-4,417,276,693,x\n";
    assert_eq!(shown(Set::BurstGpt, burst, json!({}))?, [(0, 472, 18), (40_000_000, 417, 276)]);
    assert_eq!(
        shown(Set::BurstGpt, burst, json!({"keep_failed": true, "model": "GPT-4"}))?,
        [(0, 3, 0), (38_000_000, 417, 276)]
    );
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:03.9799700,3180,8";
    assert_eq!(shown(Set::Azure, azure, json!({}))?, [(0, 4808, 10), (10, 3180, 8)]);
    let vidur =
        "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n3772,54,3826,69.8\n2015,156,2171,12.9\n";
    assert_eq!(shown(Set::Lengths, vidur, json!({}))?, [(0, 3772, 54), (0, 2015, 156)]);
    let own = "{\"at\": 3, \"in\": 7, \"out\": 1}\n{\"at\": 5, \"in\": 8, \"out\": 2}\n";
    let columns =
        json!({"columns": {"timestamp": "at", "input_length": "in", "output_length": "out"}, "time_unit": 0.5});
    assert_eq!(shown(Set::TimedTrace, own, columns)?, [(0, 7, 1), (1_000_000, 8, 2)]);
    Ok(())
}

#[test]
fn a_trace_is_cut_sped_up_and_filtered() -> TestResult {
    assert_eq!(shown(Set::Mooncake, MOONCAKE, json!({"speed": 2}))?[2], (4_500_000, 70, 4));
    assert_eq!(shown(Set::Mooncake, MOONCAKE, json!({"to": 9}))?.len(), 2);
    assert_eq!(shown(Set::Mooncake, MOONCAKE, json!({"from": 0.2}))?, [(0, 36, 9), (8_749_500, 70, 4)]);
    let (_folder, mut spec) = spec(Set::Mooncake, MOONCAKE, json!({}))?;
    spec.lengths = Lengths { min: 38, max: 60 };
    let mut recorded = Recorded::new(&spec, Set::Mooncake, None)?;
    assert_eq!(recorded.survey(9)?.map(|survey| survey.count), Some(1));
    let skipped: Vec<_> = recorded.remarks().skipped.iter().map(|skipped| (skipped.reason, skipped.count)).collect();
    assert_eq!(skipped, [(Reason::TooShort, 1), (Reason::TooLong, 1)]);
    Ok(())
}

#[test]
fn bad_rows_are_named() -> TestResult {
    for (set, text, message) in [
        (Set::Mooncake, "{\"timestamp\": 0, \"input_length\": 1}\n", "line 1: has no output_length"),
        (
            Set::Mooncake,
            "{\"timestamp\": 0, \"input_length\": -1, \"output_length\": 1}",
            "input length \"-1\" is no number",
        ),
        (
            Set::Mooncake,
            &format!("{MOONCAKE}{{\"timestamp\":8,\"input_length\":1,\"output_length\":1}}"),
            "line 4: is earlier",
        ),
        (Set::Mooncake, "{\"timestamp\":0,\"input_length\":1,\"output_length\":1,\"hash_ids\":[\"a\"]}", "hash_ids"),
        (Set::Azure, "a,b\n1,2\n", "line 1: neither JSON nor a header with a column of the timestamp"),
        (Set::BurstGpt, "Timestamp,Model,Request tokens,Response tokens\n1,x\n", "line 2: has no column 3"),
    ] {
        let failure = shown(set, text, json!({})).err().ok_or("accepted")?.to_string();
        assert!(failure.contains(message), "{message}: {failure}");
    }
    let failure = shown(Set::BurstGpt, "Timestamp,Model,Request tokens,Response tokens\n1,x,5,0\n", json!({})).err();
    assert!(failure.ok_or("accepted")?.to_string().contains("1 failed when recorded"));
    Ok(())
}

fn mooncake(cache_bust: bool) -> TestResult<(tempfile::TempDir, Workload)> {
    let (folder, mut spec) = spec(Set::Mooncake, MOONCAKE, json!({"block_size": 16}))?;
    spec.cache_bust = cache_bust;
    Ok((folder, open(&spec, 3)?))
}

fn words(text: &str, from: usize, to: usize) -> String {
    text.split(' ').skip(from).take(to - from).collect::<Vec<_>>().join(" ")
}

#[test]
fn blocks_with_equal_ids_are_equal_text_of_exact_length() -> TestResult {
    let tokenizer = Tokenizer::built_in()?;
    let (_folder, mut workload) = mooncake(false)?;
    assert!(workload.has_schedule());
    let items = workload.conversations(0, 3)?;
    let made = texts(&items);
    for (text, (length, reply)) in made.iter().zip([(40, 6), (36, 9), (70, 4)]) {
        assert_eq!(tokenizer.count(text)?, length);
        assert!(items.iter().any(|item| item.turns[0].max_tokens == Some(reply)));
    }
    // The words of the built-in tokenizer are tokens.
    assert_eq!(words(&made[0], 0, 32), words(&made[1], 0, 32), "blocks 0 and 1");
    assert_eq!(words(&made[1], 32, 36), words(&made[2], 32, 36), "block 3, cut short in one of them");
    assert_ne!(words(&made[0], 32, 36), words(&made[1], 32, 36), "blocks 2 and 3");
    assert_eq!(
        items.iter().map(|item| item.due_ns).collect::<Vec<_>>(),
        [Some(0), Some(250_500_000), Some(9_000_000_000)]
    );
    let (_again, mut again) = mooncake(false)?;
    assert_eq!(texts(&again.conversations(1, 1)?), [made[1].clone()]);
    Ok(())
}

#[test]
fn busting_caches_leaves_no_block_alike_at_the_start() -> TestResult {
    let tokenizer = Tokenizer::built_in()?;
    let (_folder, mut workload) = mooncake(true)?;
    let made = texts(&workload.conversations(0, 3)?);
    assert_ne!(words(&made[0], 0, 4), words(&made[1], 0, 4));
    assert_eq!(words(&made[0], 8, 32), words(&made[1], 8, 32));
    assert_eq!(tokenizer.count(&made[2])?, 70);
    Ok(())
}

#[test]
fn the_share_that_a_cache_would_hold_is_told() -> TestResult {
    let (_folder, spec) = spec(Set::Mooncake, MOONCAKE, json!({"block_size": 16}))?;
    let found = survey(&spec, 99)?.ok_or("no survey")?;
    // Blocks 0 and 1 twice, and the 16 tokens of block 3 in the third prompt.
    assert_eq!(found.hits, Some(Hits { tokens: 146, cached: 32 + 32 + 16 }));
    assert_eq!((found.count, found.span_ns), (3, 9_000_000_000));
    assert_eq!(survey(&spec, 2)?.ok_or("no survey")?.hits, Some(Hits { tokens: 76, cached: 32 }));
    let mut cache = Cache::default();
    cache.see(&Row { due_ns: 0, input: 9, output: 1, hashes: Box::default() }, 16);
    assert_eq!(cache.hits(), None);
    Ok(())
}

fn sample(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets").join(name)
}

#[test]
fn clients_send_at_their_rate_and_lengths() -> TestResult {
    let mut spec = set(Set::ServeGen, Some(sample("servegen/sample")), json!({"to": 1200, "speed": 10}))?;
    spec.lengths = Lengths { min: 0, max: 1000 };
    let mut clients = Clients::new(&spec, None)?;
    // 12 and 6 requests in the first ten minutes, 30 in the second.
    assert_eq!(clients.survey(999)?.map(|survey| survey.count), Some(48));
    let items = clients.items(0, 48)?;
    let due: Vec<u64> = items.iter().filter_map(|item| item.due_ns).collect();
    assert!(due.is_sorted() && due.last() < Some(&120_000_000_000), "{due:?}");
    assert!(items.iter().all(|item| matches!(item.turns[0].tokens, Some(16 | 24 | 40))));
    let alone = set(Set::ServeGen, Some(sample("servegen/sample/chunk-0-trace.csv")), json!({"from": 600, "to": 900}))?;
    let count = Clients::new(&alone, None)?.survey(99)?.map_or(0, |survey| survey.count);
    assert!((5..=25).contains(&count), "half of a window of thirty: {count}");
    let none = set(Set::ServeGen, Some(sample("servegen/sample")), json!({"from": 9000}))?;
    assert!(Clients::new(&none, None).err().ok_or("accepted")?.message.contains("no client sends"));
    Ok(())
}

#[test]
fn spans_become_requests_with_their_history() -> TestResult {
    let spec = set(Set::Otel, Some(sample("otel")), json!({"speed": 0.5}))?;
    let mut spans = Spans::new(&spec, None)?;
    let items = spans.items(0, 2)?;
    assert_eq!(items.iter().map(|item| item.due_ns).collect::<Vec<_>>(), [Some(0), Some(3_000_000_000)]);
    assert_eq!((items[0].turns[0].max_tokens, items[1].turns[0].max_tokens), (Some(12), Some(7)));
    assert_eq!(items[1].turns[0].id.as_deref(), Some("b"));
    assert_eq!(spans.remarks().to_string(), "1 without a question");
    Ok(())
}
