//! inference-perf: `summary_lifecycle_metrics.json`.
//!
//! Each event with visible text stands for as many tokens as a tokenizer counts in it, all at its stamp; reasoning has
//! none. With fewer than two such tokens a reply has neither TTFT nor time per token. TPOT = (last - first) /
//! (tokens - 1); the normalised time per token is the whole latency, to the end of the response, over the tokens; gaps
//! are between tokens, so 0 within an event. Without a tokenizer here each event is one token and the server's count
//! divides. Sizes of bodies and groups of other modalities than text are left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::sample::Sample;
use super::{Cast, Context, File, Lines, Replies, Reply, View, spell};
use crate::error::Result;
use crate::mark::Mark;
use crate::stats::{Limit, Objective};
use crate::units::NS_PER_S;

const PERCENTILES: [f64; 11] = [0.1, 1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9];
/// Messages of failures that are kept for each label.
const MESSAGES: usize = 10;

pub(super) fn view(reply: &Reply) -> Option<View> {
    if !reply.record.is_ok() {
        return None;
    }
    let latency = reply.since_start(reply.record.end_ns);
    let output = reply.counted.map(|counted| counted.content).or(reply.record.completion_tokens);
    let times = if reply.record.stream { token_times(reply) } else { Vec::new() };
    let (Some(first), Some(last), true) = (times.first(), times.last(), times.len() > 1) else {
        return Some(View { latency, output, ..View::default() });
    };
    let tpot = output.filter(|tokens| *tokens > 1).map(|tokens| (last - first) / (tokens - 1) as f64);
    let itl = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    Some(View { ttft: Some(*first), latency, output, tpot, itl })
}

/// When each token came, in seconds since the start.
fn token_times(reply: &Reply) -> Vec<f64> {
    let texts = reply.events.iter().filter(|event| event.has(Mark::CONTENT));
    texts
        .flat_map(|event| {
            let tokens = event.counted.unwrap_or(1) as usize;
            std::iter::repeat_n(reply.since_start(event.at_ns), tokens)
        })
        .collect()
}

/// The whole latency over the tokens; 0 where there are none.
fn normalised(view: &View) -> f64 {
    view.output.filter(|tokens| *tokens > 0).map_or(0.0, |tokens| view.latency / tokens as f64)
}

/// Whether the pieces add up to another number than the server's.
fn mismatched(reply: &Reply) -> bool {
    let pieces = reply.events.iter().filter(|event| event.has(Mark::CONTENT));
    let sum: Option<u64> = pieces.map(|event| event.counted.map(u64::from)).sum();
    matches!((sum, reply.server_output()), (Some(sum), Some(server)) if reply.counted.is_some() && sum != server)
}

