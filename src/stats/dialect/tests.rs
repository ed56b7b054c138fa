//! The dialects against worked examples, golden traces and each other.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Cast, Context, Count, RampUp, Replies, Reply, Tool, View, cast, sample, view, vllm};
use crate::mark::Mark;
use crate::plan::Load;
use crate::record::{FailureKind, Outcome, Record, TokensFrom};
use crate::stats::Slo;

type Test = Result<(), Box<dyn std::error::Error>>;

const MS: u64 = 1_000_000;
const CONTENT: u16 = Mark::CHOICES | Mark::CONTENT;

fn context(load: Load) -> Context {
    Context {
        model: "org/model".to_owned(),
        chat: true,
        stream: true,
        tokenizer: None,
        dataset: "openqa".to_owned(),
        number: 3,
        max_tokens: None,
        load,
        burstiness: 1.0,
        ramp: None,
        slo: None,
        label: None,
        epoch_unix_ns: 1_700_000_000_000_000_000,
        zone: TimeZone::UTC,
        detailed: true,
    }
}

fn mark(at_ns: u64, flags: u16, text: &str) -> Mark {
    Mark { at_ns, flags, text: text.len() as u32, bytes: 100, ..Mark::default() }
}

/// A tokenizer that counts words.
fn words(text: &str) -> crate::error::Result<u64> {
    Ok(text.split_whitespace().count() as u64)
}

/// One reply as different tools see it: role, three texts, finish, usage, done.
fn worked() -> Record {
    let start = 1000 * MS;
    let at = |ms: u64, flags, text: &str| mark(start + ms * MS, flags, text);
    Record {
        started_ns: Some(start),
        end_ns: start + 156 * MS,
        outcome: Outcome::Ok,
        stream: true,
        completion_tokens: Some(5),
        prompt_tokens: Some(7),
        tokens_from: Some(TokensFrom::Usage),
        marks: vec![
            at(40, Mark::CHOICES | Mark::ROLE, ""),
            at(100, CONTENT, "A"),
            at(130, CONTENT, " B C"),
            at(150, CONTENT, " D"),
            at(151, Mark::CHOICES | Mark::FINISH, ""),
            at(155, Mark::USAGE, ""),
            at(156, Mark::DONE, ""),
        ],
        text: Some("A B C D".to_owned()),
        ..Record::due("r-0".to_owned(), 0, 0, start - 30 * MS)
    }
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= expected.abs() * 1e-9 + 1e-12, "{found} instead of {expected}");
}

#[track_caller]
fn sees(view: Option<View>, ttft: f64, latency: f64, output: u64, tpot: f64, itl: &[f64]) {
    let view = view.unwrap_or_default();
    close(view.ttft.unwrap_or(f64::NAN) * 1000.0, ttft);
    close(view.latency * 1000.0, latency);
    assert_eq!(view.output, Some(output));
    close(view.tpot.unwrap_or(f64::NAN) * 1000.0, tpot);
    assert_eq!(view.itl.len(), itl.len(), "{:?}", view.itl);
    for (found, expected) in view.itl.iter().zip(itl) {
        close(found * 1000.0, *expected);
    }
}

