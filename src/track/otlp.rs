//! Metrics as OpenTelemetry takes them: OTLP over HTTP, in its JSON encoding.
//!
//! Names that the semantic conventions for generative AI have are theirs, with their attributes and bounds. What they
//! have no name for stands under `evalscope.client`. Every value is cumulative since its load point began.
//!
//! | metric | kind | what |
//! |---|---|---|
//! | `gen_ai.client.operation.duration` | histogram, s | first byte written to the last event that carries JSON |
//! | `gen_ai.client.operation.time_to_first_chunk` | histogram, s | first byte written to the first event with choices |
//! | `gen_ai.client.operation.time_per_output_chunk` | histogram, s | gap between events that carry a token |
//! | `gen_ai.client.token.usage` | histogram, tokens | of a prompt, of a reply |
//! | `evalscope.client.time_to_first_token` | histogram, s | first byte written to the first event with a token |
//! | `evalscope.client.time_per_output_token` | histogram, s | (last token - first token) / (tokens - 1) |
//! | `evalscope.client.requests` | counter | requests by outcome; failures with their `error.type` |
//! | `evalscope.client.tokens` | counter | tokens of prompts and of replies |

use http::Method;
use serde_json::{Value, json};

use super::address::Address;
use super::buckets::Buckets;
use super::environment::Environment;
use super::push::Push;
use super::totals::Totals;
use super::tracker::{About, End, Over, Step, Tracker};
use crate::error::{Failure, Result};
use crate::plan::{Plan, Served};
use crate::target::Dialect;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// Pushes to a collector.
pub(super) struct Otlp {
    push: Push,
    resource: Vec<Value>,
    attributes: Vec<Value>,
}

impl Otlp {
    /// Prepares pushes for a run.
    ///
    /// # Errors
    /// When there can be none.
    pub(super) fn new(to: &Address, environment: &Environment, about: &About, plan: &Plan) -> Result<Self> {
        let push = Push::new(to, Method::POST, "application/json", &environment.otlp.headers)?;
        let mut resource = vec![
            ("service.name".to_owned(), "evalscope".to_owned()),
            ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("service.instance.id".to_owned(), about.name.clone()),
        ];
        for (key, value) in &environment.otlp.attributes {
            resource.retain(|(known, _)| known != key);
            resource.push((key.clone(), value.clone()));
        }
        let resource = resource.iter().map(|(key, value)| text(key, value)).collect();
        Ok(Otlp { push, resource, attributes: attributes(plan) })
    }

    fn body(&self, totals: &[Totals], at_ns: u64) -> Value {
        json!({"resourceMetrics": [{
            "resource": {"attributes": self.resource},
            "scopeMetrics": [{
                "scope": {"name": "evalscope", "version": env!("CARGO_PKG_VERSION")},
                "metrics": metrics(totals, &self.attributes, at_ns),
            }],
        }]})
    }
}

impl Tracker for Otlp {
    fn name(&self) -> String {
        format!("OpenTelemetry metrics to {}", self.push.shown())
    }

    fn running(&mut self, step: &Step) -> Result<()> {
        if !self.push.is_due() {
            return Ok(());
        }
        let answer = self.push.send(self.body(&step.totals, step.at_ns).to_string())?;
        accepted(&answer.body)
    }

    fn over(&mut self, over: &Over) -> Result<()> {
        self.running(&over.step)
    }

    fn end(&mut self, end: &End) -> Result<Option<String>> {
        let answer = self.push.last(self.body(&end.totals, end.at_ns).to_string())?;
        accepted(&answer.body).map(|()| None)
    }
}

/// A collector may accept a push and yet reject points of it.
fn accepted(answer: &[u8]) -> Result<()> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let rejected = &answer["partialSuccess"]["rejectedDataPoints"];
    // A number of 64 bits is text in this encoding; some collectors write a number all the same.
    let rejected = rejected.as_str().and_then(|text| text.parse().ok()).or(rejected.as_u64()).unwrap_or(0);
    if rejected > 0 { Err(Failure::target(format!("{rejected} data points were rejected"))) } else { Ok(()) }
}