pub(super) fn cast(context: &Context, replies: &Replies) -> Result<Cast> {
    let views: Vec<Option<View>> = replies.iter().map(view).collect();
    let good: Vec<(&Reply, &View)> =
        replies.iter().zip(&views).filter_map(|(reply, view)| Some((reply, view.as_ref()?))).collect();
    let bad: Vec<&Reply> = replies.iter().filter(|reply| !reply.record.is_ok()).collect();
    let total = replies.last_end_ns().saturating_sub(replies.first_start_ns()) as f64 / NS_PER_S;
    let per_second = |amount: f64| if total > 0.0 { amount / total } else { 0.0 };
    let sample = |of: &dyn Fn(&View) -> Option<f64>| Sample::of(good.iter().filter_map(|(_, view)| of(view)).collect());
    let latencies = [
        ("request_latency", "request latency (s)", sample(&|view| Some(view.latency))),
        ("normalized_time_per_output_token", "normalized time per output token (s)", sample(&|v| Some(normalised(v)))),
        ("time_per_output_token", "time per output token (s)", sample(&|view| view.tpot)),
        ("time_to_first_token", "time to first token (s)", sample(&|view| view.ttft)),
        (
            "inter_token_latency",
            "inter-token latency (s)",
            Sample::of(good.iter().flat_map(|(_, view)| view.itl.iter().copied()).collect()),
        ),
    ];
    let input: f64 = good.iter().map(|(reply, _)| reply.input() as f64).sum();
    let output: f64 = good.iter().filter_map(|(_, view)| view.output).sum::<u64>() as f64;
    let latency: Map<String, Value> = latencies.iter().map(|(key, _, s)| ((*key).to_owned(), summary(s))).collect();
    let fallback = |known: fn(&Reply) -> bool| good.iter().filter(|(reply, _)| !known(reply)).count();
    let mut successes = json!({
        "count": good.len(),
        "latency": latency,
        "throughput": {
            "input_tokens_per_sec": per_second(input),
            "output_tokens_per_sec": per_second(output),
            "total_tokens_per_sec": per_second(input + output),
            "requests_per_sec": per_second(good.len() as f64),
            "images_per_sec": 0.0,
            "videos_per_sec": 0.0,
            "audios_per_sec": 0.0,
        },
        "prompt_tokens": prompts(good.iter().map(|(reply, _)| *reply)),
        "output_len": summary(&sample(&|view| view.output.map(|tokens| tokens as f64))),
        "output_tokens": outputs(&good),
        "token_count_mismatches": good.iter().filter(|(reply, _)| mismatched(reply)).count(),
        "client_fallback_requests": {
            "prompt": fallback(|reply| reply.server_output().and(reply.record.prompt_tokens).is_some()),
            "output": fallback(|reply| reply.server_output().is_some()),
        },
    });
    if let Some(goodput) = goodput(context, &good, total) {
        successes["goodput_metrics"] = goodput;
    }
    let document = json!({
        "benchmark_time_seconds": total,
        "load_summary": load(context, replies),
        "successes": successes,
        "failures": {
            "count": bad.len(),
            "request_latency": summary(&Sample::of(bad.iter().map(|r| r.since_start(r.record.end_ns)).collect())),
            "prompt_tokens": prompts(bad.iter().copied()),
            "by_label": labels(&bad),
        },
    });

    let mut lines = Lines::default();
    let mut put = |name: &str, value: Value| lines.put("", name, value);
    put("Successes", json!(good.len()));
    put("Failures", json!(bad.len()));
    put("Benchmark time (s)", json!(total));
    put("Requests per second", json!(per_second(good.len() as f64)));
    put("Output tokens per second", json!(per_second(output)));
    put("Total tokens per second", json!(per_second(input + output)));
    for (_, name, sample) in &latencies {
        lines.put("Latency", format!("Mean {name}"), json!(sample.mean()));
        lines.put("Latency", format!("P99 {name}"), json!(sample.percentile(99.0)));
    }
    let contents = spell(&document, Some(2))?;
    let files = vec![File { name: "summary_lifecycle_metrics.json".to_owned(), contents }];
    let notes = vec![format!("tokens of replies are counted by {}", context.counted_by())];
    Ok(Cast { title: "inference-perf Lifecycle Metrics", figures: lines.0, decimals: 6, files, notes })
}

/// Mean, ends and percentiles; null of nothing.
fn summary(sample: &Sample) -> Value {
    if sample.len() == 0 {
        return Value::Null;
    }
    let ends = [("mean", sample.mean()), ("min", sample.min()), ("max", sample.max())];
    let mut out: Map<String, Value> = ends.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    for percent in PERCENTILES {
        let key = if percent == 50.0 { "median".to_owned() } else { format!("p{percent}") };
        out.insert(key, json!(sample.percentile(percent)));
    }
    Value::Object(out)
}

/// Keys of one object before those of a summary.
fn with_summary(head: Value, sample: &Sample) -> Value {
    let mut out = head;
    if let (Value::Object(out), Value::Object(rest)) = (&mut out, summary(sample)) {
        out.extend(rest);
    }
    out
}

fn prompts<'a>(replies: impl Iterator<Item = &'a Reply>) -> Value {
    let (mut tokens, mut cached) = (Vec::new(), 0.0);
    for reply in replies {
        tokens.push(reply.input() as f64);
        cached += reply.record.cached_tokens.unwrap_or(0) as f64;
    }
    let sample = Sample::of(tokens);
    let total = sample.sum();
    with_summary(json!({"total": total, "cached": cached, "uncached": (total - cached).max(0.0)}), &sample)
}

