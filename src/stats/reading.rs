//! What a server says of itself, read from its page of metrics: one table knows the names that each engine uses.

use serde::{Deserialize, Serialize};

use super::prometheus::Page;

/// How one engine names what the audit compares. Of several names the first that is present counts.
#[derive(Debug)]
struct Names {
    engine: &'static str,
    /// Begins the name of every metric of this engine.
    prefix: &'static str,
    /// Whether the counter of prompt tokens leaves out those that came from the prefix cache.
    uncached_only: bool,
    requests: &'static [&'static str],
    prompt_tokens: &'static [&'static str],
    completion_tokens: &'static [&'static str],
    /// A histogram in seconds.
    ttft: Option<&'static str>,
    cache_queries: &'static [&'static str],
    cache_hits: &'static [&'static str],
    preemptions: &'static [&'static str],
    running: &'static [&'static str],
    waiting: &'static [&'static str],
    kv_usage: &'static [&'static str],
    cache_hit_rate: &'static [&'static str],
}

/// Names as the engines' own documentation and sources have them. Servers that are built on an engine, this program's
/// embedded one among them, use the engine's names.
const ENGINES: &[Names] = &[
    Names {
        engine: "vLLM",
        prefix: "vllm:",
        uncached_only: false,
        requests: &["vllm:request_success_total", "vllm:request_success"],
        prompt_tokens: &["vllm:prompt_tokens_total", "vllm:prompt_tokens"],
        completion_tokens: &["vllm:generation_tokens_total", "vllm:generation_tokens"],
        ttft: Some("vllm:time_to_first_token_seconds"),
        cache_queries: &[
            "vllm:prefix_cache_queries_total",
            "vllm:prefix_cache_queries",
            "vllm:gpu_prefix_cache_queries_total",
            "vllm:gpu_prefix_cache_queries",
        ],
        cache_hits: &[
            "vllm:prefix_cache_hits_total",
            "vllm:prefix_cache_hits",
            "vllm:gpu_prefix_cache_hits_total",
            "vllm:gpu_prefix_cache_hits",
        ],
        preemptions: &["vllm:num_preemptions_total", "vllm:num_preemptions"],
        running: &["vllm:num_requests_running"],
        waiting: &["vllm:num_requests_waiting"],
        kv_usage: &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
        cache_hit_rate: &["vllm:gpu_prefix_cache_hit_rate"],
    },
    Names {
        engine: "SGLang",
        prefix: "sglang:",
        uncached_only: false,
        requests: &["sglang:num_requests_total"],
        prompt_tokens: &["sglang:prompt_tokens_total"],
        completion_tokens: &["sglang:generation_tokens_total"],
        ttft: Some("sglang:time_to_first_token_seconds"),
        cache_queries: &["sglang:prompt_tokens_total"],
        cache_hits: &["sglang:cached_tokens_total"],
        preemptions: &["sglang:num_retracted_requests_total"],
        running: &["sglang:num_running_reqs"],
        waiting: &["sglang:num_queue_reqs"],
        kv_usage: &["sglang:token_usage"],
        cache_hit_rate: &["sglang:cache_hit_rate"],
    },
    Names {
        engine: "TGI",
        prefix: "tgi_",
        uncached_only: false,
        requests: &["tgi_request_count", "tgi_request_success"],
        prompt_tokens: &["tgi_request_input_length_sum"],
        completion_tokens: &["tgi_request_generated_tokens_sum"],
        ttft: None,
        cache_queries: &[],
        cache_hits: &[],
        preemptions: &[],
        running: &["tgi_batch_current_size"],
        waiting: &["tgi_queue_size"],
        kv_usage: &[],
        cache_hit_rate: &[],
    },
    Names {
        engine: "llama.cpp",
        prefix: "llamacpp:",
        uncached_only: true,
        requests: &[],
        prompt_tokens: &["llamacpp:prompt_tokens_total"],
        completion_tokens: &["llamacpp:tokens_predicted_total"],
        ttft: None,
        cache_queries: &[],
        cache_hits: &[],
        preemptions: &[],
        running: &["llamacpp:requests_processing"],
        waiting: &["llamacpp:requests_deferred"],
        kv_usage: &["llamacpp:kv_cache_usage_ratio"],
        cache_hit_rate: &[],
    },
];

