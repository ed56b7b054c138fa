//! EvalScope's figures held to golden traces of it.

use super::*;
use crate::record::{Outcome, TokensFrom};

#[test]
fn nearest_rank_is_that_of_1_14_1() {
    let mut column = Column::default();
    (1..=10).for_each(|value| column.push(f64::from(value)));
    assert_eq!(column.at(&[1.0, 25.0, 50.0, 75.0, 90.0, 99.0]), [1.0, 3.0, 5.0, 8.0, 9.0, 10.0].map(Some));
}

#[test]
fn nothing_succeeded_gives_evalscopes_sentinels() {
    let options = CompatOptions::of(&Load::Closed { parallel: 4 });
    let summary = Compat::default().summary(options);
    assert_eq!(summary["Avg Latency (s)"], json!(-1.0));
    assert_eq!(summary["Avg TTFT (ms)"], json!(-1000.0));
    assert_eq!(summary["Test Duration (s)"], json!(1.0));
    assert_eq!(Compat::default().percentiles(options)[0]["TTFT (ms)"], Value::Null);
}

/// One golden request as a record.
fn record(case: &Value, index: usize) -> Record {
    let column = |name: &str| case["requests"].get(name).map_or(&Value::Null, |column| &column[index]);
    let number = |name: &str| column(name).as_u64();
    let us = 1000;
    let start = 1_000_000_000_000 + number("s").unwrap_or(0) * us;
    let ok = number("ok") == Some(1);
    let stream = number("stream") == Some(1);
    let chunks: Vec<u64> =
        column("c").as_array().into_iter().flatten().filter_map(Value::as_u64).map(|gap| gap * us).collect();
    let first = chunks.first().map(|first| start + first);
    let end = start + number("e").unwrap_or(0) * us;
    Record {
        turn: number("turns").map_or(0, |turns| turns as u32 - 1),
        started_ns: Some(start),
        first_token_ns: first,
        last_token_ns: first.map(|_| start + chunks.iter().sum::<u64>()),
        last_event_ns: stream.then_some(end),
        end_ns: end,
        outcome: if ok { Outcome::Ok } else { Outcome::Failed(crate::record::FailureKind::Broken) },
        prompt_tokens: number("pt"),
        completion_tokens: number("ct"),
        cached_tokens: number("cached"),
        tokens_from: Some(TokensFrom::Usage),
        chunks: chunks.len() as u32,
        decode_chunks: number("dc").map_or(chunks.len() as u32, |chunks| chunks as u32),
        stream,
        warmup: number("warmup") == Some(1),
        gaps_ns: chunks.into_iter().skip(1).collect(),
        ..Record::due(String::new(), 0, 0, start)
    }
}

fn close(got: &Value, expected: &Value, unit: f64, what: &str) {
    match (got.as_f64(), expected.as_f64()) {
        (Some(got), Some(expected)) => {
            assert!((got - expected).abs() <= unit * 1.0001, "{what}: {got} instead of {expected}");
        }
        (got, expected) => assert_eq!(got, expected, "{what}"),
    }
}

#[test]
fn every_field_agrees_with_the_golden_traces() -> Result<(), Box<dyn std::error::Error>> {
    let text = include_str!("../../tests/golden/perf_metrics.jsonl");
    let mut cases = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line)?;
        let id = &case["id"];
        let mut compat = Compat::default();
        for index in 0..case["n"].as_u64().unwrap_or(0) as usize {
            compat.add(&record(&case, index));
        }
        let options = CompatOptions {
            concurrency: case["concurrency"].as_i64().unwrap_or(0),
            rate: case["rate"].as_f64().unwrap_or(0.0),
            multi_turn: case["requests"].get("turns").is_some(),
            input_only: case["api"] == "openai_embedding",
            hand_off: case["pd"] == true,
        };
        let expected = &case["expected"]["evalscope"];

        let summary = compat.summary(options);
        for (key, value) in expected["summary"].as_object().into_iter().flatten() {
            let unit = if key.ends_with("(ms)") { 0.01 } else { 0.0001 };
            close(summary.get(key).unwrap_or(&Value::Null), value, unit, &format!("{id} {key}"));
        }
        // Beyond the golden keys there are only the fillers that the file carries.
        let fillers = if options.input_only { 6 } else { 1 };
        assert_eq!(summary.len(), expected["summary"].as_object().map_or(0, Map::len) + fillers, "{id}");

        let raw = compat.raw(options);
        let optional = |value: Option<f64>| value.unwrap_or(-1.0);
        for (key, value) in [
            ("total_time", raw.total_time),
            ("avg_latency", optional(raw.avg_latency)),
            ("avg_first_chunk_latency", optional(raw.avg_first_chunk_latency)),
            ("avg_time_per_output_token", optional(raw.avg_time_per_output_token)),
            ("avg_inter_token_latency", optional(raw.avg_inter_token_latency)),
            ("avg_steady_inter_token_latency", optional(raw.avg_steady_inter_token_latency)),
            ("avg_pd_handoff_latency", optional(raw.avg_pd_handoff_latency)),
            ("avg_pd_handoff_overhead", optional(raw.avg_pd_handoff_overhead)),
            ("qps", raw.qps),
            ("avg_prompt_tokens", optional(raw.avg_prompt_tokens)),
            ("avg_completion_tokens", optional(raw.avg_completion_tokens)),
            ("avg_input_token_throughput", raw.avg_input_token_throughput),
            ("avg_output_token_throughput", raw.avg_output_token_throughput),
            ("avg_total_token_throughput", raw.avg_total_token_throughput),
            ("avg_turns_per_request", optional(raw.avg_turns_per_request)),
            ("avg_cached_percent", optional(raw.avg_cached_percent)),
            ("avg_first_turn_ttft", optional(raw.avg_first_turn_ttft)),
            ("avg_subsequent_turn_ttft", optional(raw.avg_subsequent_turn_ttft)),
            ("avg_decoded_tokens_per_iter", optional(raw.avg_decoded_tokens_per_iter)),
        ] {
            let expected = expected["raw"][key].as_f64().unwrap_or(f64::NAN);
            assert!((value - expected).abs() <= expected.abs() * 1e-9, "{id} {key}: {value} instead of {expected}");
        }

        let rows = compat.percentiles(options);
        let golden = expected["percentiles"].as_array().ok_or("no percentiles")?;
        assert_eq!(rows.len(), golden.len());
        for (row, expected) in rows.iter().zip(golden) {
            let expected = expected.as_object().ok_or("no row")?;
            assert!(row.keys().eq(expected.keys()), "{id}: {:?}", row.keys().collect::<Vec<_>>());
            assert_eq!(row["Percentiles"], expected["Percentiles"]);
            for (key, value) in expected.iter().filter(|(key, _)| *key != "Percentiles") {
                close(&row[key], value, 0.0001, &format!("{id} {} {key}", row["Percentiles"]));
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 28);
    Ok(())
}
