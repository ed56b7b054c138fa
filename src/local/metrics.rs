//! What a backend counts, and the page at `/metrics` that tells it.
//!
//! Names, labels and buckets are those of vLLM's V1 engine, so that whatever reads the metrics of a vLLM reads these.

use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::backend::Finish;
use super::histogram::Histogram;

/// Bounds of times to first token, in seconds.
const FIRST_TOKEN: [f64; 22] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    160.0, 640.0, 2560.0,
];
/// Bounds of gaps between tokens, in seconds.
const BETWEEN: [f64; 19] =
    [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0];
/// Bounds of the time of a request and of its parts, in seconds.
const REQUEST: [f64; 21] = [
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0,
];
/// Bounds of the tokens of one step.
const STEP: [f64; 13] = [1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0];
/// Greatest bound of lengths where the model has no context that bounds them.
const LENGTH: usize = 1 << 20;

/// How a request went, told once at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Why it ended.
    pub finish: Finish,
    /// From its receipt to its end.
    pub whole: Duration,
    /// From its start to its first token.
    pub prefill: Duration,
    /// From its first token to its last.
    pub decode: Duration,
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    /// Tokens that were generated.
    pub generated_tokens: usize,
}

/// Counters, gauges and histograms of one model.
///
/// What is counted is told before the event that it counts is sent, so that whoever read a reply finds it counted. Each
/// method is one short lock, taken by the
/// thread of the scheduler and now and then by whoever reads the page.
#[derive(Debug)]
pub struct Metrics {
    model: String,
    values: Mutex<Values>,
}

#[derive(Debug)]
struct Values {
    running: usize,
    waiting: usize,
    cache_use: f64,
    cache_queries: u64,
    cache_hits: u64,
    preemptions: u64,
    prompt_tokens: u64,
    generated_tokens: u64,
    stopped: u64,
    full: u64,
    cancelled: u64,
    refused: u64,
    truncated: u64,
    first_token: Histogram,
    between: Histogram,
    whole: Histogram,
    queue: Histogram,
    inference: Histogram,
    prefill: Histogram,
    decode: Histogram,
    prompt: Histogram,
    reply: Histogram,
    step: Histogram,
}

impl Metrics {
    /// Metrics of a model of this name and context, all at zero.
    pub fn new(model: impl Into<String>, context: Option<usize>) -> Self {
        let lengths = Histogram::one_two_five(context.unwrap_or(LENGTH));
        let request = Histogram::new(&REQUEST);
        let values = Values {
            running: 0,
            waiting: 0,
            cache_use: 0.0,
            cache_queries: 0,
            cache_hits: 0,
            preemptions: 0,
            prompt_tokens: 0,
            generated_tokens: 0,
            stopped: 0,
            full: 0,
            cancelled: 0,
            refused: 0,
            truncated: 0,
            first_token: Histogram::new(&FIRST_TOKEN),
            between: Histogram::new(&BETWEEN),
            whole: request.clone(),
            queue: request.clone(),
            inference: request.clone(),
            prefill: request.clone(),
            decode: request,
            prompt: lengths.clone(),
            reply: lengths,
            step: Histogram::new(&STEP),
        };
        Metrics { model: model.into(), values: Mutex::new(values) }
    }

    /// A request was accepted and waits.
    pub fn arrived(&self) {
        self.values().waiting += 1;
    }

    /// A request was taken up for the first time, after it had waited so long; of so many tokens of its prompt some
    /// were found in the prefix cache.
    pub fn started(&self, queue_wait: Duration, cached: usize, prompt: usize) {
        self.begun(queue_wait, prompt);
        let mut values = self.values();
        values.cache_queries += prompt as u64;
        values.cache_hits += cached as u64;
    }

    /// The same where there is no prefix cache.
    pub fn begun(&self, queue_wait: Duration, prompt: usize) {
        let mut values = self.values();
        values.queue.observe(queue_wait.as_secs_f64());
        values.prompt_tokens += prompt as u64;
    }

    /// So many pairs of query and document were cut to the length that the model takes.
    pub fn truncated(&self, pairs: usize) {
        self.values().truncated += pairs as u64;
    }

    /// The first token of a request was generated, so long after its receipt.
    pub fn first_token(&self, after: Duration) {
        let mut values = self.values();
        values.first_token.observe(after.as_secs_f64());
        values.generated_tokens += 1;
    }