/// The engine whose metrics a page holds, by the prefix that most of its samples share.
pub fn engine_of(page: &Page) -> Option<&'static str> {
    let of = |names: &Names| page.samples.iter().filter(|sample| sample.name.starts_with(names.prefix)).count();
    ENGINES.iter().map(|names| (of(names), names.engine)).filter(|(found, _)| *found > 0).max().map(|(_, name)| name)
}

/// Whether an engine counts only those prompt tokens that did not come from its prefix cache.
pub(super) fn counts_uncached_only(engine: &str) -> bool {
    ENGINES.iter().any(|names| names.engine == engine && names.uncached_only)
}

/// The numbers of one page. What the page does not have is `None`: labelled counters often appear with their first
/// request only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Whether the numbers are those of the model under test alone, because the page names it.
    #[serde(default)]
    pub of_model: bool,
    /// Requests done, or taken, since the server's start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<f64>,
    /// Prompt tokens since the server's start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_tokens: Option<f64>,
    /// Generated tokens since the server's start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub completion_tokens: Option<f64>,
    /// Sum of all times to first token, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ttft_sum_s: Option<f64>,
    /// How many times to first token were summed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ttft_count: Option<f64>,
    /// Prompt tokens, or blocks, that were looked up in the prefix cache.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_queries: Option<f64>,
    /// Those of them that were found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_hits: Option<f64>,
    /// Requests that were put back because the cache was full.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preemptions: Option<f64>,
    /// Requests being worked on now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub running: Option<f64>,
    /// Requests waiting now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waiting: Option<f64>,
    /// Used share of the key-value cache now, 0 to 1; of several engines the fullest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kv_usage: Option<f64>,
    /// The engine's own hit rate of the prefix cache, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_hit_rate: Option<f64>,
}

impl Reading {
    /// Reads a page with the names of an engine. Several engines behind one page are added up. Where the page names
    /// the model, only its own numbers count.
    pub fn of(page: &Page, engine: &str, model: &str) -> Self {
        let Some(names) = ENGINES.iter().find(|names| names.engine == engine) else { return Reading::default() };
        let of_model = page.names_model(model);
        let model = of_model.then_some(model);
        let first = |list: &[&str], join: fn(f64, f64) -> f64| {
            list.iter().find_map(|name| page.values(name, model).reduce(join))
        };
        let sum = |list: &[&str]| first(list, |a, b| a + b);
        let most = |list: &[&str]| first(list, f64::max);
        let part = |part: &str| names.ttft.and_then(|name| sum(&[format!("{name}_{part}").as_str()]));
        Reading {
            of_model,
            requests: sum(names.requests),
            prompt_tokens: sum(names.prompt_tokens),
            completion_tokens: sum(names.completion_tokens),
            ttft_sum_s: part("sum"),
            ttft_count: part("count"),
            cache_queries: sum(names.cache_queries),
            cache_hits: sum(names.cache_hits),
            preemptions: sum(names.preemptions),
            running: sum(names.running),
            waiting: sum(names.waiting),
            kv_usage: most(names.kv_usage),
            cache_hit_rate: most(names.cache_hit_rate),
        }
    }

    /// Everything that only ever grows while a server lives.
    pub(super) fn counters(&self) -> [Option<f64>; 8] {
        [
            self.requests,
            self.prompt_tokens,
            self.completion_tokens,
            self.ttft_sum_s,
            self.ttft_count,
            self.cache_queries,
            self.cache_hits,
            self.preemptions,
        ]
    }

    /// Requests inside the server now, running and waiting.
    pub fn inside(&self) -> Option<f64> {
        match (self.running, self.waiting) {
            (None, None) => None,
            (running, waiting) => Some(running.unwrap_or(0.0) + waiting.unwrap_or(0.0)),
        }
    }

