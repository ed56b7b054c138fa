//! When each request is due: drawn before the run, from a seed, in the manner of the tool whose load it is.
//!
//! Instants are nanoseconds after the start of the load, rounded to the nearest from seconds in double precision (a
//! half goes to the even one). They are drawn lazily and again from the start by every [`Arrivals::iter`], so that a
//! million of them take no memory. Where the last instant fixes the scale of all, they are drawn once beforehand.

use std::sync::Arc;

use super::generators::Legacy;
use super::offsets::read_offsets;
use crate::error::{Failure, Result};
use crate::plan::{Arrival, Ramp, Tool};

/// How gaps between arrivals are spread.
#[derive(Debug, Clone, PartialEq)]
pub enum Process {
    /// Gamma-distributed gaps of mean `1 / rate`: a burstiness of 1 is Poisson, an infinite one gives equal gaps.
    Gamma {
        /// Requests a second.
        rate: f64,
        /// Shape of the distribution; its coefficient of variation is `1 / sqrt(burstiness)`.
        burstiness: f64,
    },
    /// Gamma-distributed gaps whose rate grows with the number of the request.
    Ramp {
        /// How it grows.
        ramp: Ramp,
        /// Requests a second at the first request.
        from: f64,
        /// Requests a second at the last request.
        to: f64,
        /// Shape of the gaps.
        burstiness: f64,
    },
    /// Given instants, in nanoseconds after the first.
    Trace {
        /// In ascending order.
        offsets: Arc<[u64]>,
    },
}

impl Process {
    /// The process of a plan at a rate, in requests a second. Reads the file of a trace.
    ///
    /// # Errors
    /// When a trace cannot be read, or a spacing that needs a rate has none.
    pub fn new(arrival: &Arrival, rate: Option<f64>) -> Result<Self> {
        let rate = || rate.ok_or_else(|| Failure::bug("arrivals are spaced without a rate"));
        Ok(match arrival {
            Arrival::Gamma { burstiness } => Process::Gamma { rate: rate()?, burstiness: *burstiness },
            Arrival::Constant => Process::Gamma { rate: rate()?, burstiness: f64::INFINITY },
            Arrival::Ramp { ramp, from, to, burstiness } => {
                Process::Ramp { ramp: *ramp, from: *from, to: *to, burstiness: *burstiness }
            }
            Arrival::Trace(path) => Process::Trace { offsets: read_offsets(path)? },
            Arrival::Saved => return Err(Failure::bug("the instants of a saved workload stand in its file")),
            Arrival::Recorded => return Err(Failure::bug("recorded instants stand in the conversations")),
        })
    }

    /// Seconds between request `index` of `count` and the one before it.
    fn gap(&self, index: u64, count: u64, rng: &mut Legacy) -> f64 {
        let (rate, burstiness) = match self {
            Process::Gamma { rate, burstiness } => (*rate, *burstiness),
            Process::Ramp { ramp, from, to, burstiness } => {
                let progress = index as f64 / count.saturating_sub(1).max(1) as f64;
                let rate = match ramp {
                    Ramp::Linear => from + (to - from) * progress,
                    Ramp::Exponential => from * (to / from).powf(progress),
                };
                (rate, *burstiness)
            }
            Process::Trace { .. } => return 0.0,
        };
        if burstiness.is_infinite() { 1.0 / rate } else { 1.0 / (rate * burstiness) * rng.gamma(burstiness) }
    }
}

/// The due times of a load point.
///
/// Gaps are drawn from numpy's legacy generator and summed up in order, in double precision, by all tools. What they
/// differ in:
///
/// | tool | request 0 | scale |
/// |---|---|---|
/// | none, `vllm bench serve` | after one gap | the last of `n` requests is due at `n / rate`; a ramp is left as drawn |
/// | EvalScope, open loop or paced | after one gap | the same |
/// | SGLang's `bench_serving` | at once | as drawn |
///
/// So the mean rate is exact in all but the last, at the price that counts vary a little less than those of a true
/// Poisson process. vLLM draws nothing else from that generator; the other two draw their random prompts first, see
/// [`Arrivals::after`].
#[derive(Debug, Clone, PartialEq)]
pub struct Arrivals {
    process: Process,
    count: u64,
    start: Legacy,
    tool: Option<Tool>,
    /// What each drawn instant is multiplied by.
    scale: f64,
}

