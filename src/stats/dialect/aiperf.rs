//! NVIDIA AIPerf: `profile_export_aiperf.json` and `.csv`.
//!
//! An event with content, reasoning or a tool call is a content response; role, finish and usage events are none. TTFT
//! and the request latency run to the first and the last of them. Inter-token latency = (latency - TTFT) / (tokens - 1),
//! one value a reply; gaps between content responses are the inter-chunk latency. Tokens of replies are a client's
//! tokenizer's; without one here, the server's, as with `--use-server-token-count`. Percentiles are linear.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::reply::{Counted, gaps};
use super::sample::Sample;
use super::{Cast, Context, File, Lines, Replies, Reply, View, goodput, spell};
use crate::error::Result;
use crate::mark::Mark;
use crate::units::NS_PER_S;

const OUTPUT: u16 = Mark::CONTENT | Mark::REASONING | Mark::TOOL;
const PERCENTILES: [f64; 9] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0];
/// Version of the JSON export that is followed, and of the tool that writes it.
const SCHEMA: &str = "1.3";
const VERSION: &str = "0.13.0";
/// Share by which a client's and a server's count may differ, in percent.
const DISCREPANCY: f64 = 10.0;

pub(super) fn view(reply: &Reply) -> Option<View> {
    if !reply.record.is_ok() {
        return None;
    }
    let stamps = reply.stamps(OUTPUT);
    let latency = reply.since_start(stamps.clone().last()?);
    let output = reply.counted.map(|counted| counted.all).or(reply.record.completion_tokens);
    if !reply.record.stream {
        return Some(View { latency, output, ..View::default() });
    }
    let ttft = reply.since_start(stamps.clone().next()?);
    let tpot = output.filter(|tokens| *tokens > 1).map(|tokens| (latency - ttft) / (tokens - 1) as f64);
    Some(View { ttft: Some(ttft), latency, output, tpot, itl: gaps(stamps) })
}

/// A metric of single requests.
struct Spread {
    tag: &'static str,
    name: &'static str,
    unit: &'static str,
    sample: Sample,
}

/// A metric of the whole run.
struct Single {
    tag: &'static str,
    name: &'static str,
    unit: &'static str,
    value: f64,
}

pub(super) fn cast(context: &Context, replies: &Replies) -> Result<Cast> {
    let views: Vec<Option<View>> = replies.iter().map(view).collect();
    let good: Vec<(&Reply, &View)> =
        replies.iter().zip(&views).filter_map(|(reply, view)| Some((reply, view.as_ref()?))).collect();
    let spreads = spreads(&good);
    let singles = singles(context, replies, &good);
    let mut lines = Lines::default();
    for spread in spreads.iter().filter(|spread| spread.unit == "ms") {
        let mut put = |what: &str, value: Option<f64>| {
            lines.put("Distributions", format!("{what} {} ({})", spread.name, spread.unit), json!(value));
        };
        put("avg", spread.sample.mean());
        put("p50", spread.sample.percentile(50.0));
        put("p99", spread.sample.percentile(99.0));
    }
    for single in &singles {
        lines.put("Totals", format!("{} ({})", single.name, single.unit), json!(single.value));
    }
    let document = document(context, replies, &spreads, &singles);
    let json = File { name: "profile_export_aiperf.json".to_owned(), contents: spell(&document, Some(2))? };
    let csv = File { name: "profile_export_aiperf.csv".to_owned(), contents: table(&spreads, &singles) };
    let notes = vec![format!("tokens of replies are counted by {}", context.counted_by())];
    Ok(Cast { title: "AIPerf LLM Metrics", figures: lines.0, decimals: 2, files: vec![json, csv], notes })
}