    /// Whether nothing was counted between the other reading and this one, and nothing is inside.
    pub fn rests_since(&self, earlier: &Reading) -> bool {
        self.counters() == earlier.counters() && self.inside().unwrap_or(0.0) == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VLLM: &str = r#"
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 1.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 1000.0
vllm:gpu_prefix_cache_queries_total{engine="0",model_name="m"} 999.0
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 400.0
vllm:prompt_tokens_total{engine="0",model_name="m"} 1000.0
vllm:prompt_tokens_total{engine="0",model_name="other"} 5.0
vllm:generation_tokens_total{engine="0",model_name="m"} 64.0
vllm:num_preemptions_total{engine="0",model_name="m"} 0.0
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 4.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="m"} 5.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="m"} 0.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="m"} 9.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="m"} 9.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="m"} 0.45
process_resident_memory_bytes 4.2e+09
"#;

    fn read(text: &str, model: &str) -> (Option<&'static str>, Reading) {
        let page = Page::parse(text.as_bytes());
        let engine = engine_of(&page);
        (engine, Reading::of(&page, engine.unwrap_or(""), model))
    }

    #[test]
    fn vllm_is_read_over_its_engines_and_without_other_models() {
        let (engine, reading) = read(VLLM, "m");
        let expected = Reading {
            of_model: true,
            requests: Some(9.0),
            prompt_tokens: Some(1000.0),
            completion_tokens: Some(64.0),
            ttft_sum_s: Some(0.45),
            ttft_count: Some(9.0),
            cache_queries: Some(1000.0),
            cache_hits: Some(400.0),
            preemptions: Some(0.0),
            running: Some(5.0),
            waiting: Some(1.0),
            kv_usage: Some(0.5),
            cache_hit_rate: None,
        };
        assert_eq!((engine, reading), (Some("vLLM"), expected));
        assert_eq!(read(VLLM, "served under another name").1.prompt_tokens, Some(1005.0));
    }

    #[test]
    fn other_engines_are_read_by_their_own_names() {
        let (engine, reading) = read(
            "sglang:prompt_tokens_total{model_name=\"m\",is_streaming=\"true\"} 10\n\
             sglang:prompt_tokens_total{model_name=\"m\",is_streaming=\"false\"} 5\n\
             sglang:cached_tokens_total{model_name=\"m\",cache_source=\"device\"} 6\n\
             sglang:num_running_reqs{model_name=\"m\"} 2\nsglang:num_queue_reqs{model_name=\"m\"} 1\n\
             sglang:num_requests_total{model_name=\"m\"} 3\nsglang:cache_hit_rate{model_name=\"m\"} 0.4\n",
            "m",
        );
        assert_eq!(engine, Some("SGLang"));
        assert_eq!((reading.requests, reading.inside(), reading.cache_hits), (Some(3.0), Some(3.0), Some(6.0)));
        assert_eq!((reading.cache_queries, reading.cache_hit_rate), (Some(15.0), Some(0.4)));
        let (engine, reading) = read(
            "tgi_request_count 7\ntgi_request_input_length_sum 70\ntgi_request_generated_tokens_sum 14\ntgi_queue_size 0\n",
            "m",
        );
        assert_eq!((engine, reading.requests, reading.prompt_tokens), (Some("TGI"), Some(7.0), Some(70.0)));
        assert_eq!((reading.completion_tokens, reading.inside(), reading.ttft_count), (Some(14.0), Some(0.0), None));
        let (engine, reading) = read(
            "llamacpp:prompt_tokens_total 50\nllamacpp:tokens_predicted_total 20\nllamacpp:requests_processing 1\n\
             llamacpp:requests_deferred 46\n",
            "m",
        );
        assert_eq!((engine, reading.inside(), reading.requests), (Some("llama.cpp"), Some(47.0), None));
        assert!(counts_uncached_only("llama.cpp") && !counts_uncached_only("vLLM"));
    }

    #[test]
    fn a_page_of_nobody_known_is_of_no_engine() {
        assert_eq!(read("process_resident_memory_bytes 4.2e+09\n", "m"), (None, Reading::default()));
    }

    #[test]
    fn every_name_begins_with_its_engines_prefix() {
        for names in ENGINES {
            let lists = [
                names.requests,
                names.prompt_tokens,
                names.completion_tokens,
                names.cache_queries,
                names.cache_hits,
                names.preemptions,
                names.running,
                names.waiting,
                names.kv_usage,
                names.cache_hit_rate,
            ];
            for name in lists.into_iter().flatten().chain(names.ttft.iter()) {
                assert!(name.starts_with(names.prefix), "{name}");
            }
        }
    }
}
