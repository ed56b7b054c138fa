//! How fast the answers came: EvalScope's figures of the requests of an evaluation, and the wall-clock rates that it lacks.

use serde_json::{Map, Value, json};

use crate::record::Record;
use crate::stats::inference::mean::{mean, variance};
use crate::stats::inference::percentile::{Method, percentile};
use crate::units::{NS_PER_S, seconds};

/// What is kept of each answered request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Performance {
    latency: Vec<f64>,
    ttft: Vec<f64>,
    tpot: Vec<f64>,
    input: Vec<f64>,
    output: Vec<f64>,
    total: Vec<f64>,
    /// Answered requests, and all that ended.
    answered: u64,
    ended: u64,
    retries: u64,
    /// Answers and tokens of this run alone: those of an earlier one are in no rate by the wall clock.
    answered_now: u64,
    output_now: u64,
    first_ns: Option<u64>,
    last_ns: u64,
}

impl Performance {
    /// Counts a request; one that failed is in no latency.
    pub fn add(&mut self, record: &Record) {
        self.ended += 1;
        self.first_ns = [self.first_ns, record.started_ns].into_iter().flatten().min();
        self.last_ns = self.last_ns.max(record.end_ns);
        if !record.is_ok() {
            self.retries += u64::from(record.turns_left > 0);
            return;
        }
        self.answered += 1;
        self.answered_now += 1;
        self.output_now += record.completion_tokens.unwrap_or(0);
        let row = super::rows::perf(record);
        let keep = |name: &str, list: &mut Vec<f64>| list.extend(row[name].as_f64());
        keep("latency", &mut self.latency);
        keep("ttft", &mut self.ttft);
        keep("tpot", &mut self.tpot);
        keep("input_tokens", &mut self.input);
        keep("output_tokens", &mut self.output);
        let both = row["input_tokens"].as_f64().zip(row["output_tokens"].as_f64());
        self.total.extend(both.map(|(input, output)| input + output));
    }

    /// Counts a prediction of an earlier run, from its row.
    pub fn add_row(&mut self, row: &Value) {
        let output = &row["model_output"];
        let perf = &output["perf_metrics"];
        self.ended += 1;
        let Some(latency) = perf["latency"].as_f64() else { return };
        self.answered += 1;
        self.latency.push(latency);
        self.ttft.extend(perf["ttft"].as_f64());
        self.tpot.extend(perf["tpot"].as_f64());
        self.input.extend(perf["input_tokens"].as_f64());
        self.output.extend(perf["output_tokens"].as_f64());
        let both = perf["input_tokens"].as_f64().zip(perf["output_tokens"].as_f64());
        self.total.extend(both.map(|(input, output)| input + output));
    }

    /// Requests that failed and were made again.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// Mean latency, time to first token and time per token in seconds, tokens a second of a request, tokens of prompt and
    /// reply: EvalScope's row on the console.
    pub fn row(&self) -> [Option<f64>; 6] {
        [mean(&self.latency), mean(&self.ttft), mean(&self.tpot), self.rate(), mean(&self.input), mean(&self.output)]
    }

    /// Mean of tokens over latency of each request.
    fn rate(&self) -> Option<f64> {
        let rates: Vec<f64> = self
            .output
            .iter()
            .zip(&self.latency)
            .filter(|(_, latency)| **latency > 0.0)
            .map(|(tokens, latency)| tokens / latency)
            .collect();
        mean(&rates)
    }