#[test]
fn the_same_bytes_give_each_tool_its_own_numbers() -> Test {
    let context = context(Load::Open { rate: 10.0, max_in_flight: None });
    let count: &Count = &words;
    let counted = Reply::of(worked(), Some(count))?;
    let uncounted = Reply::of(worked(), None)?;
    let see = |tool, reply| view(tool, &context, reply);
    for reply in [&counted, &uncounted] {
        sees(see(Tool::Vllm, reply), 40.0, 151.0, 5, 27.75, &[60.0, 30.0, 20.0, 1.0]);
        sees(see(Tool::Evalscope, reply), 40.0, 155.0, 5, 28.75, &[60.0, 30.0, 20.0, 1.0]);
        sees(see(Tool::Sglang, reply), 100.0, 156.0, 5, 14.0, &[30.0, 20.0]);
        sees(see(Tool::Guidellm, reply), 100.0, 156.0, 5, 30.0, &[12.5]);
    }
    // AIPerf's values between tokens are one a reply; its gaps are the inter-chunk latency.
    sees(see(Tool::Aiperf, &counted), 100.0, 150.0, 4, 50.0 / 3.0, &[30.0, 20.0]);
    sees(see(Tool::Aiperf, &uncounted), 100.0, 150.0, 5, 12.5, &[30.0, 20.0]);
    sees(see(Tool::InferencePerf, &counted), 100.0, 156.0, 4, 50.0 / 3.0, &[30.0, 0.0, 20.0]);
    sees(see(Tool::InferencePerf, &uncounted), 100.0, 156.0, 5, 12.5, &[30.0, 20.0]);

    let of = |tool, reply: &Reply| cast(tool, &context, &Replies::of([reply.clone()]));
    let json = |cast: &Cast| serde_json::from_str::<Value>(&cast.files[0].contents);
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let figure = |cast: &Cast, name: &str| {
        let figure = cast.figures.iter().find(|figure| figure.name == name);
        figure.and_then(|figure| figure.value.as_f64()).unwrap_or(f64::NAN)
    };
    close(figure(&of(Tool::Vllm, &counted)?, "Mean E2EL incl. queue (ms)"), 181.0);
    let theirs = json(&of(Tool::InferencePerf, &counted)?)?;
    close(number(&theirs["successes"]["latency"]["normalized_time_per_output_token"]["mean"]), 0.039);
    assert_eq!(theirs["successes"]["token_count_mismatches"], 1);
    let theirs = json(&of(Tool::Aiperf, &counted)?)?;
    close(number(&theirs["time_to_second_token"]["avg"]), 30.0);
    close(number(&theirs["inter_token_latency"]["avg"]), 50.0 / 3.0);
    assert_eq!(theirs["inter_chunk_latency"]["count"], 2);
    let theirs = json(&of(Tool::Guidellm, &counted)?)?;
    let metrics = &theirs["benchmarks"][0]["metrics"];
    close(number(&metrics["inter_token_latency_ms"]["successful"]["mean"]), 12.5);
    assert_eq!(metrics["inter_token_latency_ms"]["successful"]["count"], 4);
    assert_eq!(metrics["time_per_output_token_ms"]["total"]["count"], 5);
    let theirs = json(&of(Tool::Evalscope, &counted)?)?;
    assert_eq!((&theirs["Avg TTFT (ms)"], &theirs["Avg TPOT (ms)"]), (&json!(40.0), &json!(28.75)));
    close(number(&theirs["Avg ITL (ms)"]), 27.75);
    Ok(())
}

/// A stream whose events are all text.
fn plain(index: u64, due_ns: u64, start_ns: u64, stamps: &[u64], input: u64, output: u64) -> Record {
    let mut marks: Vec<Mark> = stamps.iter().map(|at| mark(*at, CONTENT, "x")).collect();
    let end_ns = stamps.last().copied().unwrap_or(start_ns);
    marks.push(mark(end_ns, Mark::USAGE, ""));
    Record {
        started_ns: Some(start_ns),
        end_ns,
        outcome: Outcome::Ok,
        stream: true,
        prompt_tokens: Some(input),
        completion_tokens: Some(output),
        tokens_from: Some(TokensFrom::Usage),
        text: Some("x".repeat(stamps.len())),
        marks,
        ..Record::due(format!("r-{index}"), index, 0, due_ns)
    }
}

/// Three requests whose figures by vLLM's definitions are worked out.
fn three() -> Result<Replies, crate::error::Failure> {
    let at = |hundredths: u64| 100_000 * MS + hundredths * 10 * MS;
    let stamps = |list: &[u64]| list.iter().map(|hundredths| at(*hundredths)).collect::<Vec<u64>>();
    let due = at(0);
    // The last one ends at 101.60 s; the run is to last from 99.90 s, 1.7 s.
    let records = [
        plain(2, due, at(50), &stamps(&[160]), 7, 1),
        plain(1, due, at(2), &stamps(&[12, 13]), 5, 3),
        plain(0, due - 100 * MS, at(0), &stamps(&[5, 6, 8, 10]), 8, 4),
    ];
    Ok(Replies::of(records.map(|record| Reply::of(record, None)).into_iter().collect::<Result<Vec<_>, _>>()?))
}