impl Arrivals {
    /// Arrivals of `count` requests in the manner of a tool, or in our own. A trace that is shorter ends sooner.
    pub fn new(process: Process, count: u64, tool: Option<Tool>, seed: u64) -> Self {
        Self::from_state(process, count, tool, Legacy::new(seed))
    }

    /// The same, drawn from where the tool's generator stands once its prompts are drawn.
    #[must_use]
    pub fn after(self, state: Legacy) -> Self {
        Self::from_state(self.process, self.count, self.tool, state)
    }

    fn from_state(process: Process, count: u64, tool: Option<Tool>, start: Legacy) -> Self {
        let count = match &process {
            Process::Trace { offsets } => count.min(offsets.len() as u64),
            _ => count,
        };
        let mut arrivals = Arrivals { process, count, start, tool, scale: 1.0 };
        if let (Process::Gamma { rate, .. }, false) = (&arrivals.process, tool == Some(Tool::Sglang)) {
            let target = count as f64 / rate;
            let last = arrivals.seconds().last().unwrap_or(0.0);
            if last > 0.0 {
                arrivals.scale = target / last;
            }
        }
        arrivals
    }

    /// Number of instants.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Due times in nanoseconds after the start of the load, never falling.
    pub fn iter(&self) -> impl Iterator<Item = u64> + Send + use<> {
        let offsets = match &self.process {
            Process::Trace { offsets } => Some(Arc::clone(offsets)),
            _ => None,
        };
        let scale = self.scale;
        self.seconds().zip(0_usize..).map(move |(seconds, index)| match &offsets {
            Some(offsets) => offsets.get(index).copied().unwrap_or(u64::MAX),
            None => (seconds * scale * 1e9).round_ties_even() as u64,
        })
    }