/// What every point of a run has in common.
fn attributes(plan: &Plan) -> Vec<Value> {
    let operation = match plan.target.dialect {
        Dialect::Completion => "text_completion",
        Dialect::Embedding => "embeddings",
        Dialect::Rerank => "rerank",
        _ => "chat",
    };
    // The format that is spoken; who is behind it is not known.
    let provider = match plan.target.dialect {
        Dialect::Messages => "anthropic",
        Dialect::DashScope => "dashscope",
        _ => "openai",
    };
    let mut all = vec![
        text("gen_ai.operation.name", operation),
        text("gen_ai.provider.name", provider),
        text("gen_ai.request.model", &plan.target.model),
    ];
    // Where a server of our own listens is known only once it does.
    if plan.served == Served::Remote {
        all.push(text("server.address", plan.target.host()));
        all.push(json!({"key": "server.port", "value": {"intValue": plan.target.port().to_string()}}));
    }
    all
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn metrics(totals: &[Totals], common: &[Value], at_ns: u64) -> Vec<Value> {
    // Attributes, start and instant of a point.
    let point = |of: &Totals, more: &[Value]| {
        let own = [text("evalscope.load_point", &of.point)];
        let attributes: Vec<&Value> = common.iter().chain(&own).chain(more).collect();
        json!({
            "attributes": attributes,
            "startTimeUnixNano": of.since_ns.to_string(),
            "timeUnixNano": at_ns.to_string(),
        })
    };
    let histogram = |of: &Totals, buckets: &Buckets, more: &[Value]| {
        let mut point = point(of, more);
        point["count"] = json!(buckets.count().to_string());
        point["sum"] = json!(buckets.sum());
        if let Some((least, most)) = buckets.range() {
            point["min"] = json!(least);
            point["max"] = json!(most);
        }
        point["bucketCounts"] = buckets.counts().iter().map(u64::to_string).collect();
        point["explicitBounds"] = json!(buckets.bounds());
        point
    };
    let count = |of: &Totals, count: u64, more: &[Value]| {
        let mut point = point(of, more);
        point["asInt"] = json!(count.to_string());
        point
    };
    let histograms = |name: &str, unit: &str, what: &str, points: Vec<Value>| {
        let data = json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE});
        json!({"name": name, "unit": unit, "description": what, "histogram": data})
    };
    let counters = |name: &str, unit: &str, what: &str, points: Vec<Value>| {
        let data = json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true});
        json!({"name": name, "unit": unit, "description": what, "sum": data})
    };
    let each = |get: fn(&Totals) -> &Buckets| -> Vec<Value> {
        totals.iter().filter(|of| get(of).count() > 0).map(|of| histogram(of, get(of), &[])).collect()
    };
    let by_type = |make: &dyn Fn(&Totals, &Buckets, &[Value]) -> Value| -> Vec<Value> {
        let both = totals.iter().flat_map(|of| [(of, "input", &of.input), (of, "output", &of.output)]);
        let known = both.filter(|(_, _, tokens)| tokens.count() > 0);
        known.map(|(of, kind, tokens)| make(of, tokens, &[text("gen_ai.token.type", kind)])).collect()
    };
    let requests =
        totals.iter().flat_map(|of| of.requests.iter().map(move |(outcome, number)| (of, *outcome, *number)));
    let requests = requests.map(|(of, outcome, number)| {
        let mut more = vec![text("evalscope.outcome", outcome)];
        if !matches!(outcome, "ok" | "cancelled" | "unsent") {
            more.push(text("error.type", outcome));
        }
        count(of, number, &more)
    });
    let all = vec![
        histograms("gen_ai.client.operation.duration", "s", "GenAI operation duration.", each(|of| &of.e2e)),
        histograms(
            "gen_ai.client.operation.time_to_first_chunk",
            "s",
            "First byte written to the first event of the reply.",
            each(|of| &of.first_chunk),
        ),
        histograms(
            "gen_ai.client.operation.time_per_output_chunk",
            "s",
            "Gap between events that carry a token.",
            each(|of| &of.itl),
        ),
        histograms("gen_ai.client.token.usage", "{token}", "Tokens of a prompt and of a reply.", by_type(&histogram)),
        histograms(
            "evalscope.client.time_to_first_token",
            "s",
            "First byte written to the first event with a token.",
            each(|of| &of.ttft),
        ),
        histograms(
            "evalscope.client.time_per_output_token",
            "s",
            "(last token - first token) / (tokens - 1) of a reply.",
            each(|of| &of.tpot),
        ),
        counters("evalscope.client.requests", "{request}", "Requests by how they ended.", requests.collect()),
        counters(
            "evalscope.client.tokens",
            "{token}",
            "Tokens of prompts and of replies.",
            by_type(&|of, tokens, more| count(of, tokens.sum() as u64, more)),
        ),
    ];
    // A metric without points is not allowed everywhere.
    let has_points = |metric: &Value| {
        let data = if metric["sum"].is_null() { &metric["histogram"] } else { &metric["sum"] };
        data["dataPoints"].as_array().is_some_and(|points| !points.is_empty())
    };
    all.into_iter().filter(has_points).collect()
}

