//! `vllm bench serve --save-result --save-detailed`.
//!
//! Every event with choices counts, whatever it carries: the first gives TTFT, each later one a gap, the last one the
//! latency. TPOT = (latency - TTFT) / (tokens - 1), left out for replies of one token. Percentiles are linear, spreads
//! have divisor n, and an empty list gives 0. The run lasts from before the first dispatch to the end of the last reply.

use serde_json::{Map, Value, json};

use super::peaks::{busiest_second, most_at_once};
use super::reply::gaps;
use super::sample::{Sample, percent_key};
use super::{Cast, Context, Event, File, Lines, Replies, Reply, View, goodput, number_or_inf, spell};
use crate::error::Result;
use crate::mark::Mark;
use crate::record::TokensFrom;
use crate::stats::Slo;

/// Percentiles that vLLM writes when it is not told otherwise.
const PERCENTILES: [f64; 1] = [99.0];

pub(super) fn view(reply: &Reply) -> Option<View> {
    if !reply.record.is_ok() {
        return None;
    }
    let stamps = reply.stamps(Mark::CHOICES);
    let ttft = reply.since_start(stamps.clone().next()?);
    let latency = reply.since_start(stamps.clone().last()?);
    let output = output(reply);
    let tpot = (output > 1).then(|| (latency - ttft) / (output - 1) as f64);
    Some(View { ttft: Some(ttft), latency, output: Some(output), tpot, itl: gaps(stamps) })
}

/// Whether the usage came where vLLM looks for it: in an event without choices, or in a reply that is not streamed.
fn sees_usage(reply: &Reply) -> bool {
    let seen = |event: &Event| event.has(Mark::USAGE) && (!event.has(Mark::CHOICES) || !reply.record.stream);
    reply.record.tokens_from == Some(TokensFrom::Usage) && reply.events.iter().any(seen)
}

/// Usage, else the tokens of the visible text, else 1. A server's count that vLLM would have overlooked is still nearer
/// to its tokenizer's than 1 is.
fn output(reply: &Reply) -> u64 {
    match (sees_usage(reply), reply.counted) {
        (false, Some(counted)) => counted.content,
        _ => reply.record.completion_tokens.unwrap_or(1),
    }
}

/// The figures that vLLM makes of a run, in its units: seconds in lists, milliseconds in spreads.
pub(super) struct Metrics {
    views: Vec<Option<View>>,
    pub(super) duration_s: f64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) total_input: u64,
    pub(super) total_output: u64,
    pub(super) good: Option<u64>,
    pub(super) ttft_ms: Sample,
    pub(super) tpot_ms: Sample,
    pub(super) itl_ms: Sample,
    pub(super) e2el_ms: Sample,
    queue_ms: Sample,
    e2el_with_queue_ms: Sample,
    pub(super) busiest_second: u64,
    pub(super) most_at_once: u64,
}

impl Metrics {
    pub(super) fn of(replies: &Replies, duration_s: f64, slo: Option<&Slo>) -> Metrics {
        let views: Vec<Option<View>> = replies.iter().map(view).collect();
        let good: Vec<(&Reply, &View)> =
            replies.iter().zip(&views).filter_map(|(reply, view)| Some((reply, view.as_ref()?))).collect();
        let ms = |values: Vec<f64>| Sample::of(values).times(1000.0);
        let each = |of: fn(&Reply, &View) -> Option<f64>| ms(good.iter().filter_map(|(r, v)| of(r, v)).collect());
        let origin = good.iter().map(|(reply, _)| reply.start_ns()).min().unwrap_or(0);
        let span = |reply: &Reply| (reply.start_ns(), reply.stamps(Mark::CHOICES).last().unwrap_or(reply.start_ns()));
        Metrics {
            duration_s,
            completed: good.len() as u64,
            failed: (views.len() - good.len()) as u64,
            total_input: good.iter().map(|(reply, _)| reply.input()).sum(),
            total_output: good.iter().filter_map(|(_, view)| view.output).sum(),
            good: goodput::good(slo, good.iter().map(|(_, view)| *view)),
            ttft_ms: each(|_, view| view.ttft),
            tpot_ms: each(|_, view| view.tpot),
            itl_ms: ms(good.iter().flat_map(|(_, view)| view.itl.iter().copied()).collect()),
            e2el_ms: each(|_, view| Some(view.latency)),
            queue_ms: each(|reply, _| Some(reply.queued())),
            e2el_with_queue_ms: each(|reply, view| Some(reply.queued() + view.latency)),
            busiest_second: busiest_second(good.iter().flat_map(|(reply, _)| reply.stamps(Mark::CHOICES)), origin),
            most_at_once: most_at_once(good.iter().map(|(reply, _)| span(reply))),
            views,
        }
    }

