//! guidellm: `benchmarks.json`.
//!
//! An event with content, reasoning or a tool call is a token iteration. TTFT runs to the first of them and the request
//! latency to the end of the response. Time per output token = (last token - start) / tokens, so it holds the TTFT;
//! inter-token latency = (last - first token) / (tokens - 1), one value a reply, weighted by those tokens. What is
//! missing is 0 in its distributions, as guidellm writes it. Groups of other modalities than text are left out.

use serde_json::{Value, json};

use super::distribution::Distribution;
use super::{Cast, Context, File, Lines, Replies, Reply, View, spell};
use crate::error::Result;
use crate::mark::Mark;
use crate::units::{NS_PER_S, seconds};

const OUTPUT: u16 = Mark::CONTENT | Mark::REASONING | Mark::TOOL;

pub(super) fn view(reply: &Reply) -> Option<View> {
    reply.record.is_ok().then(|| see(reply))
}

/// The view of any reply, also of one that failed halfway.
fn see(reply: &Reply) -> View {
    let mut stamps = reply.stamps(OUTPUT);
    let first = stamps.next().filter(|_| reply.record.stream);
    let last = stamps.last().or(first);
    let latency = reply.since_start(reply.record.end_ns);
    let output = output(reply);
    let end = last.map_or(latency, |at| reply.since_start(at));
    let itl = match (first, last, output) {
        (Some(first), Some(last), Some(tokens @ 2..)) => {
            vec![(reply.since_start(last) - reply.since_start(first)) / (tokens - 1) as f64]
        }
        _ => Vec::new(),
    };
    View {
        ttft: first.map(|at| reply.since_start(at)),
        latency,
        output,
        tpot: output.filter(|tokens| *tokens > 0).map(|tokens| end / tokens as f64),
        itl,
    }
}

/// The server's count, else one token an iteration.
fn output(reply: &Reply) -> Option<u64> {
    let iterations = reply.stamps(OUTPUT).count() as u64;
    reply.server_output().or(Some(iterations).filter(|iterations| *iterations > 0))
}

/// Tokens of a reply as guidellm places them in time: spread evenly between the first and the last stamp.
fn token_times(reply: &Reply) -> Vec<(f64, f64)> {
    let at = |ns: u64| ns as f64 / NS_PER_S;
    let tokens = output(reply).unwrap_or(0) as f64;
    let stamps: Vec<u64> = if reply.record.stream { reply.stamps(OUTPUT).collect() } else { Vec::new() };
    let (Some(first), Some(last), true) = (stamps.first(), stamps.last(), stamps.len() > 1) else {
        return vec![(at(stamps.last().copied().unwrap_or(reply.record.end_ns)), tokens)];
    };
    let steps = (stamps.len() - 1) as f64;
    let rest = if tokens > 1.0 { (tokens - 1.0) / steps } else { 0.0 };
    let later = (1..stamps.len()).filter(|_| rest > 0.0);
    let later = later.map(|step| (at(*first) + (at(*last) - at(*first)) * step as f64 / steps, rest));
    std::iter::once((at(*first), f64::from(u8::from(tokens > 0.0)))).chain(later).collect()
}

/// The prompt, placed at the first token.
fn prompt_time(reply: &Reply) -> (f64, f64) {
    let first = reply.stamps(OUTPUT).next().filter(|_| reply.record.stream);
    (first.unwrap_or(reply.record.end_ns) as f64 / NS_PER_S, reply.input() as f64)
}

/// One distribution for each status, and for all. guidellm's incomplete requests are those it cut itself; a cut run has
/// none here.
struct ByStatus<'a> {
    good: Vec<&'a Reply>,
    bad: Vec<&'a Reply>,
}