/// The server's counts, else the client's.
fn outputs(good: &[(&Reply, &View)]) -> Value {
    let one = |(reply, view): &(&Reply, &View)| reply.server_output().or(view.output).unwrap_or(0) as f64;
    let sample = Sample::of(good.iter().map(one).collect());
    with_summary(json!({"total": sample.sum()}), &sample)
}

fn load(context: &Context, replies: &Replies) -> Value {
    let mut starts: Vec<u64> = replies.iter().map(Reply::start_ns).collect();
    starts.sort_unstable();
    let delays = Sample::of(replies.iter().map(Reply::queued).collect());
    let send = starts.first().zip(starts.last()).map_or(0.0, |(first, last)| (last - first) as f64 / NS_PER_S);
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("count", json!(starts.len()));
    put("schedule_delay", summary(&delays));
    if let Some(rate) = context.load.rate() {
        put("send_duration", json!(send));
        put("requested_rate", json!(rate));
        put("achieved_rate", json!(if send > 0.0 { starts.len() as f64 / send } else { 0.0 }));
    }
    if let (None, Some(cap)) = (context.load.rate(), context.load.cap()) {
        put("concurrency", json!(cap));
    }
    Value::Object(out)
}

/// Requests that meet all objectives; a value that does not exist meets none.
fn goodput(context: &Context, good: &[(&Reply, &View)], total_s: f64) -> Option<Value> {
    let limits = context.slo.as_ref()?.limits();
    if good.is_empty() {
        return None;
    }
    let value = |objective: Objective, view: &View| match objective {
        Objective::Ttft => view.ttft,
        Objective::Tpot => view.tpot,
        Objective::E2el => Some(view.latency),
    };
    let meets =
        |limit: &Limit, view: &View| value(limit.objective, view).is_some_and(|value| value <= limit.ms / 1000.0);
    let met: Vec<&(&Reply, &View)> =
        good.iter().filter(|(_, view)| limits.iter().all(|limit| meets(limit, view))).collect();
    let tokens: u64 = met.iter().map(|(reply, view)| reply.input() + view.output.unwrap_or(0)).sum();
    let per_second = |amount: f64| if total_s > 0.0 { amount / total_s } else { 0.0 };
    let percent = |part: usize| 100.0 * part as f64 / good.len() as f64;
    let mut out = json!({
        "goodput_percentage": percent(met.len()),
        "request_goodput": per_second(met.len() as f64),
        "token_goodput": per_second(tokens as f64),
        "good_requests": met.len(),
        "total_requests": good.len(),
    });
    for limit in limits {
        let name = match limit.objective {
            Objective::Ttft => "ttft",
            Objective::Tpot => "tpot",
            Objective::E2el => "request_latency",
        };
        let attained = good.iter().filter(|(_, view)| meets(limit, view)).count();
        out[format!("{name}_attainment_percentage")] = json!(percent(attained));
    }
    Some(out)
}

/// Failures by kind, the most frequent first, each with some of its messages.
fn labels(bad: &[&Reply]) -> Value {
    let mut labels: BTreeMap<String, (usize, Vec<&str>)> = BTreeMap::new();
    for record in bad.iter().map(|reply| &reply.record) {
        let label = match record.status {
            Some(status) if status != 200 => format!("{status} - {}", record.outcome.name()),
            _ => record.outcome.name().to_owned(),
        };
        let (count, messages) = labels.entry(label).or_default();
        *count += 1;
        let message = record.error.as_deref().unwrap_or_default();
        if messages.len() < MESSAGES && !messages.contains(&message) {
            messages.push(message);
        }
    }
    let mut labels: Vec<(String, (usize, Vec<&str>))> = labels.into_iter().collect();
    labels.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let spelled = labels.into_iter().map(|(label, (count, messages))| {
        let messages: Vec<Value> = messages.into_iter().map(|message| json!({"message": message})).collect();
        (label, json!({"count": count, "messages": messages}))
    });
    Value::Object(spelled.collect())
}