    pub(super) fn per_second(&self, amount: u64) -> f64 {
        if self.duration_s > 0.0 { amount as f64 / self.duration_s } else { 0.0 }
    }
}

pub(super) fn cast(context: &Context, replies: &Replies) -> Result<Cast> {
    let metrics = Metrics::of(replies, replies.dispatch_to_end(), context.slo.as_ref());
    let date = context.date(replies.last_end_ns(), "%Y%m%d-%H%M%S");
    let mut notes = Vec::new();
    let overlooked = replies.iter().filter(|reply| view(reply).is_some() && !sees_usage(reply)).count();
    if overlooked > 0 {
        notes.push(format!(
            "{overlooked} replies have no usage where vllm looks for it; their tokens are counted by {}",
            context.counted_by()
        ));
    }
    let name = file_name(context, &date);
    let contents = spell(&Value::Object(result(context, replies, &metrics, &date)), None)?;
    Ok(Cast {
        title: "Serving Benchmark Result",
        figures: figures(context, &metrics),
        decimals: 2,
        files: vec![File { name, contents }],
        notes,
    })
}

fn backend(context: &Context) -> &'static str {
    if context.chat { "openai-chat" } else { "openai" }
}

fn file_name(context: &Context, date: &str) -> String {
    let label = context.label.as_deref().unwrap_or(backend(context)).replace('/', "_");
    let pace = match &context.ramp {
        Some(ramp) => format!("ramp-up-{}-{}qps-{}qps", ramp.strategy, ramp.from, ramp.to),
        None => format!("{}qps", context.rate_name()),
    };
    let cap = context.load.cap().map(|cap| format!("-concurrency{cap}")).unwrap_or_default();
    format!("{label}-{pace}{cap}-{}-{date}.json", context.model_leaf())
}

fn result(context: &Context, replies: &Replies, metrics: &Metrics, date: &str) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("date", json!(date));
    put("endpoint_type", json!(backend(context)));
    put("backend", json!(backend(context)));
    put("label", json!(context.label));
    put("model_id", json!(context.model));
    put("tokenizer_id", json!(context.tokenizer));
    put("num_prompts", json!(context.number));
    put("request_rate", context.rate_value());
    put("burstiness", number_or_inf(context.burstiness));
    put("max_concurrency", json!(context.load.cap()));
    if let Some(ramp) = &context.ramp {
        put("ramp_up_strategy", json!(ramp.strategy));
        put("ramp_up_start_rps", json!(ramp.from));
        put("ramp_up_end_rps", json!(ramp.to));
    }
    put("duration", json!(metrics.duration_s));
    put("completed", json!(metrics.completed));
    put("failed", json!(metrics.failed));
    put("total_input_tokens", json!(metrics.total_input));
    put("total_output_tokens", json!(metrics.total_output));
    put("request_throughput", json!(metrics.per_second(metrics.completed)));
    put("request_goodput", json!(metrics.good.map(|good| metrics.per_second(good))));
    put("output_throughput", json!(metrics.per_second(metrics.total_output)));
    put("total_token_throughput", json!(metrics.per_second(metrics.total_input + metrics.total_output)));
    let views = || metrics.views.iter().map(Option::as_ref);
    if context.detailed {
        put("input_lens", replies.iter().map(Reply::input).collect());
        put("output_lens", views().map(|view| view.and_then(|view| view.output).unwrap_or(0)).collect());
        put("ttfts", views().map(|view| view.and_then(|view| view.ttft).unwrap_or(0.0)).collect());
        put("itls", views().map(|view| view.map_or(Value::Array(Vec::new()), |view| json!(view.itl))).collect());
    }
    put("latencies", views().map(|view| view.map_or(0.0, |view| view.latency)).collect());
    if context.detailed {
        put("start_times", replies.iter().map(|reply| crate::units::seconds(reply.start_ns())).collect());
    }
    put("queue_times", replies.iter().map(Reply::queued).collect());
    if context.detailed {
        put("generated_texts", replies.iter().map(|reply| reply.content.as_str()).collect());
        put("errors", replies.iter().zip(views()).map(|(reply, view)| error(reply, view)).collect());
    }
    put("max_output_tokens_per_s", json!(metrics.busiest_second as f64));
    put("max_concurrent_requests", json!(metrics.most_at_once));
    put("rtfx", json!(0.0));
    for (name, sample) in
        [("ttft", &metrics.ttft_ms), ("tpot", &metrics.tpot_ms), ("itl", &metrics.itl_ms), ("e2el", &metrics.e2el_ms)]
    {
        put(&format!("mean_{name}_ms"), json!(sample.mean().unwrap_or(0.0)));
        put(&format!("median_{name}_ms"), json!(sample.percentile(50.0).unwrap_or(0.0)));
        put(&format!("std_{name}_ms"), json!(sample.std().unwrap_or(0.0)));
        for percent in PERCENTILES {
            let value = sample.percentile(percent).unwrap_or(0.0);
            put(&format!("{}_{name}_ms", percent_key(percent)), json!(value));
        }
    }
    out
}