fn spreads(good: &[(&Reply, &View)]) -> Vec<Spread> {
    let each = |of: &dyn Fn(&Reply, &View) -> Option<f64>| -> Vec<f64> {
        good.iter().filter_map(|(reply, view)| of(reply, view)).collect()
    };
    let ms = |values: Vec<f64>| Sample::of(values).times(1000.0);
    let at = |reply: &Reply, which: usize| reply.stamps(OUTPUT).nth(which);
    let tokens = |value: Option<u64>| value.map(|tokens| tokens as f64);
    let streamed = |reply: &Reply| reply.record.stream.then_some(());
    let set_up = |reply: &Reply| streamed(reply).and(reply.record.head_ns).map(|at| reply.since_start(at));
    let list: Vec<(&'static str, &'static str, &'static str, Sample)> = vec![
        ("request_latency", "Request Latency", "ms", ms(each(&|_, view| Some(view.latency)))),
        ("time_to_first_token", "Time to First Token", "ms", ms(each(&|_, view| view.ttft))),
        (
            "time_to_second_token",
            "Time to Second Token",
            "ms",
            ms(each(&|reply, _| {
                streamed(reply)?;
                Some(reply.since_start(at(reply, 1)?) - reply.since_start(at(reply, 0)?))
            })),
        ),
        (
            "time_to_first_output_token",
            "Time to First Output Token",
            "ms",
            ms(each(&|reply, _| {
                streamed(reply)?;
                Some(reply.since_start(reply.stamps(Mark::CONTENT | Mark::TOOL).next()?))
            })),
        ),
        ("inter_token_latency", "Inter Token Latency", "ms", ms(each(&|_, view| view.tpot))),
        (
            "inter_chunk_latency",
            "Inter Chunk Latency",
            "ms",
            ms(good.iter().flat_map(|(_, view)| view.itl.iter().copied()).collect()),
        ),
        (
            "output_token_throughput_per_user",
            "Output Token Throughput Per User",
            "tokens/sec/user",
            Sample::of(each(&|_, view| view.tpot.filter(|tpot| *tpot > 0.0).map(|tpot| 1.0 / tpot))),
        ),
        (
            "e2e_output_token_throughput",
            "E2E Output Token Throughput",
            "tokens/sec/user",
            Sample::of(each(&|_, view| Some(tokens(view.output)? / Some(view.latency).filter(|s| *s > 0.0)?))),
        ),
        (
            "prefill_throughput_per_user",
            "Prefill Throughput Per User",
            "tokens/sec/user",
            Sample::of(each(&|reply, view| {
                Some(tokens(reply.record.prompt_tokens)? / view.ttft.filter(|ttft| *ttft > 0.0)?)
            })),
        ),
        ("stream_setup_latency", "Stream Setup Latency", "ms", ms(each(&|reply, _| set_up(reply)))),
        (
            "stream_prefill_latency",
            "Stream Prefill Latency",
            "ms",
            ms(each(&|reply, view| Some(view.ttft? - set_up(reply)?))),
        ),
        ("decode_duration", "Decode Duration", "ms", ms(each(&|_, view| Some(view.latency - view.ttft?)))),
        ("output_sequence_length", "Output Sequence Length", "tokens", Sample::of(each(&|_, v| tokens(v.output)))),
        (
            "input_sequence_length",
            "Input Sequence Length",
            "tokens",
            Sample::of(each(&|reply, _| tokens(reply.record.prompt_tokens))),
        ),
        (
            "output_token_count",
            "Output Token Count",
            "tokens",
            Sample::of(each(&|reply, _| tokens(parts(reply).map(|(content, _)| content)))),
        ),
        (
            "reasoning_token_count",
            "Reasoning Token Count",
            "tokens",
            Sample::of(each(&|reply, _| tokens(parts(reply).and_then(|(_, reasoning)| reasoning)))),
        ),
        (
            "usage_prompt_tokens",
            "Usage Prompt Tokens",
            "tokens",
            Sample::of(each(&|reply, _| tokens(reply.server_output().and(reply.record.prompt_tokens)))),
        ),
        (
            "usage_completion_tokens",
            "Usage Completion Tokens",
            "tokens",
            Sample::of(each(&|reply, _| tokens(reply.server_output()))),
        ),
        (
            "usage_completion_tokens_diff_pct",
            "Usage Completion Tokens Diff %",
            "%",
            Sample::of(each(&|reply, _| difference(reply))),
        ),
    ];
    list.into_iter()
        .filter(|(_, _, _, sample)| sample.len() > 0)
        .map(|(tag, name, unit, sample)| Spread { tag, name, unit, sample })
        .collect()
}