    /// A further token of a request was generated, so long after the one before it.
    pub fn between(&self, gap: Duration) {
        let mut values = self.values();
        values.between.observe(gap.as_secs_f64());
        values.generated_tokens += 1;
    }

    /// A request came to its end.
    pub fn finished(&self, course: &Course) {
        let mut values = self.values();
        match course.finish {
            Finish::Stop => values.stopped += 1,
            Finish::Length => values.full += 1,
        }
        values.whole.observe(course.whole.as_secs_f64());
        values.inference.observe((course.prefill + course.decode).as_secs_f64());
        values.prefill.observe(course.prefill.as_secs_f64());
        values.decode.observe(course.decode.as_secs_f64());
        values.prompt.observe(course.prompt_tokens as f64);
        values.reply.observe(course.generated_tokens as f64);
    }

    /// A request was refused because there was no room for it.
    pub fn refused(&self) {
        self.values().refused += 1;
    }

    /// The reader of a request left before its end.
    pub fn cancelled(&self) {
        self.values().cancelled += 1;
    }

    /// A step was taken through so many tokens of prompts and replies. So many requests are being worked on and so
    /// many wait after it, and this share of the memory for keys and values is in use, 0 to 1.
    pub fn step(&self, running: usize, waiting: usize, cache_use: f64, tokens: usize) {
        let mut values = self.values();
        (values.running, values.waiting, values.cache_use) = (running, waiting, cache_use);
        if tokens > 0 {
            values.step.observe(tokens as f64);
        }
    }

    /// A request was put back because the memory for keys and values was full.
    pub fn preempted(&self) {
        self.values().preemptions += 1;
    }

