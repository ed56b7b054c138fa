//! What a tuned server must hold: the grammar of `--sla-params`.
//!
//! A JSON list of groups, or a single one; a group is an object of metrics and limits that hold together, such as
//! `[{"p99_ttft": "<=2s", "rps": ">=5"}]`. Each group is searched for on its own. A limit is `<=`, `>=`, `<` or `>` with
//! a number, and a unit where it is not the metric's own. The single metric of a single group may be `max` or `min`
//! instead. Names and units are EvalScope's: TTFT and TPOT are in milliseconds, latency is in seconds.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Failure, Result, known};

/// What a metric is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Length of a request, in seconds.
    Latency,
    /// Time to first token, in milliseconds.
    Ttft,
    /// Time per output token after the first, in milliseconds.
    Tpot,
    /// Successful requests.
    Requests,
    /// Completion tokens.
    Tokens,
}

/// How one number is made of many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Arithmetic mean over requests.
    Mean,
    /// Quantile by nearest rank, in percent.
    Percentile(f64),
    /// Amount a second of the run.
    Rate,
}

/// A metric that can be limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name in `--sla-params`.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it is made from.
    pub quantity: Quantity,
    /// How.
    pub statistic: Statistic,
}

const fn metric(name: &'static str, unit: &'static str, quantity: Quantity, statistic: Statistic) -> Metric {
    Metric { name, unit, quantity, statistic }
}

/// Every metric that `--sla-params` knows.
pub const METRICS: [Metric; 12] = [
    metric("avg_latency", "s", Quantity::Latency, Statistic::Mean),
    metric("p99_latency", "s", Quantity::Latency, Statistic::Percentile(99.0)),
    metric("avg_ttft", "ms", Quantity::Ttft, Statistic::Mean),
    metric("p50_ttft", "ms", Quantity::Ttft, Statistic::Percentile(50.0)),
    metric("p90_ttft", "ms", Quantity::Ttft, Statistic::Percentile(90.0)),
    metric("p99_ttft", "ms", Quantity::Ttft, Statistic::Percentile(99.0)),
    metric("avg_tpot", "ms", Quantity::Tpot, Statistic::Mean),
    metric("p50_tpot", "ms", Quantity::Tpot, Statistic::Percentile(50.0)),
    metric("p90_tpot", "ms", Quantity::Tpot, Statistic::Percentile(90.0)),
    metric("p99_tpot", "ms", Quantity::Tpot, Statistic::Percentile(99.0)),
    metric("rps", "req/s", Quantity::Requests, Statistic::Rate),
    metric("tps", "tok/s", Quantity::Tokens, Statistic::Rate),
];

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// How a measured value is held against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Relation {
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// Less.
    #[serde(rename = "<")]
    Below,
    /// More.
    #[serde(rename = ">")]
    Above,
}

/// The longer signs first, for one is the beginning of another.
const RELATIONS: [(&str, Relation); 4] =
    [("<=", Relation::AtMost), (">=", Relation::AtLeast), ("<", Relation::Below), (">", Relation::Above)];

impl Relation {
    /// Whether a value stands in this relation to a bound.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Relation::AtMost => value <= bound,
            Relation::AtLeast => value >= bound,
            Relation::Below => value < bound,
            Relation::Above => value > bound,
        }
    }

    /// Whether it bounds a value from above.
    pub fn is_ceiling(self) -> bool {
        matches!(self, Relation::AtMost | Relation::Below)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = RELATIONS.iter().find(|(_, relation)| relation == self).map_or("", |(sign, _)| sign);
        f.write_str(sign)
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limit {
    /// What is limited.
    pub metric: Metric,
    /// How.
    pub relation: Relation,
    /// By what, in the metric's unit; finite and not negative.
    pub bound: f64,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limit { metric, relation, bound } = self;
        write!(f, "{} {relation} {bound} {}", metric.name, metric.unit)
    }
}

/// Limits that hold together; at least one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Group {
    /// The limits as they were written.
    pub limits: Vec<Limit>,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, limit) in self.limits.iter().enumerate() {
            write!(f, "{}{limit}", if index == 0 { "" } else { " and " })?;
        }
        Ok(())
    }
}

/// The direction of what is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Extreme {
    /// As much as possible.
    Max,
    /// As little as possible.
    Min,
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq)]
pub enum Criteria {
    /// For each group the highest pressure at which its limits hold.
    Limits(Vec<Group>),
    /// The pressure at which a metric is best.
    Best(Metric, Extreme),
}