    /// EvalScope's object; `None` where no request was answered.
    pub fn json(&self) -> Option<Value> {
        let latency = spread(&self.latency, 6)?;
        let mut summary = Map::new();
        summary.insert("n_samples".to_owned(), json!(self.latency.len()));
        summary.insert("latency".to_owned(), latency);
        if let Some(ttft) = spread(&self.ttft, 6) {
            summary.insert("ttft".to_owned(), ttft);
        }
        if let Some(tpot) = spread(&self.tpot, 6) {
            summary.insert("tpot".to_owned(), tpot);
        }
        let mean_latency = mean(&self.latency).filter(|latency| *latency > 0.0);
        summary.insert(
            "throughput".to_owned(),
            json!({
                "avg_output_tps": self.rate().map(|rate| rounded(rate, 2)),
                "avg_req_ps": mean_latency.map(|latency| rounded(1.0 / latency, 4)),
            }),
        );
        let sum = |list: &[f64]| list.iter().sum::<f64>() as u64;
        let empty = || json!({});
        summary.insert(
            "usage".to_owned(),
            json!({
                "input_tokens": spread(&self.input, 2).unwrap_or_else(empty),
                "output_tokens": spread(&self.output, 2).unwrap_or_else(empty),
                "total_tokens": spread(&self.total, 2).unwrap_or_else(empty),
                "total_input_tokens": sum(&self.input), "total_output_tokens": sum(&self.output),
                "total_tokens_count": sum(&self.total),
            }),
        );
        Some(json!({
            "summary": summary,
            "coverage": {"requests_with_metrics": self.latency.len(), "total_requests": self.answered},
            "metric_semantics": meanings(!self.ttft.is_empty(), !self.tpot.is_empty()),
        }))
    }

    /// What EvalScope does not tell: rates over the wall clock, from the first byte sent to the last received, and requests that
    /// failed.
    pub fn wall(&self) -> Value {
        let span = self.first_ns.map(|first| self.last_ns.saturating_sub(first)).filter(|span| *span > 0);
        let per_second = |count: f64| span.map(|span| count * NS_PER_S / span as f64);
        json!({
            "wall_s": span.map(seconds), "requests": self.ended, "answered": self.answered, "retries": self.retries,
            "answered_per_s": per_second(self.answered_now as f64), "output_tokens_per_s": per_second(self.output_now as f64),
        })
    }
}

/// What the figures mean, as EvalScope says it.
fn meanings(ttft: bool, tpot: bool) -> Value {
    let of = |id: &str, name: &str, direction: &str, unit: Option<&str>, digits: u8| {
        let kind = if direction == "none" { "diagnostic" } else { "quality" };
        json!({
            "semantic_id": id, "metric_name": name, "display_name": null, "kind": kind, "direction": direction, "raw_unit": unit,
            "value_range": null, "display_kind": "number", "display_multiplier": null, "display_unit": unit,
            "display_precision": digits,
        })
    };
    let count = |name: &str| of("diagnostic.count.items", name, "none", None, 0);
    let time = |name: &str| of("perf.latency.seconds", name, "lower_is_better", Some("s"), 3);
    let mut all = Map::new();
    let mut put = |name: &str, meaning: Value| drop(all.insert(name.to_owned(), meaning));
    put("n_samples", count("Samples"));
    put("latency", time("Latency"));
    if ttft {
        put("ttft", time("TTFT"));
    }
    if tpot {
        put("tpot", time("TPOT"));
    }
    let (tokens, requests) = ("perf.throughput.tokens_per_second", "perf.throughput.requests_per_second");
    put("throughput.avg_output_tps", of(tokens, "Output Throughput", "higher_is_better", Some("tok/s"), 2));
    put("throughput.avg_req_ps", of(requests, "Request Throughput", "higher_is_better", Some("req/s"), 2));
    put("usage.input_tokens", count("Input Tokens"));
    put("usage.output_tokens", count("Output Tokens"));
    put("usage.total_tokens", count("Total Tokens"));
    Value::Object(all)
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// EvalScope's nine figures of a list.
fn spread(values: &[f64], digits: i32) -> Option<Value> {
    let at = |percent: f64| percentile(values, percent, Method::Linear).map(|value| rounded(value, digits));
    let middle = rounded(mean(values)?, digits);
    let deviation = variance(values).map_or(0.0, |variance| rounded(variance.sqrt(), digits));
    Some(json!({
        "mean": middle, "std": deviation, "min": at(0.0), "25%": at(25.0), "50%": at(50.0), "75%": at(75.0), "90%": at(90.0),
        "99%": at(99.0), "max": at(100.0),
    }))
}
