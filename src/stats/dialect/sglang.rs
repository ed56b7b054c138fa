//! SGLang's `bench_serving` against an OpenAI-compatible server.
//!
//! The first event with text, reasoning included, gives TTFT and each later one a gap; the latency runs to the last
//! event, `[DONE]` included. TPOT = (latency - TTFT) / (tokens - 1), left out for replies of one token. Where the server
//! tells no count, the asked number of tokens stands for it.

use serde_json::{Map, Value, json};

use super::peaks::{busiest_second, most_in_a_second};
use super::reply::gaps;
use super::sample::Sample;
use super::{Cast, Context, File, Lines, Replies, Reply, View, goodput, spell};
use crate::error::Result;
use crate::mark::Mark;

const TEXT: u16 = Mark::CONTENT | Mark::REASONING;
const PERCENTILES: [f64; 3] = [90.0, 95.0, 99.0];

pub(super) fn view(reply: &Reply, asked: Option<u64>) -> Option<View> {
    if !reply.record.is_ok() {
        return None;
    }
    let stamps = reply.stamps(TEXT);
    // A reply without any text leaves TTFT at 0, and the latency counts all the same.
    let ttft = stamps.clone().next().map_or(0.0, |at| reply.since_start(at));
    let latency = reply.since_start(end_ns(reply));
    let output = reply.server_output().or(asked).or(reply.record.completion_tokens).unwrap_or(0);
    let tpot = (output > 1).then(|| (latency - ttft) / (output - 1) as f64);
    Some(View { ttft: Some(ttft), latency, output: Some(output), tpot, itl: gaps(stamps) })
}

fn end_ns(reply: &Reply) -> u64 {
    reply.events.last().map_or(reply.record.end_ns, |event| event.at_ns)
}