#[cfg(test)]
mod tests {
    use super::super::totals::tests::two_requests;
    use super::*;

    #[test]
    fn a_load_point_has_a_point_in_each_metric() {
        let all = metrics(&[two_requests()], &[text("gen_ai.request.model", "m")], 9_000_000_000);
        let find = |name: &str| all.iter().find(|metric| metric["name"] == name).cloned().unwrap_or_default();
        let names: Vec<&str> = all.iter().filter_map(|metric| metric["name"].as_str()).collect();
        assert_eq!(names.len(), 8, "{names:?}");
        let duration = find("gen_ai.client.operation.duration");
        assert_eq!((&duration["unit"], &duration["histogram"]["aggregationTemporality"]), (&json!("s"), &json!(2)));
        let point = &duration["histogram"]["dataPoints"][0];
        assert_eq!(point["startTimeUnixNano"], "5000000000");
        assert_eq!(point["timeUnixNano"], "9000000000");
        assert_eq!((&point["count"], &point["sum"]), (&json!("1"), &json!(0.06)));
        assert_eq!(point["explicitBounds"].as_array().map(Vec::len), Some(14));
        assert_eq!(point["bucketCounts"][3], "1");
        assert_eq!(point["bucketCounts"].as_array().map(Vec::len), Some(15));
        assert_eq!(point["attributes"][1], text("evalscope.load_point", "parallel_1_number_2"));
        let requests = find("evalscope.client.requests");
        assert_eq!(requests["sum"]["isMonotonic"], true);
        let failed = &requests["sum"]["dataPoints"][1];
        assert_eq!((&failed["asInt"], &failed["attributes"][3]), (&json!("1"), &text("error.type", "status")));
        let tokens = find("evalscope.client.tokens");
        assert_eq!(tokens["sum"]["dataPoints"][1]["asInt"], "4");
    }

    #[test]
    fn what_was_not_measured_is_not_told() {
        let names: Vec<Value> = metrics(&[Totals::new("p".to_owned(), 0)], &[], 1);
        assert!(names.is_empty(), "{names:?}");
    }

    #[test]
    fn rejected_points_are_a_failure() {
        assert!(accepted(b"").is_ok() && accepted(b"{\"partialSuccess\":{}}").is_ok());
        for answer in
            ["{\"partialSuccess\":{\"rejectedDataPoints\":\"3\"}}", "{\"partialSuccess\":{\"rejectedDataPoints\":3}}"]
        {
            assert!(accepted(answer.as_bytes()).is_err_and(|failure| failure.message.starts_with('3')), "{answer}");
        }
    }
}