impl<'a> ByStatus<'a> {
    fn each(&self, of: &dyn Fn(&[&'a Reply]) -> Distribution) -> Value {
        let all: Vec<&Reply> = self.good.iter().chain(&self.bad).copied().collect();
        json!({
            "successful": of(&self.good).to_json(),
            "incomplete": of(&[]).to_json(),
            "errored": of(&self.bad).to_json(),
            "total": of(&all).to_json(),
        })
    }

    fn values(&self, of: fn(&Reply) -> f64) -> Value {
        self.each(&|replies| Distribution::plain(replies.iter().map(|reply| of(reply))))
    }

    fn weighted(&self, of: fn(&Reply) -> (f64, f64)) -> Value {
        self.each(&|replies| Distribution::of(replies.iter().map(|reply| of(reply))))
    }

    fn rates(&self, of: fn(&Reply) -> Vec<(f64, f64)>, window: Option<(f64, f64)>) -> Value {
        self.each(&|replies| Distribution::rate(replies.iter().flat_map(|reply| of(reply)), window))
    }
}

fn span(reply: &Reply) -> (f64, f64) {
    (seconds(reply.start_ns()), seconds(reply.record.end_ns))
}

pub(super) fn cast(context: &Context, replies: &Replies) -> Result<Cast> {
    let (good, bad) = replies.iter().partition(|reply| reply.record.is_ok());
    let by = ByStatus { good, bad };
    let window = (seconds(replies.first_start_ns()), seconds(replies.last_end_ns()));
    let metrics = metrics(&by, window);
    let document = json!({
        "metadata": {
            "version": 1,
            "generated_by": concat!("evalscope ", env!("CARGO_PKG_VERSION")),
            "token_counts_from": "server usage, else one token an iteration",
        },
        "args": {"model": context.model, "data": context.dataset, "rate": context.load.rate()},
        "benchmarks": [{
            "type_": "generative_benchmark",
            "config": config(context),
            "scheduler_metrics": scheduler(context, replies, &by, window),
            "start_time": wall(context, window.0),
            "end_time": wall(context, window.1),
            "duration": window.1 - window.0,
            "metrics": metrics,
            "requests": requests(context, &by),
        }],
    });
    let contents = spell(&document, Some(2))?;
    let uncounted = by.good.iter().filter(|reply| reply.server_output().is_none()).count();
    let notes = (uncounted > 0)
        .then(|| format!("{uncounted} replies have no usage; each of their events counts for one token"))
        .into_iter()
        .collect();
    let figures = figures(&by, window);
    let files = vec![File { name: "benchmarks.json".to_owned(), contents }];
    Ok(Cast { title: "GuideLLM Benchmark", figures, decimals: 4, files, notes })
}

fn metrics(by: &ByStatus, window: (f64, f64)) -> Value {
    let totals = (by.good.len(), by.bad.len());
    json!({
        "request_totals":
            {"successful": totals.0, "incomplete": 0, "errored": totals.1, "total": totals.0 + totals.1},
        "requests_per_second": by.rates(|reply| vec![(span(reply).1, 1.0)], Some(window)),
        "request_concurrency":
            by.each(&|replies| Distribution::at_once(replies.iter().map(|reply| span(reply)), window)),
        "request_latency": by.values(|reply| see(reply).latency),
        "request_streaming_iterations_count": by.values(iterations),
        "prompt_token_count": by.values(|reply| reply.input() as f64),
        "output_token_count": by.values(|reply| output(reply).unwrap_or(0) as f64),
        "total_token_count": by.values(|reply| (reply.input() + output(reply).unwrap_or(0)) as f64),
        "time_to_first_token_ms": by.values(|reply| 1000.0 * see(reply).ttft.unwrap_or(0.0)),
        "time_to_first_output_token_ms": by.values(first_output_ms),
        "time_per_output_token_ms": by.weighted(per_token_ms),
        "inter_token_latency_ms": by.weighted(between_tokens_ms),
        "prompt_tokens_per_second": by.rates(|reply| vec![prompt_time(reply)], None),
        "output_tokens_per_second": by.rates(token_times, None),
        "tokens_per_second": by.rates(all_times, None),
        "output_tokens_per_iteration": by.each(&|replies| {
            Distribution::plain(replies.iter().flat_map(|reply| token_times(reply)).map(|(_, tokens)| tokens))
        }),
        "iter_tokens_per_iteration": by.each(&|replies| {
            let later = replies.iter().flat_map(|reply| token_times(reply).into_iter().skip(1));
            Distribution::plain(later.map(|(_, tokens)| tokens))
        }),
    })
}

fn iterations(reply: &Reply) -> f64 {
    reply.events.iter().filter(|event| !event.has(Mark::DONE)).count() as f64
}

fn first_output_ms(reply: &Reply) -> f64 {
    let first = reply.stamps(Mark::CONTENT | Mark::TOOL).next().filter(|_| reply.record.stream);
    first.map_or(0.0, |at| 1000.0 * reply.since_start(at))
}

fn per_token_ms(reply: &Reply) -> (f64, f64) {
    (1000.0 * see(reply).tpot.unwrap_or(0.0), output(reply).unwrap_or(0) as f64)
}

fn between_tokens_ms(reply: &Reply) -> (f64, f64) {
    let itl = see(reply).itl.first().copied().unwrap_or(0.0);
    (1000.0 * itl, output(reply).unwrap_or(0).saturating_sub(1) as f64)
}

fn all_times(reply: &Reply) -> Vec<(f64, f64)> {
    std::iter::once(prompt_time(reply)).chain(token_times(reply)).collect()
}

fn wall(context: &Context, at_s: f64) -> f64 {
    seconds(context.epoch_unix_ns) + at_s
}

fn config(context: &Context) -> Value {
    let strategy = match (context.load.rate(), context.load.cap()) {
        (Some(rate), cap) if context.burstiness.is_infinite() => {
            json!({"type_": "constant", "rate": rate, "max_concurrency": cap})
        }
        (Some(rate), cap) => json!({"type_": "poisson", "rate": rate, "max_concurrency": cap}),
        (None, Some(1)) => json!({"type_": "synchronous"}),
        (None, streams) => json!({"type_": "concurrent", "streams": streams}),
    };
    json!({"run_id": context.label, "strategy": strategy, "constraints": {"max_requests": {"max_num": context.number}}})
}

fn scheduler(context: &Context, replies: &Replies, by: &ByStatus, window: (f64, f64)) -> Value {
    let count = replies.iter().count();
    let late = replies.iter().map(Reply::queued).sum::<f64>();
    json!({
        "start_time": wall(context, window.0),
        "request_start_time": wall(context, window.0),
        "measure_start_time": wall(context, window.0),
        "measure_end_time": wall(context, window.1),
        "request_end_time": wall(context, window.1),
        "end_time": wall(context, window.1),
        "requests_made":
            {"successful": by.good.len(), "incomplete": 0, "errored": by.bad.len(), "total": count},
        "request_targeted_start_delay_avg": if count > 0 { late / count as f64 } else { 0.0 },
    })
}

fn requests(context: &Context, by: &ByStatus) -> Value {
    let list = |replies: &[&Reply]| -> Vec<Value> {
        let one = |reply: &&Reply| {
            let seen = see(reply);
            let ms = |value: Option<f64>| value.map(|seconds| 1000.0 * seconds);
            json!({
                "type_": "generative_request_stats",
                "request_id": reply.record.request_id,
                "output": reply.content,
                "request_start_time": wall(context, span(reply).0),
                "request_end_time": wall(context, span(reply).1),
                "request_latency": seen.latency,
                "prompt_tokens": reply.record.prompt_tokens,
                "output_tokens": seen.output,
                "time_to_first_token_ms": ms(seen.ttft),
                "time_per_output_token_ms": ms(seen.tpot),
                "inter_token_latency_ms": ms(seen.itl.first().copied()),
            })
        };
        if context.detailed { replies.iter().map(one).collect() } else { Vec::new() }
    };
    json!({"successful": list(&by.good), "incomplete": [], "errored": list(&by.bad), "total": null})
}

fn figures(by: &ByStatus, window: (f64, f64)) -> Vec<super::Figure> {
    let mut lines = Lines::default();
    let mut put = |name: &str, value: Value| lines.put("", name, value);
    put("Successful requests", json!(by.good.len()));
    put("Errored requests", json!(by.bad.len()));
    put("Duration (s)", json!(window.1 - window.0));
    let plain = |of: fn(&Reply) -> f64| Distribution::plain(by.good.iter().map(|reply| of(reply)));
    let weighted = |of: fn(&Reply) -> (f64, f64)| Distribution::of(by.good.iter().map(|reply| of(reply)));
    let rate = |of: fn(&Reply) -> Vec<(f64, f64)>, window| {
        Distribution::rate(by.good.iter().flat_map(|reply| of(reply)), window).mean()
    };
    put("Mean requests per second", json!(rate(|reply| vec![(span(reply).1, 1.0)], Some(window))));
    put("Mean output tokens per second", json!(rate(token_times, None)));
    put("Mean tokens per second", json!(rate(all_times, None)));
    for (group, name, distribution) in [
        ("Request Latency", "request latency (s)", plain(|reply| see(reply).latency)),
        ("Time to First Token", "TTFT (ms)", plain(|reply| 1000.0 * see(reply).ttft.unwrap_or(0.0))),
        ("Time per Output Token (incl. 1st token)", "TPOT (ms)", weighted(per_token_ms)),
        ("Inter-Token Latency", "ITL (ms)", weighted(between_tokens_ms)),
        ("Output Tokens", "output tokens", plain(|reply| output(reply).unwrap_or(0) as f64)),
    ] {
        lines.put(group, format!("Mean {name}"), json!(distribution.mean()));
        lines.put(group, format!("Median {name}"), json!(distribution.percentile(0.5)));
        lines.put(group, format!("P95 {name}"), json!(distribution.percentile(0.95)));
    }
    lines.0
}