    /// The page in Prometheus' text format.
    pub fn page(&self) -> String {
        let model = self.model.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let mut page = Page { text: String::with_capacity(16 << 10), model: format!("model_name=\"{model}\"") };
        let values = self.values();
        page.value("vllm:num_requests_running", "gauge", "Requests that are worked on.", values.running);
        page.value("vllm:num_requests_waiting", "gauge", "Requests that wait to be worked on.", values.waiting);
        page.value(
            "vllm:kv_cache_usage_perc",
            "gauge",
            "Share of the KV cache in use; 1 is all of it.",
            values.cache_use,
        );
        for (name, help, value) in [
            ("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.", values.cache_queries),
            ("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", values.cache_hits),
            ("vllm:num_preemptions_total", "Requests put back because the KV cache was full.", values.preemptions),
            ("vllm:prompt_tokens_total", "Tokens of prompts.", values.prompt_tokens),
            ("vllm:generation_tokens_total", "Tokens generated.", values.generated_tokens),
        ] {
            page.value(name, "counter", help, value);
        }
        page.declare("vllm:request_success_total", "counter", "Requests that ended, by the reason.");
        for (reason, value) in [("stop", values.stopped), ("length", values.full), ("abort", values.cancelled)] {
            page.sample("vllm:request_success_total", &format!("{ENGINE},finished_reason=\"{reason}\""), value);
        }
        page.value("evalscope:request_refused_total", "counter", "Requests refused for want of room.", values.refused);
        page.value(
            "evalscope:pair_truncated_total",
            "counter",
            "Pairs of query and document cut to the length that the model takes.",
            values.truncated,
        );
        for (name, help, histogram) in [
            ("vllm:time_to_first_token_seconds", "From receipt to the first token.", &values.first_token),
            ("vllm:inter_token_latency_seconds", "From one token to the next.", &values.between),
            ("vllm:e2e_request_latency_seconds", "From receipt to the end.", &values.whole),
            ("vllm:request_queue_time_seconds", "From receipt to the start of work.", &values.queue),
            ("vllm:request_inference_time_seconds", "From the start of work to the last token.", &values.inference),
            ("vllm:request_prefill_time_seconds", "From the start of work to the first token.", &values.prefill),
            ("vllm:request_decode_time_seconds", "From the first token to the last.", &values.decode),
            ("vllm:request_prompt_tokens", "Tokens of a prompt.", &values.prompt),
            ("vllm:request_generation_tokens", "Tokens of a reply.", &values.reply),
            ("vllm:iteration_tokens_total", "Tokens of prompts and replies in one step.", &values.step),
        ] {
            page.declare(name, "histogram", help);
            histogram.write(&mut page.text, name, ENGINE, &page.model);
        }
        drop(values);
        if let Some(bytes) = resident() {
            let name = "process_resident_memory_bytes";
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(page.text, "# HELP {name} Resident memory of the process.\n# TYPE {name} gauge");
            let _ = writeln!(page.text, "{name} {bytes}");
        }
        page.text
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The label that sorts before the others. There is one engine.
const ENGINE: &str = "engine=\"0\"";

/// A page as it is written.
struct Page {
    text: String,
    model: String,
}

impl Page {
    fn declare(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{name}{{{labels},{}}} {value}", self.model);
    }

    fn value(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.declare(name, kind, help);
        self.sample(name, ENGINE, value);
    }
}

/// Resident memory of this process in bytes, where the system tells it in a file.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(page: &str, start: &str) -> Option<f64> {
        let line = page.lines().find(|line| line.starts_with(start))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    #[test]
    fn what_happens_is_on_the_page() {
        let metrics = Metrics::new("a\"b", Some(100));
        let seconds = Duration::from_secs_f64;
        metrics.arrived();
        assert_eq!(value(&metrics.page(), "vllm:num_requests_waiting"), Some(1.0));
        metrics.started(seconds(0.25), 32, 50);
        metrics.step(1, 0, 0.5, 50);
        metrics.first_token(seconds(0.5));
        metrics.between(seconds(0.0625));
        metrics.finished(&Course {
            finish: Finish::Length,
            whole: seconds(0.75),
            prefill: seconds(0.25),
            decode: seconds(0.0625),
            prompt_tokens: 50,
            generated_tokens: 2,
        });
        metrics.cancelled();
        metrics.refused();
        metrics.truncated(3);
        metrics.preempted();
        let page = metrics.page();
        let label = "{engine=\"0\",model_name=\"a\\\"b\"}";
        for (name, expected) in [
            ("num_requests_running", 1.0),
            ("num_requests_waiting", 0.0),
            ("kv_cache_usage_perc", 0.5),
            ("prefix_cache_queries_total", 50.0),
            ("prefix_cache_hits_total", 32.0),
            ("num_preemptions_total", 1.0),
            ("prompt_tokens_total", 50.0),
            ("generation_tokens_total", 2.0),
            ("time_to_first_token_seconds_sum", 0.5),
            ("inter_token_latency_seconds_sum", 0.0625),
            ("e2e_request_latency_seconds_count", 1.0),
            ("request_queue_time_seconds_sum", 0.25),
            ("request_inference_time_seconds_sum", 0.3125),
            ("request_prefill_time_seconds_sum", 0.25),
            ("request_decode_time_seconds_sum", 0.0625),
            ("request_prompt_tokens_sum", 50.0),
            ("request_generation_tokens_sum", 2.0),
            ("iteration_tokens_total_sum", 50.0),
        ] {
            assert_eq!(value(&page, &format!("vllm:{name}{label}")), Some(expected), "{name}\n{page}");
        }
        assert_eq!(value(&page, "evalscope:request_refused_total"), Some(1.0));
        assert_eq!(value(&page, "evalscope:pair_truncated_total"), Some(3.0));
        for (reason, expected) in [("stop", 0.0), ("length", 1.0), ("abort", 1.0)] {
            let start = format!("vllm:request_success_total{{engine=\"0\",finished_reason=\"{reason}\"");
            assert_eq!(value(&page, &start), Some(expected), "{reason}");
        }
        assert!(!cfg!(target_os = "linux") || value(&page, "process_resident_memory_bytes") > Some(0.0));
    }

    #[test]
    fn each_metric_is_declared_once_before_its_samples() {
        let page = Metrics::new("m", None).page();
        let mut declared = Vec::new();
        for line in page.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(rest) => declared.push(rest.split(' ').next().unwrap_or_default()),
                None if line.starts_with('#') => {}
                None => assert!(declared.last().is_some_and(|name| line.starts_with(name)), "{line}"),
            }
        }
        let mut unique = declared.clone();
        unique.dedup();
        let all = if cfg!(target_os = "linux") { 22 } else { 21 };
        assert_eq!((declared.len(), unique.len()), (all, all), "{declared:?}");
    }
}