/// Tokens that are no reasoning, and those that are, where there are any.
fn parts(reply: &Reply) -> Option<(u64, Option<u64>)> {
    match reply.counted {
        Some(Counted { reasoning, all, .. }) => {
            Some((all.saturating_sub(reasoning), Some(reasoning).filter(|n| *n > 0)))
        }
        None => {
            let reasoning = reply.record.reasoning_tokens;
            Some((reply.record.completion_tokens?.saturating_sub(reasoning.unwrap_or(0)), reasoning))
        }
    }
}

/// By how much the client's count differs from the server's, in percent of the server's.
fn difference(reply: &Reply) -> Option<f64> {
    let server = reply.server_output().filter(|tokens| *tokens > 0)? as f64;
    Some(100.0 * (reply.counted?.all as f64 - server).abs() / server)
}

fn singles(context: &Context, replies: &Replies, good: &[(&Reply, &View)]) -> Vec<Single> {
    let total = |of: &dyn Fn(&Reply, &View) -> Option<u64>| -> u64 { good.iter().filter_map(|(r, v)| of(r, v)).sum() };
    let output = total(&|_, view| view.output);
    let input = total(&|reply, _| reply.record.prompt_tokens);
    let first = good.iter().map(|(reply, _)| reply.start_ns()).min();
    let last = good.iter().map(|(reply, _)| reply.last_json_ns()).max();
    let duration = first.zip(last).map_or(0.0, |(first, last)| last.saturating_sub(first) as f64 / NS_PER_S);
    let per_second = |amount: u64| if duration > 0.0 { amount as f64 / duration } else { 0.0 };
    let failed = replies.iter().count() - good.len();
    let single = |tag, name, unit, value| Single { tag, name, unit, value };
    let mut out = vec![
        single("request_throughput", "Request Throughput", "requests/sec", per_second(good.len() as u64)),
        single("output_token_throughput", "Output Token Throughput", "tokens/sec", per_second(output)),
        single("total_token_throughput", "Total Token Throughput", "tokens/sec", per_second(input + output)),
        single("input_token_throughput", "Input Token Throughput", "tokens/sec", per_second(input)),
        single("request_count", "Request Count", "requests", good.len() as f64),
        single("error_request_count", "Error Request Count", "requests", failed as f64),
        single("benchmark_duration", "Benchmark Duration", "sec", duration),
        single("total_isl", "Total Input Sequence Length", "tokens", input as f64),
        single("total_osl", "Total Output Sequence Length", "tokens", output as f64),
    ];
    let (content, reasoning) = (total(&|r, _| Some(parts(r)?.0)), total(&|r, _| parts(r)?.1));
    out.push(single("total_output_tokens", "Total Output Tokens", "tokens", content as f64));
    if reasoning > 0 {
        out.push(single("total_reasoning_tokens", "Total Reasoning Tokens", "tokens", reasoning as f64));
    }
    if let Some(met) = goodput::good(context.slo.as_ref(), good.iter().map(|(_, view)| *view)) {
        let share = if good.is_empty() { 0.0 } else { met as f64 / good.len() as f64 };
        out.push(single("good_request_count", "Good Request Count", "requests", met as f64));
        out.push(single("good_request_fraction", "Good Request Fraction", "ratio", share));
        out.push(single("goodput", "Goodput", "requests/sec", per_second(met)));
    }
    if context.tokenizer.is_some() {
        let apart = good.iter().filter(|(reply, _)| difference(reply).is_some_and(|by| by > DISCREPANCY)).count();
        out.push(single("usage_discrepancy_count", "Usage Discrepancy Count", "requests", apart as f64));
    }
    out
}