#[test]
fn vllms_file_has_its_keys_and_its_numbers() -> Test {
    let mut context = context(Load::Closed { parallel: 3 });
    context.slo = Some(Slo::parse(["ttft:150", "tpot:20"])?);
    let out = cast(Tool::Vllm, &context, &three()?)?;
    assert_eq!(out.files[0].name, "openai-chat-infqps-concurrency3-model-20231114-221501.json");
    let file: Value = serde_json::from_str(&out.files[0].contents)?;
    for (key, expected) in [
        ("duration", 1.7),
        ("request_throughput", 3.0 / 1.7),
        ("output_throughput", 8.0 / 1.7),
        ("total_token_throughput", 28.0 / 1.7),
        ("request_goodput", 2.0 / 1.7),
        ("max_output_tokens_per_s", 6.0),
        ("max_concurrent_requests", 2.0),
        ("mean_ttft_ms", 1250.0 / 3.0),
        ("median_ttft_ms", 100.0),
        ("std_ttft_ms", 483.620_604_284_896_9),
        ("p99_ttft_ms", 1080.0),
        ("mean_tpot_ms", 65.0 / 6.0),
        ("std_tpot_ms", 35.0 / 6.0),
        ("p99_tpot_ms", 16.55),
        ("mean_itl_ms", 15.0),
        ("median_itl_ms", 15.0),
        ("std_itl_ms", 5.0),
        ("p99_itl_ms", 20.0),
        ("mean_e2el_ms", 1310.0 / 3.0),
        ("std_e2el_ms", 469.065_264_352_650_8),
        ("p99_e2el_ms", 1080.2),
    ] {
        close(file[key].as_f64().ok_or(key)?, expected);
    }
    assert_eq!((&file["completed"], &file["failed"]), (&json!(3), &json!(0)));
    assert_eq!(file["input_lens"], json!([8, 5, 7]), "in the order of the workload");
    assert_eq!(file["request_rate"], "inf");
    let keys: Vec<&str> = file.as_object().ok_or("no object")?.keys().map(String::as_str).collect();
    let spreads = ["ttft", "tpot", "itl", "e2el"]
        .iter()
        .flat_map(|name| ["mean", "median", "std", "p99"].map(|what| format!("{what}_{name}_ms")));
    let expected = "date endpoint_type backend label model_id tokenizer_id num_prompts request_rate burstiness \
        max_concurrency duration completed failed total_input_tokens total_output_tokens request_throughput \
        request_goodput output_throughput total_token_throughput input_lens output_lens ttfts itls latencies \
        start_times queue_times generated_texts errors max_output_tokens_per_s max_concurrent_requests rtfx";
    let expected: Vec<String> = expected.split_whitespace().map(str::to_owned).chain(spreads).collect();
    assert_eq!(keys, expected);

    context.detailed = false;
    context.slo = None;
    context.label = Some("night".to_owned());
    context.load = Load::Open { rate: 10.0, max_in_flight: None };
    let short = cast(Tool::Vllm, &context, &three()?)?;
    assert_eq!(short.files[0].name, "night-10.0qps-model-20231114-221501.json");
    let file: Value = serde_json::from_str(&short.files[0].contents)?;
    for gone in ["input_lens", "output_lens", "start_times", "ttfts", "itls", "generated_texts", "errors"] {
        assert!(file.get(gone).is_none(), "{gone}");
    }
    assert!(file.get("latencies").is_some() && file["request_goodput"].is_null() && file["request_rate"] == 10.0);
    context.ramp = Some(RampUp { strategy: "linear", from: 1.0, to: 9.0 });
    let name = cast(Tool::Vllm, &context, &three()?)?.files[0].name.clone();
    assert_eq!(name, "night-ramp-up-linear-1qps-9qps-model-20231114-221501.json");
    Ok(())
}

#[test]
fn vllms_console_is_what_scripts_look_for() -> Test {
    let out = cast(Tool::Vllm, &context(Load::Closed { parallel: 3 }), &three()?)?;
    let block = out.block();
    for line in [
        "============ Serving Benchmark Result ============",
        "Successful requests:                     3",
        "Benchmark duration (s):                  1.70",
        "Request throughput (req/s):              1.76",
        "---------------Time to First Token----------------",
        "Mean TTFT (ms):                          416.67",
        "P99 TPOT (ms):                           16.55",
    ] {
        assert!(block.lines().any(|found| found == line), "{line}\nin\n{block}");
    }
    Ok(())
}

#[test]
fn sglang_counts_who_touches_a_second() -> Test {
    let out = cast(Tool::Sglang, &context(Load::Closed { parallel: 3 }), &three()?)?;
    let file: Value = serde_json::from_str(&out.files[0].contents)?;
    assert_eq!(file["max_concurrent_requests"], 3, "vllm counts 2 at one instant");
    assert_eq!(out.files[0].name, "sglang-oai-chat_1114_3_openqa.jsonl");
    assert!(out.files[0].contents.ends_with("}\n"));
    assert!(file["total_output_tokens_retokenized"].is_null(), "nothing counted the text");
    Ok(())
}