pub(super) fn cast(context: &Context, replies: &Replies) -> Result<Cast> {
    let views: Vec<Option<View>> = replies.iter().map(|reply| view(reply, context.max_tokens)).collect();
    let good: Vec<(&Reply, &View)> =
        replies.iter().zip(&views).filter_map(|(reply, view)| Some((reply, view.as_ref()?))).collect();
    let ms = |values: Vec<f64>| Sample::of(values).times(1000.0);
    let spreads = [
        ("e2e_latency", "End-to-End Latency", "E2E Latency", ms(good.iter().map(|(_, view)| view.latency).collect())),
        ("ttft", "Time to First Token", "TTFT", ms(good.iter().filter_map(|(_, view)| view.ttft).collect())),
        (
            "tpot",
            "Time per Output Token (excl. 1st token)",
            "TPOT",
            ms(good.iter().filter_map(|(_, view)| view.tpot).collect()),
        ),
        ("itl", "Inter-Token Latency", "ITL", ms(good.iter().flat_map(|(_, view)| view.itl.iter().copied()).collect())),
    ];
    let duration = replies.dispatch_to_end();
    let per_second = |amount: f64| if duration > 0.0 { amount / duration } else { 0.0 };
    let input: u64 = good.iter().map(|(reply, _)| reply.input()).sum();
    let output: u64 = good.iter().filter_map(|(_, view)| view.output).sum();
    let again: Option<u64> = good.iter().map(|(reply, _)| reply.counted.map(|counted| counted.content)).sum();
    let origin = good.iter().map(|(reply, _)| reply.start_ns()).min().unwrap_or(0);
    let within_goals = goodput::good(context.slo.as_ref(), good.iter().map(|(_, view)| *view));
    let peak_tokens = busiest_second(good.iter().flat_map(|(reply, _)| reply.stamps(TEXT)), origin);
    let peak_requests = most_in_a_second(good.iter().map(|(reply, _)| (reply.start_ns(), end_ns(reply))), origin);
    let at_once = per_second(good.iter().map(|(_, view)| view.latency).sum());

    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("tag", json!(context.label));
    put("backend", json!(backend(context)));
    put("dataset_name", json!(context.dataset));
    put("request_rate", context.rate_value());
    put("max_concurrency", json!(context.load.cap()));
    for key in ["sharegpt_output_len", "random_input_len", "random_output_len", "random_range_ratio", "server_info"] {
        put(key, Value::Null);
    }
    put("duration", json!(duration));
    put("completed", json!(good.len()));
    put("total_input_tokens", json!(input));
    put("total_input_text_tokens", json!(input));
    put("total_input_vision_tokens", json!(0));
    put("total_output_tokens", json!(output));
    put("total_output_tokens_retokenized", json!(again));
    put("request_throughput", json!(per_second(good.len() as f64)));
    put("input_throughput", json!(per_second(input as f64)));
    put("output_throughput", json!(per_second(output as f64)));
    put("total_throughput", json!(per_second((input + output) as f64)));
    for (key, _, _, sample) in &spreads {
        put(&format!("mean_{key}_ms"), json!(sample.mean().unwrap_or(0.0)));
        put(&format!("median_{key}_ms"), json!(sample.percentile(50.0).unwrap_or(0.0)));
        put(&format!("std_{key}_ms"), json!(sample.std().unwrap_or(0.0)));
        for percent in PERCENTILES {
            put(&format!("p{percent}_{key}_ms"), json!(sample.percentile(percent).unwrap_or(0.0)));
        }
    }
    put("concurrency", json!(at_once));
    put("accept_length", Value::Null);
    put("max_output_tokens_per_s", json!(peak_tokens as f64));
    put("max_concurrent_requests", json!(peak_requests));
    put("request_goodput", json!(within_goals.map(|met| per_second(met as f64))));
    let attained = within_goals.filter(|_| !good.is_empty()).map(|met| 100.0 * met as f64 / good.len() as f64);
    put("slo_attainment", json!(attained));
    put("cache_report", Value::Null);
    if context.detailed {
        let each = || views.iter().map(Option::as_ref);
        put("input_lens", replies.iter().map(Reply::input).collect());
        put("output_lens", each().map(|view| view.and_then(|view| view.output).unwrap_or(0)).collect());
        put("ttfts", each().map(|view| view.and_then(|view| view.ttft).unwrap_or(0.0)).collect());
        put("itls", each().map(|view| view.map_or(Value::Array(Vec::new()), |view| json!(view.itl))).collect());
        put("generated_texts", replies.iter().map(|reply| reply.content.as_str()).collect());
        put("errors", replies.iter().map(|reply| reply.record.error.clone().unwrap_or_default()).collect());
    }

    let mut lines = Lines::default();
    let mut put = |name: &str, value: Value| lines.put("", name, value);
    put("Backend", json!(backend(context)));
    put("Traffic request rate", json!(context.rate_name()));
    put("Max request concurrency", context.load.cap().map_or_else(|| json!("not set"), |cap| json!(cap)));
    put("Successful requests", json!(good.len()));
    put("Benchmark duration (s)", json!(duration));
    put("Total input tokens", json!(input));
    put("Total generated tokens", json!(output));
    put("Total generated tokens (retokenized)", json!(again));
    put("Request throughput (req/s)", json!(per_second(good.len() as f64)));
    put("Input token throughput (tok/s)", json!(per_second(input as f64)));
    put("Output token throughput (tok/s)", json!(per_second(output as f64)));
    put("Peak output token throughput (tok/s)", json!(peak_tokens as f64));
    put("Peak concurrent requests", json!(peak_requests));
    put("Total token throughput (tok/s)", json!(per_second((input + output) as f64)));
    put("Concurrency", json!(at_once));
    for (_, group, name, sample) in &spreads {
        lines.put(group, format!("Mean {name} (ms)"), json!(sample.mean().unwrap_or(0.0)));
        lines.put(group, format!("Median {name} (ms)"), json!(sample.percentile(50.0).unwrap_or(0.0)));
        for percent in PERCENTILES {
            lines.put(group, format!("P{percent} {name} (ms)"), json!(sample.percentile(percent).unwrap_or(0.0)));
        }
    }

    let date = context.date(replies.last_end_ns(), "%m%d");
    let name = format!("{}_{date}_{}_{}.jsonl", backend(context), context.number, context.dataset.replace('/', "_"));
    let contents = spell(&Value::Object(out), None)? + "\n";
    let unknown = good.iter().filter(|(reply, _)| reply.server_output().is_none()).count();
    let notes = (unknown > 0)
        .then(|| {
            let stand_in = if context.max_tokens.is_some() { "the number that was asked for" } else { "a tokenizer's" };
            format!("{unknown} replies have no usage; their tokens are {stand_in}, as sglang takes it")
        })
        .into_iter()
        .collect();
    Ok(Cast {
        title: "Serving Benchmark Result",
        figures: lines.0,
        decimals: 2,
        files: vec![File { name, contents }],
        notes,
    })
}

fn backend(context: &Context) -> &'static str {
    if context.chat { "sglang-oai-chat" } else { "sglang-oai" }
}