fn document(context: &Context, replies: &Replies, spreads: &[Spread], singles: &[Single]) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("schema_version", json!(SCHEMA));
    put("aiperf_version", json!(VERSION));
    for single in singles {
        put(single.tag, json!({"unit": single.unit, "avg": single.value}));
    }
    for Spread { tag, unit, sample, .. } in spreads {
        let mut metric = Map::from_iter([("unit".to_owned(), json!(unit)), ("avg".to_owned(), json!(sample.mean()))]);
        for percent in PERCENTILES {
            metric.insert(format!("p{percent}"), json!(sample.percentile(percent)));
        }
        metric.insert("min".to_owned(), json!(sample.min()));
        metric.insert("max".to_owned(), json!(sample.max()));
        metric.insert("std".to_owned(), json!(sample.std()));
        metric.insert("count".to_owned(), json!(sample.len()));
        metric.insert("sum".to_owned(), json!(sample.sum()));
        put(tag, Value::Object(metric));
    }
    put(
        "input_config",
        json!({
            "generated_by": concat!("evalscope ", env!("CARGO_PKG_VERSION")),
            "token_counts_from": context.counted_by(),
            "endpoint": {
                "model_names": [context.model],
                "type": if context.chat { "chat" } else { "completions" },
                "streaming": context.stream,
                "use_server_token_count": context.tokenizer.is_none(),
            },
            "loadgen": {
                "concurrency": context.load.cap(),
                "request_rate": context.load.rate(),
                "request_count": context.number,
            },
        }),
    );
    put("was_cancelled", json!(replies.left_out.contains_key("cancelled")));
    let mut errors: BTreeMap<(Option<u16>, &str, &str), u64> = BTreeMap::new();
    for record in replies.iter().map(|reply| &reply.record).filter(|record| !record.is_ok()) {
        let kind = (record.status.filter(|status| *status != 200), record.outcome.name());
        *errors.entry((kind.0, kind.1, record.error.as_deref().unwrap_or_default())).or_default() += 1;
    }
    let errors: Vec<Value> = errors
        .into_iter()
        .map(|((code, kind, message), count)| {
            json!({"error_details": {"code": code, "type": kind, "message": message}, "count": count})
        })
        .collect();
    put("error_summary", json!(errors));
    put("start_time", json!(context.date(replies.first_start_ns(), "%Y-%m-%dT%H:%M:%S%.6f")));
    put("end_time", json!(context.date(replies.last_end_ns(), "%Y-%m-%dT%H:%M:%S%.6f")));
    Value::Object(out)
}

/// Two blocks with a blank line between them: metrics of requests, metrics of the run.
fn table(spreads: &[Spread], singles: &[Single]) -> String {
    let mut text = "Metric,avg,min,max,sum".to_owned();
    for percent in PERCENTILES {
        text.push_str(&format!(",p{percent}"));
    }
    text.push_str(",std\n");
    for Spread { name, unit, sample, .. } in spreads {
        let values = [sample.mean(), sample.min(), sample.max(), Some(sample.sum())]
            .into_iter()
            .chain(PERCENTILES.map(|percent| sample.percentile(percent)))
            .chain([sample.std()]);
        text.push_str(&format!("{name} ({unit})"));
        for value in values {
            text.push_str(&value.map_or_else(|| ",".to_owned(), |value| format!(",{value:.2}")));
        }
        text.push('\n');
    }
    text.push_str("\nMetric,Value\n");
    for Single { name, unit, value, .. } in singles {
        let shown = if *unit == "requests" || *unit == "tokens" { format!("{value}") } else { format!("{value:.2}") };
        text.push_str(&format!("{name} ({unit}),{shown}\n"));
    }
    text
}