/// One golden request.
fn golden(case: &Value, index: usize) -> Record {
    let column = |name: &str| case["requests"].get(name).map_or(&Value::Null, |column| &column[index]);
    let number = |name: &str| column(name).as_u64();
    let start = 1_000_000 * MS + number("s").unwrap_or(0) * 1000;
    let mut at = start;
    let stamps: Vec<u64> = column("c")
        .as_array()
        .into_iter()
        .flatten()
        .map(|gap| {
            at += gap.as_u64().unwrap_or(0) * 1000;
            at
        })
        .collect();
    let tokens = (number("pt").unwrap_or(0), number("ct").unwrap_or(0));
    let record = plain(index as u64, start, start, &stamps, tokens.0, tokens.1);
    let ok = number("ok") == Some(1);
    Record {
        end_ns: start + number("e").unwrap_or(0) * 1000,
        outcome: if ok { Outcome::Ok } else { Outcome::Failed(FailureKind::Broken) },
        warmup: number("warmup") == Some(1),
        // The trace has no count of 0 tokens: vLLM takes 1 where it knows none.
        completion_tokens: Some(tokens.1.max(1)),
        ..record
    }
}

#[test]
fn every_figure_of_vllm_agrees_with_the_golden_traces() -> Test {
    let mut cases = 0;
    for line in include_str!("../../../tests/golden/perf_metrics.jsonl").lines() {
        let case: Value = serde_json::from_str(line)?;
        let expected = &case["expected"]["vllm"];
        if expected.is_null() {
            continue;
        }
        let id = case["id"].as_str().unwrap_or_default();
        let count = case["n"].as_u64().unwrap_or(0) as usize;
        let replies: Result<Vec<Reply>, _> = (0..count).map(|index| Reply::of(golden(&case, index), None)).collect();
        let limits: Vec<String> =
            case["goodput"].as_object().into_iter().flatten().map(|(metric, ms)| format!("{metric}:{ms}")).collect();
        let slo = (!limits.is_empty()).then(|| Slo::parse(&limits)).transpose()?;
        let duration = expected["duration_s"].as_f64().ok_or("no duration")?;
        let found = vllm::Metrics::of(&Replies::of(replies?), duration, slo.as_ref());
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let same = |what: &str, found: f64, expected: f64| {
            assert!((found - expected).abs() <= expected.abs() * 1e-9 + 1e-9, "{id} {what}: {found}, not {expected}");
        };
        for (key, value) in [
            ("completed", found.completed as f64),
            ("failed", found.failed as f64),
            ("total_input", found.total_input as f64),
            ("total_output", found.total_output as f64),
            ("request_throughput", found.per_second(found.completed)),
            ("request_goodput", found.per_second(found.good.unwrap_or(0))),
            ("output_throughput", found.per_second(found.total_output)),
            ("total_token_throughput", found.per_second(found.total_input + found.total_output)),
            ("max_output_tokens_per_s", found.busiest_second as f64),
            ("max_concurrent_requests", found.most_at_once as f64),
        ] {
            same(key, value, number(&expected[key]));
        }
        for (key, sample) in [
            ("ttft_ms", &found.ttft_ms),
            ("tpot_ms", &found.tpot_ms),
            ("itl_ms", &found.itl_ms),
            ("e2el_ms", &found.e2el_ms),
        ] {
            let expected = &expected[key];
            same(key, sample.mean().unwrap_or(0.0), number(&expected["mean"]));
            same(key, sample.std().unwrap_or(0.0), number(&expected["std"]));
            same(key, sample.percentile(50.0).unwrap_or(0.0), number(&expected["median"]));
            for (percent, value) in expected["percentiles"].as_object().into_iter().flatten() {
                same(key, sample.percentile(percent.parse()?).unwrap_or(0.0), number(value));
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 21);
    Ok(())
}

#[test]
fn percentiles_are_numpys_linear_ones() {
    let sample = sample::Sample::of(vec![4.0, 1.0, 3.0, 2.0]);
    let at = |percent| sample.percentile(percent);
    assert_eq!([at(0.0), at(50.0), at(100.0)], [Some(1.0), Some(2.5), Some(4.0)]);
    close(at(99.0).unwrap_or(0.0), 3.97);
    close(sample.std().unwrap_or(0.0), 1.25f64.sqrt());
    assert_eq!(sample::Sample::default().percentile(99.0), None);
    assert_eq!([sample::percent_key(99.0), sample::percent_key(99.9)], ["p99", "p99.9"]);
}

#[test]
fn what_is_no_reply_is_left_out_and_said() -> Test {
    let mut records: Vec<Record> = (0..6).map(|index| plain(index, 0, 0, &[5 * MS, 9 * MS], 3, 2)).collect();
    records[0].warmup = true;
    records[1].outcome = Outcome::Cancelled;
    records[2].outcome = Outcome::Unsent;
    records[3].outcome = Outcome::Failed(FailureKind::Status);
    records[3].error = Some("now and then".to_owned());
    // A stream that ended well without any event with choices.
    records[4].marks.clear();
    let replies = Replies::of(records.into_iter().map(|r| Reply::of(r, None)).collect::<Result<Vec<_>, _>>()?);
    let context = context(Load::Closed { parallel: 1 });
    let out = cast(Tool::Vllm, &context, &replies)?;
    let file: Value = serde_json::from_str(&out.files[0].contents)?;
    assert_eq!((&file["completed"], &file["failed"]), (&json!(1), &json!(2)));
    assert_eq!(file["errors"], json!(["now and then", "no event with choices arrived", ""]));
    assert_eq!(out.notes.iter().filter(|note| note.starts_with("1 ")).count(), 2);
    for tool in Tool::ALL {
        let casts = [cast(tool, &context, &replies)?, cast(tool, &context, &Replies::default())?];
        for file in casts.iter().flat_map(|cast| &cast.files) {
            assert!(!file.contents.contains("NaN"), "{}", file.name);
            if file.name.ends_with(".json") {
                serde_json::from_str::<Value>(&file.contents)?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_reply_that_is_not_streamed_is_one_event_at_its_end() -> Test {
    let record = Record {
        stream: false,
        marks: Vec::new(),
        text: Some("one two three".to_owned()),
        ..plain(0, 0, 0, &[80 * MS], 3, 3)
    };
    let count: &Count = &words;
    let reply = Reply::of(record, Some(count))?;
    let context = context(Load::Closed { parallel: 1 });
    for (tool, ttft) in [
        (Tool::Vllm, Some(0.08)),
        (Tool::Sglang, Some(0.08)),
        (Tool::Evalscope, Some(0.08)),
        (Tool::Aiperf, None),
        (Tool::Guidellm, None),
        (Tool::InferencePerf, None),
    ] {
        let view = view(tool, &context, &reply).ok_or("a failure")?;
        assert_eq!((view.ttft, view.latency, view.output), (ttft, 0.08, Some(3)), "{tool:?}");
    }
    Ok(())
}

#[test]
fn tools_and_objectives_are_known_by_name() -> Test {
    for tool in Tool::ALL {
        assert_eq!(Tool::of(tool.name())?, tool);
    }
    let refused = Tool::of("wrk").err().ok_or("taken")?;
    assert!(refused.hint.is_some_and(|hint| hint.contains("inference-perf")));
    for wrong in ["ttft", "ttft:x", "ttft:-1", "p99:5"] {
        assert!(Slo::parse([wrong]).is_err(), "{wrong}");
    }
    Ok(())
}

#[test]
fn guidellms_distributions_are_weighted_and_do_not_interpolate() -> Test {
    use super::distribution::Distribution;
    let values = Distribution::of([(10.0, 1.0), (20.0, 3.0), (20.0, 0.0)]).to_json();
    assert_eq!((&values["mean"], &values["median"], &values["mode"]), (&json!(17.5), &json!(20.0), &json!(20.0)));
    assert_eq!((&values["percentiles"]["p25"], &values["count"]), (&json!(10.0), &json!(4)));
    // One span over half of the window: one at once half of the time.
    let busy = Distribution::at_once([(0.0, 5.0)], (0.0, 10.0));
    close(busy.mean(), 0.5);
    // Ten events over a window of ten seconds.
    let rate = Distribution::rate((0..10).map(|at| (f64::from(at) + 0.5, 1.0)), Some((0.0, 10.0)));
    close(rate.mean(), 1.0);
    assert_eq!(Distribution::default().to_json()["mean"], json!(0.0));

    // A reply that the server counts as empty weighs nothing between tokens, not less than nothing.
    let records = [plain(0, 0, 0, &[5 * MS, 9 * MS], 3, 2), plain(1, 0, 0, &[5 * MS], 3, 0)];
    let replies: Vec<Reply> = records.map(|record| Reply::of(record, None)).into_iter().collect::<Result<_, _>>()?;
    let out = cast(Tool::Guidellm, &context(Load::Closed { parallel: 1 }), &Replies::of(replies))?;
    let file: Value = serde_json::from_str(&out.files[0].contents)?;
    let itl = &file["benchmarks"][0]["metrics"]["inter_token_latency_ms"]["successful"];
    assert_eq!(itl["count"], 1);
    close(itl["mean"].as_f64().ok_or("no mean")?, 4.0);
    Ok(())
}