impl Criteria {
    /// Reads the JSON of `--sla-params`.
    ///
    /// # Errors
    /// When it is not of the grammar above; the message names the flag, the group and the metric.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| refused("not JSON".to_owned()).because(error).hint(EXAMPLE))?;
        Self::read(&value)
    }

    /// The same from a value that was read before, such as a table of a profile.
    ///
    /// # Errors
    /// As [`Criteria::parse`].
    pub fn read(value: &Value) -> Result<Self> {
        let groups = match value {
            Value::Object(group) => vec![group],
            Value::Array(groups) if !groups.is_empty() => groups
                .iter()
                .enumerate()
                .map(|(index, group)| {
                    group
                        .as_object()
                        .ok_or_else(|| refused(format!("group {}: not an object", index + 1)).hint(EXAMPLE))
                })
                .collect::<Result<_>>()?,
            _ => return Err(refused("no group of limits".to_owned()).hint(EXAMPLE)),
        };
        if let [only] = groups.as_slice()
            && let Some(best) = extreme(only)?
        {
            return Ok(best);
        }
        groups
            .iter()
            .enumerate()
            .map(|(index, group)| read_group(index + 1, group))
            .collect::<Result<_>>()
            .map(Criteria::Limits)
    }

    /// The metrics that are asked for, each once, in the order of [`METRICS`].
    pub fn metrics(&self) -> Vec<Metric> {
        let asked = |metric: &Metric| match self {
            Criteria::Limits(groups) => {
                groups.iter().flat_map(|group| &group.limits).any(|limit| limit.metric.name == metric.name)
            }
            Criteria::Best(best, _) => best.name == metric.name,
        };
        METRICS.into_iter().filter(asked).collect()
    }

    /// Each search in words.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Criteria::Limits(groups) => groups.iter().map(Group::to_string).collect(),
            Criteria::Best(metric, Extreme::Max) => vec![format!("max {}", metric.name)],
            Criteria::Best(metric, Extreme::Min) => vec![format!("min {}", metric.name)],
        }
    }
}

const EXAMPLE: &str = r#"write it as '[{"p99_ttft": "<=500", "avg_latency": "<=5"}]' or '{"tps": "max"}'"#;

fn refused(what: String) -> Failure {
    Failure::usage(format!("--sla-params: {what}"))
}

/// A group whose one metric is to be best, if it is one.
fn extreme(group: &Map<String, Value>) -> Result<Option<Criteria>> {
    let mut metrics = group.iter();
    let (Some((name, value)), None) = (metrics.next(), metrics.next()) else { return Ok(None) };
    let Some(extreme) = value.as_str().and_then(extreme_of) else { return Ok(None) };
    Ok(Some(Criteria::Best(metric_of(1, name)?, extreme)))
}

fn extreme_of(text: &str) -> Option<Extreme> {
    match text.trim().to_ascii_lowercase().as_str() {
        "max" => Some(Extreme::Max),
        "min" => Some(Extreme::Min),
        _ => None,
    }
}

fn metric_of(group: usize, name: &str) -> Result<Metric> {
    METRICS.into_iter().find(|metric| metric.name == name).ok_or_else(|| {
        refused(format!("group {group}: {name} is no metric"))
            .hint(format!("known metrics: {}", known(METRICS.map(|metric| metric.name))))
    })
}

fn read_group(number: usize, group: &Map<String, Value>) -> Result<Group> {
    if group.is_empty() {
        return Err(refused(format!("group {number} is empty")).hint(EXAMPLE));
    }
    let limits = group
        .iter()
        .map(|(name, value)| {
            let metric = metric_of(number, name)?;
            let at = |what: &str| refused(format!("group {number}, {name}: {what}"));
            let Value::String(text) = value else {
                return Err(at(&format!("{value} is no limit")).hint(format!("write it as \"<={value}\"")));
            };
            if extreme_of(text).is_some() {
                return Err(at(&format!("{text} stands beside other metrics"))
                    .hint("max and min are for the single metric of a single group"));
            }
            read_limit(metric, text).map_err(|(what, remedy)| at(&what).hint(remedy))
        })
        .collect::<Result<_>>()?;
    Ok(Group { limits })
}

