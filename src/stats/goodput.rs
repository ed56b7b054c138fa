//! Goodput: requests a second that meet every limit of a service-level objective.
//!
//! The grammar is that of `vllm bench serve --goodput`: `ttft:200 tpot:50 e2el:5000`, in milliseconds, inclusive.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::inference::proportion::{Method, bounds};
use super::interval::CONFIDENCE;
use super::interval::Interval;
use crate::error::{Failure, Result, known};
use crate::record::{Outcome, Record};
use crate::units::NS_PER_MS;

/// A latency that a limit can be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objective {
    /// Time to first token.
    Ttft,
    /// Time per output token.
    Tpot,
    /// Latency of the request.
    E2el,
}

impl Objective {
    const ALL: [Objective; 3] = [Objective::Ttft, Objective::Tpot, Objective::E2el];

    /// Its name in `--goodput`.
    pub fn name(self) -> &'static str {
        match self {
            Objective::Ttft => "ttft",
            Objective::Tpot => "tpot",
            Objective::E2el => "e2el",
        }
    }

    /// The latency of a successful request in ns. As in vLLM, a reply whose tokens came all at once takes no time for
    /// each after the first.
    fn of(self, record: &Record) -> Option<f64> {
        match self {
            Objective::Ttft => record.ttft_ns().map(|ns| ns as f64),
            Objective::E2el => record.e2e_ns().map(|ns| ns as f64),
            Objective::Tpot if record.completion_tokens? <= 1 || record.chunks == 1 => Some(0.0),
            Objective::Tpot => record.tpot_ns(),
        }
    }
}

/// A latency and the most it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// What is bounded.
    pub objective: Objective,
    /// The bound in milliseconds, inclusive.
    pub ms: f64,
}

impl Limit {
    fn keeps(self, record: &Record) -> bool {
        self.objective.of(record).is_some_and(|ns| ns <= self.ms * NS_PER_MS)
    }
}

/// Limits that a request must keep, all of them: a service-level objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    limits: Vec<Limit>,
}

impl Slo {
    /// Reads limits, each as `metric:milliseconds`.
    ///
    /// # Errors
    /// When there is none, a metric is unknown or named twice, or a limit is no positive number.
    pub fn parse(items: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let mut limits: Vec<Limit> = Vec::new();
        for item in items {
            let item = item.as_ref().trim();
            let refuse = |why: &str| {
                Failure::usage(format!("--goodput {item}: {why}"))
                    .hint("write limits in milliseconds, such as --goodput ttft:200 tpot:50 e2el:5000")
            };
            let (name, limit) = item.split_once(':').ok_or_else(|| refuse("no ':' between metric and limit"))?;
            let objective = Objective::ALL.into_iter().find(|objective| objective.name() == name).ok_or_else(|| {
                refuse(&format!("no metric {name:?}; known metrics: {}", known(Objective::ALL.map(Objective::name))))
            })?;
            let ms = f64::from_str(limit)
                .ok()
                .filter(|limit| limit.is_finite() && *limit > 0.0)
                .ok_or_else(|| refuse("the limit is not a positive number"))?;
            if limits.iter().any(|taken| taken.objective == objective) {
                return Err(refuse("the metric has a limit already"));
            }
            limits.push(Limit { objective, ms });
        }
        if limits.is_empty() {
            return Err(Failure::usage("--goodput names no limit").hint("write --goodput ttft:200"));
        }
        Ok(Slo { limits })
    }

    /// The limits, in the order in which they were given.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Whether a request kept every limit. A failed one did not, nor did one whose latency is not known; a cancelled one
    /// says nothing.
    pub fn is_met(&self, record: &Record) -> Option<bool> {
        match record.outcome {
            Outcome::Cancelled | Outcome::Unsent => None,
            Outcome::Failed(_) => Some(false),
            Outcome::Ok => Some(self.limits.iter().all(|limit| limit.keeps(record))),
        }
    }
}

/// A share of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attainment {
    /// Requests that met it.
    pub met: u64,
    /// Requests that met it / requests that ended, failed ones included.
    pub share: Option<f64>,
    /// Wilson's 95 % interval of the share.
    pub share_ci: Option<Interval>,
}

impl Attainment {
    fn of(met: u64, n: u64) -> Self {
        let share_ci = bounds(Method::Wilson, met, n, CONFIDENCE);
        let share_ci = share_ci.map(|found| Interval { low: found.low, high: found.high });
        Attainment { met, share: (n > 0).then(|| met as f64 / n as f64), share_ci }
    }
}

/// How one limit was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitKept {
    /// `ttft`, `tpot` or `e2el`.
    pub metric: String,
    /// The limit in ms, inclusive.
    pub limit_ms: f64,
    /// Who kept it.
    #[serde(flatten)]
    pub attainment: Attainment,
    /// Successful requests whose latency is not known, such as the TTFT of a reply that was not streamed; they count as
    /// not having kept it.
    pub unknown: u64,
}

/// Requests that met every limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goodput {
    /// Requests that met every limit / wall_s, per second.
    pub goodput: Option<f64>,
    /// Requests that ended, failed ones included and cancelled ones not.
    pub n: u64,
    /// Those that met every limit.
    #[serde(flatten)]
    pub attainment: Attainment,
    /// Each limit on its own.
    pub limits: Vec<LimitKept>,
}