/// Why vLLM takes a reply for a failure; empty where it does not.
fn error(reply: &Reply, view: Option<&View>) -> String {
    match (view, &reply.record.error) {
        (Some(_), _) => String::new(),
        (None, Some(error)) => error.clone(),
        (None, None) => "no event with choices arrived".to_owned(),
    }
}

fn figures(context: &Context, metrics: &Metrics) -> Vec<super::Figure> {
    let mut lines = Lines::default();
    let mut put = |name: &str, value: Value| lines.put("", name, value);
    put("Successful requests", json!(metrics.completed));
    put("Failed requests", json!(metrics.failed));
    if let Some(cap) = context.load.cap() {
        put("Maximum request concurrency", json!(cap));
    }
    if let Some(rate) = context.load.rate() {
        put("Request rate configured (RPS)", json!(rate));
    }
    put("Benchmark duration (s)", json!(metrics.duration_s));
    put("Total input tokens", json!(metrics.total_input));
    put("Total generated tokens", json!(metrics.total_output));
    put("Request throughput (req/s)", json!(metrics.per_second(metrics.completed)));
    if let Some(good) = metrics.good {
        put("Request goodput (req/s)", json!(metrics.per_second(good)));
    }
    put("Output token throughput (tok/s)", json!(metrics.per_second(metrics.total_output)));
    put("Peak output token throughput (tok/s)", json!(metrics.busiest_second as f64));
    put("Peak concurrent requests", json!(metrics.most_at_once as f64));
    put("Total token throughput (tok/s)", json!(metrics.per_second(metrics.total_input + metrics.total_output)));
    let mut spreads = vec![
        ("Time to First Token", "TTFT", &metrics.ttft_ms),
        ("Time per Output Token (excl. 1st token)", "TPOT", &metrics.tpot_ms),
        ("Inter-token Latency", "ITL", &metrics.itl_ms),
        ("End-to-end Latency", "E2EL", &metrics.e2el_ms),
    ];
    if context.load.rate().is_some() {
        spreads.push(("Client Queue Time", "client queue time", &metrics.queue_ms));
        spreads.push(("End-to-end Latency incl. Client Queue", "E2EL incl. queue", &metrics.e2el_with_queue_ms));
    }
    for (group, name, sample) in spreads {
        let mut put = |what: &str, value: Option<f64>| {
            lines.put(group, format!("{what} {name} (ms)"), json!(value.unwrap_or(0.0)));
        };
        put("Mean", sample.mean());
        put("Median", sample.percentile(50.0));
        for percent in PERCENTILES {
            put(&percent_key(percent).to_uppercase(), sample.percentile(percent));
        }
    }
    lines.0
}