/// A limit, or what is wrong with it and what would be right.
fn read_limit(metric: Metric, text: &str) -> Result<Limit, (String, String)> {
    // Copied from a page, a limit may have signs of print and blanks of every kind.
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let plain = plain.replace(['≤', '≦'], "<=").replace(['≥', '≧'], ">=");
    let spelling = || "write <=, >=, < or > and a number, such as \"<=500\"".to_owned();
    let (relation, rest) = RELATIONS
        .into_iter()
        .find_map(|(sign, relation)| Some((relation, plain.strip_prefix(sign)?)))
        .ok_or_else(|| (format!("{text:?} is no limit"), spelling()))?;
    // The longest beginning that reads as a number: an exponent has letters too.
    let (number, unit) = (0..=rest.len())
        .rev()
        .filter(|at| rest.is_char_boundary(*at))
        .find_map(|at| {
            let digits = rest[..at].starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            Some((rest[..at].parse::<f64>().ok().filter(|_| digits)?, &rest[at..]))
        })
        .ok_or_else(|| (format!("{text:?} has no number"), spelling()))?;
    let bound = match (unit, metric.unit) {
        ("", _) => number,
        (given, own) if given == own => number,
        ("s", "ms") => number * 1000.0,
        ("ms", "s") => number / 1000.0,
        (given, own) => {
            let units = if matches!(own, "s" | "ms") { "s or ms" } else { own };
            return Err((format!("{given} is not its unit"), format!("give {units}, or no unit for {own}")));
        }
    };
    if !bound.is_finite() || bound < 0.0 {
        return Err((format!("{text:?} can never decide"), "give a limit that is a number from 0 up".to_owned()));
    }
    Ok(Limit { metric, relation, bound })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        match Criteria::parse(text) {
            Ok(criteria) => criteria.texts().join(" | "),
            Err(failure) => format!("{failure}; {}", failure.hint.as_deref().unwrap_or_default()),
        }
    }

    #[test]
    fn groups_are_searched_each_and_their_limits_hold_together() {
        let text = r#"[{"p99_ttft": "<=500", "avg_latency": "<2"}, {"rps": ">= 3.5"}]"#;
        assert_eq!(words(text), "p99_ttft <= 500 ms and avg_latency < 2 s | rps >= 3.5 req/s");
        assert_eq!(words(r#"{"tps": ">1e3"}"#), "tps > 1000 tok/s", "one group needs no list");
    }

    #[test]
    fn units_are_converted_and_signs_of_print_are_read() {
        for (given, read) in [
            ("<=2s", "avg_ttft <= 2000 ms"),
            ("≤2 s", "avg_ttft <= 2000 ms"),
            ("≥\u{2009}20ms", "avg_ttft >= 20 ms"),
            ("≧0.5", "avg_ttft >= 0.5 ms"),
            ("< 1e2 ms", "avg_ttft < 100 ms"),
        ] {
            assert_eq!(words(&format!("{{\"avg_ttft\": \"{given}\"}}")), read);
        }
        assert_eq!(words(r#"{"p99_latency": "<=1500ms", "rps": ">2req/s"}"#), "p99_latency <= 1.5 s and rps > 2 req/s");
    }

    #[test]
    fn best_is_for_a_single_metric() {
        assert_eq!(words(r#"[{"tps": "max"}]"#), "max tps");
        assert_eq!(words(r#"{"avg_ttft": "MIN"}"#), "min avg_ttft");
        for text in [r#"[{"tps": "max"}, {"rps": ">1"}]"#, r#"{"tps": "max", "rps": ">1"}"#] {
            assert!(words(text).contains("group 1, tps: max stands beside other metrics"), "{}", words(text));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("p99", "--sla-params: not JSON"),
            ("[]", "no group"),
            ("3", "no group"),
            ("[3]", "group 1: not an object"),
            ("[{}]", "group 1 is empty"),
            (
                r#"[{"rps": ">1"}, {"p95_ttft": "<1"}]"#,
                "group 2: p95_ttft is no metric; known metrics: avg_latency, p99",
            ),
            (r#"{"rps": 5}"#, "group 1, rps: 5 is no limit; write it as \"<=5\""),
            (r#"{"rps": "=5"}"#, "\"=5\" is no limit"),
            (r#"{"rps": ">="}"#, "\">=\" has no number"),
            (r#"{"rps": ">=inf"}"#, "has no number"),
            (r#"{"rps": ">=5s"}"#, "s is not its unit; give req/s"),
            (r#"{"avg_ttft": "<5min"}"#, "min is not its unit; give s or ms, or no unit for ms"),
            (r#"{"avg_ttft": "<-5"}"#, "can never decide"),
            (r#"{"avg_ttft": "<1e999"}"#, "can never decide"),
        ] {
            assert!(words(text).contains(named), "{text}: {}", words(text));
        }
    }

    #[test]
    fn asked_metrics_are_listed_once() -> Result<()> {
        let criteria = Criteria::parse(r#"[{"tps": ">1", "avg_ttft": "<5"}, {"avg_ttft": "<9"}]"#)?;
        let names: Vec<&str> = criteria.metrics().iter().map(|metric| metric.name).collect();
        assert_eq!(names, ["avg_ttft", "tps"]);
        Ok(())
    }
}