    /// Sums of the gaps as they are drawn, in seconds.
    fn seconds(&self) -> impl Iterator<Item = f64> + Send + use<> {
        let (process, count, tool) = (self.process.clone(), self.count, self.tool);
        let mut rng = self.start.clone();
        let mut sum = 0.0;
        (0..count).map(move |index| {
            if index > 0 || tool != Some(Tool::Sglang) {
                sum += process.gap(index, count, &mut rng);
            }
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::testing::TestResult;
    use super::*;

    /// What `tests/golden/make_arrivals.py` wrote.
    const GOLDEN: &str = include_str!("../../tests/golden/arrivals.jsonl");

    fn poisson(rate: f64) -> Process {
        Process::Gamma { rate, burstiness: 1.0 }
    }

    #[test]
    fn instants_are_those_of_the_recipes_run_on_numpy() -> TestResult {
        let mut cases = 0;
        for line in GOLDEN.lines() {
            let case: Value = serde_json::from_str(line)?;
            let real = |name: &str| case[name].as_str().and_then(|text| text.parse::<f64>().ok());
            let burstiness = real("burstiness").ok_or("no burstiness")?;
            let process = match (real("rate"), real("from"), real("to")) {
                (Some(rate), ..) => Process::Gamma { rate, burstiness },
                (_, Some(from), Some(to)) => {
                    let ramp = if case["ramp"] == "linear" { Ramp::Linear } else { Ramp::Exponential };
                    Process::Ramp { ramp, from, to, burstiness }
                }
                _ => return Err("no rate".into()),
            };
            let tool = Tool::ALL.iter().find(|(name, _)| case["tool"] == *name).map(|(_, tool)| *tool);
            let (count, seed) = (case["count"].as_u64().ok_or("no count")?, case["seed"].as_u64().ok_or("no seed")?);
            let mut state = Legacy::new(seed);
            for bound in case["before"].as_array().ok_or("no draws before")? {
                state.vector(u32::try_from(bound.as_u64().ok_or("no bound")?)?, usize::try_from(count)?);
            }
            let due: Vec<u64> = Arrivals::new(process, count, tool, seed).after(state).iter().collect();
            let shown: Vec<u64> = serde_json::from_value(case["shown"].clone())?;
            assert_eq!(due[..shown.len()], shown, "{case}");
            let fold = due.iter().fold(0_u64, |fold, due| fold.wrapping_mul(31).wrapping_add(*due));
            assert_eq!(case["fold"], fold.to_string(), "{case}");
            cases += 1;
        }
        assert!(cases >= 20, "{cases}");
        Ok(())
    }

    #[test]
    fn one_request_and_none_are_due_where_the_tools_have_them() {
        let due = |tool, count| Arrivals::new(poisson(4.0), count, tool, 9).iter().collect::<Vec<_>>();
        assert_eq!(due(None, 0), [0; 0]);
        assert_eq!(due(None, 1), [250_000_000]);
        assert_eq!(due(Some(Tool::Sglang), 1), [0]);
    }

    #[test]
    fn a_trace_gives_its_own_instants_and_no_more() {
        let offsets: Arc<[u64]> = [0, 5, 5, 70].into();
        for (count, expected) in [(2, &[0, 5][..]), (9, &[0, 5, 5, 70])] {
            let arrivals = Arrivals::new(Process::Trace { offsets: Arc::clone(&offsets) }, count, None, 1);
            assert_eq!(arrivals.iter().collect::<Vec<_>>(), expected);
            assert_eq!(arrivals.count(), expected.len() as u64);
        }
    }

    #[test]
    fn a_plan_becomes_a_process() -> TestResult {
        assert_eq!(Process::new(&Arrival::Gamma { burstiness: 1.0 }, Some(2.0))?, poisson(2.0));
        let equal = Process::new(&Arrival::Constant, Some(8.0))?;
        let due: Vec<u64> = Arrivals::new(equal, 4, None, 1).iter().collect();
        assert_eq!(due, [125_000_000, 250_000_000, 375_000_000, 500_000_000]);
        assert!(Process::new(&Arrival::Constant, None).is_err());
        Ok(())
    }

    fn processes() -> impl Strategy<Value = Process> {
        let gamma = (0.01..1e5_f64, prop_oneof![Just(1.0), 0.05..20.0_f64, Just(f64::INFINITY)]);
        let ramp = (0.1..100.0_f64, 0.1..100.0_f64, 0.2..5.0_f64, any::<bool>());
        prop_oneof![
            gamma.prop_map(|(rate, burstiness)| Process::Gamma { rate, burstiness }),
            ramp.prop_map(|(from, to, burstiness, linear)| {
                Process::Ramp { ramp: if linear { Ramp::Linear } else { Ramp::Exponential }, from, to, burstiness }
            }),
        ]
    }

    proptest! {
        #[test]
        fn instants_never_fall_and_come_again(process in processes(), seed: u64, count in 1_u64..300) {
            for tool in [None, Some(Tool::Vllm), Some(Tool::Sglang), Some(Tool::Evalscope)] {
                let arrivals = Arrivals::new(process.clone(), count, tool, seed);
                let due: Vec<u64> = arrivals.iter().collect();
                prop_assert_eq!(due.len() as u64, count);
                prop_assert!(due.is_sorted());
                prop_assert_eq!(&due, &arrivals.iter().collect::<Vec<_>>());
                prop_assert_eq!(due, Arrivals::new(process.clone(), count, tool, seed).iter().collect::<Vec<_>>());
            }
        }

        #[test]
        fn the_mean_rate_is_exact(rate in 0.1..1e5_f64, burstiness in 0.3..20.0_f64, seed: u64, count in 1_u64..300) {
            let last = Arrivals::new(Process::Gamma { rate, burstiness }, count, None, seed).iter().last();
            let expected = count as f64 / rate * 1e9;
            let off = (last.unwrap_or(0) as f64 - expected).abs();
            prop_assert!(off <= 0.5 + expected * 1e-15 * 4.0, "{last:?} for {expected}");
        }
    }
}