/// Counts requests against limits.
#[derive(Debug, Clone, PartialEq)]
pub struct GoodputTally {
    slo: Slo,
    n: u64,
    met: u64,
    /// Kept and unknown, of each limit.
    limits: Vec<(u64, u64)>,
}

impl GoodputTally {
    /// Counts against these limits.
    pub fn new(slo: Slo) -> Self {
        let limits = vec![(0, 0); slo.limits.len()];
        GoodputTally { slo, n: 0, met: 0, limits }
    }

    /// Adds one record; those of the warm-up are left out.
    pub fn add(&mut self, record: &Record) {
        let Some(met) = self.slo.is_met(record).filter(|_| !record.warmup) else { return };
        self.n += 1;
        self.met += u64::from(met);
        for (limit, (kept, unknown)) in self.slo.limits.iter().zip(&mut self.limits) {
            if record.is_ok() {
                *kept += u64::from(limit.keeps(record));
                *unknown += u64::from(limit.objective.of(record).is_none());
            }
        }
    }

    /// The goodput over a length of time in seconds.
    pub fn goodput(&self, wall_s: Option<f64>) -> Goodput {
        let limits = self.slo.limits.iter().zip(&self.limits).map(|(limit, (kept, unknown))| LimitKept {
            metric: limit.objective.name().to_owned(),
            limit_ms: limit.ms,
            attainment: Attainment::of(*kept, self.n),
            unknown: *unknown,
        });
        Goodput {
            goodput: wall_s.filter(|wall| *wall > 0.0).map(|wall| self.met as f64 / wall),
            n: self.n,
            attainment: Attainment::of(self.met, self.n),
            limits: limits.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FailureKind;

    fn slo(text: &str) -> Result<Slo> {
        Slo::parse(text.split_whitespace())
    }

    /// A stream that started at 0, with its first and last token and its end in ms.
    fn reply(first: u64, last: u64, end: u64, tokens: u64) -> Record {
        let ms = |value: u64| Some(value * 1_000_000);
        Record {
            started_ns: Some(0),
            first_token_ns: ms(first),
            last_token_ns: ms(last),
            last_event_ns: ms(end),
            end_ns: end * 1_000_000,
            outcome: Outcome::Ok,
            completion_tokens: Some(tokens),
            chunks: tokens.min(9) as u32,
            stream: true,
            ..Record::due("r".to_owned(), 0, 0, 0)
        }
    }

    #[test]
    fn limits_are_inclusive_and_all_must_be_kept() -> Result<()> {
        let slo = slo("ttft:200 tpot:50 e2el:5000")?;
        assert_eq!(slo.is_met(&reply(200, 700, 5000, 11)), Some(true));
        assert_eq!(slo.is_met(&reply(201, 701, 5000, 11)), Some(false));
        assert_eq!(slo.is_met(&reply(200, 701, 5000, 11)), Some(false));
        assert_eq!(slo.is_met(&reply(200, 700, 5001, 11)), Some(false));
        // One token has no time after the first.
        assert_eq!(slo.is_met(&reply(200, 200, 200, 1)), Some(true));
        Ok(())
    }

    #[test]
    fn what_failed_or_is_unknown_is_not_good() -> Result<()> {
        let mut tally = GoodputTally::new(slo("e2el:1000 tpot:9.5")?);
        tally.add(&reply(10, 19, 20, 2));
        tally.add(&reply(10, 30, 40, 2));
        tally.add(&Record { completion_tokens: None, ..reply(10, 19, 20, 2) });
        tally.add(&Record { outcome: Outcome::Failed(FailureKind::Status), ..reply(10, 19, 20, 2) });
        tally.add(&Record { outcome: Outcome::Cancelled, ..reply(10, 19, 20, 2) });
        tally.add(&Record { warmup: true, ..reply(10, 19, 20, 2) });
        let goodput = tally.goodput(Some(0.5));
        assert_eq!((goodput.n, goodput.attainment.met, goodput.goodput), (4, 1, Some(2.0)));
        assert_eq!(goodput.attainment.share, Some(0.25));
        let kept: Vec<(&str, u64, u64)> =
            goodput.limits.iter().map(|l| (l.metric.as_str(), l.attainment.met, l.unknown)).collect();
        assert_eq!(kept, [("e2el", 3, 0), ("tpot", 1, 1)]);
        let ci = goodput.attainment.share_ci.map(|ci| (ci.low, ci.high)).unwrap_or_default();
        assert!((ci.0 - 0.0456).abs() < 1e-4 && (ci.1 - 0.6994).abs() < 1e-4, "{ci:?}");
        assert_eq!(tally.goodput(None).goodput, None);
        Ok(())
    }

    #[test]
    fn bad_limits_are_refused_by_name() {
        for (text, words) in [
            ("itl:5", "known metrics: ttft, tpot, e2el"),
            ("ttft=5", "no ':'"),
            ("ttft:x", "positive"),
            ("ttft:0", "positive"),
            ("ttft:1 ttft:2", "already"),
            ("", "no limit"),
        ] {
            let message = slo(text).err().map(|failure| failure.message).unwrap_or_default();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
